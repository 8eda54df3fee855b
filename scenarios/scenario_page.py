"""The page of the scenario library: what each is about, its facts with their sources, what is expected, what people may do.

Lives here: Markdown from the scenario files themselves. Must not know: how a run goes. `python -m scenarios.scenario_page >
docs/reference/scenarios.md` writes the page; a test fails when the two drift apart.
"""

import sys
from collections.abc import Iterator

from scenarios.load import library, load
from scenarios.quantities import QUANTITIES
from scenarios.schema import Scenario, Source
from scenarios.units import say_duration

HEAD = """\
<!-- Written by `python -m scenarios.scenario_page > docs/reference/scenarios.md`; edit the scenario files. -->

# Scenarios

What comes with cityops, in `scenarios/library/`. Run one with `cityops demo NAME`, without a screen with
`cityops run NAME --headless`; what happens without an operator lies beside each file as `NAME.transcript`, a good operator's
commands as `NAME.commands`. How to write one: [scenario format](scenario-format.md).

| scenario | | lasts | city | variants | triggers | expectations |
|---|---|---|---|---|---|---|"""
QUANTITY_HEAD = """\
## Figures of the truth

What triggers watch and outcomes are measured by.

| quantity | | unit | read at |
|---|---|---|---|"""


def page() -> str:
    """Return the whole page."""
    found = [load(path).scenario for path in library()]
    rows = [_row(scenario) for scenario in found]
    parts = [part for scenario in found for part in ("", *_scenario(scenario))]
    figures = [
        f"| `{name}` | {q.title.en} / {q.title.vi} | {q.unit} | {', '.join(q.places)} |" for name, q in sorted(QUANTITIES.items())
    ]
    return "\n".join([HEAD, *rows, *parts, "", QUANTITY_HEAD, *figures, ""])


def _row(s: Scenario) -> str:
    link = f"[{s.name}](#{s.name})"
    counts = f"{len(s.variants)} | {len(s.triggers)} | {len(s.expectations)}"
    return f"| {link} | {s.title.en} / {s.title.vi} | {say_duration(s.duration)} | `{s.city}` | {counts} |"


def _scenario(s: Scenario) -> Iterator[str]:
    yield f"## {s.name}"
    yield ""
    yield f"**{s.title.en} / {s.title.vi}.** {' '.join(s.description.en.split())}"
    yield ""
    yield " ".join(s.description.vi.split())
    yield ""
    yield f"From {s.start_at}, {say_duration(s.duration)}."
    yield ""
    yield from (f"- Expected: {e.title.en}." for e in s.expectations)
    yield from (f"- Hidden: {note.text.en}" for note in s.hidden)
    yield from (f"- Source: {_source(source)}" for source in s.sources)
    yield from (f"- Assumption: {text.en}" for text in s.assumptions)


def _source(source: Source) -> str:
    title = f"[{source.title}]({source.url})" if source.url else source.title
    return f"{title}{f', {source.date}' if source.date else ''}{f'. {source.fact.en}' if source.fact else ''}"


if __name__ == "__main__":
    sys.stdout.write(page())
