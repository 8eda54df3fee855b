"""The road network as flat arrays: cells, lane groups and movements of all links, ready for numpy.

Lives here: what is built (lengths, lanes, capacities) and how links are cut into cells. Must not know: the vehicles on the
roads, time, signals at work, demand. Cells of a link lie side by side, its lane groups and movements too, so that a
link's state is near in memory. Sums are `np.bincount`, which adds in the order of the arrays, on every machine the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PULL_OUT = 0.5  # of the jam: nobody pulls out of a side street into a queue that stands more than half packed
SLOWER = 0.01  # of its free speed a link may lose so that it holds one cell more
SINK = -1  # the `to_link` of a movement that leaves the network


def sum_by(index: Ints, values: Floats, size: int) -> Floats:
    """Return the sums [size] of values by their index, added in the order of the arrays."""
    return np.asarray(np.bincount(index, values, size), dtype=np.float64)


@dataclass(slots=True)
class LinkSpec:
    """One directed link before it is cut into cells; `saturation` in veh/s/lane, `jam` in veh/m/lane."""

    link_id: str
    from_node: int
    to_node: int
    length_m: float
    lanes: float
    free_speed_mps: float
    saturation: float
    jam: float
    zone: int = -1
    home_at_start: bool = False  # trips begin and end at the start of the link instead of its middle
    priority: float = 1.0
    exit_capacity: float = float("inf")  # veh/s over all lanes


@dataclass(slots=True)
class MovementSpec:
    """One movement; `group` is a key that movements of one lane group share, `lanes` the lanes of that group."""

    from_link: int
    to_link: int
    group: int
    lanes: float
    turn: str = "through"
    capacity_factor: float = 1.0


@dataclass(slots=True)
class NetworkSpec:
    """Links and movements as somebody wrote them; `compile_network` makes arrays of it."""

    node_ids: list[str] = field(default_factory=list)
    links: list[LinkSpec] = field(default_factory=list)
    movements: list[MovementSpec] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Network:
    """Arrays of L links, C cells, G lane groups, M movements. Movements are sorted by link, then group.

    `movement_of_spec[i]` is the array index of the i-th movement of the spec. Index L in `to_link` is the sink.
    """

    step_ms: int
    # links [L]
    link_ids: list[str]
    from_node: Ints
    to_node: Ints
    length_m: Floats
    model_length_m: Floats
    lanes: Floats
    free_speed_mps: Floats
    saturation: Floats
    jam: Floats
    zone: Ints
    priority: Floats
    first: Ints
    last: Ints
    home: Ints
    pull_out_veh: Floats  # vehicles in the home cell above which nobody pulls out of a side way into it
    # cells [C]
    cell_link: Ints
    cell_length_m: Floats
    cell_jam_veh: Floats
    # lane groups [G]
    group_link: Ints
    group_lanes: Floats
    group_start: Ints  # first movement of the group
    link_group_start: Ints  # [L] first group of the link
    group_exit_capacity: Floats  # veh/s
    # movements [M]
    from_link: Ints
    to_link: Ints
    movement_group: Ints
    link_movement_start: Ints  # [L] first movement of the link
    capacity_factor: Floats
    turn: list[str]
    movement_of_spec: Ints
    node_ids: list[str]

    @property
    def step_s(self) -> float:
        """The step in seconds."""
        return self.step_ms / 1000.0

    @property
    def n_links(self) -> int:
        """The number of links."""
        return len(self.link_ids)

    def movements_by_group(self, values: Floats) -> Floats:
        """Return the sums [G] of values [M]."""
        return sum_by(self.movement_group, values, self.group_link.size)

    def movements_by_link(self, values: Floats) -> Floats:
        """Return the sums [L] of values [M]."""
        return sum_by(self.from_link, values, len(self.link_ids))

    def groups_by_link(self, values: Floats) -> Floats:
        """Return the sums [L] of values [G]."""
        return sum_by(self.group_link, values, len(self.link_ids))

    def cells_by_link(self, values: Floats) -> Floats:
        """Return the sums [L] of values [C]."""
        return sum_by(self.cell_link, values, len(self.link_ids))

    def turns_along(self, route: Sequence[int]) -> Ints:
        """Return the movements between links that follow each other. Raises ValueError where nobody may turn so."""
        out = []
        for a, b in pairwise(route):
            found = np.flatnonzero((self.from_link == a) & (self.to_link == b))
            if not found.size:
                ids = self.link_ids
                raise ValueError(f"no way along {ids[a]!r} and {ids[b]!r}: nobody may turn from the one into the other")
            out.append(int(found[0]))
        return np.array(out, dtype=np.int64)

    def cell_at(self, link: Ints, position_m: Floats) -> Ints:
        """Return the cells that hold positions (m from the start of the link; clipped to the link)."""
        count = self.last[link] - self.first[link] + 1
        step = np.floor(position_m / self.length_m[link] * count).astype(np.int64)
        return self.first[link] + np.clip(step, 0, count - 1)


def compile_network(spec: NetworkSpec, step_ms: int) -> Network:
    """Cut the links of `spec` into cells for steps of `step_ms` and return the arrays.

    A link gets floor(L/(u dt)) cells, at least one, so a vehicle at free speed never passes more than a cell in a step (Courant,
    Friedrichs and Lewy 1928). Whoever passes less spreads platoons out, so where one cell more would fit but for 1 % of the
    speed, the link has it and that speed. A link must hold two steps of saturation flow, else it would be a bottleneck of
    the arithmetic's own making: a shorter one is modelled as long as that (`model_length_m`); its speed is never above L/dt.
    Raises ValueError where a link or movement cannot be.
    """
    if not spec.links:
        raise ValueError("the network has no links; expected at least one")
    for link in spec.links:
        _check_link(link)
    movements = _sorted_movements(spec)
    return Network(
        step_ms=step_ms,
        node_ids=list(spec.node_ids),
        **_link_arrays(spec.links, step_ms / 1000.0),
        **_movement_arrays(spec.links, spec.movements, movements),
    )


def _check_link(link: LinkSpec) -> None:
    for name in ("length_m", "lanes", "free_speed_mps", "saturation", "jam"):
        value = getattr(link, name)
        if not 0.0 < value < float("inf"):
            raise ValueError(f"link {link.link_id!r} has {name} {value!r}; expected a finite number above 0")


def _sorted_movements(spec: NetworkSpec) -> list[tuple[int, int, int]]:
    """Return (from_link, group, index) of all movements, sorted; links without any get a movement to the sink (index -1)."""
    n_links = len(spec.links)
    rows = []
    for index, movement in enumerate(spec.movements):
        if not (0 <= movement.from_link < n_links and SINK <= movement.to_link < n_links):
            raise ValueError(
                f"movement {index} goes from link {movement.from_link} to {movement.to_link}; there are {n_links} links"
            )
        rows.append((movement.from_link, movement.group, index))
    missing = set(range(n_links)) - {row[0] for row in rows}
    rows.extend((link, -1, -1) for link in missing)
    return sorted(rows)


def _link_arrays(links: list[LinkSpec], dt: float) -> dict[str, Any]:
    length = np.array([link.length_m for link in links])
    lanes = np.array([link.lanes for link in links], dtype=np.float64)
    speed = np.array([link.free_speed_mps for link in links])
    saturation = np.array([link.saturation for link in links])
    jam = np.array([link.jam for link in links])
    model_length = np.maximum(length, 2.0 * saturation * dt / jam)
    count = np.maximum(np.floor(model_length / (speed * dt) * (1.0 + SLOWER)), 1.0).astype(np.int64)
    speed = np.minimum(speed, model_length / count / dt)
    first = np.cumsum(count) - count
    cell_link = np.repeat(np.arange(len(links)), count)
    cell_length = (model_length / count)[cell_link]
    given = np.array([link.home_at_start for link in links])
    at_start = given | (count <= 2)
    return {
        "link_ids": [link.link_id for link in links],
        "from_node": np.array([link.from_node for link in links], dtype=np.int64),
        "to_node": np.array([link.to_node for link in links], dtype=np.int64),
        "length_m": length,
        "model_length_m": model_length,
        "lanes": lanes,
        "free_speed_mps": speed,
        "saturation": saturation,
        "jam": jam,
        "zone": np.array([link.zone for link in links], dtype=np.int64),
        "priority": np.array([link.priority for link in links]),
        "first": first,
        "last": first + count - 1,
        "pull_out_veh": model_length / count * jam * lanes * np.where(given, 1.0, PULL_OUT),
        "home": np.where(at_start, first, first + count // 2),
        "cell_link": cell_link,
        "cell_length_m": cell_length,
        "cell_jam_veh": cell_length * (jam * lanes)[cell_link],
    }


def _movement_arrays(links: list[LinkSpec], specs: list[MovementSpec], rows: list[tuple[int, int, int]]) -> dict[str, Any]:
    n_links = len(links)
    picked = [specs[i] if i >= 0 else MovementSpec(link, SINK, -1, links[link].lanes) for link, _, i in rows]
    keys = [(link, group) for link, group, _ in rows]
    starts = [k for k in range(len(rows)) if k == 0 or keys[k] != keys[k - 1]]
    group_start = np.array(starts, dtype=np.int64)
    group_link = np.array([rows[k][0] for k in starts], dtype=np.int64)
    group_lanes = np.array([picked[k].lanes for k in starts], dtype=np.float64)
    from_link = np.array([row[0] for row in rows], dtype=np.int64)
    to_link = np.array([m.to_link if m.to_link >= 0 else n_links for m in picked], dtype=np.int64)
    sizes = np.diff(np.append(group_start, len(rows)))
    of_spec = np.full(len(specs), -1, dtype=np.int64)
    for k, (_, _, index) in enumerate(rows):
        if index >= 0:
            of_spec[index] = k
    total = sum_by(group_link, group_lanes, n_links)
    exit_capacity = np.array([link.exit_capacity for link in links])[group_link]
    if not bool((group_lanes > 0.0).all()):
        bad = int(group_link[np.flatnonzero(group_lanes <= 0.0)[0]])
        raise ValueError(f"link {links[bad].link_id!r} has a lane group without lanes; expected more than 0")
    share = group_lanes / total[group_link]
    lanes = np.array([link.lanes for link in links], dtype=np.float64)
    return {
        "group_link": group_link,
        # The groups of a link share its lanes: what the file says beyond or below that would make or lose road.
        "group_lanes": share * lanes[group_link],
        "group_start": group_start,
        "link_group_start": np.searchsorted(group_link, np.arange(n_links)),
        "group_exit_capacity": exit_capacity * share,
        "from_link": from_link,
        "to_link": to_link,
        "movement_group": np.repeat(np.arange(len(starts)), sizes),
        "link_movement_start": np.searchsorted(from_link, np.arange(n_links)),
        "capacity_factor": np.array([m.capacity_factor for m in picked]),
        "turn": [m.turn for m in picked],
        "movement_of_spec": of_spec,
    }
