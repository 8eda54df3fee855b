"""What a city says first: a registry in parts is the registry in one, and what cannot be used is said, not swallowed."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_center.label_sets import Matcher
from ops_center.opening import BadRegistry, RegistryParts
from ops_center.pipeline import Center
from ops_center.recorder import read_frames
from ops_center.run import Run
from ops_center.series import MAX_SERIES
from ops_center.series_writer import SeriesWriter
from sensors.messages import Registry, Welcome, decode_frame, encode_frame, tag_of
from sensors.registry import frames
from tests.ops_center.live_server import CityLink, Server
from tests.ops_center.small_city import SmallCity, config, hello, layers, opening, registry

DEVICES = sum(len(table.index) for table in registry().devices)


def parts(most: int, version: int = 1) -> list[bytes]:
    """The small city's registry, with a lamp and a loop removed, in frames of at most so many devices."""
    found = registry(version)
    found.devices[0].removed, found.devices[3].removed = [11], [0]
    return list(frames(found, most))


def center_of(registry_frames: Sequence[bytes]) -> Center:
    """A center that has seen a minute of the small city."""
    center = Center(config())
    for frame in [encode_frame(hello()), *registry_frames, encode_frame(layers()), *SmallCity().until(60_000)]:
        center.step(frame)
    return center


@given(st.integers(1, DEVICES + 1))
def test_parts_join_to_the_registry_that_was_cut(most: int) -> None:
    """However it is cut: no part is larger than allowed, and together they are the same tables."""
    cut = parts(most)
    headers = [decode_frame(frame)[0] for frame in cut]
    taking, whole = RegistryParts(), None
    for header, frame in zip(headers, cut, strict=True):
        assert isinstance(header, Registry) and whole is None
        assert sum(len(table.index) for table in header.devices) <= most
        whole = taking.take(header, frame)
    assert whole == decode_frame(parts(1_000)[0])[0]
    assert taking.frames == cut


def test_a_center_judges_a_registry_in_parts_as_one_in_a_frame() -> None:
    """Same devices, series, readings and judgement; the removed device has no `sensor_info` and no state."""
    one, many = center_of(parts(1_000)), center_of(parts(5))
    assert one.counters.bad == many.counters.bad == {}
    assert one.digests()["judgement"] == many.digests()["judgement"]
    assert one.devices is not None and many.devices is not None
    assert (one.devices.state(60_000) == many.devices.state(60_000)).all()
    assert [m.places.keys() for m in one.judge.store.metrics.values()] == [
        m.places.keys() for m in many.judge.store.metrics.values()
    ]
    gone = [index for index in np.flatnonzero(one.devices.state(60_000) == 8).tolist() if index in (11, 18)]
    assert gone == [11, 18]


def test_every_device_has_its_labels_as_a_series_of_its_own() -> None:
    """`sensor_info` is written for each device that is there, with the labels of its readings, unless the city writes it."""
    plain = registry()
    plain.static, plain.devices[0].removed = [], [11]
    center = center_of([encode_frame(plain)])
    found = center.judge.store.series((Matcher("__name__", "=", "sensor_info"),))
    assert len(found) == DEVICES - 1
    lamp = next(dict(one) for one in found if ("device_id", "lamp:0") in one)
    reading = next(one for one in center.judge.store.metrics["lamp_level_ratio"].places if ("device_id", "lamp:0") in one)
    assert lamp == dict(reading) | {"__name__": "sensor_info"}
    own = center_of([encode_frame(registry())]).judge.store.series((Matcher("__name__", "=", "sensor_info"),))
    assert ("zone", "z0") not in own[0] and len(own) == DEVICES


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ((0, 2), "came part 3 of 4 of version 1; expected part 2 of 4"),
        ((1,), "came part 2 of 4 of version 1; expected part 1 of 4"),
    ],
)
def test_parts_out_of_order_are_refused(order: tuple[int, ...], said: str) -> None:
    """A part that does not follow the one before is said, and nothing of its registry is used."""
    cut, center = parts(6), Center(config())
    center.step(encode_frame(hello()))
    for number in order:
        center.step(cut[number])
    assert said in center.refused and center.counters.bad == {"registry": 1} and center.registry is None
    for frame in (encode_frame(hello()), *cut, encode_frame(layers())):
        center.step(frame)
    assert not center.refused and center.city is not None and center.digests() == opened(cut).digests()


def opened(cut: Sequence[bytes]) -> Center:
    """A center that has only just been told of its city."""
    center = Center(config())
    for frame in (encode_frame(hello()), *cut, encode_frame(layers())):
        center.step(frame)
    return center


def test_a_registry_over_the_limit_is_refused_with_both_numbers() -> None:
    """In one frame or in parts, at the part that is too much."""
    for most in (1_000, 4):
        center = Center(dataclasses.replace(config(), max_devices=DEVICES - 1))
        center.step(encode_frame(hello()))
        with pytest.raises(BadRegistry) as error:
            for frame in parts(most):
                header = decode_frame(frame)[0]
                assert isinstance(header, Registry)
                center._parts.take(header, frame)
        for frame in parts(most):
            center.step(frame)
        assert f"{DEVICES} devices or more; this center takes at most {DEVICES - 1}" in str(error.value) == center.refused


def test_the_limit_of_series_follows_the_registry() -> None:
    """A center whose registry asks for many series has room for all of them and for what rules record besides."""
    center = center_of(parts(5))
    assert center.city is not None
    wanted = SeriesWriter.wanted(center.city)
    held = sum(len(metric.places) for metric in center.judge.store.metrics.values())
    assert held <= wanted < 2 * held and center.judge.store.max_series >= wanted + MAX_SERIES


def test_what_cannot_be_used_of_a_second_registry_leaves_the_first_in_use() -> None:
    """A city that is there already goes on with what it has; the bad message is counted and nothing is refused."""
    center = center_of(parts(1_000))
    center.step(encode_frame(msgspec.structs.replace(registry(2), kinds=[])))
    assert center.counters.bad == {"registry": 1} and not center.refused and center.city is not None


def test_an_opening_that_cannot_be_read_is_refused() -> None:
    """A hello, registry or layers frame whose header is broken is no reading among many: the center says which it was."""
    center = Center(config())
    for frame in (encode_frame(hello()), encode_frame(layers()).replace(b"free_speed_kmh", b"free_speed_mph")):
        center.step(frame)
    assert center.refused.startswith("its layers cannot be used: ") and center.counters.bad == {"unreadable": 1}


def test_an_opening_is_recorded_once_however_often_its_city_begins(tmp_path: Path) -> None:
    """A city that is lost before its first barrier, in the middle of its registry, comes again: the record has all of it once."""
    run, city, cut = Run(tmp_path, config()), SmallCity(), parts(5)
    for first in ([encode_frame(hello()), *cut[:2]], [encode_frame(hello()), *cut, encode_frame(layers())]):
        for frame in first:
            run.step(frame)
        run.drop_partial()
    for frame in (*opening()[:1], *cut, encode_frame(layers()), *city.until(60_000)):
        run.step(frame)
    digests = run.center.digests()
    run.close()
    tags = [tag_of(frame) for frame in read_frames(tmp_path / "wire")]
    assert tags[: 2 + len(cut)] == ["hello", *["registry"] * len(cut), "layers"]
    assert not {"hello", "registry", "layers"} & set(tags[2 + len(cut) :])
    again = Run(tmp_path, config())
    assert again.center.digests() == digests == center_of(cut).digests()
    again.close()


def test_a_keyframe_of_a_registry_in_parts_is_recalled(tmp_path: Path) -> None:
    """A run that is taken up again from its keyframe finds the registry in the pieces in which it came."""
    run = Run(tmp_path, config())
    for frame in (encode_frame(hello()), *parts(5), encode_frame(layers()), *SmallCity().until(60_000)):
        run.take(frame)
    run.keyframe().result()
    digests = run.center.digests()
    run.close()
    again = Run(tmp_path, config())
    assert again.recovery.keyframe_ms == 60_000 and again.center.digests() == digests
    again.close()


def test_a_refused_city_is_told_and_the_console_shows_it() -> None:
    """On the socket the city gets the reason and its connection ends; health and snapshot say it; a good city then comes in."""
    with Server(None, max_devices=DEVICES) as server, server.client("observer") as client:
        link = CityLink(server, [encode_frame(hello()), encode_frame(too_many()), encode_frame(layers())])
        said = link.receive()
        assert isinstance(said, Welcome) and f"at most {DEVICES}" in said.error
        health = client.get("/api/health").json()
        assert health["city_refused"] == said.error and health["bad_by_reason"] == {"registry": 1}
        assert client.get("/api/overview").json()["refused"] == said.error
        link.close()
        link = CityLink(server)
        link.send_until(SmallCity().until(1_000), 1_000)
        assert client.get("/api/health").json()["city_refused"] is None
        link.close()


def too_many() -> Registry:
    """The small city's registry with one device more."""
    found = registry()
    door = found.devices[-1]
    for name in ("device_id", "name", "lon", "lat", "zone", "road"):
        getattr(door, name).append(getattr(door, name)[0])
    door.labels["place"].append("pump house")
    door.index.append(DEVICES)
    door.device_id[-1] = "door:1"
    return found
