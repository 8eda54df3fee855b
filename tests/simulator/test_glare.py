"""A low sun in the picture: where it stands, what it spoils, what it is taken for."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from sensors.domains.camera import KIND
from simulator import sun
from simulator.glare import BESIDE_DEG, LOST, MORE_CAUSES, glare
from simulator.security import NUISANCE_RATE
from simulator.world import World
from tests.simulator.conftest import MakeWorld

LON, LAT = 106.688, 20.845


def azimuth(local: str) -> float:
    """Return where the sun stands in Hải Phòng."""
    utc_s = np.array([datetime.fromisoformat(f"{local}+07:00").timestamp()])
    return float(sun.azimuth_deg(utc_s, LON, LAT)[0])


def test_the_sun_rises_in_the_east_and_stands_in_the_south() -> None:
    """At an equinox it rises at 90 degrees; at a solstice cos A = sin 23.44 / cos 20.845, so A = 64.8 and, in December, it sets
    at 180 + 64.8. In December it passes the south at noon, in June the north: the place lies south of the tropic.
    """
    assert azimuth("2026-03-20T06:02:00") == pytest.approx(90.0, abs=1.0)
    assert azimuth("2026-06-21T05:16:00") == pytest.approx(64.8, abs=0.6)
    assert azimuth("2026-12-22T17:14:00") == pytest.approx(244.8, abs=0.6)
    assert azimuth("2026-12-22T11:52:00") == pytest.approx(180.0, abs=1.0)
    assert min(azimuth("2026-06-21T11:55:00"), 360.0 - azimuth("2026-06-21T11:55:00")) < 25.0


def test_glare_fades_with_the_angle_and_the_height() -> None:
    """All of it with the sun on the horizon in the middle of the picture; half at half the angle; across north too; none at
    night, with a high sun, or from behind.
    """
    looks = np.array([270.0, 270.0 + BESIDE_DEG / 2, 270.0 - BESIDE_DEG, 90.0])
    assert glare(looks, 0.0, 270.0) == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert glare(looks, 12.5, 270.0) == pytest.approx([0.5, 0.25, 0.0, 0.0])
    assert glare(np.array([359.0, 1.0]), 0.0, 0.0) == pytest.approx([1.0 - 1.0 / BESIDE_DEG] * 2)
    assert not glare(looks, -0.1, 270.0).any() and not glare(looks, 30.0, 270.0).any()


EVENING = "2026-03-10T17:45:00"  # the sun is five degrees high in the west


def facing(world: World, towards: float) -> float:
    """Turn all cameras to the sun (0) or away from it (180); return how much their pictures are spoilt."""
    utc_s = np.array([world.utc_s(0)])
    world.security.heading_deg[:] = (float(sun.azimuth_deg(utc_s, world.city.lon, world.city.lat)[0]) + towards) % 360.0
    return float(world.security.glare(0)[0])


def likeness(world: World) -> float:
    """Return what cameras make of an intruder before one of them."""
    camera = world.city.devices.kind.index("camera")
    world.inject("intrusion", {"device": world.city.devices.id[camera]}, 0)
    sites = KIND.place(world)
    assert KIND.prepare is not None
    return float(np.max(KIND.measure(world, sites, KIND.prepare(world, sites), 0)["confidence"]))


def test_an_intruder_is_lost_in_the_glare(make_world: MakeWorld) -> None:
    """Who looks into the sun makes out the less of an intruder, by the stated share; who looks away sees as ever. Rain takes the
    glare away with the sun.
    """
    towards, away, wet = (make_world(EVENING, ordinary_life=False) for _ in range(3))
    spoilt = facing(towards, 0.0)
    assert 0.5 < spoilt < 0.9 and facing(away, 180.0) == 0.0
    assert likeness(towards) == pytest.approx(likeness(away) * (1.0 - LOST * spoilt))
    wet.weather.change("rain", 0)
    assert facing(wet, 0.0) == pytest.approx(spoilt * wet.weather.factors.daylight)


@pytest.mark.slow
def test_more_is_taken_for_something_against_the_sun(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the sun, harmless causes come 1 + 4 g times as often, and most of them are the glare itself."""
    monkeypatch.setattr("simulator.security.NUISANCE_RATE", replace(NUISANCE_RATE, law=replace(NUISANCE_RATE.law, rate=60.0)))
    seen: dict[float, list[str]] = {}
    spoilt = {}
    for towards in (0.0, 180.0):
        seen[towards] = []
        for seed in range(12):
            world = make_world(EVENING, seed=seed, ordinary_life=True)
            spoilt[towards] = facing(world, towards)
            world.run_until(600_000)
            seen[towards] += [e.attributes["cause"] for e in world.truth.events() if e.kind == "nuisance"]
    expected = len(seen[180.0]) * (1.0 + MORE_CAUSES * spoilt[0.0] * 1.15)  # the sun sinks on: glare grows in the ten minutes
    assert len(seen[0.0]) == pytest.approx(expected, rel=0.25)
    assert "glare" not in seen[180.0] and set(seen[0.0]) == {"glare"}
