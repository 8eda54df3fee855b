"""A recording holds what a run's center saw: rules replayed over it raise what the run raised, and kinds apart do not matter."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops_center import keyframes, series_archive
from ops_center.events import AlertChange
from ops_center.judge import DEFAULT_INTERVAL_MS
from ops_center.label_sets import NAME, Labels, Matcher
from ops_center.pipeline import Center, CenterConfig
from ops_center.rules.files import RuleFile, load_files, load_text
from ops_center.rules.group import Settings
from ops_center.rules.replay import replay
from ops_center.series import SeriesStore
from scenarios.city_side import CitySide
from scenarios.rule_paths import PACK
from scenarios.rulebench import recording as bench
from scenarios.rulebench.recording import Recording, at_seed, key_of, kinds_read, record, recording
from scenarios.rulebench.tally import kinds_of
from scenarios.runner import run_headless
from scenarios.setup import Setup, prepare
from sensors.messages import encode_frame

SCENARIO = Path(__file__).parent / "small_troubles.yaml"


@pytest.fixture(scope="module")
def setup() -> Setup:
    return prepare(SCENARIO)


@pytest.fixture(scope="module")
def whole(setup: Setup) -> Recording:
    return record(setup)


def files_of(setup: Setup) -> list[RuleFile]:
    return load_files({file.name: file.text for file in setup.rule_files()})


def samples(store: SeriesStore, metric: str) -> dict[Labels, list[tuple[int, float, int]]]:
    """Every sample of a metric by its labels, with the instant at which it was received."""
    found: dict[Labels, list[tuple[int, float, int]]] = {}
    held = store.metrics[metric]
    for block, labels in zip(held.blocks, held.labels, strict=True):
        for column, one in enumerate(labels):
            data = block.samples(-(1 << 60), np.array([column], dtype=np.intp))
            found[one] = _flat(data)
    return found


def _flat(data: dict[str, Any]) -> list[tuple[int, float, int]]:
    times, values = np.asarray(data["times"]), np.asarray(data["values"])
    if "counts" in data:
        return list(zip(times.tolist(), values.tolist(), np.asarray(data["received"]).tolist(), strict=True))
    mixed = {at_ms: int(received[0]) for at_ms, received in data["mixed"]}
    rows = zip(
        times.tolist(), values[:, 0].tolist(), np.asarray(data["received"]).tolist(), data["valid"][:, 0].tolist(), strict=True
    )
    return [(t, v, mixed.get(t, received)) for t, v, received, valid in rows if valid]


def firings(made: Recording, files: list[RuleFile]) -> list[tuple[Any, ...]]:
    settings = Settings(made.epoch_ms, DEFAULT_INTERVAL_MS)
    found = replay(files, made.store, 0, made.until_ms, settings)
    assert found.errors == {}
    return sorted((f.rule, sorted(f.labels.items()), f.fired_at_ms, f.ended_at_ms or -1) for f in found.firings)


@pytest.mark.slow
def test_rules_replayed_over_a_recording_raise_what_the_run_raised(setup: Setup, whole: Recording) -> None:
    """The firings of the pack over a recording are those of the run: the same alerts at the same instants."""
    online: list[tuple[str, str, int]] = []

    def watch(changes: Any) -> None:
        online.extend(
            (c.alert["name"], c.fingerprint, c.now_ms)
            for c in changes
            if isinstance(c, AlertChange) and c.after == "firing" and c.before != "firing"
        )

    run_headless(setup, watch=watch)
    found = replay(files_of(setup), whole.store, 0, whole.until_ms, Settings(whole.epoch_ms, DEFAULT_INTERVAL_MS))
    assert sorted((f.rule, f.fingerprint, f.fired_at_ms) for f in found.firings) == sorted(online)
    assert len({rule for rule, _, _ in online}) >= 3, "the scenario makes too little happen to prove anything"


@pytest.mark.slow
def test_a_recording_knows_what_was_true(setup: Setup, whole: Recording) -> None:
    """The truth, what was injected, the warm-up and the end are those of the run, on the axis of the store."""
    run = run_headless(setup).run
    assert list(whole.truth) == run.city.truth() and list(whole.injected) == run.city.fired
    assert whole.injected[1]["id"] == "outage" and whole.injected[1]["now_ms"] == 4 * 60_000
    assert (whole.warm_up_ms, whole.until_ms) == (120_000, setup.scenario.total_ms)
    assert whole.epoch_ms == round(setup.start_at.timestamp() * 1_000)


def test_every_sample_is_the_one_that_the_center_of_a_run_has(setup: Setup, whole: Recording) -> None:
    """Series by series, values and the instants at which they were received: late, lost, doubled and skewed readings too.

    The center takes the encoded frames one by one; a recording takes the messages as they are and writes many at once.
    """
    center = Center(CenterConfig(series_only=True))
    center.judge.keep_everything()

    def take(frame: bytes) -> None:
        center.step(frame)

    side = CitySide(setup, take)
    take(encode_frame(side.hello("a run")))
    side.begin()
    side.run_until(setup.scenario.total_ms)
    assert center.counters.bad == {} and center.now_ms == whole.until_ms
    assert set(whole.store.metrics) == set(center.judge.store.metrics)
    for metric in whole.store.metrics:
        assert samples(whole.store, metric) == samples(center.judge.store, metric), metric


def test_nothing_is_forgotten_and_nothing_packed(whole: Recording) -> None:
    """The first sample of the warm-up is there at the end, and static series were written each minute."""
    road = samples(whole.store, "traffic_speed_kmh")
    assert all(rows[0][0] < 60_000 and rows[-1][0] > whole.until_ms - 60_000 for rows in road.values())
    static = samples(whole.store, "road_adjacent")
    assert all([t for t, _, _ in rows][:2] == [1_000, 60_000] for rows in static.values())
    assert not any(getattr(b, "sealed", []) for m in whole.store.metrics.values() for b in m.blocks)


@pytest.mark.parametrize("kinds", [("loop_detector",), ("camera", "signal_controller"), ("feeder_meter", "loop_detector")])
def test_a_kind_left_out_changes_no_reading_of_another(setup: Setup, whole: Recording, kinds: tuple[str, ...]) -> None:
    """Every sample of the kinds that stay is the same, received at the same instant; so is the truth."""
    some = record(setup, kinds)
    assert some.kinds == tuple(kind.name for kind in setup.kinds if kind.name in kinds)
    assert some.truth == whole.truth and some.until_ms == whole.until_ms
    read = {q.metric for kind in setup.kinds if kind.name in kinds for q in kind.quantities} | {"road_adjacent", "feeder_info"}
    for metric in read:
        assert samples(some.store, metric) == samples(whole.store, metric), metric
    for metric in ("sensor_up", "sensor_info"):
        mine = {one: rows for one, rows in samples(whole.store, metric).items() if dict(one)["kind"] in kinds}
        assert samples(some.store, metric) == mine
    others = {q.metric for kind in setup.kinds if kind.name not in kinds for q in kind.quantities} - read
    assert not others & set(some.store.metrics)


@pytest.mark.parametrize("name", ["traffic.yml", "lighting.yml", "security.yml"])
def test_rules_fire_alike_over_the_kinds_that_they_read(setup: Setup, whole: Recording, name: str) -> None:
    """The firings over a recording of the kinds that a file reads are those over a recording of all kinds."""
    files = [load_text((PACK / name).read_text(), name)]
    kinds = kinds_read(files, setup.kinds)
    assert 0 < len(kinds) < len(setup.kinds)
    assert firings(record(setup, kinds), files) == firings(whole, files)


def test_the_kinds_that_rules_read(setup: Setup) -> None:
    """By metric, by a pattern of metrics, by the label `kind` of series that all kinds have; a template may read anything."""

    def read(expr: str, labels: str = "") -> tuple[str, ...]:
        text = f"groups: [{{name: g, rules: [{{alert: A, expr: '{expr}'{labels}}}]}}]"
        return kinds_read([load_text(text, "a.yml")], setup.kinds)

    every = tuple(kind.name for kind in setup.kinds)
    assert read("avg(traffic_speed_kmh) < 5") == ("loop_detector",)
    assert read('rate({__name__=~"traffic_.*_total"}[5m]) > 1') == ("loop_detector",)
    assert read('sensor_up{kind="camera"} == 0') == ("camera",)
    assert read('sensor_info{kind=~"camera|door"} unless sensor_up{kind="door"}') == ("camera", "door")
    assert read("absent(sensor_up)") == every and read('{device_id="x"} > 1') == every
    assert read("count(my_own_series) > 3") == () and read("vector(1)") == ()
    assert read("tide_level_metres > 4", ", labels: {level: '{{ query \"up\" | first | value }}'}") == every
    assert kinds_read([load_text("groups: []", "a.yml")], setup.kinds, own=["camera"]) == ("camera",)


@pytest.mark.slow
def test_the_kinds_that_rules_read_behind_a_mapping(tmp_path: Path) -> None:
    """By the names and labels that a mapping gives their series, those of which devices there are and which report too."""
    names = tmp_path / "names.yml"
    names.write_text("""
metric_relabel_configs:
- {source_labels: [__name__], regex: traffic_speed_kmh, target_label: __name__, replacement: vds_speed}
- {source_labels: [__name__], regex: sensor_(up|info), target_label: __name__, replacement: own_$1}
- {source_labels: [__name__], regex: vds_speed|own_.*, action: keep}
- {source_labels: [kind], target_label: job}
- {regex: kind, action: labeldrop}
""")
    setup = prepare(SCENARIO, mapping=names)

    def read(expr: str) -> tuple[str, ...]:
        return kinds_of([load_text(f"groups: [{{name: g, rules: [{{alert: A, expr: '{expr}'}}]}}]", "a.yml")], setup)

    assert read("avg(vds_speed) < 5") == read("avg(traffic_speed_kmh) < 5") == ("loop_detector",)
    assert read('own_up{job="camera"} == 0') == ("camera",)
    assert read('own_info{job=~"door|camera"} unless vds_speed') == tuple(
        kind.name for kind in setup.kinds if kind.name in ("camera", "door", "loop_detector")
    )
    assert read('own_up{kind="camera"} == 0') == (), "the mapped series have no such label"
    assert read("count(own_up) < 3") == tuple(kind.name for kind in setup.kinds)


def test_a_kept_recording_is_the_one_that_was_made(setup: Setup, whole: Recording, tmp_path: Path) -> None:
    """What is read from disk has the same samples, labels, truth and firings; nothing is simulated for it."""
    made = recording(setup, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    kept = recording(setup, cache=tmp_path)
    assert kept.store is not made.store and set(kept.store.metrics) == set(whole.store.metrics)
    for metric in whole.store.metrics:
        assert samples(kept.store, metric) == samples(whole.store, metric), metric
    assert (kept.truth, kept.injected, kept.kinds, kept.epoch_ms) == (whole.truth, whole.injected, whole.kinds, whole.epoch_ms)
    assert firings(kept, files_of(setup)) == firings(whole, files_of(setup))


@pytest.mark.slow
def test_a_kept_recording_is_used(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for again, nothing is recorded; of another seed, other kinds or a damaged file, it is."""
    asked: list[int] = []

    def counted(setup: Setup, kinds: Any = None) -> Recording:
        asked.append(setup.seed)
        return record(setup, kinds)

    monkeypatch.setattr(bench, "record", counted)
    few = ("tide_gauge",)
    recording(setup, few, tmp_path)
    recording(setup, few, tmp_path)
    assert asked == [7]
    recording(at_seed(setup, 8), few, tmp_path)
    recording(setup, ("tide_gauge", "door"), tmp_path)
    assert asked == [7, 8, 7]
    path = tmp_path / f"{key_of(setup, few)}{bench.SUFFIX}"
    path.write_bytes(path.read_bytes()[:-40])
    assert recording(setup, few, tmp_path).truth and asked == [7, 8, 7, 7]
    path.write_bytes(keyframes.encode({"store": 3}))
    assert recording(setup, few, tmp_path).truth and asked == [7, 8, 7, 7, 7]


def test_a_cache_keeps_the_newest(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache does not grow for ever."""
    monkeypatch.setattr(bench, "KEPT_RECORDINGS", 2)
    for seed in (1, 2, 3):
        recording(at_seed(setup, seed), ("tide_gauge",), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_key_follows_from_all_that_matters(setup: Setup) -> None:
    """Seed, noise seed and kinds each make another recording; the order in which kinds are named does not."""
    keys = [key_of(setup), key_of(at_seed(setup, 8)), key_of(at_seed(setup, 7, 1)), key_of(setup, ["door"])]
    assert len(set(keys)) == 4 and key_of(setup, ["camera", "door"]) == key_of(setup, ["door", "camera"])


def test_another_seed_draws_variants_and_jitter_anew(setup: Setup) -> None:
    """The crash comes at another instant; with its own seed the scenario is as it was."""
    assert at_seed(setup, 7).scenario == setup.scenario
    assert at_seed(setup, 8).scenario.timeline[0].at != setup.scenario.timeline[0].at
    assert at_seed(setup, 8).noise_seed == prepare(SCENARIO, seed=8).noise_seed


def test_an_archive_holds_series_with_times_of_their_own_and_stale_markers() -> None:
    """Series in rows and events, gaps, late samples and stale markers come back; what is no archive is refused."""
    store = SeriesStore()
    rows = store.family("speed", [{"d": "a"}, {"d": "b"}], 15_000, "gauge", "km/h", "How fast.")
    for at_ms in (0, 15_000, 30_000):
        rows.append(at_ms, at_ms + 500, np.array([1.0, at_ms]), valid=np.array([at_ms != 15_000, True]))
    rows.append(15_000, 40_000, np.array([7.0]), slots=np.array([0]))
    rows.append(45_000, 45_000, 0.0, slots=np.array([1]), stale=True)
    store.append_sample("door", {"d": "x"}, 3, 1.5)
    store.append_sample("door", {"d": "x"}, 9, 2.5, 20)
    store.mark_stale("door", {"d": "x"}, 12)
    back = series_archive.unpack(keyframes.decode(keyframes.encode(series_archive.pack(store))))
    assert back.metadata() == store.metadata()
    for metric in ("speed", "door"):
        assert samples(back, metric) == samples(store, metric)
        mine, theirs = (s.select((Matcher(NAME, "=", metric),)) for s in (back, store))
        assert mine.labels.sets == theirs.labels.sets
        for at_ms in (10, 16_000, 41_000, 46_000):
            for (a, ca, _), (b, cb, _) in zip(mine.parts, theirs.parts, strict=True):
                for x, y in zip(a.latest(at_ms, -1, ca, at_ms), b.latest(at_ms, -1, cb, at_ms), strict=True):
                    assert np.array_equal(x if x is not None else 1, y if y is not None else 1)
    with pytest.raises(ValueError, match="version 0; expected 1"):
        series_archive.unpack({"version": 0})
