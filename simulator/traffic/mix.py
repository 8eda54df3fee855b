"""Kinds of vehicle: roads carry passenger car units, and the mix of a road says what vehicles these are.

Lives here: what each kind counts for, and which kinds use which road. Must not know: how units move (`ctm`), who is told to stay
away and why. The fluid of the model is car units: a lane passes four times as many motorcycles as cars, and two fifths as many
trucks. Units are those of TCXDVN 104:2007, table 2, at 30 to 50 km/h.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from simulator.traffic.network import Floats

PCU: Mapping[str, float] = {"motorcycles": 0.25, "cars": 1.0, "trucks": 2.5, "trailers": 4.0}
TRAILER_PCU = PCU["trailers"]
KINDS = tuple(PCU)
# What somebody may mean by a word: trucks are all that is heavy.
WHO: Mapping[str, tuple[str, ...]] = {
    "motorcycles": ("motorcycles",),
    "cars": ("cars",),
    "trucks": ("trucks", "trailers"),
    "all": KINDS,
}
# Shares of the car units by kind, in the order of KINDS (assumption: a Vietnamese port city; of 10 vehicles on a street 8 are
# motorcycles). Motorcycles may not use motorways (Law on Road Traffic Order and Safety 2024, article 25).
ORDINARY = (0.45, 0.40, 0.10, 0.05)
BY_ROAD: Mapping[str, tuple[float, ...]] = {
    "motorway": (0.0, 0.60, 0.20, 0.20),
    "trunk": (0.30, 0.40, 0.15, 0.15),
    "tertiary": (0.55, 0.38, 0.07, 0.0),
    "residential": (0.60, 0.35, 0.05, 0.0),
    "service": (0.60, 0.35, 0.05, 0.0),
}
BY_PORT = (0.25, 0.25, 0.20, 0.30)


class Mix:
    """Which kinds use which road: `shares` [kinds, L] of its car units, each road's sum 1."""

    def __init__(self, shares: Floats) -> None:
        self.shares = shares

    def of(self, who: str, link: int) -> float:
        """Return the share of a road's car units that `who` (a word of `WHO`) are there."""
        return float(sum(self.shares[KINDS.index(kind), link] for kind in WHO[who]))

    def vehicles(self, units: Floats, banned: Mapping[int, str] | None = None) -> dict[str, Floats]:
        """Return vehicles [L] by kind of the car units [L] on roads; whom a road is `banned` to, by link, is not there."""
        shares = self.shares
        for link, who in (banned or {}).items():
            shares = shares.copy() if shares is self.shares else shares
            shares[[KINDS.index(kind) for kind in WHO[who]], link] = 0.0
            shares[:, link] /= max(float(shares[:, link].sum()), 1e-9)
        return {kind: units * shares[k] / PCU[kind] for k, kind in enumerate(KINDS)}


def even_mix(n_links: int, share: Sequence[float] = (0.0, 1.0, 0.0, 0.0)) -> Mix:
    """Return one mix for all roads; without `share`, all are cars."""
    return Mix(np.repeat(np.array(share, dtype=np.float64)[:, None], n_links, axis=1))


def road_mix(road_class: Sequence[str], by_port: Sequence[bool]) -> Mix:
    """Return the mix of each road of a city by its class; roads of port zones have their own, motorways excepted."""
    rows = [
        BY_PORT if port and road != "motorway" else BY_ROAD.get(road, ORDINARY)
        for road, port in zip(road_class, by_port, strict=True)
    ]
    return Mix(np.array(rows, dtype=np.float64).reshape(-1, len(KINDS)).T.copy())


def unit_shares(vehicles: Mapping[str, float]) -> tuple[tuple[float, ...], float]:
    """Return the shares of car units of a mix given as shares of vehicles, and the car units of its mean vehicle.

    Raises ValueError on an unknown kind, a share that is not one, or shares that do not sum to 1.
    """
    unknown = sorted(set(vehicles) - set(KINDS))
    if unknown:
        raise ValueError(f"kind of vehicle {unknown[0]!r} is unknown; expected some of {', '.join(KINDS)}")
    total = sum(vehicles.values())
    if not all(0.0 <= share <= 1.0 for share in vehicles.values()) or abs(total - 1.0) > 1e-9:
        seen = f"{dict(vehicles)!r} and sum to {total:g}"
        raise ValueError(f"shares of vehicles are {seen}; expected shares of 0 to 1 that sum to 1")
    units = [vehicles.get(kind, 0.0) * PCU[kind] for kind in KINDS]
    return tuple(u / sum(units) for u in units), sum(units)
