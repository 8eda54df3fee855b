"""The search for what rules cannot take finds what is there, makes it small, and saves what can be shown again."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scenarios.claims import read_claims, sidecars_of
from scenarios.rulebench.breaker import Limits, Outcome, Search, Trial, _simpler, _without_parts, saved_as, setup_with, try_out
from scenarios.rulebench.moves import Choices, Move
from scenarios.rulebench.tally import Job, RuleSet
from scenarios.yaml_tree import BadFile
from simulator.inject_catalogue import INJECTS
from simulator.injects import validate

sys.path.insert(0, str(Path(__file__).parent.parent))
from cli_kit import cityops

HERE = Path(__file__).parent
SCENARIO, RULES = HERE / "small_troubles.yaml", HERE / "loops.yml"
LENGTH_MS = 720_000
JOB = Job(str(SCENARIO), 1, (RuleSet((("loops.yml", RULES.read_text()),), read_claims(sidecars_of([RULES]))),))


def search(broken_by: set[str], most: int = 4, trials: int = 400) -> Search:
    """A search in which a set breaks the rules when all of `broken_by` are in it, and is nearer the more of them are."""

    def run(tried: Sequence[Trial]) -> list[Outcome]:
        return [Outcome(len(broken_by & {move.inject for move in trial.moves}) / len(broken_by)) for trial in tried]

    return Search(JOB, "any", LENGTH_MS, Limits(trials, None, most), run)


def test_the_smallest_set_is_found() -> None:
    """Of what was drawn, only what it takes is left; parameters that do not matter are left to their defaults."""
    one = search({"crash", "device_fault"})
    found = one.find()
    assert found is not None and sorted(move.inject for move in found[0]) == ["crash", "device_fault"]
    for move in found[0]:
        kinds = [INJECTS[move.inject].parameters[key].kind for key, _ in move.params]
        assert not {"number", "integer", "choice"} & set(kinds)


def test_a_search_ends_at_its_limit() -> None:
    """Neither more trials nor more simulated time than was allowed; nothing found is nothing said."""
    one = search({"crash", "nothing_is_called_so"}, trials=37)
    assert one.find() is None and one.trials == 37
    timed = Search(JOB, "any", LENGTH_MS, Limits(400, 100.0, 4), lambda tried: [Outcome(0.0) for _ in tried])
    assert timed.find() is None and timed.trials == 100 // 14


def test_the_same_seed_draws_the_same() -> None:
    """Two searches try the same sets; another seed tries others."""
    first, second = search({"fire"}, trials=24), search({"fire"}, trials=24)
    first.find(), second.find()
    assert list(first._known) == list(second._known) and len(first._known) == 24


def test_what_is_drawn_fits_the_city() -> None:
    """Every inject that is drawn or changed can be read, checked and fired; incidents are where an alert looks."""
    moves = search({"fire"}).moves
    for trial in range(60):
        drawn = moves.some(Choices(3, trial), 4)
        for move in (*drawn, *moves.changed(drawn, Choices(4, trial), 5)):
            assert (
                validate(INJECTS[move.inject], dict(move.params), moves.city) == [] and 0 < move.at_ms <= LENGTH_MS // 2 + 10_000
            )
    assert set(moves.incidents) == {"crash", "stopped_vehicle", "road_closure", "feeder_outage"}


def test_delta_debugging_leaves_out_the_largest_parts_first() -> None:
    """Halves before single moves, never everything."""
    moves = tuple(Move("crash", (), n) for n in range(4))
    smaller = list(_without_parts(moves))
    assert [len(one) for one in smaller] == [2, 2, 3, 3, 3, 3] and list(_without_parts(moves[:1])) == []
    assert list(_simpler((Move("crash", (("link", "a"), ("lanes", 2)), 0),))) == [(Move("crash", (("link", "a"),), 0),)]


def test_a_set_that_does_not_fit_is_nothing() -> None:
    """A place that is not there ends no search."""
    assert try_out(Trial(JOB, (Move("crash", (("link", "nowhere"),), 60_000),), "any", LENGTH_MS)) == Outcome(0.0)
    with pytest.raises(BadFile):
        setup_with(JOB, (Move("crash", (("link", "nowhere"),), 60_000),), LENGTH_MS)


@pytest.mark.slow
def test_what_is_found_is_saved_and_shows_itself_again(tmp_path: Path) -> None:
    """The file passes `scenarios check`, and a score of the same rules on it has the miss that was told."""
    out, data = tmp_path / "Missed it.yaml", ("--data", tmp_path / "data")
    common = ("rules", "breaker", RULES, "--scenario", SCENARIO, "--length", "12 min", "--trials", 30, "--workers", 1, *data)
    said = cityops(*common, "--goal", "miss", "--out", out, "--json")
    assert said.status == 1, said.err
    found = said.document
    assert found["format"] == "cityops-breaker/1" and found["found"] and found["missed"] and found["trials"] <= 30
    checked = cityops("scenarios", "check", out)
    assert checked.status == 0, checked.err
    score: Any = cityops("rules", "score", RULES, "--scenario", out, "--seeds", 1, "--workers", 1, *data, "--json").document
    missed = [row for row in score["incidents"] if row["status"] == "missed"]
    assert [row["place"] for row in missed] == [row["place"] for row in found["missed"]]
    again = cityops(*common, "--goal", "miss", "--out", tmp_path / "again.yaml", "--json")
    assert {**again.document, "scenario": ""} == {**found, "scenario": ""}


@pytest.mark.slow
def test_a_flood_is_found_and_shows_itself_again(tmp_path: Path) -> None:
    """Rules that fire for every slow road drown an operator; two workers find the same as one."""
    rules = tmp_path / "noisy.yml"
    rules.write_text(RULES.read_text().replace("< 15", "< 22").replace("for: 30s", "for: 0s"))
    data = ("--data", tmp_path / "data")
    common = ("rules", "breaker", rules, "--scenario", SCENARIO, "--length", "12 min", "--trials", 10, *data, "--goal", "flood")
    said = cityops(*common, "--out", tmp_path / "flood.yaml", "--workers", 2, "--json")
    assert said.status == 1 and said.document["peak_10_min"] > 10
    score: Any = cityops("rules", "score", rules, "--scenario", tmp_path / "flood.yaml", "--seeds", 1, *data, "--json").document
    assert score["overall"]["peak_10_min"] == said.document["peak_10_min"]


def test_nothing_found_and_bad_arguments_are_said(tmp_path: Path) -> None:
    """Rules that cannot fire are not flooded; what is not claimed cannot be missed."""
    rules = tmp_path / "quiet.yml"
    rules.write_text("groups: [{name: g, rules: [{alert: A, expr: 'tide_level_metres > 99'}]}]")
    common = ("rules", "breaker", rules, "--scenario", SCENARIO, "--length", "2 min", "--workers", 1, "--data", tmp_path)
    said = cityops(*common, "--goal", "flood", "--trials", 3)
    assert said.status == 0 and "nothing found in 3 trials" in said.out
    assert "no alert has a claim" in cityops(*common, "--goal", "miss").err
    assert cityops(*common, "--goal", "all").status == 2
    assert saved_as(Path("x/Missed it-1.yaml")) == "missed_it_1" and saved_as(Path("3.yaml")) == "broken_3"
