"""One scenario at one seed, simulated once without rules: every series, and the truth behind it.

Lives here: recording a setup, which kinds rules read, recordings kept on disk. Must not know: what rules make of them.
The city and the center are those of a run, frame by frame; only nobody judges. Streams of chance are keyed by kind, so a kind
that is left out changes no reading of another: what is not read need not be simulated.
"""

import contextlib
import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache as once
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ops_center import keyframes, series_archive
from ops_center.files import write_whole
from ops_center.label_sets import NAME, Labels, Matcher, matching, test_of, value_of
from ops_center.opening import BadRegistry, epoch_ms
from ops_center.promql.ast import Selector, walk
from ops_center.rules.files import RuleFile
from ops_center.series import SeriesLimit, SeriesStore
from ops_center.series_copies import Spread
from ops_center.series_only import Opened
from ops_center.series_writer import DOUBTED, INFO, UP
from scenarios import runs
from scenarios.city_side import CitySide
from scenarios.claims import PlaceNames
from scenarios.load import check_city, load
from scenarios.references import commands_of
from scenarios.rulebench.circumstances import EVERY_MS, Circumstances, Watch, of_plain
from scenarios.setup import NOISE_OFFSET, Setup
from sensors.kind import SensorKind
from sensors.messages import Hello
from simulator.city import City
from simulator.inject_catalogue import INJECTS

Plain = dict[str, Any]
KEPT_RECORDINGS = 200
SETTLE_MS = 15 * 60_000  # of batches so much waits to be written at once
SUFFIX = ".recording"
OF_ALL_KINDS = (UP, INFO, DOUBTED)
SOURCES = (
    "simulator/**/*.py",
    "sensors/**/*.py",
    "ops_center/*.py",
    "scenarios/*.py",
    "scenarios/rulebench/circumstances.py",
    "scenarios/rulebench/recording.py",
)


@dataclass(frozen=True, slots=True)
class Recording:
    """What a city reported and what was true. Instants are ms since the run's start, which is the store's zero.

    `store` holds every series of the kinds recorded, and the static ones; `epoch_ms` is the store's zero as Unix time.
    `truth` are the truth events as plain data, `injected` what timeline and triggers fired, with their `event_id`;
    `circumstances` is what else was so.
    """

    scenario: str
    seed: int
    noise_seed: int
    kinds: tuple[str, ...]
    store: SeriesStore
    epoch_ms: int
    warm_up_ms: int
    until_ms: int
    truth: tuple[Plain, ...]
    injected: tuple[Plain, ...]
    city: City
    places: PlaceNames
    circumstances: Circumstances


# -- which kinds are read


def kinds_read(
    files: Iterable[RuleFile],
    kinds: Sequence[SensorKind],
    own: Collection[str] = (),
    copies: Mapping[str, Sequence[Labels]] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Return the names of the kinds whose readings rules can see, in their order.

    Kinds named in `own` are always among them: what labels a kind of one's own gives its series is not known before it is
    placed. A template that queries may look anywhere. `copies` are the series that a mapping makes of each kind's.
    """
    rules = [rule for file in files for group in file.groups for rule in group.rules]
    if any("query" in text for rule in rules for _, text in rule.labels):
        return tuple(kind.name for kind in kinds)
    selectors = [node for rule in rules for node in walk(rule.expr) if isinstance(node, Selector)]
    seen = {kind.name for kind in kinds if kind.name in own or any(_sees(selector, kind) for selector in selectors)}
    asked = dict.fromkeys(tuple(_matchers(selector)) for selector in selectors)
    seen |= {kind for kind, sets in copies.items() if any(matching(sets, matchers) for matchers in asked)}
    return tuple(kind.name for kind in kinds if kind.name in seen)


def _sees(selector: Selector, kind: SensorKind) -> bool:
    metrics = [*(quantity.metric for quantity in kind.quantities), *OF_ALL_KINDS]
    tests = [(m.name, test_of(m)) for m in _matchers(selector) if m.name in (NAME, "kind")]
    if any(name == "kind" and not test(kind.name) for name, test in tests):
        return False
    return any(all(test(metric) for name, test in tests if name == NAME) for metric in metrics)


def _matchers(selector: Selector) -> list[Matcher]:
    named = [Matcher(NAME, "=", selector.metric)] if selector.metric else []
    return [*named, *selector.matchers]


_COPIES: deque[tuple[Setup, dict[str, list[Labels]]]] = deque(maxlen=2)


def copies_of(setup: Setup) -> dict[str, list[Labels]]:
    """Return the labels of the series that the setup's mapping makes of each kind's, kept for the next seed."""
    for known, found in _COPIES:
        if known.city is setup.city and (known.kinds, known.mapping) == (setup.kinds, setup.mapping):
            return found
    side = CitySide(setup, _nobody)
    writer = _opened(setup, side, side.hello("copies")).writer
    readings, up, _ = writer.parts()
    spreads = {kind.name: [*readings.get(kind.name, {}).values()] for kind in setup.kinds}
    found = {kind: [*_copied(spreads[kind]), *_copied([up[kind]] if kind in up else [])] for kind in spreads}
    for info in (spread for spread, _ in writer.statics if spread.family.metric == INFO):
        for copy in info.copies:
            for slot, labels in zip(copy.slots.tolist(), copy.family.labels, strict=True):
                found[value_of(info.family.labels[slot], "kind")].append(labels)
    _COPIES.append((setup, found))
    return found


def _copied(spreads: Iterable[Spread]) -> list[Labels]:
    return [labels for spread in spreads for copy in spread.copies for labels in copy.family.labels]


# -- recording


def at_seed(setup: Setup, seed: int, noise_seed: int | None = None) -> Setup:
    """Return the setup with another seed, its variants and jitter drawn anew. Raises BadFile when they do not fit the city."""
    loaded = load(setup.loaded.path, seed)
    check_city(loaded, setup.city, INJECTS, commands_of(setup.kinds))
    return replace(setup, loaded=loaded, seed=seed, noise_seed=seed + NOISE_OFFSET if noise_seed is None else noise_seed)


def record(setup: Setup, kinds: Collection[str] | None = None) -> Recording:
    """Simulate a setup from its warm-up to its end and return what was reported; `kinds`: only these, None for all.

    With a mapping, series are there under its names too.
    """
    chosen = tuple(kind for kind in setup.kinds if kinds is None or kind.name in kinds)
    side = CitySide(replace(setup, kinds=chosen), _nobody)
    hello = side.hello("recording")
    epoch = epoch_ms(hello.start_at)
    assert epoch is not None
    series = _opened(setup, side, hello).begin()
    side.fleet.heard = series.take
    watch, total_ms = Watch(side.world), setup.scenario.total_ms
    for at_ms in [*range(EVERY_MS, total_ms, EVERY_MS), total_ms]:
        side.run_until(at_ms)
        watch.take(at_ms)
        if at_ms % SETTLE_MS == 0:
            series.settle()
    series.settle()
    return Recording(
        setup.scenario.name, setup.seed, setup.noise_seed, tuple(kind.name for kind in chosen), series.store, epoch,
        setup.scenario.warm_up, series.now_ms, tuple(side.truth()), tuple(side.fired), setup.city, PlaceNames(setup.city),
        watch.seen(),
    )  # fmt: skip


def _nobody(_frame: bytes) -> None:
    """Nobody asks for frames."""


_OPENED: deque[tuple[City, str, Mapping[str, bytes], Opened]] = deque(maxlen=2)


def _opened(setup: Setup, side: CitySide, hello: Hello) -> Opened:
    """The city's series before their first reading, kept for the next seed: the registry is the same at all of them."""
    for city, digest, mapping, opened in _OPENED:
        if city is setup.city and digest == hello.registry_digest and mapping == setup.mapping:
            return opened
    try:
        made = Opened(hello, side.fleet.registry(), side.fleet.layers(), setup.series_mapping())
    except (BadRegistry, SeriesLimit) as error:
        raise runs.RunError(f"the center refuses the city {setup.city.id}: {error}") from error
    _OPENED.append((setup.city, hello.registry_digest, setup.mapping, made))
    return made


# -- recordings on disk


def recording(setup: Setup, kinds: Collection[str] | None = None, cache: Path | None = None) -> Recording:
    """Return the recording of a setup, from the cache folder if it holds one of just this; else record and keep it there.

    A damaged file is recorded anew. The oldest are removed once there are more than `KEPT_RECORDINGS`.
    """
    if cache is None:
        return record(setup, kinds)
    path = cache / f"{key_of(setup, kinds)}{SUFFIX}"
    with contextlib.suppress(OSError, keyframes.BadKeyframe, ValueError, KeyError, TypeError, IndexError):
        return _decoded(path.read_bytes(), setup)
    made = record(setup, kinds)
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        write_whole(path, _encoded(made))
        _thin(cache)
    return made


def key_of(setup: Setup, kinds: Collection[str] | None = None) -> str:
    """Return what a recording is kept under: a hash of everything that it follows from."""
    names = [kind.name for kind in setup.kinds if kinds is None or kind.name in kinds]
    files = [f"{name} {runs.sha256(data)}" for table in (setup.kind_files, setup.mapping) for name, data in sorted(table.items())]
    parts = [
        setup.scenario.name, setup.loaded.sha256, runs.sha256(setup.city_bytes), str(setup.seed), str(setup.noise_seed),
        *names, *files, runs.release(), _sources(),
    ]  # fmt: skip
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=20).hexdigest()


@once
def _sources() -> str:
    """Return a hash of the sources that a recording goes through: of others it may be another one."""
    found = hashlib.blake2b(digest_size=16)
    root = Path(__file__).parent.parent.parent
    for path in sorted(path for pattern in SOURCES for path in root.glob(pattern)):
        found.update(path.read_bytes())
    return found.hexdigest()


def _thin(cache: Path) -> None:
    kept = sorted(cache.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[:-KEPT_RECORDINGS]:
        path.unlink(missing_ok=True)


def _encoded(made: Recording) -> bytes:
    return keyframes.encode({
        "scenario": made.scenario, "seed": made.seed, "noise_seed": made.noise_seed, "kinds": list(made.kinds),
        "epoch_ms": made.epoch_ms, "warm_up_ms": made.warm_up_ms, "until_ms": made.until_ms, "truth": list(made.truth),
        "injected": list(made.injected), "circumstances": made.circumstances.plain(), "store": series_archive.pack(made.store),
    })  # fmt: skip


def _decoded(data: bytes, setup: Setup) -> Recording:
    state: Mapping[str, Any] = keyframes.decode(data)
    return Recording(
        state["scenario"], state["seed"], state["noise_seed"], tuple(state["kinds"]), series_archive.unpack(state["store"]),
        state["epoch_ms"], state["warm_up_ms"], state["until_ms"], tuple(state["truth"]), tuple(state["injected"]), setup.city,
        PlaceNames(setup.city), of_plain(state["circumstances"]),
    )  # fmt: skip
