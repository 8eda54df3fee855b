"""Zones of imported streets: seeded clusters of roads, named after their longest main street.

Lives here: where trips begin and end when nobody says. Must not know: files, devices. Rules: about one zone per 18
junctions, 6 to 40 (or fewer, if there are fewer roads); Lloyd's k-means on the middles of roads; people by metres of
streets, jobs by lane metres of main roads; the fifth of the zones with the most main road are `centre`.
"""

import numpy as np
from numpy.typing import NDArray

from simulator.distributions import Distribution, OneOf
from simulator.generate.draft import Draft, ZoneSeed
from simulator.generate.frame import Frame, point_at
from simulator.streams import Streams

JUNCTIONS_PER_ZONE = 18
ROUNDS = 25
PEOPLE_PER_M, JOBS_PER_LANE_M = 2.0, 1.0
MAIN = ("motorway", "trunk", "primary", "secondary")

FIRST_ZONE = Distribution(
    "osm.zones.start",
    OneOf("the roads"),
    "",
    "The road at whose middle the first zone of an imported city begins.",
    "Gonzalez 1985: farthest-first start of k-means",
)

Floats = NDArray[np.float64]


def make_zones(draft: Draft, seed: int) -> tuple[ZoneSeed, ...]:
    """Return zones of a draft's roads, the same for the same draft and seed."""
    middles = np.array([point_at(road.points, road.length_m / 2)[0] for road in draft.roads])
    n = min(len(draft.roads), max(6, min(40, round(len(draft.at) / JUNCTIONS_PER_ZONE))))
    centres, label = _clusters(middles, n, seed)
    people = [
        sum(r.length_m for r, z in zip(draft.roads, label, strict=True) if z == i) * PEOPLE_PER_M for i in range(len(centres))
    ]
    jobs = [_lane_metres(draft, label, i) * JOBS_PER_LANE_M for i in range(len(centres))]
    busiest = set(sorted(range(len(centres)), key=lambda i: (-jobs[i], i))[: max(1, len(centres) // 5)])
    names = _names(draft, label, len(centres))
    return tuple(
        _seed(draft.frame, i, centres[i], names[i], "centre" if i in busiest else "residential", people[i], jobs[i])
        for i in range(len(centres))
    )


def _seed(frame: Frame, i: int, at: Floats, name: str, kind: str, people: float, jobs: float) -> ZoneSeed:
    lon, lat = frame.to_lonlat(float(at[0]), float(at[1]))
    return ZoneSeed(f"zone_{i + 1:02d}", name, lon, lat, kind, int(round(people, -2)), int(round(jobs, -2)))


def _clusters(places: Floats, n: int, seed: int) -> tuple[Floats, list[int]]:
    """Lloyd (1957) from a seeded start of places far apart; clusters that run empty are dropped."""
    centres = _far_apart(places, n, seed)
    for _ in range(ROUNDS):
        label = _nearest(places, centres)
        kept = [i for i in range(len(centres)) if (label == i).any()]
        centres = np.array([places[label == i].mean(axis=0) for i in kept])
    order = np.lexsort((centres[:, 0], -centres[:, 1]))  # numbered from north to south
    centres = np.round(centres[order], 1)
    return centres, [int(z) for z in _nearest(places, centres)]


def _nearest(places: Floats, centres: Floats) -> NDArray[np.int64]:
    apart = places[:, None, :] - centres[None, :, :]
    label: NDArray[np.int64] = (apart * apart).sum(axis=2).argmin(axis=1)
    return label


def _far_apart(places: Floats, n: int, seed: int) -> Floats:
    first = int(Streams(seed).choose(FIRST_ZONE, len(places), tick=0)[0])
    chosen = [first]
    gap = ((places - places[first]) * (places - places[first])).sum(axis=1)
    while len(chosen) < n and gap.max() > 0:
        chosen.append(int(gap.argmax()))
        step = places - places[chosen[-1]]
        gap = np.minimum(gap, (step * step).sum(axis=1))
    return places[chosen]


def _lane_metres(draft: Draft, label: list[int], i: int) -> float:
    return sum(r.length_m * r.lanes for r, z in zip(draft.roads, label, strict=True) if z == i and r.road_class in MAIN)


def _names(draft: Draft, label: list[int], n: int) -> list[str]:
    """Return for each zone its longest street, main roads counting double; a second zone of a name gets a number."""
    out, used = list[str](), dict[str, int]()
    for i in range(n):
        metres: dict[str, float] = {}
        for road, zone in zip(draft.roads, label, strict=True):
            if zone == i:
                metres[road.name] = metres.get(road.name, 0.0) + road.length_m * (2.0 if road.road_class in MAIN else 1.0)
        best = min(metres, key=lambda name: (-metres[name], name))
        used[best] = used.get(best, 0) + 1
        out.append(f"Khu {best}" if used[best] == 1 else f"Khu {best} {used[best]}")
    return out
