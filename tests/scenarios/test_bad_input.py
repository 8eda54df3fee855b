"""Bad input through the real command line: status 2, `file:line:column`, what was seen, what was expected, nothing half-applied.

Every case must be refused fast: what is large is refused by its size, what is deep by its depth, before it is built.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.cities import catalogue
from simulator.city import encode
from tests.scenarios.cli_kit import SHORT, Said, cityops
from tests.scenarios.test_cli import OSM, RULES
from tests.soon import soon

PLACE = re.compile(r"^(?P<file>[^\n]+?):(?P<line>\d+):(?P<column>\d+): (?P<said>.+)$")
GOOD = Path(SHORT).read_text(encoding="utf-8")
CITY = encode(catalogue.get("small")).decode()
EXPR = "expr: up == 0"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
FIFTY_MB = "# " + ("x" * 78 + "\n# ") * (50 * 2**20 // 81)
RUBBISH = bytes(range(256)) * 40
MANY_RULES = "groups:\n- name: g\n  rules:\n" + "".join(f"  - record: a{i}\n    expr: up == {i}\n" for i in range(24_000))
PYTHON = '!!python/object/apply:os.system ["touch HACKED"]'


def city(table: str, column: str, value: object, row: int = 3) -> str:
    """The small city with one value changed."""
    data = json.loads(CITY)
    data[table][column][row] = value
    return json.dumps(data, ensure_ascii=False)


def scenario_check(path: Path) -> Said:
    return cityops("scenarios", "check", path)


def run_of(path: Path) -> Said:
    return cityops("run", path, "--headless", "--data", path.parent / "data")


def rules_check(path: Path) -> Said:
    return cityops("rules", "check", path)


def run_with_rules(path: Path) -> Said:
    return cityops("run", SHORT, "--rules", path, "--headless", "--data", path.parent / "data")


def run_in_city(path: Path) -> Said:
    return cityops("run", SHORT, "--city", path, "--headless", "--data", path.parent / "data")


def import_osm(path: Path) -> Said:
    return cityops("import", "osm", path, "--name", "Thử", "--out", path.parent / "out.city.json")


def rules_with(expression: str) -> str:
    return RULES.replace(EXPR, f"expr: {expression}")


Case = tuple[str, str | bytes, str, str]  # file name, content, where (line:column, or a start of it), what must be said
SCENARIOS: dict[str, Case] = {
    "unknown key": ("a.yaml", GOOD.replace("seed: 7", "sed: 7"), "9:1", "unknown key 'sed'; expected one of name"),
    "missing key": ("a.yaml", GOOD.replace("city: small\n", ""), "2:1", "'city' is missing"),
    "wrong unit": ("a.yaml", GOOD.replace("within: 90 s", "within: 90 parsecs"), "24:13", "'parsecs'"),
    "wrong type": ("a.yaml", GOOD.replace("seed: 7", "seed: seven"), "9:7", "seed is 'seven'"),
    "dangling place": ("a.yaml", GOOD.replace("01_1", "99_1", 1), "15:22", "no feeder of that id"),
    "dangling expectation": ("a.yaml", GOOD.replace("of: outage", "of: outtage", 1), "22:9", "'outtage' names nothing"),
    "dangling target": (
        "a.yaml",
        GOOD.replace('target: "feeder:01_1"', 'target: "feeder:99_9"'),
        "34:13",
        "no feeder 'feeder:99_9'",
    ),
    "unknown command": ("a.yaml", GOOD.replace("feeder_reclose", "feeder_explode"), "33:14", "no device takes 'feeder_explode'"),
    "another century": ("a.yaml", GOOD.replace("2026-", "0001-"), "6:11", "year 1; expected 1970 to 2200"),
    "no such city": (
        "a.yaml",
        GOOD.replace("city: small", "city: atlantis"),
        "5:7",
        "no city 'atlantis'; expected one of hai_phong",
    ),
    "NaN": ("a.yaml", GOOD.replace("fault_s: 120", "fault_s: .nan"), "15:46", "finite"),
    "infinity": ("a.yaml", GOOD.replace("fault_s: 120", "fault_s: 1e999"), "15:46", "finite"),
    "alias bomb": ("a.yaml", BOMB, "2:", "alias"),
    "50 MB": ("a.yaml", GOOD + FIFTY_MB, "1:1", "expected at most 1048576"),
    "100 000 parentheses": ("a.yaml", "name: " + "(" * 100_000, "1:8000", "100006 characters"),
    "100 000 brackets": ("a.yaml", "name:\n" + ("[" * 40 + "\n") * 2_500, "", "open brackets"),
    "cut": ("a.yaml", GOOD.replace("timeline:", "timeline: [", 1), "11:3", "not YAML"),
    "a list": ("a.yaml", "- 1\n- 2\n", "1:1", "holds a list"),
    "binary": ("a.yaml", RUBBISH, "2:", "not UTF-8"),
    "empty": ("a.yaml", "", "1:1", "empty; expected a scenario"),
    "tabs": ("a.yaml", GOOD.replace("  - at", "\t- at"), "11:1", "'\\t'"),
    "control character": ("a.yaml", GOOD.replace("seed: 7", "seed: 7\0"), "9:8", "U+0000"),
    "half a character": ("a.yaml", GOOD.replace('"Mất điện ngắn"', '"\\ud800"'), "3:13", "U+D800 is half a character"),
    "1 MB of empty lines": ("a.yaml", "\n" * 1_000_000 + "seed: 7", "50001:1", "1000001 lines; expected at most"),
    "1 MB of items": ("a.yaml", "name: [" + ("a, " * 2_000 + "\n") * 160, "", "more than 20000 items"),
    "python object": ("a.yaml", GOOD.replace("seed: 7", f"seed: {PYTHON}"), "9:7", "expected plain data"),
    "two documents": ("a.yaml", GOOD + "---\n" + GOOD, "", "several documents"),
}
RULE_FILES: dict[str, Case] = {
    "unknown key": ("r.yml", RULES.replace("for:", "fro:"), "6:9", "unknown key 'fro', expected one of alert"),
    "wrong unit": ("r.yml", RULES.replace("for: 1m", "for: 1 parsec"), "6:14", "'1 parsec', expected e.g. 5m"),
    "cut expression": ("r.yml", rules_with("rate(up) >"), "5:", "end of the expression"),
    "wrong type": ("r.yml", rules_with("rate(up)"), "5:", "expected type range vector"),
    "unclosed template": ("r.yml", RULES.replace(" }} is", " is"), "8:", "unclosed action"),
    "alias bomb": ("r.yml", BOMB, "", "aliases expanded"),
    "50 MB": ("r.yml", RULES + FIFTY_MB, "1:1", "expected at most 1048576"),
    "100 000 parentheses": ("r.yml", rules_with("(" * 100_000 + "up" + ")" * 100_000), "5:15", "too long"),
    "8 000 parentheses": ("r.yml", rules_with("(" * 8_000 + "up" + ")" * 8_000), "5:", "expected"),
    "5 000 terms": ("r.yml", rules_with(" + ".join(["up"] * 5_000)), "5:15", "too long"),
    "5 000 short terms": ("r.yml", rules_with("+".join(["1"] * 5_000)), "5:", "expected"),
    "parentheses in a template": (
        "r.yml",
        RULES.replace("{{ $labels.device }}", "{{" + "(" * 3_000 + "1" + ")" * 3_000 + "}}"),
        "8:",
        "nested too deep",
    ),
    "long duration": ("r.yml", rules_with("rate(up[99999999999999999999y])"), "5:", "saw '99999999999999999999y'"),
    "control character": ("r.yml", rules_with("up \0"), "5:18", "U+0000"),
    "half a character": (
        "r.yml",
        RULES.replace("{severity: warning}", '{severity: "\\ud800"}'),
        "7:",
        "Unicode character escape",
    ),
    "1 MB of empty lines": ("r.yml", "groups:\n" + "\n" * 1_000_000 + "1", "1000003:1", "not YAML"),
    "1 MB of rules": (
        "r.yml",
        MANY_RULES + "  - recrod: x\n",
        "24000:",
        "saw over 60000, expected fewer",
    ),
    "1 MB of items": ("r.yml", "groups: [" + ("a, " * 2_000 + "\n") * 160, "30:", "saw over 60000"),
    "cut": ("r.yml", RULES.replace("rules:", "rules: ["), "", "not YAML"),
    "a list": ("r.yml", "- 1\n", "1:1", "saw a list, expected a mapping"),
    "binary": ("r.yml", RUBBISH, "2:", "saw byte 0x80, expected UTF-8"),
    "tabs": ("r.yml", RULES.replace("      - alert", "\t- alert"), "4:1", "'\\t'"),
    "python object": ("r.yml", RULES.replace("for: 1m", f"for: {PYTHON}"), "6:14", "expected text"),
}
CITIES: dict[str, Case] = {
    "unknown key": ("c.json", CITY.replace("length_m", "lenght_m", 1), "1:", "unknown key, saw 'lenght_m'"),
    "wrong unit": ("c.json", city("links", "length_m", "12 km"), "1:", "links.length_m[3] has a wrong shape, saw `str`"),
    "out of bounds": ("c.json", city("links", "length_m", -5.0), "1:", "links.length_m[3] is out of bounds, saw -5"),
    "dangling": ("c.json", city("links", "from_node", 99_999), "1:", "links.from_node[3]"),
    "beyond 64 bit": ("c.json", city("links", "from_node", 10**30), "1:", "links.from_node[3] is out of bounds"),
    "NaN": ("c.json", city("links", "length_m", float("nan")), "1:", "saw 'NaN"),
    "50 MB": ("c.json", CITY[:-1] + " " * (50 * 2**20) + "}", "1:1", "expected at most 24 MiB"),
    "100 000 brackets": ("c.json", "[" * 100_000, "1:1", "expected"),
    "cut": ("c.json", CITY[: len(CITY) // 2], "1:", "saw the end of the text"),
    "a list": ("c.json", "[]", "1:1", "saw `array`, expected `object`"),
    "binary": ("c.json", RUBBISH, "1:1", "not JSON"),
    "empty": ("c.json", "", "1:1", "expected a JSON value"),
}
EXTRACTS: dict[str, Case] = {
    "cut": ("o.osm", OSM[:300], "", "not XML"),
    "NaN": ("o.osm", OSM.replace('lat="21.005"', 'lat="NaN"', 1), "3:41", "saw 'NaN', expected numbers"),
    "a word": ("o.osm", OSM.replace('lat="21.005"', 'lat="north"', 1), "3:41", "saw 'north', expected numbers"),
    "beyond the earth": ("o.osm", OSM.replace('lat="21.005"', 'lat="2100.5"', 1), "3:41", "saw '2100.5'"),
    "no id": ("o.osm", OSM.replace('<node id="1"', "<node", 1), "3:2", "lacks an attribute, saw nothing, expected 'id'"),
    "dangling nodes": ("o.osm", OSM.replace('ref="2"', 'ref="99"'), "1:1", "too few streets"),
    "unknown encoding": ("o.osm", '<?xml version="1.0" encoding="x-foo"?><osm/>', "1:1", "the encoding is unknown, saw 'x-foo'"),
    "a stray node": ("o.osm", OSM.replace('lat="21.005"', 'lat="-21.005"', 1), "1:1", "the streets lie too far apart, saw 46"),
    "no roads": ("o.osm", OSM.replace("highway", "waterway"), "1:1", "too few streets for a city, saw 0 drivable of 2 ways"),
    "entities": ("o.osm", '<!DOCTYPE osm [<!ENTITY a "aa">]><osm>&a;</osm>', "1:", "document type is refused"),
    "50 MB": ("o.osm", OSM.replace("</osm>", "<!-- " + FIFTY_MB + "--></osm>"), "1:1", "expected at most 16 MiB"),
    "100 000 levels": ("o.osm", "<osm>" * 100_000, "1:", "nested too deeply"),
    "a page of the web": ("o.osm", "<html><body>Too many requests</body></html>", "1:1", "saw <html>, expected <osm>"),
    "binary": ("o.osm", RUBBISH, "1:1", "expected OSM XML or Overpass JSON"),
    "empty": ("o.osm", "", "1:1", "saw an empty file"),
    "broken JSON": ("o.json", '{"elements": [}', "1:15", "not JSON"),
    "an empty answer": ("o.json", '{"elements": []}', "1:1", "too few streets"),
}
TABLES: list[tuple[Callable[[Path], Said], dict[str, Case]]] = [
    (scenario_check, SCENARIOS),
    (run_of, SCENARIOS),
    (rules_check, RULE_FILES),
    (run_with_rules, RULE_FILES),
    (run_in_city, CITIES),
    (import_osm, EXTRACTS),
]
CASES = [pytest.param(call, case, id=f"{call.__name__}-{name}") for call, table in TABLES for name, case in table.items()]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """The file, written."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def check_refused(said: Said, path: Path, where: str, words: str) -> None:
    """Status 2, stdout empty, first line `path:line:column: ...` with the words, no traceback."""
    first = next(line for line in [*said.err.splitlines(), ""] if not line.startswith("building the city"))
    assert (said.status, said.out) == (2, ""), said
    match = PLACE.match(first)
    assert match and match["file"] == str(path), first
    assert f"{match['line']}:{match['column']}".startswith(where), first
    assert words in said.err and "Traceback" not in said.err, said.err
    assert len(first) < 600, first


@pytest.mark.slow
@pytest.mark.parametrize(("call", "case"), CASES)
def test_bad_files_are_refused(call: Callable[[Path], Said], case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place, what was seen, what was expected; in bounded time; no run folder, no city file, nothing executed."""
    monkeypatch.chdir(tmp_path)
    name, content, where, words = case
    path = written(tmp_path, name, content)
    with soon():
        said = call(path)
    check_refused(said, path, where, words)
    left = {p.relative_to(tmp_path).parts[:2] for p in tmp_path.rglob("*")} - {(name,)}
    assert not [parts for parts in left if parts[0] != "data" or parts[1:] == ("runs",)], left


@pytest.mark.parametrize("call", [scenario_check, run_of, rules_check, run_with_rules, run_in_city, import_osm])
def test_what_is_no_file_is_refused(call: Callable[[Path], Said], tmp_path: Path) -> None:
    """A path with nothing there, and a folder where a file belongs (rule paths may be folders): said at 1:1."""
    missing = tmp_path / "nothing.yaml"
    check_refused(call(missing), missing, "1:1", "expected")
    if call not in (rules_check, run_with_rules):
        folder = tmp_path / "folder"
        folder.mkdir()
        check_refused(call(folder), folder, "1:1", "older" if call in (scenario_check, run_of) else "directory")


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")], ids=["BOM", "CRLF"])
def test_what_editors_add_is_taken(change: Callable[[str], str], tmp_path: Path) -> None:
    """A byte order mark and Windows line ends make no file bad: scenario, rules, city, extract."""
    assert scenario_check(written(tmp_path, "a.yaml", change(GOOD))).status == 0
    assert rules_check(written(tmp_path, "r.yml", change(RULES))).status == 0
    small = written(tmp_path, "c.json", change(CITY))
    assert cityops("scenarios", "check", SHORT, "--city", small).status == 0
    assert import_osm(written(tmp_path, "o.osm", change(OSM))).status == 0


def test_every_bad_rule_is_said_at_once(tmp_path: Path) -> None:
    """One good and two bad files in a folder: both bad ones are named, and a run with them does not begin."""
    written(tmp_path, "good.yml", RULES)
    bad = [written(tmp_path, f"bad{i}.yml", rules_with("up ==")) for i in (1, 2)]
    said = run_with_rules(tmp_path)
    assert said.status == 2 and all(f"{path}:5:" in said.err for path in bad) and "good.yml" not in said.err
    assert not (tmp_path.parent / "data" / "runs").exists()


KINDS = {
    "no Python": ("def x(:\n", r"a\.py:1:7: .*expected Python"),
    "no kind": ("X = 1\n", r"a\.py:1:1: KIND is not there; expected `KIND = SensorKind"),
    "wrong kind": ("KIND = 3\n", r"a\.py:1:1: KIND is of type int"),
    "not importable": ("\nimport nothing_there\n", r"a\.py:2:1: ModuleNotFoundError: No module named 'nothing_there'"),
}


@pytest.mark.parametrize(("text", "words"), KINDS.values(), ids=KINDS)
def test_bad_kinds_are_refused(text: str, words: str, tmp_path: Path) -> None:
    """A kind file that cannot be used: file, line, column; no run begins."""
    written(tmp_path, "a.py", text)
    assert cityops("kinds", "--kinds", tmp_path).status == 2
    said = cityops("run", SHORT, "--headless", "--kinds", tmp_path, "--data", tmp_path / "data")
    assert said.status == 2 and re.search(words, said.err), said.err
    assert not (tmp_path / "data" / "runs").exists()


def test_bad_archives_are_refused(tmp_path: Path) -> None:
    """What is no exported run is bad input, and leaves nothing in the data folder."""
    data = tmp_path / "data"
    for path in (written(tmp_path, "r.zip", RUBBISH), tmp_path / "nothing.zip", written(tmp_path, "e.zip", b"")):
        check_refused(cityops("runs", "import", path, "--data", data), path, "1:1", "expected an exported run")
    assert not data.exists()
