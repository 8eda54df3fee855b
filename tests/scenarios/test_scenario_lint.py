"""The lint of `cityops scenarios check`: what can be read and still teaches the wrong thing is said with its place."""

from functools import cache
from pathlib import Path

import pytest

from scenarios.checking import findings, known
from scenarios.lint import Known
from scenarios.load import loads
from scenarios.yaml_tree import BadFile
from simulator.cities import catalogue
from tests.scenarios.cli_kit import cityops

GOOD = (Path(__file__).parent / "triggered.yaml").read_text(encoding="utf-8")


@cache
def _known() -> Known:
    return known(catalogue.get("small"))


def _findings(text: str, folder: Path) -> list[str]:
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    problems, _ = findings(loads(text.encode(), path), _known().city, _known())
    return [f"{p.line}:{p.column}: {p.message}" for p in problems]


def test_a_scenario_that_makes_sense_has_no_findings(tmp_path: Path) -> None:
    """The scenario of the tests is well made, in both of its variants."""
    assert _findings(GOOD, tmp_path) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "{kind: ended, of: outage}",
            "{kind: began, of: crowd}",
            "43:29: trigger 'light' is dead: nothing in this scenario begins",
        ),
        ("missing_for: 2 min", "missing_for: 6 min", "25:11: trigger 'thief' is dead: it can fire at 6m"),
        ("level: 20, lasts", "level: -1, lasts", None),
        (
            "kind: above, quantity: lamps_dark_count, level: 20",
            "kind: below, quantity: lamps_dark_count, level: 0",
            "is dead: lamps",
        ),
        (
            "kind: above, quantity: lamps_dark_count, level: 20",
            "kind: above, quantity: crowd_per_m2, place: {kind: zone, id: zone_02}, level: 4",
            "nothing in this scenario raises crowd_per_m2 above 4 1/m2; expected an inject that does: crowd",
        ),
        (
            "kind: above, quantity: lamps_dark_count, level: 20",
            "kind: above, quantity: gust_mps, level: 12",
            "an inject that does: typhoon",
        ),
        ("    of: outage\n    within: 2 min", "    of: outage\n    within: 2 s", "cannot be met: the rule itself waits 15s"),
        ("    of: outage\n    within: 2 min", "    of: outage\n    alert: Lost\n    within: 2 min", "no rule raises 'Lost'"),
        (
            "    of: outage\n    within: 2 min",
            "    of: outage\n    alert: LampOut\n    within: 2 min",
            "LampOut does not speak of",
        ),
        (
            "    of: thief\n    within: 3 min",
            "    of: weather\n    within: 3 min",
            "cannot be met: nothing in this scenario begins",
        ),
    ],
)
def test_a_finding_names_its_place(before: str, after: str, words: str | None, tmp_path: Path) -> None:
    """Each kind of finding is told once, where it stands; what is merely unusual is none."""
    text = GOOD.replace(before, after, 1)
    found = [f for f in _findings(text, tmp_path) if words and words in f] if words else []
    assert words is None or len(found) == 1, _findings(text, tmp_path)


def test_an_inject_that_nobody_expects_is_told_unless_it_is_meant(tmp_path: Path) -> None:
    """A crash raises alerts: somebody has to expect them, or the file says that nobody shall."""
    entry = "  - at: 3 min\n    inject: crash\n    scored: false\ntriggers:\n"
    meant = GOOD.replace("triggers:\n", entry, 1)
    assert _findings(meant, tmp_path) == []
    (found,) = _findings(meant.replace("    inject: crash\n    scored: false\n", "    inject: crash\n", 1), tmp_path)
    assert "crash will raise QueueSpillback or RoadBlocked or StoppedVehicle, and no expectation speaks of it" in found


def test_triggers_that_wait_for_each_other_are_a_loop(tmp_path: Path) -> None:
    """By name none can be the first; by kind with more than one firing, each begins the next."""
    ring = GOOD.replace("{kind: phase, of: noticed}", "{kind: began, of: light}").replace(
        "{kind: ended, of: outage}", "{kind: began, of: second}"
    )
    assert sum("trigger loop: triggers second -> light -> second" in f for f in _findings(ring, tmp_path)) == 1
    echo = GOOD.replace("{kind: ended, of: outage}", "{kind: began, of: traffic_incident}\n    times: 5")
    assert sum("trigger loop: triggers light -> light" in f for f in _findings(echo, tmp_path)) == 1


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("{kind: ended, of: outage}", "{kind: ended, of: outrage}", "43:29: 'outrage' names nothing"),
        ("{kind: phase, of: noticed}", "{kind: phase, of: outage}", "'outage' names nothing"),
        ("{feeder: $feeder,", "{feeder: $feader,", "'$feader' is set by no variant"),
        ("jitter: 20 s", "jitter: 50 s", "the inject may come from -10s to 1m30s"),
        ('{feeder: "feeder:02_1", lamps: 1}', '{feeder: "feeder:02_1"}', "choice 2 of variant 'where' sets feeder; expected"),
        ('{feeder: "feeder:02_1", lamps: 1}', '{feeder: "feeder:99_1", lamps: 1}', "feeder is 'feeder:99_1'"),
        ("id: second", "id: outage", "id 'outage' is used twice"),
        ("    phase: restored", "    after: 1 s", "lacks 'inject' or 'phase'"),
        ("{kind: acknowledged, of: outage}", "{kind: acknowledged}", "lacks 'of'"),
        ("of: outage, missing_for: 2 min", "of: outage, missing_for: 2", "a unit is missing"),
        ("{kind: ended, of: outage}", "{kind: ended, of: outage, missing_for: 1 s}", "'missing_for' is for acknowledged"),
        ("quantity: lamps_dark_count, level", "quantity: lampsdark, level", "quantity 'lampsdark' is unknown"),
        ("quantity: lamps_dark_count, level", "quantity: queue_m, level", "queue_m is read at link, not at a city"),
        ("command: feeder_reclose}", "command: feeder_close}", "no device takes 'feeder_close'; expected one of"),
        ("    quantity: lamps_dark_count\n", "    quantity: darkness\n", "quantity 'darkness' is unknown"),
        ("    at_most: 3", "    at_most: 3\n    place: {kind: zone, id: zone_99}", "city small has no zone 'zone_99'"),
        ("command: feeder_reclose}", 'command: feeder_reclose, target: "feeder:99_1"}', "has no feeder 'feeder:99_1'"),
    ],
)
def test_what_cannot_be_used_is_refused(before: str, after: str, words: str, tmp_path: Path) -> None:
    """References into nothing, spans beyond the run, variants of different shape: bad input, in any variant."""
    text = GOOD.replace(before, after, 1)
    with pytest.raises(BadFile) as caught:
        _findings(text, tmp_path)
    assert words in str(caught.value)


def test_check_ends_with_1_for_findings_and_2_for_bad_input(tmp_path: Path) -> None:
    """Both are said as file:line:column; a scenario that was only just begun passes."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("missing_for: 2 min", "missing_for: 6 min"), encoding="utf-8")
    said = cityops("scenarios", "check", path)
    assert said.status == 1 and f"{path}:25:11: trigger 'thief' is dead" in said.err
    path.write_text(GOOD.replace("of: noticed}", "of: nothing}"), encoding="utf-8")
    said = cityops("scenarios", "check", path)
    assert said.status == 2 and f"{path}:32:" in said.err
    assert cityops("scenarios", "new", "fresh", "--folder", tmp_path).status == 0
    fresh = cityops("scenarios", "check", tmp_path / "fresh.yaml")
    assert (fresh.status, "holds, in 2 variants" in fresh.out) == (0, True)


@pytest.mark.parametrize(("density", "dead"), [(3.9, True), (4.1, False)])
def test_a_crowd_that_never_grows_so_dense_wakes_no_trigger(density: float, dead: bool, tmp_path: Path) -> None:
    """What the injects of the scenario say is how far a figure can come."""
    crowd = f"  - {{at: 1 s, inject: crowd, params: {{zone: zone_02, density_per_m2: {density}}}, scored: false}}\ntriggers:\n"
    level = "kind: above, quantity: crowd_per_m2, place: {kind: zone, id: zone_02}, level: 4"
    text = GOOD.replace("triggers:\n", crowd, 1).replace("kind: above, quantity: lamps_dark_count, level: 20", level, 1)
    found = _findings(text, tmp_path)
    assert len(found) == dead and all("is dead: nothing in this scenario raises crowd_per_m2 above 4" in f for f in found)
