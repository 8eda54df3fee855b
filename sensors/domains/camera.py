"""Camera with analytics: frames, people, crowds, likeness to an intruder, stopped vehicles. It sees less in dark and glare."""

from typing import Any

import numpy as np
import scipy  # its parts load at their first use: who only lists the kinds needs none of them

from sensors.kind import Floats, Measured, Noise, Quantity, SensorKind, Sites
from sensors.messages import Text
from sensors.placement import device_sites, on_battery_for
from simulator.crowds import shape
from simulator.glare import LOST
from simulator.world import World

BATTERY_S = 300.0
LAMPS, LAMP_REACH_M = 8, 60.0
ENOUGH_LIGHT = 0.4  # lamps dimmed to this level light a scene well enough
VIEW_M2 = 400.0
LEFT_ALONE_MS = 90_000
INCIDENT_REACH_M = 150.0
BLIND = 0.35  # below this sight times light, analytics find no stopped vehicle


def place(world: World) -> Sites:
    """Return the cameras of the city."""
    return device_sites(world, "camera", {"place": "name"})


def prepare(world: World, sites: Sites) -> dict[str, Any]:
    """Find the lamps that light each scene and the junction that each camera watches."""
    lamps = world.city.luminaires
    places = world.places.metres(sites.lon, sites.lat)
    near = np.full((sites.n, LAMPS), len(lamps.id), dtype=np.int64)
    if lamps.id:
        tree = scipy.spatial.cKDTree(world.places.metres(np.array(lamps.lon), np.array(lamps.lat)))
        near = np.asarray(tree.query(places, k=LAMPS, distance_upper_bound=LAMP_REACH_M)[1])
    return {"lamps": near, "count": (near < len(lamps.id)).sum(axis=1), "node": sites.extra["node"]}


def light(world: World, sites: Sites, context: dict[str, Any]) -> Floats:
    """Return how well each scene is lit, 0-1: by day, by its lamps, or by those of its zone where it has none."""
    lit = np.append(world.lighting.light_output, 0.0)[context["lamps"]].sum(axis=1) / np.maximum(context["count"], 1)
    zone = np.append(world.lighting.zone_light, 0.0)[sites.zone]
    lit = np.where(context["count"] > 0, lit, zone)
    out: Floats = np.maximum(np.minimum(lit / ENOUGH_LIGHT, 1.0), world.lighting.daylight)
    return out


def measure(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
    """Return what analytics make of all scenes."""
    bright = light(world, sites, context)
    sight = world.weather.factors.sight * (1.0 - LOST * world.security.glare(now_ms))
    ordinary = np.append(world.security.outdoor_density(now_ms), 0.0)[sites.zone]
    unattended = np.zeros(sites.n, dtype=bool)
    density, likeness, tamper = ordinary.copy(), np.full(sites.n, 0.04), np.full(sites.n, 0.01)
    for happening in world.security.happenings:
        away_m = world.places.distance_m(sites.lon, sites.lat, happening.lon, happening.lat)
        seen, strength = away_m <= happening.radius_m, happening.now(now_ms)
        if happening.kind == "crowd":
            density = np.maximum(density, strength * shape(away_m, happening.radius_m))
            continue
        if happening.kind == "abandoned_object":
            unattended |= seen & (now_ms - happening.start_ms >= LEFT_ALONE_MS)
            continue
        as_seen = strength * (0.4 + 0.6 * bright) * sight if happening.kind == "intrusion" else strength
        likeness = np.where(seen, np.maximum(likeness, as_seen), likeness)
        tamper = np.where(seen & (happening.kind == "nuisance"), 0.08, tamper)
    return {
        "fps": np.where(bright < 0.3, 12.0, 25.0),
        "people": density * VIEW_M2,
        "density": density,
        "confidence": likeness,
        "stopped": stopped(world, context["node"]) & (bright * sight >= BLIND),
        "motion": np.minimum(0.02 + 0.05 * density + 0.3 * (likeness > 0.3), 1.0),
        "tamper": tamper,
        "unattended": unattended & (bright * sight >= BLIND),
    }


def stopped(world: World, node: Any) -> Any:
    """Return which cameras have a blocked lane within reach of their junction."""
    links, hit = world.city.links, np.zeros(len(node), dtype=bool)
    for incident in world.traffic.obstacles.incidents.values():
        if incident.works:
            continue  # cones are no vehicle
        k, at_m = incident.link, incident.position_m
        if links.length_m[k] - at_m <= INCIDENT_REACH_M:
            hit |= node == links.to_node[k]
        if at_m <= INCIDENT_REACH_M:
            hit |= node == links.from_node[k]
    return hit


def _ratio(name: str, metric: str, title: Text, help_: str, noise: Noise) -> Quantity:
    return Quantity(name, metric, "ratio", title, help_, resolution=0.01, minimum=0, maximum=1, noise=noise)


KIND = SensorKind(
    name="camera",
    title=Text("Camera phân tích", "Camera"),
    icon="camera",
    period_ms=15_000,
    quantities=(
        Quantity(
            "fps", "camera_frames_per_second", "1/s", Text("Khung hình/giây", "Frames"), "Frames per second; fewer in the dark.",
            resolution=0.1, minimum=0, maximum=60, noise=Noise(absolute=0.2),
        ),
        Quantity(
            "people", "camera_people", "", Text("Số người", "People"), "People in view.",
            resolution=1, minimum=0, maximum=10_000, noise=Noise(ratio=0.10, absolute=0.3),
        ),
        Quantity(
            "density", "camera_crowd_density_per_m2", "1/m2", Text("Mật độ", "Crowd density"), "People per square metre in view.",
            resolution=0.01, minimum=0, maximum=10, noise=Noise(ratio=0.05),
        ),
        _ratio(
            "confidence", "camera_detection_confidence", Text("Khả năng xâm nhập", "Intrusion confidence"),
            "Likeness of what moves to an intruder.", Noise(absolute=0.02),
        ),
        Quantity(
            "stopped", "camera_stopped_vehicle", "", Text("Xe dừng", "Stopped vehicle"),
            "1 while a vehicle blocks a lane in view.", resolution=1, minimum=0, maximum=1,
        ),
        _ratio(
            "motion", "camera_motion_ratio", Text("Chuyển động", "Motion"),
            "Share of the picture that moves.", Noise(ratio=0.1),
        ),
        _ratio(
            "tamper", "camera_tamper_ratio", Text("Bị che", "Tamper"),
            "Share of the picture that is covered.", Noise(absolute=0.005),
        ),
        Quantity(
            "unattended", "camera_unattended_object", "", Text("Vật bị bỏ lại", "Unattended object"),
            "1 while an object stands alone in view for 90 s or longer.", resolution=1, minimum=0, maximum=1,
        ),
    ),
    place=place,
    prepare=prepare,
    measure=measure,
    powered=on_battery_for(BATTERY_S),
    active="confidence",
    level="density",
)  # fmt: skip
