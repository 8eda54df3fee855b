"""The page of all findings: `python -m ops_center.rules.lint.page > docs/reference/rule-findings.md`.

Lives here: the page. Must not know: what is looked for.
"""

from __future__ import annotations

import sys

from ops_center.rules.lint.checks import CHECKS, Check
from ops_center.rules.lint.findings import SEVERITIES

HEAD = """# Findings of `cityops rules check`

Made by `python -m ops_center.rules.lint.page`. Each finding has a name that does not change. `--disable NAME` switches it off for
a call, a comment for a rule:

```yaml
- alert: LampFault
  expr: lamp_fault == 1  # cityops:disable missing-for (the controller has filtered it already)
```

The comment stands anywhere in the rule or directly above it, and may name several; in parentheses stands why.

What cannot be loaded at all is `cannot-load`: exit status 2. An `error` is status 1; a `warning` is with `--strict`; an `info`
never is. A place is `file:line:column` in the expression, in block scalars too.

Metrics and labels are compared with the series that a city's sensors, its shape and the recording rules of all files (and of the
built-in pack) make, and with the copies of a mapping file (`--mapping`). `--city none` leaves that out.

"""


def render() -> str:
    """Return the page."""
    rows = [f"| [`{c.name}`](#{c.name}) | {c.severity} | {c.title} |" for c in _sorted()]
    table = "\n".join(["| name | severity | what |", "|---|---|---|", *rows])
    return HEAD + table + "\n" + "".join(map(_section, _sorted()))


def _sorted() -> list[Check]:
    return sorted(CHECKS.values(), key=lambda check: (SEVERITIES.index(check.severity), check.name))


def _section(check: Check) -> str:
    head = f"\n## {check.name}\n\n{check.title} ({check.severity}). {check.why}\n"
    if not check.bad:
        return head
    return f"{head}\n```yaml\n# found\n{_lines(check.bad)}\n# not found\n{_lines(check.good)}\n```\n"


def _lines(rules: str) -> str:
    """Rules as a list of a file."""
    if rules.startswith("["):
        return "\n".join(f"- {{{one}" for one in rules[2:-1].split(", {"))
    return f"- {rules}"


if __name__ == "__main__":
    sys.stdout.write(render())
