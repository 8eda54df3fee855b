"""Cities from a spec and a seed: a grid with arterials, a river with bridges, a port, an industrial park, wards.

Lives here: the drawn grid and its presets. Must not know: tables (see `assemble`).
"""

from dataclasses import dataclass, replace

from simulator.city import City, Text
from simulator.distributions import Distribution, Uniform
from simulator.generate.assemble import assemble
from simulator.generate.draft import Counts, Draft, MapArea, Recipe, Road, Site, ZoneSeed, units
from simulator.generate.frame import Frame, Point
from simulator.generate.network import largest_strong
from simulator.streams import Streams

STREETS = (
    "Lê Lợi", "Trần Phú", "Quang Trung", "Nguyễn Trãi", "Lý Thường Kiệt", "Hai Bà Trưng", "Điện Biên Phủ", "Hoàng Hoa Thám",
    "Phan Bội Châu", "Nguyễn Du", "Lê Lai", "Trần Hưng Đạo", "Ngô Quyền", "Bà Triệu", "Hùng Vương", "Lê Đại Hành",
    "Phan Chu Trinh", "Chu Văn An", "Đinh Tiên Hoàng", "Võ Thị Sáu", "Tô Hiến Thành", "Nguyễn Công Trứ", "Lương Khánh Thiện",
    "Mê Linh", "Cát Cụt", "An Đà", "Lán Bè", "Hàng Kênh", "Chợ Con", "Dư Hàng", "Miếu Hai Xã", "Đông Khê", "Lê Thánh Tông",
    "Phạm Ngũ Lão", "Trần Nhật Duật", "Yết Kiêu", "Nguyễn Khuyến", "Bùi Thị Xuân", "Trần Quang Khải", "Đào Duy Từ",
)  # fmt: skip

WOBBLE = Distribution(
    "city.grid.wobble",
    Uniform(-1.0, 1.0),
    "of the wobble of the grid's spec",
    "How far a junction lies off the grid, east and north.",
    "assumption: streets are never quite straight",
)

GRID_TITLE = Text("Thành phố ô bàn cờ", "Grid city")


@dataclass(frozen=True, slots=True)
class GridSpec:
    """A grid city: `columns` × `rows` nodes every `block_m`, roads of every `arterial_every`-th line wider.

    `wobble` moves nodes by up to that share of a block; the river (if any) runs between two rows and is crossed by `bridges`
    roads; zones are `zone_columns` × `zone_rows`; counts of devices come from sizes unless given.
    """

    id: str = "grid"
    title: Text = GRID_TITLE
    columns: int = 12
    rows: int = 12
    block_m: float = 300.0
    arterial_every: int = 3
    wobble: float = 0.12
    river: bool = True
    bridges: int = 3
    zone_columns: int = 4
    zone_rows: int = 4
    lanes: tuple[int, int] = (1, 2)  # of a street, of an arterial
    speed_mps: tuple[float, float] = (11.11, 13.89)
    seed: int = 1
    all_signals: bool = False
    counts: Counts | None = None
    trips_per_h: float | None = None
    uniform_demand: bool = False
    cycle_s: float | None = None
    lon: float = 106.0
    lat: float = 20.5


def generate(spec: GridSpec) -> City:
    """Return the city of a spec, the same for the same spec on every machine.

    Raises `ValueError` for a grid of less than 2 × 2 nodes, or fewer lamps than cabinets.
    """
    if spec.columns < 2 or spec.rows < 2 or spec.block_m < 100:
        raise ValueError(f"{spec.id}: {spec.columns} × {spec.rows} nodes every {spec.block_m} m, expected ≥ 2 × 2, ≥ 100 m")
    draft = _draw(spec)
    draft, _, _ = largest_strong(draft)
    return assemble(draft, _recipe(spec, draft))


def small_city(seed: int = 1) -> City:
    """Return a city of 16 nodes with every kind of device, for tests: built in some milliseconds."""
    counts = Counts(
        luminaires=240, cabinets=8, substations=2, feeders_per_substation=2, loops=40, cameras=10, doors=6, sos_poles=4,
        signals=8, buildings=80, basins=2,
    )  # fmt: skip
    spec = GridSpec(
        id="small", title=Text("Thành phố nhỏ", "Small city"), columns=4, rows=4, zone_columns=2, zone_rows=2, bridges=4,
        block_m=250.0, seed=seed, counts=counts, trips_per_h=3_000.0,
    )  # fmt: skip
    return generate(spec)


def grid_city(n: int = 20, *, trips_per_h: float = 30_000.0, seed: int = 1, scale: int = 1) -> City:
    """Return the benchmark grid: n × n signalised nodes, 250 m two-lane links, uniform demand between 64 zones or less.

    `scale` (1, 2, 4, ...) multiplies the number of nodes and the trips.
    """
    columns, rows = _scaled(n, scale)
    spec = GridSpec(
        id=f"grid{n}" if scale == 1 else f"grid{n}x{scale}",
        title=Text(f"Ô bàn cờ {columns} × {rows}", f"Grid {columns} × {rows}"),
        columns=columns, rows=rows, block_m=250.0, wobble=0.0, river=False, lanes=(2, 2), speed_mps=(13.89, 13.89),
        zone_columns=min(8, columns // 2), zone_rows=min(8, rows // 2), seed=seed, all_signals=True, cycle_s=60.0,
        trips_per_h=trips_per_h * scale, uniform_demand=True,
    )  # fmt: skip
    return generate(spec)


def scaled(spec: GridSpec, scale: int) -> GridSpec:
    """Return the spec with `scale` (1, 2, 4, ...) times as many nodes, devices (if given) and trips."""
    columns, rows = spec.columns, spec.rows
    rest = scale
    while rest > 1:
        columns, rows = (columns * 2, rows) if columns <= rows else (columns, rows * 2)
        rest //= 2
    trips = spec.trips_per_h * scale if spec.trips_per_h is not None else None
    counts = _times(spec.counts, scale) if spec.counts is not None else None
    return replace(spec, columns=columns, rows=rows, trips_per_h=trips, counts=counts)


def _scaled(n: int, scale: int) -> tuple[int, int]:
    spec = scaled(GridSpec(columns=n, rows=n), scale)
    return spec.columns, spec.rows


def _times(counts: Counts, scale: int) -> Counts:
    return replace(
        counts, luminaires=counts.luminaires * scale, cabinets=counts.cabinets * scale, loops=counts.loops * scale,
        substations=counts.substations * scale, cameras=counts.cameras * scale, doors=counts.doors * scale,
        sos_poles=counts.sos_poles * scale, buildings=counts.buildings * scale, basins=counts.basins * scale,
        signals=None if counts.signals is None else counts.signals * scale,
    )  # fmt: skip


def _draw(spec: GridSpec) -> Draft:
    draft = Draft(Frame(spec.lon, spec.lat))
    shift = Streams(spec.seed).draw(WOBBLE, tick=0, n=2 * spec.columns * spec.rows).tolist()
    for i in range(spec.columns * spec.rows):
        column, row = i % spec.columns, i // spec.columns
        x = (column - (spec.columns - 1) / 2 + spec.wobble * shift[2 * i]) * spec.block_m
        y = (row - (spec.rows - 1) / 2 + spec.wobble * shift[2 * i + 1]) * spec.block_m
        draft.add_node((x, y), signal=spec.all_signals)
    crossing = _bridge_columns(spec)
    for row in range(spec.rows):
        for column in range(spec.columns):
            if column + 1 < spec.columns:
                _road(spec, draft, (column, row), (column + 1, row), line=row, across=False)
            if row + 1 < spec.rows and (row != _river_row(spec) or column in crossing):
                _road(spec, draft, (column, row), (column, row + 1), line=column, across=True)
    return draft


def _river_row(spec: GridSpec) -> int:
    """The river runs north of this row of nodes; -1 is no river."""
    return (2 * spec.rows) // 3 - 1 if spec.river and spec.rows >= 3 else -1


def _bridge_columns(spec: GridSpec) -> set[int]:
    n = max(1, min(spec.bridges, spec.columns))
    return {(2 * i + 1) * spec.columns // (2 * n) for i in range(n)}


def _road(spec: GridSpec, draft: Draft, a: tuple[int, int], b: tuple[int, int], *, line: int, across: bool) -> None:
    start, end = (p[1] * spec.columns + p[0] for p in (a, b))
    arterial = spec.arterial_every > 0 and line % spec.arterial_every == 0
    bridge = across and a[1] == _river_row(spec)
    wide = int(arterial or bridge)
    name = STREETS[(2 * line + int(across)) % len(STREETS)]
    again = (2 * line + int(across)) // len(STREETS)
    draft.roads.append(
        Road(
            start, end, [draft.at[start], draft.at[end]], name if again == 0 else f"{name} {again + 1}",
            "primary" if arterial and line % (2 * spec.arterial_every) == 0 else ("secondary" if wide else "residential"),
            spec.lanes[wide], spec.speed_mps[wide],
        )
    )  # fmt: skip


def _recipe(spec: GridSpec, draft: Draft) -> Recipe:
    counts = spec.counts or _counts(draft, spec)
    return Recipe(
        id=spec.id, title=spec.title, seed=spec.seed, zones=_zones(spec, draft), counts=counts, areas=_areas(spec),
        outline=tuple(_rectangle(spec, 0.6)), trips_per_h=spec.trips_per_h, uniform_demand=spec.uniform_demand,
        cycle_s=spec.cycle_s, sites=_sites(spec),
    )  # fmt: skip


def _counts(draft: Draft, spec: GridSpec) -> Counts:
    """As many devices as a kept city of that size has."""
    roads, nodes = len(draft.roads), len(draft.at)
    cabinets = max(4, roads * 8 // 50)
    return Counts(
        luminaires=roads * 8, cabinets=cabinets, substations=max(1, cabinets // 16), feeders_per_substation=2,
        loops=2 * roads, cameras=max(4, nodes // 2), doors=max(2, nodes // 4), sos_poles=max(2, nodes // 5),
        **units(nodes, 200),
        signals=None if spec.all_signals else max(1, nodes // 2), buildings=4 * roads,
        basins=max(1, nodes // 30), weather_stations=max(1, nodes // 100), acoustic=max(2, nodes // 20),
    )  # fmt: skip


def _zones(spec: GridSpec, draft: Draft) -> tuple[ZoneSeed, ...]:
    out = list[ZoneSeed]()
    wide, high = spec.columns * spec.block_m / spec.zone_columns, spec.rows * spec.block_m / spec.zone_rows
    for j in range(spec.zone_rows):
        for i in range(spec.zone_columns):
            x, y = (i - (spec.zone_columns - 1) / 2) * wide, (j - (spec.zone_rows - 1) / 2) * high
            lon, lat = draft.frame.to_lonlat(x, y)
            kind, people, jobs = _use(spec, i, j)
            n = j * spec.zone_columns + i + 1
            out.append(ZoneSeed(f"zone_{n:02d}", f"Phường {n}", lon, lat, kind, people, jobs, f"Quận {j + 1}", f"phường {n}"))
    return tuple(out)


def _use(spec: GridSpec, i: int, j: int) -> tuple[str, int, int]:
    """The middle is the centre, the north-east the port, the south-west industry, the south-east a park."""
    last = (spec.zone_columns - 1, spec.zone_rows - 1)
    if last == (0, 0) or (abs(2 * i - last[0]) <= 1 and abs(2 * j - last[1]) <= 1 and min(last) > 1):
        return "centre", 14_000, 20_000
    special = {last: ("port", 2_000, 12_000), (0, 0): ("industrial", 3_000, 14_000), (last[0], 0): ("park", 1_500, 2_000)}
    return special.get((i, j), ("centre" if (i, j) == (0, last[1]) else "residential", 12_000, 5_000))


def _rectangle(spec: GridSpec, reach: float) -> list[Point]:
    x, y = (spec.columns - 1 + 2 * reach) * spec.block_m / 2, (spec.rows - 1 + 2 * reach) * spec.block_m / 2
    return [(-x, -y), (x, -y), (x, y), (-x, y)]


def _areas(spec: GridSpec) -> tuple[MapArea, ...]:
    if _river_row(spec) < 0:
        return ()
    y = (_river_row(spec) + 0.5 - (spec.rows - 1) / 2) * spec.block_m
    x, half = (spec.columns + 1) * spec.block_m / 2, spec.block_m / 6
    east = (spec.columns / 4) * spec.block_m
    band = ((-x, y - half), (x, y - half), (x, y + half), (-x, y + half))
    quay = ((east, y + half), (x, y + half), (x, y + 2.2 * half), (east, y + 2.2 * half))
    return MapArea("river", "Sông Cái", band), MapArea("port", "Cảng", quay)


def _sites(spec: GridSpec) -> tuple[Site, ...]:
    return (Site("Cảng chính", spec.lon, spec.lat),)
