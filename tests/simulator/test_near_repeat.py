"""Break-ins come back close by and soon, less so in light, and not where a patrol has been."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from simulator.near_repeat import LAG_S, MOST, NEAR_M, NEXT, follows
from simulator.streams import Streams
from simulator.truth import Place
from simulator.world import World

MakeWorld = Callable[..., World]
HOUR_MS = 3_600_000


def series_of(seed: int) -> list[float]:
    """The times [s] of one series in full darkness."""
    streams, times = Streams(seed), [0.0]
    while len(times) < 200:
        again, lag_s = follows(streams, NEXT, len(times))
        if not again:
            break
        times.append(times[-1] + lag_s)
    return times


def test_a_series_is_as_long_as_its_branching_ratio_says() -> None:
    """A series in which each has another with chance p is geometric: mean 1 / (1 - p) = 2.5, variance p / (1 - p)^2."""
    lengths = [len(series_of(seed)) for seed in range(2_000)]
    error = math.sqrt(NEXT / (1 - NEXT) ** 2 / len(lengths))
    assert abs(float(np.mean(lengths)) - 1 / (1 - NEXT)) < 3.3 * error


def test_near_repeats_are_many_times_what_chance_would_bring() -> None:
    """Knox ratio: of 50 series thrown over 30 days, pairs within half an hour are far more than of as many lone break-ins.

    n lone events in time T have n (n - 1) / 2 * 2 h / T pairs within h (h << T).
    """
    span_s, within_s = 30 * 86_400.0, 1_800.0
    starts = np.linspace(0.0, span_s, 50, endpoint=False)
    times = np.sort(np.concatenate([start + np.array(series_of(seed)) for seed, start in enumerate(starts)]))
    seen = sum(int((times[i + 1 :] - t < within_s).sum()) for i, t in enumerate(times))
    n = len(times)
    by_chance = n * (n - 1) / 2 * 2 * within_s / span_s
    assert seen > 3 * by_chance


def test_lags_are_exponential_about_their_mean() -> None:
    """Mean and standard deviation of an exponential are the same."""
    lags = np.array([follows(Streams(seed), NEXT, 1)[1] for seed in range(2_000)])
    assert abs(lags.mean() - LAG_S) < 3.3 * LAG_S / math.sqrt(len(lags))
    assert lags.std() == pytest.approx(LAG_S, rel=0.12)


@pytest.mark.slow
def test_the_next_one_is_close_by_and_true(make_world: MakeWorld) -> None:
    """In the dark, over several seeds, there are series; each further break-in is an intrusion in reach of the one before."""
    further = 0
    for seed in range(4):
        world = make_world("2026-03-10T23:00:00", seed=seed)
        for feeder in range(len(world.city.feeders.id)):
            world.power.trip_feeder(feeder, 0)
        world.inject("burglary_series", {"most": MOST}, 0)
        world.run_until(HOUR_MS)
        found = [e for e in world.truth.events() if e.kind == "intrusion"]
        assert len(found) == world.near_repeat.done
        spots = [world.spot(Place("device", e.attributes["device"])) for e in found]
        for a, b in pairwise(spots):
            away = world.places.distance_m(np.array([b.lon]), np.array([b.lat]), a.lon, a.lat)[0]
            assert away <= 2 * NEAR_M
            further += 1
    assert further >= 3


def test_a_patrol_ends_the_series_where_it_has_been(make_world: MakeWorld) -> None:
    """What was planned close to a patrol does not happen; a loaded world remembers the patrol."""
    world = make_world("2026-03-10T23:00:00")
    row = int(world.security.doors[0])
    devices = world.city.devices
    world.near_repeat.planned = [(60_000, row, 3)]
    world.scheduler.wake("near_repeat.step", 60_000)
    world.security.attend(world.spot(Place("device", devices.id[row])), 0, whole_zone=False)
    twin = make_world("2026-03-10T23:00:00")
    twin.restore(world.snapshot())
    for one in (world, twin):
        one.run_until(120_000)
        assert one.near_repeat.done == 0
        assert not one.near_repeat.deterred(devices.lon[row], devices.lat[row], 2 * HOUR_MS)
