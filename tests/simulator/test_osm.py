"""Real streets become a city that adds up; malformed extracts are refused with their place."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from simulator.city import City, encode
from simulator.city_check import CityError, check
from simulator.osm.importer import Report, import_osm
from simulator.osm.ways import parse_speed, road_kind

ROOT = Path(__file__).resolve().parents[2]
STEP = 0.0025  # degrees, about 260 m


def element(kind: str, id_: int, **rest: object) -> dict[str, object]:
    return {"type": kind, "id": id_, **rest}


def grid(n: int = 4) -> list[dict[str, object]]:
    """An extract of n × n streets, with a signal 20 m before the junction 6 and one on the junction 11."""
    out = [element("node", i * n + j + 1, lon=105.0 + j * STEP, lat=21.0 + i * STEP) for i in range(n) for j in range(n)]
    out[10]["tags"] = {"highway": "traffic_signals"}
    out.append(element("node", 100, lon=105.0 + STEP - 0.0002, lat=21.0 + STEP, tags={"highway": "traffic_signals"}))
    out.append(element("node", 101, lon=105.0 + 1.5 * STEP, lat=21.0, tags={"highway": "traffic_signals"}))
    for i in range(n):
        row = [i * n + j + 1 for j in range(n)]
        row = [row[0], 100, *row[1:]] if i == 1 else ([row[0], row[1], 101, *row[2:]] if i == 0 else row)
        tags = {"highway": "secondary", "name": f"Phố Ngang {i + 1}"}
        out.append(element("way", 200 + i, nodes=row, tags=tags))
        column = [j * n + i + 1 for j in range(n)]
        out.append(
            element("way", 300 + i, nodes=column, tags={"highway": "residential", "name": f"Phố Dọc {i + 1}", "lanes": "2"})
        )
    return out


def overpass(tmp_path: Path, elements: list[dict[str, object]]) -> Path:
    path = tmp_path / "extract.json"
    path.write_text(json.dumps({"version": 0.6, "elements": elements}), encoding="utf-8")
    return path


def xml(tmp_path: Path, elements: list[dict[str, object]]) -> Path:
    """Write the elements as OSM XML."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6">']
    for e in elements:
        place = f" lat={quoteattr(str(e['lat']))} lon={quoteattr(str(e['lon']))}" if "lat" in e else ""
        lines.append(f"<{e['type']} id={quoteattr(str(e['id']))}{place}>")
        lines += [f"<nd ref={quoteattr(str(n))}/>" for n in e.get("nodes", [])]  # type: ignore[attr-defined]
        for m in e.get("members", []):  # type: ignore[attr-defined]
            lines.append(f'<member type="{m["type"]}" ref="{m["ref"]}" role="{m["role"]}"/>')
        lines += [f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in e.get("tags", {}).items()]  # type: ignore[attr-defined]
        lines.append(f"</{e['type']}>")
    path = tmp_path / "extract.osm"
    path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
    return path


def test_a_grid_becomes_a_city(tmp_path: Path) -> None:
    """Junctions, links, names and signals of a small extract are all there, and the report counts them."""
    city, report = import_osm(overpass(tmp_path, grid()), "Thử Nghiệm")
    assert city.id == "thu_nghiem" and not city.schematic and "OpenStreetMap" in city.attribution
    assert check(city) == []
    assert "Phố Ngang 2" in city.links.name
    g = report.graph
    assert (g.nodes_read, g.ways_read, g.ways_drivable, g.signal_nodes) == (18, 8, 8, 3)
    assert (g.signals_on_junction, g.signals_snapped, g.signals_mid_block) == (1, 1, 1)
    assert report.signals == len(city.signals.id) == 2
    assert g.lanes_defaulted == 4 and g.speed_defaulted == 8
    assert len(report.lines()) == 8 and json.dumps(report.to_dict())


def test_xml_and_json_give_the_same_city(tmp_path: Path) -> None:
    """The format of the file does not matter."""
    ban = element(
        "relation",
        900,
        tags={"type": "restriction", "restriction": "no_left_turn"},
        members=[
            {"type": "way", "ref": 201, "role": "from"},
            {"type": "node", "ref": 6, "role": "via"},
            {"type": "way", "ref": 301, "role": "to"},
        ],
    )
    one, _ = import_osm(overpass(tmp_path, [*grid(), ban]), "x")
    two, report = import_osm(xml(tmp_path, [*grid(), ban]), "x")
    assert encode(one) == encode(two)
    assert report.graph.restrictions_read == 1


def test_turn_restrictions_take_movements_away(tmp_path: Path) -> None:
    """A banned turn has no movement; an `only` turn bans the others."""

    def turns(city: City) -> set[tuple[str, str]]:
        pairs = zip(city.movements.from_link, city.movements.to_link, strict=True)
        return {(city.links.name[a], city.links.name[b]) for a, b in pairs}

    members = [
        {"type": "way", "ref": 201, "role": "from"},
        {"type": "node", "ref": 6, "role": "via"},
        {"type": "way", "ref": 301, "role": "to"},
    ]
    free, _ = import_osm(overpass(tmp_path, grid()), "x")
    assert ("Phố Ngang 2", "Phố Dọc 2") in turns(free)
    banned = element("relation", 1, tags={"type": "restriction", "restriction": "no_right_turn"}, members=members)
    less, _ = import_osm(overpass(tmp_path, [*grid(), banned]), "x")
    assert turns(free) - turns(less) == {("Phố Ngang 2", "Phố Dọc 2")}


def test_short_pieces_are_merged_and_lost_parts_dropped(tmp_path: Path) -> None:
    """A pair of junctions 15 m apart becomes one; an island without a way to the rest goes."""
    near = 21.0 + STEP + 0.00013
    places = {500: (105.0 + STEP, near), 503: (105.0 + 2 * STEP, near), 501: (105.3, 21.3), 502: (105.303, 21.3)}
    streets = [[500, 503], [6, 500], [503, 7], [500, 10], [503, 11], [501, 502]]
    elements = grid() + [element("node", n, lon=lon, lat=lat) for n, (lon, lat) in places.items()]
    elements += [element("way", 600 + i, nodes=nodes, tags={"highway": "residential"}) for i, nodes in enumerate(streets)]
    city, report = import_osm(overpass(tmp_path, elements), "x")
    assert len(city.nodes.id) == 16 and report.links_shorter_than_step == 0
    assert report.graph.nodes_merged == 2 and report.graph.roads_not_connected == 1 and report.graph.unnamed == 6


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("50", 50.0),
        ("30 mph", 48.28032),
        ("60 km/h", 60.0),
        ("VN:urban", 50.0),
        ("none", None),
        ("signals", None),
        ("-5", None),
        ("900", None),
    ],
)
def test_speeds(text: str, kmh: float | None) -> None:
    """What maxspeed says is understood, or the default counts."""
    assert parse_speed(text) == kmh


def test_tags_make_a_road() -> None:
    """One-way, reversed, roundabout, lanes by direction, closed and unfit ways are told apart."""
    two = road_kind({"highway": "primary", "lanes": "5", "lanes:forward": "3"})
    assert two is not None and (two.direction, two.lanes_forward, two.lanes_backward) == (0, 3, 2)
    back = road_kind({"highway": "tertiary", "oneway": "-1", "lanes": "2"})
    assert back is not None and (back.direction, back.lanes_forward, back.speed_mps) == (-1, 2, 16.67)
    ring = road_kind({"highway": "secondary_link", "junction": "roundabout"})
    assert ring is not None and ring.roundabout and ring.direction == 1 and ring.lanes_defaulted
    odd = road_kind({"highway": "residential", "lanes": "many", "maxspeed": "fast"})
    assert odd is not None and odd.lanes_defaulted and odd.speed_defaulted and odd.lanes_forward == 1
    for tags in (
        {"highway": "footway"},
        {"highway": "primary", "access": "private"},
        {"highway": "service"},
        {"waterway": "river"},
    ):
        assert road_kind(tags) is None
    assert road_kind({"highway": "primary", "access": "no", "motorcar": "yes"}) is not None


BROKEN = [
    ("empty", b"", "1:1", "an empty file"),
    ("neither", b"\n\n  hello", "1:1", "OSM XML or Overpass JSON"),
    ("cut JSON", b'{"elements": [{"type": "node", "id": 1', "1:39", "truncated"),
    ("wrong type", b'{"elements":\n [{"type": "node", "id": "one"}]}', "2:26", "expected `int`"),
    (
        "wrong type later",
        b'{"elements":\n [{"type": "node", "id": 1, "lat": 1, "lon": 1},\n  {"type": "way", "id": 2, "nodes": [1, "x"]}]}',
        "3:41",
        "expected `int`",
    ),
    (
        "no place later",
        b'{"elements":\n [{"type": "node", "id": 1, "lat": 1, "lon": 1},\n  {"type": "node", "id": 2, "lat": 1}]}',
        "3:3",
        "has no place",
    ),
    (
        "wrong tag",
        b'{"elements":\n [{"type": "way", "id": 2, "tags": {"highway": "primary", "lanes": 2}}]}',
        "2:68",
        "expected `str`",
    ),
    ("no place", b'{"elements":\n [{"type": "node", "id": 1, "lat": 95, "lon": 0}]}', "2:3", "has no place"),
    ("NaN", b'{"elements":\n [{"type": "node", "id": 1, "lat": NaN}]}', "2:36", "JSON"),
    ("tower", b'{"elements":' + b"[" * 100_000, "1:", "expected"),
    ("nothing", b'{"elements": []}', "1:1", "too few streets"),
    (
        "ring",
        b'<osm><node id="1" lat="1" lon="1"/><way id="1"><nd ref="1"/><nd ref="1"/><tag k="highway" v="primary"/></way></osm>',
        "1:1",
        "too few streets",
    ),
    ("doctype", b'<?xml version="1.0"?>\n<!DOCTYPE osm [<!ENTITY a "aaaa">]>\n<osm/>', "2:1", "refused"),
    ("not osm", b"<html>\n</html>", "1:1", "saw <html>"),
    ("open tag", b'<osm>\n <node id="1" lat="1" lon="1">\n</osm>', "3:3", "mismatched"),
    ("bad lat", b'<osm>\n <node id="1" lat="nan" lon="1"/>\n</osm>', "2:2", "nan"),
    ("no ref", b'<osm>\n <way id="1"><nd/></way>\n</osm>', "2:14", "'ref'"),
    ("deep", b"<osm>" + b"<a>" * 100_000, "1:", "at most 8"),
]


@pytest.mark.parametrize(("text", "place", "said"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_malformed_extracts_are_refused_with_their_place(tmp_path: Path, text: bytes, place: str, said: str) -> None:
    """A broken file is one clear line: file, line, column, what was seen and what was expected."""
    path = tmp_path / "broken.osm"
    path.write_bytes(text)
    with pytest.raises(CityError) as caught:
        import_osm(path, "x")
    assert str(caught.value).startswith(f"{path}:{place}")
    assert said in str(caught.value)


def test_a_name_without_letters_is_refused(tmp_path: Path) -> None:
    """A city needs an id."""
    with pytest.raises(CityError, match="makes no id"):
        import_osm(overpass(tmp_path, grid()), "…")


@pytest.fixture(scope="module")
def hanoi_file(shared_data: Path) -> Path:
    """The extract of central Hà Nội; skips where it is absent."""
    found = sorted((shared_data / "data" / "hanoi_osm").glob("*.json"))
    if not found:
        pytest.skip(f"no Hà Nội extract in {shared_data}/data/hanoi_osm")
    return found[0]


@pytest.fixture(scope="module")
def hanoi(hanoi_file: Path) -> tuple[City, Report]:
    """Central Hà Nội as a city."""
    return import_osm(hanoi_file, "Hà Nội", seed=1)


@pytest.mark.slow
def test_hanoi_is_read_whole(hanoi: tuple[City, Report]) -> None:
    """All nodes, ways and signal nodes are accounted for."""
    city, report = hanoi
    g = report.graph
    assert (g.nodes_read, g.ways_read, g.signal_nodes) == (4_576, 1_087, 310)
    assert g.ways_drivable + g.ways_not_drivable == 1_087
    assert g.signals_on_junction + g.signals_snapped + g.signals_mid_block == 310
    assert g.signals_snapped >= 250
    assert 80 <= len(city.signals.id) <= 130
    assert check(city) == []


def test_hanoi_links_take_a_step_of_three_seconds(hanoi: tuple[City, Report]) -> None:
    """Half the pieces were shorter than 70 m; no link is shorter than a car drives in 3 s."""
    city, report = hanoi
    assert report.links_shorter_than_step == 0
    assert all(m >= 3 * v for m, v in zip(city.links.length_m, city.links.free_speed_mps, strict=True))
    assert report.graph.nodes_merged > 200
    assert 1_000 <= report.links <= 2_000


def test_hanoi_keeps_its_names_and_gets_everything(hanoi: tuple[City, Report]) -> None:
    """Streets keep their diacritics; zones, demand, lamps, cabinets, feeders and all devices are placed."""
    city, _ = hanoi
    assert {"Phố Tràng Thi", "Phố Huế"} <= set(city.links.name)
    assert set(city.devices.kind) == {
        "loop_detector", "camera", "door", "sos_pole", "photocell", "feeder_meter", "weather_station", "flood_gauge",
        "tide_gauge", "acoustic_sensor",
    }  # fmt: skip
    assert 20 <= len(city.zones.id) <= 40 and sum(city.demand.trips_per_h) > 2_000
    assert len(city.luminaires.id) > 2_000 and city.cabinets.id and city.feeders.id


@pytest.mark.slow
def test_hanoi_is_the_same_in_another_process(hanoi_file: Path, hanoi: tuple[City, Report]) -> None:
    """Neither the process nor PYTHONHASHSEED changes the import."""
    code = "import hashlib, sys; from simulator.city import encode; from simulator.osm.importer import import_osm;"
    code += "print(hashlib.sha256(encode(import_osm(sys.argv[1], 'Hà Nội')[0])).hexdigest())"
    env = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code, str(hanoi_file)], capture_output=True, text=True, env=env, timeout=120, check=True
    )
    assert run.stdout.strip() == hashlib.sha256(encode(hanoi[0])).hexdigest()
