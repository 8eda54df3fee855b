"""Generated cities add up, hang together, and are the same for the same spec on every machine."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.cities.catalogue import BUILT_IN, get
from simulator.city import City, encode
from simulator.city_check import CityError, check
from simulator.city_defaults import UNIT_NAMES
from simulator.generate.draft import Counts
from simulator.generate.frame import Frame, inside, point_at, slug, smooth, thin
from simulator.generate.grid import GridSpec, generate, grid_city, scaled, small_city
from simulator.generate.lighting import shares
from simulator.generate.signals import Stage, network_cycle_s, plan_of

ROOT = Path(__file__).resolve().parents[2]
SPECS = st.builds(
    GridSpec,
    columns=st.integers(2, 7),
    rows=st.integers(2, 7),
    block_m=st.floats(150, 500),
    arterial_every=st.integers(0, 4),
    wobble=st.floats(0, 0.2),
    river=st.booleans(),
    bridges=st.integers(1, 4),
    zone_columns=st.integers(1, 3),
    zone_rows=st.integers(1, 3),
    lanes=st.sampled_from([(1, 1), (1, 2), (2, 3), (1, 4)]),
    seed=st.integers(0, 2**32),
    all_signals=st.booleans(),
    uniform_demand=st.booleans(),
)


def reached(city: City, start: int) -> set[int]:
    """Return the links that can be reached from a link over movements."""
    onward: dict[int, list[int]] = {}
    for a, b in zip(city.movements.from_link, city.movements.to_link, strict=True):
        onward.setdefault(a, []).append(b)
    seen, stack = {start}, [start]
    while stack:
        for k in onward.get(stack.pop(), []):
            if k not in seen:
                seen.add(k)
                stack.append(k)
    return seen


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples * 2 // 5)
@given(SPECS)
def test_every_generated_city_adds_up(spec: GridSpec) -> None:
    """Whatever the spec: all checks pass, every link reaches every link, and a plan's cycle is the sum of its phases."""
    city = generate(spec)
    assert check(city) == []
    links = set(range(len(city.links.id)))
    assert reached(city, 0) == links
    assert reached(city, len(links) - 1) == links
    names = {tuple(plan.name for plan in plans) for plans in city.signals.plans}
    assert names <= {("default", "peak", "night", "actuated", "max_pressure")}
    assert all(p.green_s >= 5 for plans in city.signals.plans for plan in plans for p in plan.phases)


@settings(max_examples=10)
@given(SPECS)
def test_the_same_spec_gives_the_same_bytes(spec: GridSpec) -> None:
    """Generation is a function of the spec."""
    assert encode(generate(spec)) == encode(generate(spec))


def test_another_seed_gives_another_city_of_the_same_size() -> None:
    """The seed moves things, it does not change how many there are."""
    one, two = small_city(1), small_city(2)
    assert encode(one) != encode(two)
    assert len(one.links.id) == len(two.links.id)
    assert sorted(one.devices.id)[:5] == sorted(two.devices.id)[:5]


@pytest.mark.parametrize("hash_seed", ["0", pytest.param("4711", marks=pytest.mark.slow)])
def test_another_process_gives_the_same_bytes(hash_seed: str) -> None:
    """Neither the process nor PYTHONHASHSEED changes a city."""
    code = (
        "import hashlib; from simulator.city import encode; from simulator.generate.grid import *;"
        "print(hashlib.sha256(encode(small_city()) + encode(generate(GridSpec()))).hexdigest())"
    )
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120, check=True)
    expected = hashlib.sha256(encode(small_city()) + encode(generate(GridSpec()))).hexdigest()
    assert out.stdout.strip() == expected


def test_the_small_city_has_everything() -> None:
    """The city of everybody's tests is tiny and holds every kind of device and table."""
    city = small_city()
    assert len(city.nodes.id) == 16
    assert set(city.devices.kind) == {
        "loop_detector", "camera", "door", "sos_pole", "photocell", "feeder_meter",
        "weather_station", "flood_gauge", "tide_gauge", "acoustic_sensor",
    }  # fmt: skip
    assert (len(city.signals.id), len(city.luminaires.id), len(city.cabinets.id), len(city.feeders.id)) == (8, 240, 8, 4)
    assert set(UNIT_NAMES) == set(city.bases.kind)
    assert city.buildings.id and city.areas.id
    meters = [city.devices.feeder[i] for i, kind in enumerate(city.devices.kind) if kind == "feeder_meter"]
    assert sorted(meters) == list(range(len(city.feeders.id)))


@pytest.mark.slow
def test_the_benchmark_grid_is_as_stated() -> None:
    """20 × 20 nodes, 1 520 two-lane links of 250 m, all signalised at 60 s, 30 000 trips/h, 64 zones."""
    city = grid_city()
    assert (len(city.nodes.id), len(city.links.id), len(city.signals.id), len(city.zones.id)) == (400, 1_520, 400, 64)
    assert set(city.links.lanes) == {2}
    assert max(abs(m - 250.0) for m in city.links.length_m) < 0.6
    assert {plan.cycle_s for plans in city.signals.plans for plan in plans if plan.control == "fixed"} == {60.0}
    assert sum(city.demand.trips_per_h) == pytest.approx(30_000, rel=1e-3)
    inner = [len(plans[0].phases) for plans, nodes in zip(city.signals.plans, city.signals.nodes, strict=True) if len(nodes)]
    assert max(inner) == 2


@pytest.mark.parametrize("scale", [2, 4])
def test_scale_multiplies_nodes_and_trips(scale: int) -> None:
    """×2 and ×4 cities have twice and four times the nodes, lamps and trips."""
    one, more = grid_city(6, trips_per_h=2_000), grid_city(6, trips_per_h=2_000, scale=scale)
    assert len(more.nodes.id) == scale * len(one.nodes.id)
    assert sum(more.demand.trips_per_h) == pytest.approx(scale * sum(one.demand.trips_per_h), rel=0.02)
    spec = GridSpec(columns=4, rows=5)
    assert scaled(spec, scale).columns * scaled(spec, scale).rows == scale * 20


def test_demand_grows_until_the_roads_are_full_at_the_peak() -> None:
    """Without a stated number of trips, a city of three lanes gets half as many again as one of one lane, and more. (Not three
    times as many: a left turn has one lane in both, and what 99 % of the lane groups bear is what the left turns bear.)
    """
    narrow = generate(GridSpec(lanes=(1, 1), columns=6, rows=6))
    wide = generate(GridSpec(lanes=(3, 3), columns=6, rows=6))
    assert sum(wide.demand.trips_per_h) > 1.5 * sum(narrow.demand.trips_per_h) > 0


def test_left_turns_queue_apart() -> None:
    """On every link with a left turn and another, the left turn has a lane group of its own."""
    city = small_city()
    turns: dict[int, set[str]] = {}
    for group, turn in zip(city.movements.lane_group, city.movements.turn, strict=True):
        turns.setdefault(group, set()).add(turn)
    assert all(kinds == {"left"} for kinds in turns.values() if "left" in kinds)


def test_splits_follow_the_flow_ratios() -> None:
    """Webster: with spare time, greens above the shortest are as the ratios; the cycle is exact."""
    plan = plan_of("default", [Stage([0], 0.3), Stage([1], 0.1)], 88.0, 7.0)
    assert [p.green_s for p in plan.phases] == [55.0, 25.0]
    assert plan.cycle_s == 88.0
    assert plan.offset_s == 7.0


def test_the_cycle_is_websters() -> None:
    """C = (1.5 L + 5) / (1 - Y): with L = 8 s and Y = 0.8 that is 85 s; nearly no flow gives the shortest cycle."""
    assert network_cycle_s([[Stage([0], 0.4), Stage([1], 0.4)]], "default") == 85.0
    assert network_cycle_s([[Stage([0], 0.01), Stage([1], 0.01)]], "default") == 60.0


def test_nonsense_is_refused() -> None:
    """A grid of one node, or fewer lamps than cabinets, is a mistake of the caller."""
    with pytest.raises(ValueError, match="expected ≥ 2 × 2"):
        generate(GridSpec(columns=1))
    counts = Counts(3, 8, 2, 2, 10, 4, 4, 4)
    with pytest.raises(ValueError, match="3 luminaires on 8 cabinets"):
        generate(GridSpec(counts=counts))


def test_the_catalogue_knows_its_cities(tmp_path: Path) -> None:
    """Built-in names and paths of files are understood; anything else says which names there are."""
    assert set(BUILT_IN) == {"hai_phong", "small", "grid20"}
    path = tmp_path / "mine.json"
    path.write_bytes(encode(small_city()))
    assert get(path) == get("small")
    with pytest.raises(CityError, match="one of hai_phong, small, grid20"):
        get("atlantis")


def test_geometry_helpers() -> None:
    """Points along lines, curves through points, polygons, thinning and slugs are what they say."""
    line = [(0.0, 0.0), (3.0, 4.0), (3.0, 10.0)]
    assert point_at(line, 8.0) == ((3.0, 7.0), (0.0, 1.0))
    assert point_at(line, 99.0)[0] == (3.0, 10.0)
    curve = smooth([(0.0, 0.0), (100.0, 0.0), (200.0, 50.0)], 20.0)
    assert curve[0] == (0.0, 0.0) and (100.0, 0.0) in curve and curve[-1] == (200.0, 50.0)
    assert thin([(0.0, 0.0), (5.0, 0.5), (10.0, 0.0)], 1.0) == [(0.0, 0.0), (10.0, 0.0)]
    square = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]
    assert inside([(1.0, 1.0), (3.0, 1.0), (1.0, -1.0)], square) == [True, False, False]
    assert slug("Đường Lê Hồng Phong") == "duong_le_hong_phong"
    frame = Frame(106.0, 20.0)
    assert frame.to_lonlat(*frame.to_xy(106.123456, 20.654321)) == (106.123456, 20.654321)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.integers(0, 500))
def test_shares_add_up(weights: list[float], total: int) -> None:
    """Largest remainders give whole numbers that sum to the total and stray less than one from exact shares."""
    out = shares(weights, total)
    whole = sum(weights)
    assert sum(out) == total or whole == 0
    if whole > 0:
        assert all(abs(n - total * w / whole) < 1 + 1e-6 for n, w in zip(out, weights, strict=True))
