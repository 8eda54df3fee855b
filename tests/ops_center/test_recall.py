"""A center recalled from a small keyframe and its run folder is the center that was: same series, same future."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_center import keyframes, recall, series_state
from ops_center.event_block import Block
from ops_center.pipeline import Center, CenterConfig
from ops_center.run import Run
from ops_center.sealed_rows import LaterRows
from tests.ops_center.small_city import RULES, SmallCity, config, opening

RECORDING = """
  - name: recorded
    interval: 5s
    rules:
      - record: lamps:lit:count
        expr: count(lamp_level_ratio > 0.5) or vector(0)
      - record: lamps:lit:most
        expr: max_over_time(lamps:lit:count[1m])
"""


def short_config() -> CenterConfig:
    """Rules that record, and a memory of 100 s, so that a run of 200 s has forgotten half of itself."""
    return dataclasses.replace(config(RULES.rstrip() + RECORDING), retention_ms=100_000)


def wire() -> list[bytes]:
    """A blackout of a feeder, with a batch that comes late and twice."""
    city = SmallCity()
    frames = city.until(60_000)
    city.lose_feeder(0)
    frames += city.until(120_000)
    frames += 2 * [city.batch("loop", {"speed": [111, 222]}, 61_000, 60_000)]
    return frames + city.until(200_000)


def state_of(center: Center) -> bytes:
    """Everything that a center is, as bytes; samples that it has forgotten but not yet dropped are none of it."""
    store = center.judge.store
    store.forget(store.floor_ms)
    state = center.snapshot()
    families = center.families()
    rows = {
        f"{item['metric']} {item['block']}": answers(store.metrics[item["metric"]].blocks[item["block"]])
        for item in series_state.recorded(store, {}, -1)
    }
    layout = series_state.snapshot(store, families, samples=False)
    return keyframes.encode({**state, "series": layout, "rows": rows})


def answers(block: Block) -> list[list[object]]:
    """The samples of each series of a block that can still be asked for."""
    window = block.window(-1, 1 << 50, slice(None), None)
    if window is None:
        return []
    valid = np.ones(window.values.shape, dtype=np.bool_) if window.valid is None else window.valid
    times = np.broadcast_to(window.times[:, None] if window.times.ndim == 1 else window.times, valid.shape)
    return [[times[valid[:, c], c], window.values[valid[:, c], c]] for c in range(valid.shape[1])]


def barriers(frames: list[bytes]) -> list[int]:
    return [i for i, frame in enumerate(frames) if b"barrier" in frame[:20]]


@pytest.mark.slow
@given(st.sets(st.integers(1, 190), min_size=1, max_size=4))
@settings(max_examples=10)
def test_a_recalled_center_is_the_center_that_was(tmp_path_factory: pytest.TempPathFactory, cuts: set[int]) -> None:
    """Keyframes at any barriers: the newest, with the recorded stream, gives state, series and future of the one that went on."""
    folder, frames = tmp_path_factory.mktemp("run"), wire()
    ends = barriers(frames)
    run = Run(folder, short_config(), keyframes=False)
    for frame in opening():
        run.step(frame)
    begin = 0
    for cut in sorted(cuts):
        for frame in frames[begin : ends[cut] + 1]:
            run.step(frame)
        begin = ends[cut] + 1
        run.keyframe().result()
    recalled = recall.newest(folder, run.config, 1 << 40)
    assert recalled is not None and recalled.now_ms == run.center.now_ms
    assert state_of(recalled) == state_of(run.center)
    for frame in frames[begin:]:
        assert recalled.step(frame) == run.step(frame)
    assert state_of(recalled) == state_of(run.center)
    run.close()


@pytest.mark.slow
def test_what_nobody_reaches_waits_and_is_there_all_the_same(tmp_path: Path) -> None:
    """Of a memory longer than the rules reach, old rows are made when they are read: state, answers and future are the same."""
    city = SmallCity()
    frames = city.until(400_000)
    city.lose_feeder(0)
    frames += city.until(900_000)
    run = Run(tmp_path, config(RULES.rstrip() + RECORDING), keyframes=False)
    for frame in [*opening(), *frames]:
        run.step(frame)
    run.keyframe().result()
    recalled = recall.newest(tmp_path, run.config, 1 << 40)
    assert recalled is not None
    blocks = [block for metric in recalled.judge.store.metrics.values() for block in metric.row_blocks.values()]
    waiting = [rows for block in blocks for rows in block.sealed if isinstance(rows, LaterRows)]
    assert sum(len(rows.times) * rows.columns for rows in waiting) > 100
    assert state_of(recalled) == state_of(run.center)
    assert [rows for block in blocks for rows in block.sealed if isinstance(rows, LaterRows)] == waiting
    for frame in city.until(1_300_000):
        assert recalled.step(frame) == run.step(frame)
    assert state_of(recalled) == state_of(run.center)
    assert not any(isinstance(rows, LaterRows) for block in blocks for rows in block.sealed)
    run.close()


def test_without_what_rules_recorded_an_older_keyframe_serves(tmp_path: Path) -> None:
    """A keyframe whose recorded samples are missing is passed over, and the run comes back to the same digests all the same."""
    frames = wire()
    ends = barriers(frames)
    run = Run(tmp_path, short_config(), keyframes=False)
    for frame in opening():
        run.step(frame)
    for cut, begin in ((50, 0), (100, 51), (150, 101)):
        for frame in frames[ends[begin - 1] + 1 if begin else 0 : ends[cut] + 1]:
            run.step(frame)
        run.keyframe().result()
    digests, now_ms = run.center.digests(), run.center.now_ms
    run.close()
    sorted((tmp_path / "keyframes").glob("*.samples"))[1].unlink()
    again = Run(tmp_path, short_config())
    assert again.recovery.keyframe_ms < 100_000 and (again.center.now_ms, again.center.digests()) == (now_ms, digests)
    again.close()


def test_a_keyframe_of_another_registry_is_refused() -> None:
    """A state names the registry and layers that belong to it; with others it is not restored."""
    center = Center(config())
    for frame in [*opening(), *SmallCity().until(5_000)]:
        center.step(frame)
    with pytest.raises(ValueError, match="registry 1 and layers 1; found are"):
        Center.restore(config(), center.snapshot(), opening()[:2])


def test_a_keyframe_holds_no_readings() -> None:
    """What the recorded stream has is not in a keyframe: it stays small however long the run is."""
    sizes = []
    for until_ms in (100_000, 1_900_000):
        center = Center(config())
        for frame in [*opening(), *SmallCity().until(until_ms)]:
            center.step(frame)
        sizes.append(len(keyframes.encode(center.snapshot(samples=False))))
    assert sizes[1] < sizes[0] + 500
