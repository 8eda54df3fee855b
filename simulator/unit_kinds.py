"""Kinds of response unit: who they are, how fast they leave, how long they work.

Lives here: one frozen description a kind, with its distributions. Must not know: where any unit is, what its work changes
(`simulator.works`). Times on scene are shorter than life where an exercise of an hour has to see their end, and say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.city import Text
from simulator.distributions import Distribution, Triangular

SHORTENED = "assumption, shortened so that a shift can rehearse it"
TURNOUT_SOURCE = "NFPA 1710 (2020) 4.1.2.1: turnout within 60 s for medical calls, 80 s for fire"


def _turnout(kind: str, low_s: float, mode_s: float, high_s: float, source: str) -> Distribution[Triangular]:
    what = f"From the order until a unit ({kind.replace('_', ' ')}) leaves its base."
    return Distribution(f"units.turnout.{kind}.{{unit}}", Triangular(low_s, mode_s, high_s), "s", what, source)


def _scene(
    kind: str, place: str, low_s: float, mode_s: float, high_s: float, source: str = SHORTENED
) -> Distribution[Triangular]:
    where = f" at a {place}" if place else ""
    what = f"Work of a unit ({kind.replace('_', ' ')}) on scene{where}."
    stream = f"units.scene.{kind}.{place or 'elsewhere'}.{{unit}}"
    return Distribution(stream, Triangular(low_s, mode_s, high_s), "s", what, source)


@dataclass(frozen=True, slots=True)
class UnitKind:
    """A kind of unit. `emergency` units get green ahead of them. `scene` by kind of place; "" is any other place."""

    name: str
    title: Text
    emergency: bool
    turnout: Distribution[Triangular]
    scene: Mapping[str, Distribution[Triangular]]

    def on_scene(self, place_kind: str) -> Distribution[Triangular]:
        """Return the distribution of the time on scene [s] at a kind of place."""
        return self.scene.get(place_kind) or self.scene[""]


TURNOUT = {
    "patrol": _turnout("patrol", 5, 15, 40, "assumption: patrols stand by in their cars"),
    "ambulance": _turnout("ambulance", 30, 60, 90, TURNOUT_SOURCE),
    "fire_engine": _turnout("fire_engine", 40, 80, 120, TURNOUT_SOURCE),
    "tow_truck": _turnout("tow_truck", 60, 120, 240, "assumption: a driver on call at the yard"),
    "lamp_crew": _turnout("lamp_crew", 60, 120, 300, "assumption: two people and a lift truck on call at the yard"),
    "electrician": _turnout("electrician", 60, 120, 240, "assumption: two people on call at the depot"),
}
SCENE_PATROL = {
    "": _scene("patrol", "", 120, 180, 360),
    "zone": _scene("patrol", "zone", 240, 360, 600),
    "link": _scene("patrol", "link", 300, 480, 840),
    "node": _scene("patrol", "node", 300, 480, 840),
}
SCENE_AMBULANCE = {"": _scene("ambulance", "", 480, 900, 1800, "assumption: of the order of published medians of 10 to 20 min")}
SCENE_FIRE = {"": _scene("fire_engine", "", 600, 1200, 2700)}
SCENE_TOW = {"": _scene("tow_truck", "", 300, 600, 1200)}
SCENE_LAMPS = {
    "": _scene("lamp_crew", "", 240, 420, 720),
    "cabinet": _scene("lamp_crew", "cabinet", 360, 600, 1200),
    "link": _scene("lamp_crew", "link", 360, 600, 1200),
    "zone": _scene("lamp_crew", "zone", 360, 600, 1200),
}
SCENE_ELECTRICIAN = {
    "": _scene("electrician", "", 150, 240, 480),
    "feeder": _scene("electrician", "feeder", 300, 480, 900),
    "basin": _scene("electrician", "basin", 360, 600, 1200),
    "signal": _scene("electrician", "signal", 180, 300, 600),
}

UNIT_KINDS: Mapping[str, UnitKind] = {
    kind.name: kind
    for kind in (
        UnitKind("patrol", Text("Tuần tra", "Patrol"), True, TURNOUT["patrol"], SCENE_PATROL),
        UnitKind("ambulance", Text("Xe cứu thương", "Ambulance"), True, TURNOUT["ambulance"], SCENE_AMBULANCE),
        UnitKind("fire_engine", Text("Xe chữa cháy", "Fire engine"), True, TURNOUT["fire_engine"], SCENE_FIRE),
        UnitKind("tow_truck", Text("Xe kéo", "Tow truck"), False, TURNOUT["tow_truck"], SCENE_TOW),
        UnitKind("lamp_crew", Text("Đội đèn", "Lamp crew"), False, TURNOUT["lamp_crew"], SCENE_LAMPS),
        UnitKind("electrician", Text("Đội điện", "Electrician"), False, TURNOUT["electrician"], SCENE_ELECTRICIAN),
    )
}
