"""The built-in Hải Phòng is schematic and says so, holds what it is said to hold, and is the same everywhere."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from simulator.cities.hai_phong import hai_phong
from simulator.cities.hai_phong_places import OTHER_WARDS
from simulator.city import City, encode
from simulator.city_check import check
from simulator.generate.frame import Frame, inside

ROOT = Path(__file__).resolve().parents[2]
WARDS_2025 = {  # Resolution 1669/NQ-UBTVQH15: the 24 wards of the former city, here without those outside the drawn area
    "Thủy Nguyên",
    "Thiên Hương",
    "Hòa Bình",
    "Nam Triệu",
    "Bạch Đằng",
    "Lưu Kiếm",
    "Lê Ích Mộc",
    "Hồng Bàng",
    "Hồng An",
    "Ngô Quyền",
    "Gia Viên",
    "Lê Chân",
    "An Biên",
    "Hải An",
    "Đông Hải",
    "Kiến An",
    "Phù Liễn",
    "Nam Đồ Sơn",
    "Đồ Sơn",
    "Hưng Đạo",
    "Dương Kinh",
    "An Dương",
    "An Hải",
    "An Phong",
}


@pytest.fixture(scope="module")
def city() -> City:
    """The city, built once."""
    return hai_phong()


@pytest.mark.slow
def test_it_adds_up_and_says_that_it_is_schematic(city: City) -> None:
    """All checks pass; title and attribution tell that it is no survey."""
    assert check(city) == []
    assert city.schematic
    assert "sơ đồ" in city.title.vi and "schematic" in city.title.en
    assert "not a survey" in city.attribution


def test_its_counts(city: City) -> None:
    """About 400 nodes and 1 500 links; 16 716 luminaires on exactly 317 cabinets of 21 substations; the stated devices."""
    assert 380 <= len(city.nodes.id) <= 450
    assert 1_400 <= len(city.links.id) <= 1_600
    assert len(city.luminaires.id) == 16_716
    assert len(city.cabinets.id) == 317
    assert set(city.luminaires.cabinet) == set(range(317))
    assert len(set(city.feeders.substation)) == 21
    assert len(city.feeders.id) == 42
    assert len(city.signals.id) == 190
    assert 24 <= len(city.zones.id) <= 48
    kinds = Counter(city.devices.kind)
    assert kinds == {
        "loop_detector": 1_500, "camera": 300, "door": 120, "sos_pole": 80, "photocell": 42, "feeder_meter": 42,
        "weather_station": 4, "flood_gauge": 16, "tide_gauge": 1, "acoustic_sensor": 24,
    }  # fmt: skip


def test_cabinets_and_feeders_share_the_lamps_evenly(city: City) -> None:
    """A cabinet has about 53 luminaires, a feeder about 400, and both lie in one piece of the city."""
    per_cabinet = Counter(city.luminaires.cabinet)
    assert 40 <= min(per_cabinet.values()) <= max(per_cabinet.values()) <= 66
    per_feeder = Counter(city.cabinets.feeder[c] for c in city.luminaires.cabinet)
    assert 300 <= min(per_feeder.values()) <= max(per_feeder.values()) <= 480


def test_every_link_takes_a_step_of_five_seconds(city: City) -> None:
    """No link is shorter than a car drives in 5 s, so that traffic may step by 5 s."""
    assert all(m >= 5 * v and m >= 100 for m, v in zip(city.links.length_m, city.links.free_speed_mps, strict=True))


def test_the_shape_is_known(city: City) -> None:
    """Rivers, bridges, ports, parks and streets that a visitor looks for are there under their names."""
    areas = dict(zip(city.areas.name, city.areas.kind, strict=True))
    assert {"Sông Cấm", "Sông Lạch Tray", "Sông Tam Bạc", "Hồ Tam Bạc"} <= {n for n, kind in areas.items() if kind == "river"}
    bridges = {n for n, kind in areas.items() if kind == "bridge"}
    assert {"Cầu Bính", "Cầu Hoàng Văn Thụ", "Cầu Rào", "Cầu Niệm", "Cầu An Dương", "Cầu Lạc Long"} <= bridges
    assert {"Cảng Hoàng Diệu", "Cảng Chùa Vẽ", "Cảng Đình Vũ"} <= {n for n, kind in areas.items() if kind == "port"}
    streets = {
        "Lê Hồng Phong",
        "Võ Nguyên Giáp",
        "Trường Chinh",
        "Lạch Tray",
        "Đà Nẵng",
        "Trần Nguyên Hãn",
        "Điện Biên Phủ",
        "Tô Hiệu",
        "Cầu Đất",
        "Hai Bà Trưng",
        "Nguyễn Văn Linh",
        "Trần Phú",
        "Bạch Đằng",
        "Ngô Gia Tự",
        "Văn Cao",
        "Nguyễn Bỉnh Khiêm",
        "Phạm Văn Đồng",
        "Hùng Vương",
        "Hoàng Văn Thụ",
        "Quang Trung",
        "Lý Thường Kiệt",
    }
    assert streets <= set(city.links.name)


@pytest.mark.slow
def test_only_bridges_cross_the_rivers(city: City) -> None:
    """A link that runs over a river belongs to a street with a bridge; no building stands in the water."""
    frame = Frame(city.lon, city.lat)
    water = [frame.plane(p) for p, kind in zip(city.areas.polygon, city.areas.kind, strict=True) if kind in ("river", "sea")]
    middles = []
    for flat in city.buildings.polygon:
        corners = frame.plane(flat)
        middles.append((sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)))
    assert not any(any(inside(middles, polygon)) for polygon in water)
    nodes = [frame.to_xy(lon, lat) for lon, lat in zip(city.nodes.lon, city.nodes.lat, strict=True)]
    wet = {i for polygon in water for i, under in enumerate(inside(nodes, polygon)) if under}
    assert len(wet) <= 1, [city.nodes.name[i] for i in wet]  # the bridge to Cát Hải ends out there


def test_both_ways_of_naming_are_data(city: City) -> None:
    """Every zone has its district of before 1 July 2025 and its ward of after; all 24 wards of the old city are known."""
    assert all(city.zones.old_district) and all(city.zones.ward_2025)
    wards = {w.removeprefix("phường ") for w in city.zones.ward_2025 if w.startswith("phường ")}
    wards |= {w.removeprefix("phường ") for names in OTHER_WARDS.values() for w in names}
    assert wards == WARDS_2025
    districts = {d.split(" ", 1)[1] for d in city.zones.old_district}
    assert {"Hồng Bàng", "Lê Chân", "Ngô Quyền", "Hải An", "Kiến An", "Dương Kinh", "Đồ Sơn", "An Dương"} <= districts


def test_a_caller_may_change_its_copy(city: City) -> None:
    """Each call gives a fresh city."""
    other = hai_phong()
    other.links.lanes[0] = 9
    assert hai_phong() == city


@pytest.mark.slow
def test_another_process_builds_the_same_bytes(city: City) -> None:
    """The process and PYTHONHASHSEED change nothing."""
    code = "import hashlib; from simulator.city import encode; from simulator.cities.hai_phong import hai_phong as h;"
    code += "print(hashlib.sha256(encode(h())).hexdigest())"
    env = os.environ | {"PYTHONHASHSEED": "99", "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120, check=True)
    assert out.stdout.strip() == hashlib.sha256(encode(city)).hexdigest()
