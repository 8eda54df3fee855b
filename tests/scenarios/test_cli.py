"""The command line as a stranger meets it: help, exit statuses, one JSON document, and what each command leaves behind."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from scenarios.cli.reference import commands
from scenarios.rule_paths import PACK
from tests.scenarios.cli_kit import SHORT, cityops

DIGEST = re.compile(r"[0-9a-f]{64}$")
EXAMPLE = re.compile(r"Example: (cityops .+)")
COMMANDS = dict(commands())
RULES = """\
groups:
  - name: g
    rules:
      - alert: Down
        expr: up == 0
        for: 1m
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.device }} is silent"}
"""
RULE_TEST = """\
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{series: 'up{device="a"}', values: '0 0 0'}]
    alert_rule_test:
      - eval_time: 2m
        alertname: Down
        exp_alerts: [{exp_labels: {severity: warning, device: a}, exp_annotations: {summary: "a is silent"}}]
"""
OSM = """\
<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
 <node id="1" lat="21.00" lon="105.80"/><node id="2" lat="21.005" lon="105.80"/><node id="3" lat="21.01" lon="105.80"/>
 <node id="4" lat="21.005" lon="105.79"/><node id="5" lat="21.005" lon="105.81"/>
 <way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="primary"/><tag k="name" v="Lê Lợi"/></way>
 <way id="11"><nd ref="4"/><nd ref="2"/><nd ref="5"/><tag k="highway" v="secondary"/></way>
</osm>
"""


# -- help


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_a_sentence_and_an_example(words: tuple[str, ...]) -> None:
    """`--help` of every command says in a sentence what it does, and shows a command that can be typed."""
    said = cityops(*words, "--help")
    assert said.status == 0 and said.err == ""
    help_text = COMMANDS[words].help
    first, _, rest = help_text.partition("\n")
    assert first[0].isupper() and first.rstrip().endswith((".", ",", ";")), first
    assert f"cityops {' '.join(words)}" in " ".join(said.out.split())
    example = EXAMPLE.search(rest)
    assert example, help_text
    assert example[1].startswith(f"cityops {' '.join(words)}")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(words: tuple[str, ...]) -> None:
    """No option and no argument goes without a word of help."""
    silent = [p.name for p in COMMANDS[words].params if not getattr(p, "help", None) and p.name != "help"]
    assert silent == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_examples_parse(words: tuple[str, ...]) -> None:
    """The example of each command is taken by its own parser: no option in it is out of date."""
    command = COMMANDS[words]
    match = EXAMPLE.search(command.help)
    assert match
    arguments = shlex.split(match[1].split(" > ")[0])[1 + len(words) :]
    assert command.make_context("cityops", arguments, resilient_parsing=False)


def test_the_version_is_said() -> None:
    """`--version` says the release, and nothing runs."""
    assert re.match(r"cityops \S+\n$", cityops("--version").out)


@pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["run", SHORT, "--sped", "3"], ["runs", "prune", "--keep", "few"]])
def test_wrong_usage_is_bad_input(arguments: list[str]) -> None:
    """Unknown commands and options, missing arguments, wrong types: status 2, said on stderr, stdout stays empty."""
    said = cityops(*arguments)
    assert said.status == 2 and said.out == "" and "Usage: cityops" in said.err


# -- scenarios


@pytest.mark.slow
def test_scenarios_are_listed_and_shown() -> None:
    """Both languages, for people and as JSON."""
    rows = cityops("scenarios", "list", "--json").document
    assert {"feeder_blackout", "ordinary_weekday", "rush_hour_crash"} <= {row["name"] for row in rows}
    listed = cityops("scenarios", "list").out
    assert all(row["title"]["vi"] in listed and row["title"]["en"] in listed for row in rows)
    shown = cityops("scenarios", "show", "feeder_blackout")
    assert shown.status == 0 and "feeder_outage" in shown.out
    assert cityops("scenarios", "show", "feeder_blackout", "--json").document["name"] == "feeder_blackout"


def test_a_scenario_that_holds_is_said_to_hold() -> None:
    """`check` of a good file: 0, and its hash as JSON."""
    assert cityops("scenarios", "check", SHORT).status == 0
    document = cityops("scenarios", "check", SHORT, "--json").document
    assert document["ok"] is True and DIGEST.match(document["sha256"])


def test_the_schema_takes_what_the_check_takes() -> None:
    """The printed JSON Schema accepts the short blackout and refuses an unknown key."""
    schema = json.loads(cityops("scenarios", "schema").out)
    data = YAML(typ="safe").load(Path(SHORT))
    jsonschema.validate(data, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "sed": 7}, schema)


@pytest.mark.slow
def test_a_new_scenario_passes_its_check_and_runs(tmp_path: Path) -> None:
    """`new` writes a file that holds and that runs headless; it never overwrites one."""
    made = cityops("scenarios", "new", "my_first", "--folder", tmp_path)
    path = tmp_path / "my_first.yaml"
    assert made.status == 0 and path.is_file()
    assert cityops("scenarios", "check", path).status == 0
    ran = cityops("run", path, "--headless", "--until", "30 s", "--data", tmp_path / "data", "--json")
    assert ran.status == 0 and ran.document["scenario"] == "my_first"
    before = path.read_bytes()
    again = cityops("scenarios", "new", "my_first", "--folder", tmp_path)
    assert again.status == 1 and "exists already" in again.err and path.read_bytes() == before


@pytest.mark.parametrize("name", ["Big", "a-b", "9lives", "", "../up", "a b"])
def test_a_new_scenario_needs_a_name(tmp_path: Path, name: str) -> None:
    """A name that could be no scenario's is refused, and nothing is written."""
    said = cityops("scenarios", "new", name, "--folder", tmp_path)
    assert said.status == 2 and "lower-case letters" in said.err and not list(tmp_path.iterdir())


# -- rules


@pytest.mark.slow
def test_good_rules_pass_check_and_test(tmp_path: Path) -> None:
    """Files and folders; the same as JSON."""
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "rules.test.yml").write_text(RULE_TEST, encoding="utf-8")
    assert cityops("rules", "check", tmp_path).status == 0
    checked = cityops("rules", "check", tmp_path, "--json").document
    assert [(Path(row["path"]).name, row["rules"], row["loads"]) for row in checked["files"]] == [("rules.yml", 1, True)]
    assert all(finding["severity"] != "error" for finding in checked["findings"])
    assert cityops("rules", "test", tmp_path).status == 0
    assert cityops("rules", "test", tmp_path / "rules.test.yml", "--json").document[0]["ok"] is True


def test_a_rule_test_that_fails_is_status_1(tmp_path: Path) -> None:
    """What was checked does not hold: 1, and the message says what came instead."""
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "t.test.yml").write_text(RULE_TEST.replace("a is silent", "a is loud"), encoding="utf-8")
    said = cityops("rules", "test", tmp_path / "t.test.yml")
    assert said.status == 1 and "a is silent" in said.out + said.err
    assert cityops("rules", "test", tmp_path / "t.test.yml", "--json").document[0]["ok"] is False


@pytest.mark.slow
def test_the_rule_pack_holds() -> None:
    """Without arguments the built-in pack is checked."""
    rows = cityops("rules", "check", "--json").document["files"]
    assert sum(row["rules"] for row in rows) >= 15 and all(Path(row["path"]).is_relative_to(PACK) for row in rows)


# -- kinds, trace, import


def test_kinds_are_listed() -> None:
    """Every kind with its metrics and units."""
    rows = cityops("kinds", "--json").document
    text = cityops("kinds").out
    assert len(rows) >= 8
    assert all(q["metric"] in text for row in rows for q in row["quantities"])


def test_trace_follows_a_reading_through_six_stops() -> None:
    """Six lines, numbered, from truth to pixel; an unknown device is refused at once, with examples."""
    said = cityops("trace", SHORT, "signal:node_0002", "--at", "10 s")
    assert said.status == 0
    assert [line[0] for line in said.out.splitlines()] == list("123456")
    wrong = cityops("trace", SHORT, "nobody")
    assert wrong.status == 2 and "no device 'nobody'" in wrong.err and wrong.out == ""


@pytest.mark.slow
def test_an_extract_becomes_a_city_that_runs(tmp_path: Path) -> None:
    """The import says what it read and writes a city that a scenario runs in; the report is the JSON document."""
    extract, city = tmp_path / "tiny.osm", tmp_path / "tiny.city.json"
    extract.write_text(OSM, encoding="utf-8")
    said = cityops("import", "osm", extract, "--name", "Phố nhỏ", "--out", city)
    assert said.status == 0 and "5 nodes, 2 ways" in said.out and str(city) in said.out
    document = cityops("import", "osm", extract, "--name", "Phố nhỏ", "--out", city, "--json").document
    assert document["city"] == "pho_nho" and document["report"]["nodes"] == 5
    data = tmp_path / "data"
    ran = cityops("run", "ordinary_weekday", "--city", city, "--headless", "--until", "0 s", "--data", data, "--json")
    assert ran.status == 0 and ran.document["city"] == "pho_nho" and ran.document["readings"] > 0


# -- runs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one run: three minutes of the short blackout."""
    folder = tmp_path_factory.mktemp("data")
    said = cityops("run", SHORT, "--headless", "--seed", 7, "--until", "3 min", "--data", folder)
    assert said.status == 0 and "digest.judgement" in said.out
    progress = said.err.splitlines()
    assert progress[-1] == "short_blackout: 300 of 300 simulated s" and 2 <= len(progress) <= 12
    return folder


@pytest.fixture(scope="module")
def the_run(data: Path) -> dict[str, Any]:
    """The row of that run."""
    (row,) = cityops("runs", "list", "--data", data, "--json").document
    assert isinstance(row, dict)
    return row


@pytest.mark.slow
def test_runs_are_listed_and_shown(data: Path, the_run: dict[str, Any]) -> None:
    """What it was made from, how far it came, its digests under digest.world and digest.judgement."""
    run_id = the_run["run_id"]
    assert run_id in cityops("runs", "list", "--data", data).out
    assert all(DIGEST.match(the_run["digest"][name]) for name in ("world", "judgement"))
    shown = cityops("runs", "show", run_id, "--data", data, "--json").document
    assert shown["header"]["seed"] == 7 and shown["recorded_until_ms"] == 300_000
    assert run_id in cityops("runs", "show", run_id, "--data", data).out


@pytest.mark.slow
def test_a_run_verifies_and_is_reported(data: Path, the_run: dict[str, Any]) -> None:
    """The same digests again; the debrief lays truth beside judgement."""
    run_id = the_run["run_id"]
    verdict = cityops("runs", "verify", run_id, "--data", data, "--json")
    assert verdict.status == 0 and verdict.document["holds"] is True
    assert verdict.document["digest"]["executed"] == the_run["digest"]
    said = cityops("runs", "verify", run_id, "--data", data)
    assert "verify: 300 of 300 simulated s" in said.err and "same digests" in said.out
    report = cityops("runs", "report", run_id, "--data", data, "--json").document
    assert report["digest"] == the_run["digest"]
    text = cityops("runs", "report", run_id, "--data", data)
    assert "feeder_outage" in text.out and "report: 300 of 300 simulated s" in text.err and "goes otherwise" not in text.err
    page = data / "debrief.html"
    told = cityops("runs", "report", run_id, "--data", data, "--lang", "vi", "--html", page)
    assert "Kỳ vọng" in told.out and "Kỳ vọng" in page.read_text(encoding="utf-8")
    assert cityops("runs", "report", run_id, "--data", data, "--lang", "fr").status == 2


@pytest.mark.slow
def test_a_report_of_another_release_says_that_it_goes_otherwise(data: Path, the_run: dict[str, Any], tmp_path: Path) -> None:
    """A run whose own digests are not those of its re-execution is reported with a word about it."""
    folder = shutil.copytree(data / "runs" / the_run["run_id"], tmp_path / "runs" / the_run["run_id"])
    result = folder / "result.json"
    result.write_text(result.read_text(encoding="utf-8").replace(the_run["digest"]["world"], "0" * 64), encoding="utf-8")
    said = cityops("runs", "report", the_run["run_id"], "--data", tmp_path)
    assert said.status == 0 and "goes otherwise here than it was recorded" in said.err


def test_a_branch_is_a_run_of_its_own(data: Path, the_run: dict[str, Any], tmp_path: Path) -> None:
    """It names its parent; forking beyond the end is refused and leaves nothing behind."""
    assert cityops("runs", "export", the_run["run_id"], tmp_path / "r.zip", "--data", data).status == 0
    elsewhere = tmp_path / "data"
    assert cityops("runs", "import", tmp_path / "r.zip", "--data", elsewhere).status == 0
    made = cityops("runs", "branch", the_run["run_id"], "--at", "2 min", "--data", elsewhere, "--json").document
    assert (made["parent"], made["fork_at_ms"], made["until_ms"]) == (the_run["run_id"], 120_000, 120_000)
    late = cityops("runs", "branch", the_run["run_id"], "--at", "9 h", "--data", elsewhere)
    assert late.status == 2 and "cannot be forked" in late.err
    assert len(cityops("runs", "list", "--data", elsewhere, "--json").document) == 2


@pytest.mark.slow
def test_a_run_travels_and_verifies_elsewhere(data: Path, the_run: dict[str, Any], tmp_path: Path) -> None:
    """Export, import into another data folder, verify; neither overwrites."""
    archive = tmp_path / "run.zip"
    written = cityops("runs", "export", the_run["run_id"], archive, "--data", data, "--json").document
    assert written["bytes"] == archive.stat().st_size
    assert cityops("runs", "export", the_run["run_id"], archive, "--data", data).status == 1
    taken = cityops("runs", "import", archive, "--data", tmp_path / "there", "--json").document
    assert taken["digest"] == the_run["digest"]
    assert cityops("runs", "verify", the_run["run_id"], "--data", tmp_path / "there").status == 0
    again = cityops("runs", "import", archive, "--data", tmp_path / "there")
    assert again.status == 1 and "exists already" in again.err


def test_an_altered_run_does_not_verify(data: Path, the_run: dict[str, Any], tmp_path: Path) -> None:
    """One changed byte in the recorded stream: status 1."""
    cityops("runs", "export", the_run["run_id"], tmp_path / "r.zip", "--data", data)
    cityops("runs", "import", tmp_path / "r.zip", "--data", tmp_path)
    segment = next(p for p in sorted((tmp_path / "runs" / the_run["run_id"] / "wire").iterdir()) if p.stat().st_size)
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    said = cityops("runs", "verify", the_run["run_id"], "--data", tmp_path)
    assert said.status == 1 and "damaged" in said.out
    assert cityops("runs", "verify", the_run["run_id"], "--data", tmp_path, "--json").document["holds"] is False


@pytest.mark.slow
def test_prune_keeps_what_it_was_told_to_keep(the_run: dict[str, Any], data: Path, tmp_path: Path) -> None:
    """Keeping more runs than there are deletes none; a dry run deletes none; keeping one leaves the newest."""
    runs_folder = tmp_path / "runs"
    cityops("runs", "export", the_run["run_id"], tmp_path / "r.zip", "--data", data)
    cityops("runs", "import", tmp_path / "r.zip", "--data", tmp_path)
    for at in ("1 min", "2 min"):
        assert cityops("run", SHORT, "--headless", "--until", "0 s", "--data", tmp_path, "--seed", at[0]).status == 0
    everything = {p.name for p in runs_folder.iterdir()}
    assert len(everything) == 3
    for keep in (3, 4, 5, 100):
        assert cityops("runs", "prune", "--keep", keep, "--data", tmp_path, "--json").document == {"deleted": []}
    would = cityops("runs", "prune", "--keep", 1, "--dry-run", "--data", tmp_path, "--json").document["would_delete"]
    assert len(would) == 2 and {p.name for p in runs_folder.iterdir()} == everything
    assert cityops("runs", "prune", "--keep", 1, "--data", tmp_path, "--json").document["deleted"] == would
    assert {p.name for p in runs_folder.iterdir()} == everything - set(would)
    assert cityops("runs", "prune", "--keep", 0, "--data", tmp_path).status == 0 and not list(runs_folder.iterdir())


@pytest.mark.slow
def test_save_and_load_changes_nothing(data: Path, the_run: dict[str, Any]) -> None:
    """The same digests with a save and load in the middle; a moment outside the run is refused before it begins."""
    common = ["run", SHORT, "--headless", "--seed", 7, "--until", "3 min", "--json"]
    said = cityops(*common, "--save-load-at", "100 s", "--out", data.parent / "other")
    assert said.document["digest"] == the_run["digest"]
    wrong = cityops(*common, "--save-load-at", "9 h", "--data", data.parent / "nothing")
    assert wrong.status == 2 and "outside the run" in wrong.err
    assert not (data.parent / "nothing" / "runs").exists()


def test_a_run_that_is_not_there_is_said_with_those_that_are(data: Path, the_run: dict[str, Any]) -> None:
    """Status 1, and the ids one could have meant."""
    for words in (["show"], ["verify"], ["report"], ["branch", "--at", "1 min"]):
        said = cityops("runs", words[0], "nowhere", *words[1:], "--data", data)
        assert said.status == 1 and "no run 'nowhere'" in said.err and the_run["run_id"] in said.err and said.out == ""
