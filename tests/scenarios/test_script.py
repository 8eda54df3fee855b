"""What people do, written down beforehand: `cityops run --headless --commands FILE`."""

import json
from pathlib import Path

import pytest

from tests.scenarios.cli_kit import SHORT, cityops

SCRIPT = """\
{"at": "7 min", "do": "feeder_reclose", "kind": "feeder", "target": "feeder:01_1", "incident": "INC-00001", "who": "An"}

{"at": "3 min", "do": "acknowledge", "target": "INC-00001", "who": "Bình"}
"""


@pytest.mark.slow
def test_a_script_ends_the_outage_and_the_run_verifies(tmp_path: Path) -> None:
    """The incident is acknowledged, the feeder recloses, expectations are met; executed again it comes to the same digests."""
    script = tmp_path / "script.jsonl"
    script.write_text(SCRIPT, encoding="utf-8")
    common = ["--data", tmp_path, "--json"]
    run = cityops("run", SHORT, "--headless", "--commands", script, *common).document["run_id"]
    met = {e["id"]: e["met"] for e in cityops("runs", "report", run, *common).document["expectations"]}
    assert met == {"found": True, "taken": True, "reclosed": True, "light": True, "one_incident": True}
    shown = cityops("runs", "show", run, *common).document
    assert [(c["who"], c["type"]) for c in shown["commands"]] == [("Bình", "acknowledge"), ("An", "world")]
    assert cityops("runs", "verify", run, *common).document["same"] is True


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "a list; expected an object"),
        ('{"at": "5 min", "do": "acknowledge", "traget": "x"}', "unknown key 'traget'; expected one of at, do"),
        ('{"at": "5 parsecs", "do": "acknowledge", "target": "x"}', "'parsecs'"),
        ('{"at": "5 min", "do": "acknowlege", "target": "x"}', "do is 'acknowlege'; expected one of acknowledge"),
        ('{"at": "5 min", "do": "acknowledge"}', "target is None; expected text"),
        ('{"at": "5 min", "do": "comment", "target": "x", "params": {"n": NaN}}', "NaN is not a finite number"),
        ('{"at": "5 min", "do": "comment", "target": "x", "params": []}', "params is []; expected an object"),
        ("[" * 100_000, "expected one object a line"),
    ],
)
def test_bad_lines_are_refused_with_their_place(line: str, words: str, tmp_path: Path) -> None:
    """File, line, column; no run begins."""
    script = tmp_path / "script.jsonl"
    script.write_text(f"{SCRIPT}{line}\n", encoding="utf-8")
    said = cityops("run", SHORT, "--headless", "--commands", script, "--data", tmp_path / "data")
    assert said.status == 2 and f"{script}:4:" in said.err and words in said.err, said.err
    assert not (tmp_path / "data" / "runs").exists()


def test_a_script_needs_a_run_without_a_clock(tmp_path: Path) -> None:
    """A live run has people; a script beside them is refused."""
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"at": "1 min", "do": "acknowledge", "target": "INC-00001"}), encoding="utf-8")
    said = cityops("run", SHORT, "--commands", script, "--data", tmp_path)
    assert said.status == 2 and "--headless" in said.err
