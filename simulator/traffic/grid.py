"""A signalised grid of two-way streets: the yardstick network of benchmarks and studies.

Lives here: its shape. Must not know: what is measured on it. 20 x 20 nodes are 400 junctions and 1 520 links.
"""

from simulator.traffic.build import Builder

LEFT_LANES = {1: 0.3, 2: 0.6}


def grid(
    rows: int,
    columns: int,
    *,
    trips_per_h: float = 0.0,
    block: int = 4,
    length_m: float = 250.0,
    lanes: int = 2,
    green_s: float = 27.0,
    cycle_s: float = 60.0,
) -> Builder:
    """Return a builder of a grid whose junctions all have two-phase signals, with even demand between its zones.

    Zones are blocks of `block` x `block` nodes; a link belongs to the zone of its end. Left turns have lanes of their own.
    """
    b = Builder()
    across = (columns + block - 1) // block
    for r in range(rows):
        for c in range(columns):
            b.add_node(f"n{r}_{c}")
    links: dict[tuple[int, int, int, int], int] = {}
    for r, c, dr, dc in _steps(rows, columns):
        r2, c2 = r + dr, c + dc
        links[r, c, dr, dc] = b.add_link(
            f"l{r}_{c}_{r2}_{c2}", r * columns + c, r2 * columns + c2, length_m, lanes=lanes, free_speed_mps=13.9,
            saturation=0.5, jam=0.15, zone=(r2 // block) * across + c2 // block, home_at_start=False,
        )  # fmt: skip
    _turns(b, links, lanes)
    _signals(b, rows, columns, links, green_s, cycle_s)
    _demand(b, ((rows + block - 1) // block) * across, trips_per_h)
    return b


def _steps(rows: int, columns: int) -> list[tuple[int, int, int, int]]:
    out = []
    for r in range(rows):
        for c in range(columns):
            for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= r + dr < rows and 0 <= c + dc < columns:
                    out.append((r, c, dr, dc))
    return out


def _turns(b: Builder, links: dict[tuple[int, int, int, int], int], lanes: int) -> None:
    left_lanes = LEFT_LANES.get(lanes, 1.0)
    for (r, c, dr, dc), link in links.items():
        at = (r + dr, c + dc)
        ways = {"through": (dr, dc), "right": (dc, -dr), "left": (-dc, dr)}
        found = {turn: links[(*at, *way)] for turn, way in ways.items() if (*at, *way) in links}
        groups = {k: (0, left_lanes) if turn == "left" else (1, lanes - left_lanes) for turn, k in found.items()}
        b.set_turns(link, {k: 1.0 / len(found) for k in found.values()}, groups)


def _signals(
    b: Builder, rows: int, columns: int, links: dict[tuple[int, int, int, int], int], green_s: float, cycle_s: float
) -> None:
    into: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for (r, c, dr, dc), link in links.items():
        into.setdefault((r + dr, c + dc), ([], []))[0 if dr == 0 else 1].append(link)
    for r in range(rows):
        for c in range(columns):
            first, second = into[r, c]
            lost_s = cycle_s / 2.0 - green_s
            b.add_signal([(green_s, lost_s, first), (green_s, lost_s, second)])


def _demand(b: Builder, n_zones: int, trips_per_h: float) -> None:
    pairs = [(i, j) for i in range(n_zones) for j in range(n_zones) if i != j]
    for i, j in pairs if trips_per_h > 0.0 else ():
        b.add_trips(i, j, trips_per_h / len(pairs))
