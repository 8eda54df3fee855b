"""One run scored: a scenario at a seed, replayed through rules, laid beside its truth, as plain data that can be added up.

Lives here: from a job to its tally, the phase of each group, tallies kept on disk. Must not know: other runs, averages.
"""

import contextlib
import hashlib
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache as once
from functools import lru_cache
from pathlib import Path
from typing import Any

from ops_center.collecting import no_collection
from ops_center.files import write_whole
from ops_center.judge import DEFAULT_INTERVAL_MS
from ops_center.promql.options import Options
from ops_center.rules.files import RuleFile, load_files
from ops_center.rules.group import Phase, Settings
from ops_center.rules.replay import Replayed, replay
from ops_center.series import SeriesStore
from ops_center.series_writer import DOUBTED
from scenarios import runs
from scenarios.claims import Claim
from scenarios.naming import Naming
from scenarios.rulebench.causes import Causes
from scenarios.rulebench.matching import FLOOD_MS, Matching, flood_ms, peak_10_min
from scenarios.rulebench.recording import Recording, at_seed, copies_of, key_of, kinds_read, recording
from scenarios.rulebench.sight import Seen, seen_by, sights
from scenarios.setup import Setup, prepare
from sensors.kinds import load_kinds
from sensors.registry import city_shape
from simulator.city import City
from simulator.distributions import Distribution, Uniform
from simulator.streams import Streams

Plain = dict[str, Any]
PHASE = Distribution(
    "rulebench.phase.{group}",
    Uniform(0.0, 1.0),
    "of the group's interval",
    "When, within its interval, a rule group is evaluated in a run that is scored.",
    "Prometheus evaluates each group at an offset inside its interval that a hash of its name decides: any is alike",
)
KEPT_TALLIES = 5_000


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rule files as (name, text), what their alerts claim, and the window semantics."""

    files: tuple[tuple[str, str], ...]
    claims: Mapping[str, Claim]
    semantics: str = "3.x"

    def loaded(self) -> list[RuleFile]:
        """The files parsed. Raises RuleFilesError."""
        return load_files(dict(self.files))

    def alerts(self) -> set[str]:
        """The names of the alerts."""
        return {rule.alert for file in self.loaded() for group in file.groups for rule in group.rules if rule.alert}


@dataclass(frozen=True, slots=True)
class Job:
    """A run to be scored: a scenario at a seed, and one or several rule sets that are tried on it."""

    scenario: str
    seed: int
    rules: tuple[RuleSet, ...]
    city: str | None = None
    kinds_dirs: tuple[Path, ...] = ()
    mapping: Path | None = None
    cache: Path | None = None


@lru_cache(maxsize=4)
def setup_of(scenario: str, city: str | None, kinds_dirs: tuple[Path, ...], mapping: Path | None, cache: Path | None) -> Setup:
    """Return the setup of a scenario, kept: the runs of one process share it. Raises as `setup.prepare`."""
    return prepare(scenario, city=city, kinds_dirs=kinds_dirs, mapping=mapping, cache=cache)


def recorded(job: Job) -> Recording:
    """Return the recording of a job."""
    setup = _setup(job)
    files = [file for rules in job.rules for file in rules.loaded()]
    return recording(setup, kinds_of(files, setup), None if job.cache is None else job.cache / "recordings")


def _setup(job: Job) -> Setup:
    return at_seed(setup_of(job.scenario, job.city, job.kinds_dirs, job.mapping, job.cache), job.seed)


def tallies(job: Job) -> list[Plain]:
    """Return the tally of each rule set of a job, from the cache where it has them. The city is simulated at most once."""
    with no_collection():  # labels by the hundred thousand stay from run to run: walking them was a tenth of the time
        return _tallies(job)


def _tallies(job: Job) -> list[Plain]:
    setup = _setup(job)
    loaded = [rules.loaded() for rules in job.rules]
    kinds = kinds_of([file for files in loaded for file in files], setup)
    kept = [_path(job, rules, key_of(setup, kinds)) for rules in job.rules]
    found = [_read(path) for path in kept]
    if all(tally is not None for tally in found):
        return [tally for tally in found if tally is not None]
    made = recording(setup, kinds, None if job.cache is None else job.cache / "recordings")
    for number, (rules, files) in enumerate(zip(job.rules, loaded, strict=True)):
        if found[number] is None:
            found[number] = tally = tally_of(made, files, rules)
            _keep(kept[number], tally)
    return [tally for tally in found if tally is not None]


def kinds_of(files: Sequence[RuleFile], setup: Setup) -> tuple[str, ...]:
    """Return the kinds that have to be simulated: those that are read, under their own names or those of a mapping."""
    own = {kind.name for kind in setup.kinds} - {kind.name for kind in load_kinds([])} if setup.kind_files else set()
    return kinds_read(files, setup.kinds, own, copies_of(setup) if setup.mapping else {})


# -- one tally


def phase_of(seed: int) -> Phase:
    """Return how far into its interval each group is evaluated at a seed.

    By the group's name alone: the rules of today and those of tomorrow, in a file of another name, are compared at the same.
    """
    streams = Streams(seed)

    def phase(_file: str, group: str, interval_ms: int) -> int:
        return int(streams.draw(PHASE, group, tick=0, n=1)[0] * interval_ms)

    return phase


def settings_of(made: Recording, semantics: str = "3.x") -> Settings:
    """Return how rules run over a recording: on its axis of time, at the phases of its seed."""
    return Settings(made.epoch_ms, DEFAULT_INTERVAL_MS, phase=phase_of(made.seed), options=Options(compat=semantics))


def tally_of(made: Recording, files: Sequence[RuleFile], rules: RuleSet) -> Plain:
    """Return what rules did in one recorded run. Instants are ms since the run's start, the warm-up before T+0."""
    settings = settings_of(made, rules.semantics)
    replayed = _replayed(made, files, settings)
    counts = evaluations_of(files, settings, made.warm_up_ms, made.until_ms)
    seen = sights(_seen(made, files, rules), counts)
    matching = Matching(made, replayed.firings, rules.claims, seen)
    Causes(matching).explain()
    times = [one.fired_ms for one in matching.alarms]
    return {
        **_run(made, replayed),
        "alerts": {
            alert: {
                "claimed": alert in rules.claims, "sensors": sight.sensors, "decisions": sight.decisions,
                "places": None if sight.places is None else len(sight.places),
                "cases": [case.plain() for case in matching.cases.get(alert, ())],
            }
            for alert, sight in seen.items()
        },
        "alarms": [asdict(one) for one in matching.alarms],
        "incidents": _incidents(matching),
        "flood_ms": flood_ms(times, made.warm_up_ms, made.until_ms),
        "peak_10_min": peak_10_min(times),
    }  # fmt: skip


_LEARNT: deque[SeriesStore] = deque([SeriesStore()], maxlen=1)  # without a sample: only what was derived from labels


def _replayed(made: Recording, files: Sequence[RuleFile], settings: Settings) -> Replayed:
    """Replay rules over a recording; joins and groups of labels that the seed before had alike are not worked out again."""
    made.store.inherit(_LEARNT[0])
    replayed = replay(files, made.store, 0, made.until_ms, settings)
    learnt = SeriesStore()
    learnt.inherit(made.store)
    _LEARNT.append(learnt)
    return replayed


Sees = Mapping[str, Sequence[tuple[tuple[str, str], Seen]]]
_KNOWN: deque[tuple[City, RuleSet, tuple[tuple[str, int], ...], Sees]] = deque(maxlen=2)  # as many as are compared


def _seen(made: Recording, files: Sequence[RuleFile], rules: RuleSet) -> Sees:
    """What the alerts of rules read, kept for the next seed: a city's devices are the same at all of them."""
    sizes = tuple((name, len(metric)) for name, metric in made.store.metrics.items() if name != DOUBTED)
    for city, others, of, seen in _KNOWN:
        if city is made.city and of == sizes and others == rules:
            return seen
    static = [metric.name for metric in city_shape(made.city)]
    _KNOWN.append((made.city, rules, sizes, seen_by(files, made.store, static, rules.claims)))
    return _KNOWN[-1][3]


def _run(made: Recording, replayed: Replayed) -> Plain:
    return {
        "scenario": made.scenario, "seed": made.seed, "noise_seed": made.noise_seed, "city": made.city.id,
        "epoch_ms": made.epoch_ms, "warm_up_ms": made.warm_up_ms, "until_ms": made.until_ms, "kinds": list(made.kinds),
        "errors": dict(sorted(replayed.errors.items())),
    }  # fmt: skip


def _incidents(matching: Matching) -> list[Plain]:
    naming = Naming(matching.made.city)
    injected = {row["event_id"]: row for row in matching.made.injected}
    rows = []
    for event, case, by in matching.together():
        place, row = event["place"], injected.get(event["event_id"])
        rows.append({
            "event_id": event["event_id"], "kind": event["kind"], "place": place, "start_ms": event["start_ms"],
            "end_ms": event["end_ms"], "name": naming.of(place["kind"], place["id"]), "by": by,
            "inject": row["id"] if row else None, "title": row["title"] if row else None, **case.plain(),
        })  # fmt: skip
    return rows


def evaluations_of(files: Iterable[RuleFile], settings: Settings, first_ms: int, last_ms: int) -> dict[tuple[str, str], int]:
    """Return how often each group is evaluated in [first, last]."""
    found = {}
    for group in (group for file in files for group in file.groups):
        interval_ms = group.interval_ms or settings.default_interval_ms
        phase_ms = settings.phase(group.file, group.name, interval_ms) % interval_ms
        found[group.file, group.name] = (last_ms - phase_ms) // interval_ms - (first_ms - 1 - phase_ms) // interval_ms
    return found


# -- tallies on disk


def _path(job: Job, rules: RuleSet, recorded: str) -> Path | None:
    if job.cache is None:
        return None
    claims = {name: repr(claim) for name, claim in sorted(rules.claims.items())}
    text = json.dumps([recorded, rules.files, claims, rules.semantics, FLOOD_MS, _sources()])
    return job.cache / "tallies" / f"{hashlib.blake2b(text.encode(), digest_size=20).hexdigest()}.json"


@once
def _sources() -> str:
    """A hash of the sources that a tally goes through beside those of a recording."""
    found = hashlib.blake2b(digest_size=16)
    here = Path(__file__).parent
    center = here.parent.parent / "ops_center"
    files = [*here.glob("*.py"), *(center / "promql").glob("*"), *(center / "rules").glob("*.py")]
    for path in sorted(path for path in files if path.is_file()):
        found.update(path.read_bytes())
    return found.hexdigest() + runs.release()


def _read(path: Path | None) -> Plain | None:
    """A kept tally; None where there is none, or a damaged one."""
    if path is not None:
        with contextlib.suppress(OSError, ValueError):
            data = json.loads(path.read_bytes())
            if isinstance(data, dict) and "alarms" in data:
                return data
    return None


def _keep(path: Path | None, tally: Plain) -> None:
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(tally, ensure_ascii=False).encode())
        kept = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
        for old in kept[:-KEPT_TALLIES]:
            old.unlink(missing_ok=True)
