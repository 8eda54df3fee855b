"""A city file that does not add up is refused with file, line, column, what was seen and what was expected."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from simulator.city import City, Phase, decode, encode, save
from simulator.city_check import MOST_BYTES, CityError, check, load
from simulator.generate.grid import small_city
from simulator.json_positions import find, line_column

Change = Callable[[City], object]


def refused(tmp_path: Path, text: bytes) -> CityError:
    path = tmp_path / "city.json"
    path.write_bytes(text)
    with pytest.raises(CityError) as caught:
        load(path)
    assert all(line.startswith(f"{path}:") for line in str(caught.value).splitlines())
    return caught.value


def test_a_saved_city_loads_equal(tmp_path: Path) -> None:
    """What was saved is what is loaded, and it adds up."""
    city = small_city()
    save(city, tmp_path / "small.json")
    assert load(tmp_path / "small.json") == city
    assert check(city) == []


def first_phase(city: City, change: Callable[[Phase], Phase]) -> None:
    plan = city.signals.plans[0][0]
    city.signals.plans[0][0] = msgspec.structs.replace(plan, phases=[change(plan.phases[0]), *plan.phases[1:]])


def merged_phases(city: City) -> None:
    plan = city.signals.plans[0][0]
    everything = sorted(m for phase in plan.phases for m in phase.movements)
    first_phase(city, lambda phase: msgspec.structs.replace(phase, movements=everything))


def collapsing_lanes(city: City) -> None:
    city.lane_groups.lanes[0] += 1


def foreign_movement(city: City) -> None:
    away = next(m for m, k in enumerate(city.movements.from_link) if city.links.to_node[k] not in city.signals.nodes[0])
    first_phase(city, lambda phase: msgspec.structs.replace(phase, movements=[*phase.movements, away]))


def first_plan(city: City, **change: object) -> None:
    """Change something of the first controller's first plan."""
    city.signals.plans[0][0] = msgspec.structs.replace(city.signals.plans[0][0], **change)


def two_plans(city: City, name: str, first: list[float], second: list[float]) -> None:
    """Give the first controller a plan and another one, with their hours."""
    plan = city.signals.plans[0][0]
    one = msgspec.structs.replace(plan, name="one", hours=first)
    city.signals.plans[0][:] = [one, msgspec.structs.replace(plan, name=name, hours=second)]


def cut_off_zone(city: City) -> None:
    """Let no movement lead into the links of zone 0 any more."""
    into = [
        m for m, k in enumerate(city.movements.to_link) if city.links.zone[k] == 0 != city.links.zone[city.movements.from_link[m]]
    ]
    moves = city.movements
    lost = set(into)
    index = [m for m in range(len(moves.turn)) if m not in lost]
    renamed = {m: i for i, m in enumerate(index)}
    for name in moves.__struct_fields__:
        setattr(moves, name, [getattr(moves, name)[m] for m in index])
    for plans in city.signals.plans:
        for p, plan in enumerate(plans):
            phases = [
                msgspec.structs.replace(phase, movements=[renamed[m] for m in phase.movements if m in renamed])
                for phase in plan.phases
            ]
            plans[p] = msgspec.structs.replace(plan, phases=phases)


CASES: list[tuple[str, Change, tuple[str | int, ...], str, str]] = [
    (
        "wrong unit",
        lambda c: c.links.free_speed_mps.__setitem__(3, 80.0),
        ("links", "free_speed_mps", 3),
        "saw 80",
        "m/s in 1–45",
    ),
    ("negative length", lambda c: c.links.length_m.__setitem__(0, -5.0), ("links", "length_m", 0), "saw -5", "metres"),
    ("kilometres", lambda c: c.links.length_m.__setitem__(2, 20.0), ("links", "length_m", 2), "saw 20", "metres, about"),
    ("dangling node", lambda c: c.links.to_node.__setitem__(1, 999), ("links", "to_node", 1), "saw 999", "0–15"),
    ("dangling feeder", lambda c: c.cabinets.feeder.__setitem__(0, -1), ("cabinets", "feeder", 0), "saw -1", "0–3"),
    ("double id", lambda c: c.nodes.id.__setitem__(1, c.nodes.id[0]), ("nodes", "id", 1), "twice", "row 0"),
    ("id with letters", lambda c: c.zones.id.__setitem__(0, "phố"), ("zones", "id", 0), "'phố'", "ASCII"),
    ("unknown turn", lambda c: c.movements.turn.__setitem__(4, "straight"), ("movements", "turn", 4), "'straight'", "through"),
    ("uneven", lambda c: c.links.lanes.pop(), ("links", "lanes"), "47 values", "48"),
    ("no meeting", lambda c: c.movements.to_link.__setitem__(0, 47), ("movements", "to_link", 0), "does not meet", "one node"),
    ("lanes", collapsing_lanes, ("links", "lanes", 0), "do not add up", "expected 2"),
    ("half a day", lambda c: c.demand.profiles.__setitem__(0, [1.0] * 12), ("demand", "profiles", 0), "12 factors", "24"),
    ("mean 2", lambda c: c.demand.profiles.__setitem__(0, [2.0] * 24), ("demand", "profiles", 0), "saw 2.000", "mean 1"),
    ("no such zone", lambda c: c.demand.origin.__setitem__(0, 7), ("demand", "origin", 0), "saw 7", "0–3"),
    ("line elsewhere", lambda c: c.links.geometry[5].__setitem__(0, 107.0), ("links", "geometry", 5), "does not end", "30 m"),
    ("two points", lambda c: c.areas.polygon.__setitem__(0, [1.0, 2.0]), ("areas", "polygon", 0), "2 numbers", "3 points"),
    ("collision", merged_phases, ("signals", "plans", 0, 0, "phases", 0), "collide", "no crossing"),
    ("foreign green", foreign_movement, ("signals", "plans", 0, 0, "phases", 0), "another junction", "one of"),
    (
        "red for ever",
        lambda c: first_phase(c, lambda p: msgspec.structs.replace(p, movements=[])),
        ("signals", "plans", 0, 0),
        "never gives green",
        "green in a phase",
    ),
    (
        "no such control",
        lambda c: first_plan(c, control="clever"),
        ("signals", "plans", 0, 0, "control"),
        "saw 'clever'",
        "one of fixed, actuated, max_pressure",
    ),
    ("hours back", lambda c: first_plan(c, hours=[9.0, 6.5]), ("signals", "plans", 0, 0, "hours"), "[9.0, 6.5]", "quarters"),
    ("odd hours", lambda c: first_plan(c, hours=[9.1, 10.0]), ("signals", "plans", 0, 0, "hours"), "[9.1, 10.0]", "quarters"),
    ("half an hour", lambda c: first_plan(c, hours=[9.0]), ("signals", "plans", 0, 0, "hours"), "[9.0]", "quarters"),
    ("reserved word", lambda c: first_plan(c, name="clock"), ("signals", "plans", 0, 0, "name"), "saw clock", "another name"),
    (
        "plans of one name",
        lambda c: two_plans(c, "one", [], []),
        ("signals", "plans", 0, 1, "name"),
        "saw 'one', also plan 0",
        "another name",
    ),
    (
        "plans at one time",
        lambda c: two_plans(c, "two", [6.0, 9.5], [9.25, 12.0]),
        ("signals", "plans", 0, 1, "hours"),
        "saw 'one' also at 9.25 h",
        "hours of its own",
    ),
    (
        "flow beyond all room",
        lambda c: c.links.jam_veh_per_m_per_lane.__setitem__(3, 0.05) or c.links.free_speed_mps.__setitem__(3, 1.0),
        ("links", "jam_veh_per_m_per_lane", 3),
        "does not fit its jam density, saw 0.05",
        "saturation flow over its free speed",
    ),
    (
        "more than roads carry",
        lambda c: c.demand.trips_per_h.__setitem__(2, 50_000.0),
        ("demand", "trips_per_h", 2),
        "more than any network of these roads carries",
        "veh/h, what the roads over its edge pass",
    ),
    ("cut off", cut_off_zone, ("demand", "destination"), "cannot reach zone zone_01", "a way"),
    (
        "beyond",
        lambda c: c.devices.position_m.__setitem__(0, 4_000.0),
        ("devices", "position_m", 0),
        "beyond the end",
        "metres in 0–",
    ),
    ("no road", lambda c: c.devices.link.__setitem__(0, -1), ("devices", "link", 0), "lies in no road", "a link"),
    ("time zone", lambda c: setattr(c, "time_zone", "Asia/Hai_Phong"), ("time_zone",), "'Asia/Hai_Phong'", "IANA"),
    ("format", lambda c: setattr(c, "format", "cityops-city/9"), ("format",), "'cityops-city/9'", "cityops-city/1"),
]


@pytest.mark.parametrize(("change", "path", "seen", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_does_not_add_up_is_said_with_its_place(
    tmp_path: Path, change: Change, path: tuple[str | int, ...], seen: str, expected: str
) -> None:
    """Each broken rule is reported at the line and column of the value that breaks it."""
    city = small_city()
    change(city)
    text = msgspec.json.format(encode(city), indent=1)
    problems = refused(tmp_path, text).problems
    hits = [p for p in problems if p.path[: len(path)] == path and seen in str(p) and expected in str(p)]
    assert hits, [str(p) for p in problems]
    offset = find(text, [hits[0].path])[hits[0].path]
    assert (hits[0].line, hits[0].column) == line_column(text, offset) != (1, 1)


def test_a_city_without_trips_adds_up() -> None:
    """Nobody has to drive: empty columns of demand are no error, and no crash of the check."""
    city = small_city()
    for name in city.demand.__struct_fields__:
        setattr(city.demand, name, [])
    assert check(city) == []


def test_not_a_number_is_refused_also_in_memory() -> None:
    """NaN and infinity, which JSON cannot hold, are found in a city made in memory."""
    city = small_city()
    city.links.length_m[0] = float("nan")
    city.nodes.lat[2] = float("inf")
    assert {p.path for p in check(city)} == {("links", "length_m", 0), ("nodes", "lat", 2)}


SMALL = encode(small_city())
TEXTS = [
    ("NaN", SMALL.replace(b'"length_m":[', b'"length_m":[NaN,', 1), b"NaN", "JSON"),
    ("wrong type", SMALL.replace(b'"lanes":[2', b'"lanes":["two"', 1), b'"two"', "saw `str`, expected `int`"),
    ("wrong type later", SMALL.replace(b'"building:00002"', b"22", 1), b'22,"building:00003"', "saw `int`, expected `str`"),
    ("unknown key", SMALL.replace(b'"nodes":{', b'"nodes":{"colour":1,', 1), b'1,"id"', "'colour'"),
    ("broken UTF-8", SMALL.replace("ê".encode(), b"\xff", 1), b"\xff", "UTF-8"),
]


@pytest.mark.parametrize(("text", "mark", "said"), [t[1:] for t in TEXTS], ids=[t[0] for t in TEXTS])
def test_broken_texts_are_refused_where_they_break(tmp_path: Path, text: bytes, mark: bytes, said: str) -> None:
    """A text that is no city is refused at the byte where it stops being one."""
    problem = refused(tmp_path, text).problems[0]
    assert said in str(problem)
    assert (problem.line, problem.column) == line_column(text, text.index(mark))


def test_hopeless_texts_are_refused_whole(tmp_path: Path) -> None:
    """Missing keys, towers of brackets, cut files, files that are too large or not there: one clear line each."""
    assert "expected 'id'" in str(refused(tmp_path, b"{}"))
    assert "1:" in str(refused(tmp_path, b"[" * 100_000))
    assert "truncated" in str(refused(tmp_path, SMALL[:2_000]))
    assert "JSON" in str(refused(tmp_path, b"\x00\x01"))
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(CityError, match="too large"):
        load(big)
    with pytest.raises(CityError, match=r"nowhere\.json:1:1: the file cannot be read"):
        load(tmp_path / "nowhere.json")


def test_a_tower_where_a_column_should_be_is_refused(tmp_path: Path) -> None:
    """Deep nesting inside a known column is refused like at the top, and does not end the process."""
    assert refused(tmp_path, SMALL.replace(b'"geometry":[', b'"geometry":[' + b"[" * 100_000, 1)).problems


def test_positions_are_those_of_the_text() -> None:
    """The scanner finds keys and items in text with escapes, spaces and nesting, and says where a path ends."""
    text = b'{ "a\\"x": [1, {"b": "],}"}, 3],\n  "c": {"d": [[], [7, 8]]} }'
    found = find(text, [("c", "d", 1, 1), ("c",), ("c", "d", 9), ("nothing",)])
    assert text[found["c", "d", 1, 1] :].startswith(b"8")
    assert line_column(text, found["c",]) == (2, 8)
    assert set(found) == {("c", "d", 1, 1), ("c",)}


def test_decode_keeps_every_table() -> None:
    """Encoding and decoding is the identity."""
    city = small_city()
    assert decode(encode(city)) == city
