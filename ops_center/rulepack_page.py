"""The page of the rule pack: what each alert means, from the rule files themselves.

Lives here: reading the shipped rule files as documents and writing them as Markdown. Must not know: how a rule is evaluated.
`python -m ops_center.rulepack_page > docs/reference/alerts.md` writes the page; a test fails when the two drift apart.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent / "rulepack"
SEVERITIES = ("critical", "major", "minor", "info")
_UNITS = ((86_400, "d", "ngày"), (3_600, "h", "giờ"), (60, "min", "phút"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert of the pack. `truth` are the kinds of truth that its sidecar names; `for_` and `keep` are durations or ""."""

    file: str
    name: str
    expr: str
    for_: str
    keep: str
    labels: dict[str, str]
    annotations: dict[str, str]
    truth: tuple[str, ...]


def rule_files(folder: Path = FOLDER) -> list[Path]:
    """The rule files of the pack in the order in which they are evaluated."""
    return sorted(folder.glob("*.yml"))


def entries(folder: Path = FOLDER) -> list[Entry]:
    """All alerts of the pack, gravest first, then by file and name."""
    found = [entry for path in rule_files(folder) for entry in _of_file(path)]
    return sorted(found, key=lambda e: (SEVERITIES.index(e.labels["severity"]), e.file, e.name))


def _of_file(path: Path) -> Iterator[Entry]:
    sidecar = path.with_suffix(".truth.yaml")
    claims: dict[str, Any] = _read(sidecar)["alerts"] if sidecar.exists() else {}
    for group in _read(path)["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                truth = tuple(claims.get(rule["alert"], {}).get("truth", ()))
                waits = str(rule.get("for", "")), str(rule.get("keep_firing_for", ""))
                yield Entry(path.stem, rule["alert"], rule["expr"].strip(), *waits, rule["labels"], rule["annotations"], truth)


def _read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def span(seconds: int, vietnamese: bool = False) -> str:
    """Write a duration in its largest whole unit."""
    for size, english, native in _UNITS:
        if seconds % size == 0:
            return f"{seconds // size} {native if vietnamese else english}"
    return f"{seconds} {'giây' if vietnamese else 's'}"


def render(found: list[Entry]) -> str:
    """Return the page as Markdown in English and Vietnamese."""
    return "\n".join([*_opening(), *_table(found), *(line for entry in found for line in _section(entry))])


def _opening() -> list[str]:
    return [
        "# Alerts of the rule pack",
        "",
        "<!-- Generated from ops_center/rulepack by `python -m ops_center.rulepack_page`; edit the rules, not this page. -->",
        "",
        "The pack is plain Prometheus: `promtool check rules` accepts it and any Prometheus can run it. Records that several",
        "alerts share are in `ops_center/rulepack/city.yml`. *Truth* names the kinds of ground truth that an alert is about.",
        "",
        "Bộ quy tắc là quy tắc Prometheus chuẩn. *Truth* là loại sự kiện thật mà cảnh báo nói tới.",
        "",
    ]


def _table(found: list[Entry]) -> list[str]:
    rows = [
        f"| [{e.name}](#{e.name.lower()}) | {e.labels['severity']} | {e.labels['domain']} | {e.labels['scope']} "
        f"| {span(int(e.annotations['respond_s']))} |"
        for e in found
    ]
    return ["| alert | severity | domain | scope | respond within |", "|---|---|---|---|---|", *rows, ""]


_HEADINGS = (("cause", "Cause", "Nguyên nhân"), ("consequence", "Consequence", "Hậu quả"), ("action", "Action", "Hành động"))


def _section(entry: Entry) -> list[str]:
    notes, seconds = entry.annotations, int(entry.annotations["respond_s"])
    holds = f"`for: {entry.for_ or '0s'}`, `keep_firing_for: {entry.keep or '0s'}`"
    truth = ", ".join(f"`{kind}`" for kind in entry.truth) or "none yet"
    return [
        f"## {entry.name}",
        "",
        f"{entry.labels['severity']}, `{entry.file}.yml`, {holds}. Truth: {truth}.",
        "",
        *(f"- **{english}**: {notes[key]}." for key, english, _ in _HEADINGS),
        f"- **Respond within**: {span(seconds)}.",
        *(f"- **{native}**: {notes[key + '_vi']}." for key, _, native in _HEADINGS),
        f"- **Xử lý trong**: {span(seconds, vietnamese=True)}.",
        "",
        "```promql",
        entry.expr,
        "```",
        "",
    ]


if __name__ == "__main__":
    sys.stdout.write(render(entries()))
