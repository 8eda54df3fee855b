"""Public map layers: the part of a city that anybody may see, as GeoJSON.

Lives here: roads, areas, zones and buildings as feature collections (RFC 7946). Must not know: devices, truth.
The order of the roads is the road index of the registry; a road is a link.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sensors.messages import Layers
from simulator.city import City

VERSION = 1


def build(city: City) -> Layers:
    """Return the map layers of a city."""
    layers = {"roads": roads(city), "areas": areas(city), "zones": zones(city), "buildings": buildings(city)}
    return Layers(version=VERSION, layers=layers, free_speed_kmh=[round(v * 3.6, 1) for v in city.links.free_speed_mps])


def roads(city: City) -> dict[str, Any]:
    """Return all links as lines."""
    links = city.links
    rows = zip(links.id, links.name, links.road_class, links.lanes, links.zone, links.geometry, strict=True)
    return _collection(
        _feature("LineString", _points(flat), id=id_, name=name, road_class=road_class, lanes=lanes, zone=zone)
        for id_, name, road_class, lanes, zone, flat in rows
    )


def areas(city: City) -> dict[str, Any]:
    """Return rivers, parks, bridges and the like as polygons."""
    rows = zip(city.areas.id, city.areas.kind, city.areas.name, city.areas.polygon, strict=True)
    return _collection(_feature("Polygon", [_ring(flat)], id=id_, kind=kind, name=name) for id_, kind, name, flat in rows)


def zones(city: City) -> dict[str, Any]:
    """Return the zones, with old district and new ward."""
    z = city.zones
    rows = zip(z.id, z.name, z.kind, z.old_district, z.ward_2025, z.polygon, strict=True)
    return _collection(
        _feature("Polygon", [_ring(flat)], id=id_, name=name, kind=kind, old_district=district, ward=ward)
        for id_, name, kind, district, ward, flat in rows
    )


def buildings(city: City) -> dict[str, Any]:
    """Return footprints with their height [m]."""
    b = city.buildings
    rows = zip(b.id, b.kind, b.height_m, b.polygon, strict=True)
    return _collection(_feature("Polygon", [_ring(flat)], id=id_, kind=kind, height=height) for id_, kind, height, flat in rows)


def _collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def _feature(shape: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": shape, "coordinates": coordinates}, "properties": properties}


def _points(flat: Sequence[float]) -> list[list[float]]:
    return [[lon, lat] for lon, lat in zip(flat[::2], flat[1::2], strict=False)]


def _ring(flat: Sequence[float]) -> list[list[float]]:
    """Return a closed ring."""
    points = _points(flat)
    return points if not points or points[0] == points[-1] else [*points, points[0]]
