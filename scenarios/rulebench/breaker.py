"""The search for what a rule set cannot take: the smallest set of faults and incidents that it misses, or that floods it.

Lives here: random trials, local search, minimising, the scenario that is saved. Must not know: processes, how a run is matched.
Minimising is delta debugging (Zeller and Hildebrandt 2002): parts of the set are left out for as long as it still breaks the
rules. The same seed finds the same, with any number of workers: trials go in rounds of a fixed size.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops_center.label_sets import NAME, Matcher
from ops_center.series_writer import INFO
from scenarios.load import check_city, loads
from scenarios.references import commands_of
from scenarios.rulebench.moves import Choices, Move, Moves, as_plain
from scenarios.rulebench.recording import record
from scenarios.rulebench.sight import DEVICE, seen_by
from scenarios.rulebench.tally import Job, kinds_of, setup_of, tally_of
from scenarios.schema import Scenario
from scenarios.setup import NOISE_OFFSET, Setup
from scenarios.units import say_duration
from scenarios.yaml_tree import BadFile
from sensors.registry import city_shape
from simulator.inject_catalogue import INJECTS

Plain = dict[str, Any]
FORMAT = "cityops-breaker/1"
GOALS = ("any", "miss", "flood")
ROUND = 8  # trials at once, whatever the number of workers
RANDOM_SHARE = 0.5  # of the trials, before the best of them is changed step by step
FLOOD_ALARMS = 11  # more than ten in ten minutes
BREAKS = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A set of moves to be tried: the job gives city, rules and seed."""

    job: Job
    moves: tuple[Move, ...]
    goal: str
    length_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial. `fitness` 1 and more: the rules break; below, how near they are to it."""

    fitness: float
    missed: tuple[Plain, ...] = ()
    peak_10_min: int = 0
    alarms: int = 0


# -- one trial


def try_out(trial: Trial) -> Outcome:
    """Simulate a set of moves, replay the rules, and return what became of it; a set that does not fit the city is nothing."""
    try:
        setup = setup_with(trial.job, trial.moves, trial.length_ms)
        rules = trial.job.rules[0]
        files = rules.loaded()
        tally = tally_of(record(setup, kinds_of(files, setup)), files, rules)
    except (BadFile, ValueError):
        return Outcome(0.0)
    within = {kind: claim.detect_within_ms for claim in rules.claims.values() for kind in claim.truth}
    for claim in rules.claims.values():
        within |= {kind: max(within[kind], claim.detect_within_ms) for kind in claim.truth}
    injected = [row for row in tally["incidents"] if row["inject"]]
    missed = tuple(row for row in injected if row["status"] == "missed")
    slow = max((_slowness(row, within) for row in injected), default=0.0)
    flood = tally["peak_10_min"] / FLOOD_ALARMS
    fitness = {"miss": slow, "flood": flood, "any": max(slow, flood)}[trial.goal]
    return Outcome(fitness, missed, tally["peak_10_min"], len(tally["alarms"]))


def _slowness(row: Plain, within: Mapping[str, int]) -> float:
    """How near an incident was to being missed: the share of its time that went by before anything came."""
    if row["status"] == "missed":
        return BREAKS
    after_ms = row["after_ms"]
    return 0.0 if after_ms is None else min(0.99, after_ms / within[row["kind"]])


def setup_with(job: Job, moves: Sequence[Move], length_ms: int) -> Setup:
    """Return a job's setup with moves in place of its timeline. Raises BadFile where they do not fit."""
    base = setup_of(job.scenario, job.city, job.kinds_dirs, job.mapping, job.cache)
    text = scenario_text(base.scenario, base.city.id, job.seed, moves, length_ms)
    loaded = loads(text.encode(), base.loaded.path, job.seed)
    check_city(loaded, base.city, INJECTS, commands_of(base.kinds))
    return replace(at_own_seed(base, job.seed), loaded=loaded)


def at_own_seed(base: Setup, seed: int) -> Setup:
    """Return a setup with a seed and the noise seed that follows from it."""
    return replace(base, seed=seed, noise_seed=seed + NOISE_OFFSET)


# -- the search


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to search: trials in all, simulated minutes in all, moves in a set."""

    trials: int
    minutes: float | None
    most_moves: int


class Search:
    """One search. `run` tries some trials and returns their outcomes; `told` gets how many trials are done."""

    def __init__(
        self, job: Job, goal: str, length_ms: int, limits: Limits, run: Callable[[Sequence[Trial]], list[Outcome]],
        told: Callable[[float], Any] = lambda done: None,
    ) -> None:  # fmt: skip
        self.job, self.goal, self.length_ms, self.limits = job, goal, length_ms, limits
        self._run, self._told = run, told
        self._known: dict[tuple[Move, ...], Outcome] = {}
        self.trials = 0
        self.base = setup_of(job.scenario, job.city, job.kinds_dirs, job.mapping, job.cache)
        self.run_ms = self.base.scenario.warm_up + length_ms
        self.moves = self._space(self.base)

    def _space(self, base: Setup) -> Moves:
        rules, files = self.job.rules[0], self.job.rules[0].loaded()
        made = record(setup_with(self.job, (), 1_000), kinds_of(files, base))  # a second is enough to know who is there
        seen = seen_by(files, made.store, [metric.name for metric in city_shape(base.city)], rules.claims)
        sight = {place for alert, some in seen.items() if alert in rules.claims for _, one in some for place in one.places}
        devices = [dict(labels)[DEVICE] for labels in made.store.select((Matcher(NAME, "=", INFO),)).labels.sets]
        claimed = {kind for claim in rules.claims.values() for kind in claim.truth}
        return Moves(base.city, claimed, sight, devices, self.length_ms)

    @property
    def left(self) -> int:
        """How many trials may still be made."""
        by_time = self.limits.trials
        if self.limits.minutes is not None:
            by_time = int(self.limits.minutes * 60_000 / self.run_ms)
        return max(min(self.limits.trials, by_time) - self.trials, 0)

    def find(self) -> tuple[tuple[Move, ...], Outcome] | None:
        """Return the smallest set found that breaks the rules, and what became of it; None where none was found."""
        most = self.limits.most_moves
        total = self.left
        best: tuple[tuple[Move, ...], Outcome] = ((), self._tried([()])[0])  # an ordinary day may be too much already
        while self.left and best[1].fitness < BREAKS:
            numbers = range(self.trials, self.trials + min(ROUND, self.left))
            random = self.trials < total * RANDOM_SHARE or not best[0]
            drawn = [Choices(self.job.seed, number) for number in numbers]
            sets = [self.moves.some(draw, most) if random else self.moves.changed(best[0], draw, most) for draw in drawn]
            best = max([best, *zip(sets, self._tried(sets), strict=True)], key=lambda pair: (pair[1].fitness, -len(pair[0])))
        return self._smallest(*best) if best[1].fitness >= BREAKS else None

    def _smallest(self, moves: tuple[Move, ...], outcome: Outcome) -> tuple[tuple[Move, ...], Outcome]:
        """Leave out parts, then parameters, for as long as the rest still breaks the rules."""
        for smaller in (_without_parts, _simpler):
            again = True
            while again and self.left:
                again = False
                for tried in smaller(moves):
                    if not self.left:
                        break
                    (found,) = self._tried([tried])
                    if found.fitness >= BREAKS:
                        moves, outcome, again = tried, found, True
                        break
        return moves, outcome

    def _tried(self, sets: Sequence[tuple[Move, ...]]) -> list[Outcome]:
        fresh = [moves for moves in dict.fromkeys(sets) if moves not in self._known]
        found = self._run([Trial(self.job, moves, self.goal, self.length_ms) for moves in fresh])
        self._known |= dict(zip(fresh, found, strict=True))
        self.trials += len(sets)
        self._told(self.trials)
        return [self._known[moves] for moves in sets]


def _without_parts(moves: tuple[Move, ...]) -> Iterator[tuple[Move, ...]]:
    """The set without its halves, quarters and so on down to single moves: the largest parts first."""
    size = len(moves) // 2
    while size >= 1:
        for first in range(0, len(moves), size):
            rest = (*moves[:first], *moves[first + size :])
            if rest:
                yield rest
        size //= 2


def _simpler(moves: tuple[Move, ...]) -> Iterator[tuple[Move, ...]]:
    """The set with one parameter less that has a default and does not say where."""
    for number, move in enumerate(moves):
        known = INJECTS[move.inject].parameters
        for key, _ in move.params:
            if known[key].kind in ("number", "integer", "choice"):
                rest = tuple(pair for pair in move.params if pair[0] != key)
                yield (*moves[:number], replace(move, params=rest), *moves[number + 1 :])


# -- what is found


def scenario_text(base: Scenario, city: str, seed: int, moves: Sequence[Move], length_ms: int, name: str = "broken") -> str:
    """Return a scenario file in which moves happen to the city, hour and weather of a base scenario, and nothing else does."""
    lines = [
        "# Found by a search for what a rule set misses or floods on.",
        f"name: {name}",
        'title: {vi: "Điều bộ luật không chịu được", en: What a rule set cannot take}',
        "description:",
        "  vi: Tập sự cố và lỗi nhỏ nhất mà tìm kiếm thấy.",
        "  en: The smallest set of faults and incidents that was found.",
        f"city: {json.dumps(city if base.city == city else base.city)}",
        f"start_at: {json.dumps(base.start_at)}",
        f"duration: {say_duration(length_ms)}",
        f"warm_up: {say_duration(base.warm_up)}",
        f"weather: {base.weather}",
        f"demand_factor: {base.demand_factor}",
        f"seed: {seed}",
        f"ordinary_life: {'true' if base.ordinary_life else 'false'}",
        "timeline:" if moves else "timeline: []",
    ]  # fmt: skip
    for number, row in enumerate(as_plain(moves), 1):
        params = json.dumps(row["params"], ensure_ascii=False)
        lines += [
            f"- at: {row['at_ms'] // 1000} s", f"  id: move_{number}", f"  inject: {row['inject']}", f"  params: {params}",
            "  scored: false",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def document(search: Search, found: tuple[tuple[Move, ...], Outcome] | None, path: Path | None) -> Plain:
    """Return what a search came to, ready for JSON."""
    moves, outcome = found if found is not None else ((), Outcome(0.0))
    return {
        "format": FORMAT,
        "rules": [name for name, _ in search.job.rules[0].files],
        "base": search.job.scenario,
        "seed": search.job.seed,
        "goal": search.goal,
        "found": found is not None,
        "trials": search.trials,
        "simulated_min": round(search.trials * search.run_ms / 60_000, 1),
        "moves": list(as_plain(moves)),
        "missed": [{key: row[key] for key in ("kind", "place", "name", "start_ms", "end_ms")} for row in outcome.missed],
        "peak_10_min": outcome.peak_10_min,
        "alarms": outcome.alarms,
        "scenario": None if path is None or found is None else str(path),
    }  # fmt: skip


def saved_as(path: Path) -> str:
    """Return the name of a scenario that is saved in a file: the file's, in the letters that a name may have."""
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in path.stem.lower())
    return name if name[:1].isalpha() else f"broken_{name}"
