"""Writing the transcripts and the JSON Schema of the library anew: `python -m scenarios.transcripts [NAME]...`.

Lives here: the one command. Must not know: what a transcript says.
"""

import json
import sys

from scenarios.load import LIBRARY, library
from scenarios.run_ops import report_of
from scenarios.runner import run_headless
from scenarios.schema import Scenario, json_schema
from scenarios.setup import prepare
from scenarios.transcript import transcript


def transcribed_ms(scenario: Scenario) -> int:
    """Return how far the transcript of a scenario goes, from the warm-up's start."""
    return scenario.total_ms if scenario.transcript is None else scenario.warm_up + scenario.transcript


def main(names: list[str]) -> None:
    """Write the schema, and the transcripts of the named scenarios or of all."""
    text = json.dumps(json_schema(), ensure_ascii=False, indent=2)
    (LIBRARY / "scenario.schema.json").write_text(text + "\n", encoding="utf-8")
    for path in library():
        if path.stem in names or not names:
            changes: list[object] = []
            setup = prepare(path)
            done = run_headless(setup, until_ms=transcribed_ms(setup.scenario), watch=changes.extend)
            path.with_suffix(".transcript").write_text(transcript(report_of(done.run, changes)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
