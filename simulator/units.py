"""Response units: one car of people at a time from each base, on the road and at work.

Lives here: the states of units, their shifts, their ways over links at present speeds, the green ahead of those in a hurry.
Must not know: who sent them or why, what their work changes (`simulator.works`). A job that ends, well or badly, is told once
through `take_reports`.

    off_shift <-> idle -> turning_out -> travelling -> on_scene -> returning -> idle
                              travelling -> returning when no way is left; returning -> travelling when sent again
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.city import City
from simulator.truth import Place
from simulator.unit_kinds import UNIT_KINDS, UnitKind
from simulator.works import work

if TYPE_CHECKING:
    from simulator.world import World

# state -> event -> next state; anything else is refused
STATES: Mapping[str, Mapping[str, str]] = {
    "off_shift": {"shift_began": "idle"},
    "idle": {"sent": "turning_out", "shift_ended": "off_shift"},
    "turning_out": {"departed": "travelling"},
    "travelling": {"arrived": "on_scene", "lost": "returning"},
    "on_scene": {"finished": "returning"},
    "returning": {"sent": "travelling", "home": "idle"},
}
FREE = ("idle", "returning")
MIN_LINK_MS = 1_000
RETRY_MS = 60_000  # a unit without a way home tries again
GREEN_AHEAD_S = 30.0  # signals so far ahead of a unit in a hurry are asked for green
GREEN_AFTER_MS = 5_000  # and keep it for so long after it should have passed
MOST_AHEAD = 4


class NoUnit(ValueError):
    """Nobody can be sent; the text begins with a code: `off_shift`, `none_free`, `no_way`, `unknown_target`, `no_unit`."""


@dataclass(slots=True)
class Unit:
    """A unit. `node` is where it is or was last, `ahead` the links still ahead, the one it is on first.

    `until_ms` is when it leaves that link, or when its turnout or work ends. On duty from `shift_from_h` to `shift_to_h`
    local time; equal hours: always.
    """

    unit_id: str
    kind: str
    base: int
    node: int
    shift_from_h: float = 0.0
    shift_to_h: float = 0.0
    state: str = "idle"
    ahead: list[int] = field(default_factory=list)
    until_ms: int | None = None
    place_kind: str = ""
    place_id: str = ""
    job_id: str = ""

    def go(self, event: str) -> None:
        """Take an event of the state table. Raises ValueError where it is illegal; nothing is changed then."""
        after = STATES[self.state].get(event)
        if after is None:
            raise ValueError(f"unit {self.unit_id} is {self.state}; {event!r} cannot happen to it there")
        self.state = after

    @property
    def place(self) -> Place:
        """Where it is sent to, or works."""
        return Place(self.place_kind, self.place_id)

    def on_shift(self, hour: float) -> bool:
        """Return whether it is on duty at a local hour."""
        start, end = self.shift_from_h, self.shift_to_h
        return start == end or (start <= hour < end if start < end else hour >= start or hour < end)


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a job: whether anything was mended, and what, as `code: words`."""

    job_id: str
    done: bool
    text: str


class Units:
    """The units of one city."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.units = _units_of(city)
        self._reports: list[Report] = []

    def start(self, world: "World") -> None:
        """Register a process for each unit and one for the changes of shift; units off duty go home."""
        self._world = world
        now_ms = world.scheduler.now_ms
        for unit in self.units:
            unit.state = "idle" if unit.on_shift(world.hour(now_ms)) else "off_shift"
            world.scheduler.add(f"units.{unit.unit_id}", 60, None, self._stepper(unit))
        world.scheduler.add("units.shifts", 59, self._next_shift_ms(now_ms), self._change_shifts)

    # --- sending ------------------------------------------------------------------------------------------------------

    def dispatch(self, unit_kind: str, place: Place, now_ms: int, job_id: str = "") -> str:
        """Send the free unit that can be there first and return its id. Raises NoUnit, and changes nothing."""
        unit, way = self._choose(unit_kind, place, now_ms)
        at_base = unit.state == "idle"
        unit.go("sent")
        unit.place_kind, unit.place_id, unit.job_id = place.kind, place.id, job_id
        if at_base:
            unit.until_ms = now_ms + self._drawn_ms(self._kind(unit).turnout, unit, now_ms)
        elif unit.ahead and unit.until_ms is not None:
            unit.ahead = [unit.ahead[0], *way]  # first to the end of the link that it is on
        else:
            self._set_out(unit, way, now_ms)
        self._wake(unit)
        return unit.unit_id

    def refusal(self, unit_kind: str, place: Place, now_ms: int) -> str:
        """Return why nobody of a kind can be sent to a place now, or ''."""
        try:
            self._choose(unit_kind, place, now_ms)
        except NoUnit as problem:
            return str(problem)
        return ""

    def _choose(self, unit_kind: str, place: Place, now_ms: int) -> tuple[Unit, list[int]]:
        spot = self._world.places.spot(place)
        words = unit_kind.replace("_", " ")
        if spot is None:
            raise NoUnit(f"unknown_target: the city has no {place.kind} {place.id!r}")
        own = [u for u in self.units if u.kind == unit_kind]
        if not own:
            raise NoUnit(f"no_unit: the city has no {words}")
        on_duty = [u for u in own if u.state != "off_shift"]
        if not on_duty:
            raise NoUnit(f"off_shift: no {words} is on duty before {self._next_duty(own)}")
        free = [u for u in on_duty if u.state in FREE]
        if not free:
            raise NoUnit(f"none_free: every {words} on duty ({len(on_duty)}) is away on a job")
        ways = [(unit, self._way(_from(unit, self._city), spot.node)) for unit in free]
        timed = [(self._time_ms(unit, way, now_ms), unit.unit_id, unit, way) for unit, way in ways if way is not None]
        if not timed:
            raise NoUnit(f"no_way: no open way leads a free {words} to {place.kind} {place.id}")
        _, _, unit, way = min(timed, key=lambda t: t[:2])
        return unit, way

    def _next_duty(self, own: list[Unit]) -> str:
        hour = self._world.hour(self._world.scheduler.now_ms)
        start_h = min(own, key=lambda u: (u.shift_from_h - hour) % 24.0).shift_from_h
        return f"{int(start_h):02d}:{round(start_h % 1 * 60):02d}"

    def _time_ms(self, unit: Unit, way: list[int], now_ms: int) -> float:
        """Return when a unit would be there, by present travel times; a unit at its base still has to turn out."""
        law = self._kind(unit).turnout.law
        begin_ms = 1000.0 * law.mode if unit.state == "idle" else float((unit.until_ms or now_ms) - now_ms)
        return begin_ms + 1000.0 * self._world.traffic.travel_time_s(way)

    # --- what happens on the way --------------------------------------------------------------------------------------

    def _stepper(self, unit: Unit) -> Any:
        def step(now_ms: int) -> int | None:
            self._next_stage(unit, now_ms)
            return unit.until_ms

        return step

    def _next_stage(self, unit: Unit, now_ms: int) -> None:
        """A link is passed, or turnout or work is over: go on with what comes next."""
        if unit.state == "turning_out":
            unit.go("departed")
            self._look_again(unit, now_ms)
        elif unit.state == "on_scene":
            self._finish(unit, now_ms)
        elif unit.ahead:
            unit.node = self._city.links.to_node[unit.ahead.pop(0)]
            self._set_out(unit, unit.ahead, now_ms)
        elif unit.state == "travelling":
            self._arrive(unit, now_ms)
        elif unit.state == "returning":
            self._come_home(unit, now_ms)

    def _set_out(self, unit: Unit, way: list[int], now_ms: int) -> None:
        """Enter the next link of a way; where one ahead is closed, look for another way first."""
        closed = self._world.traffic.obstacles.closed
        if any(closed[link] for link in way):
            self._look_again(unit, now_ms)
            return
        unit.ahead = way
        unit.until_ms = now_ms + (self._link_ms(unit, now_ms) if way else MIN_LINK_MS)

    def _look_again(self, unit: Unit, now_ms: int) -> None:
        """Take the way that is the quickest now, or give up where there is none."""
        spot = self._world.places.spot(unit.place) if unit.place_kind else None
        way = self._way(unit.node, unit.base if spot is None else spot.node)
        if way is None:
            self._lose(unit, now_ms)
        else:
            self._set_out(unit, way, now_ms)

    def _link_ms(self, unit: Unit, now_ms: int) -> int:
        """Return the time on the link that a unit enters: that of the traffic, without the signal's red if it gives green."""
        link, traffic = unit.ahead[0], self._world.traffic
        seconds = float(traffic.link_travel_time_s()[link])
        if self._kind(unit).emergency and unit.state == "travelling" and self._green_ahead(unit, now_ms):
            free_s = self._city.links.length_m[link] / self._city.links.free_speed_mps[link]
            seconds = min(seconds, max(free_s, seconds - float(traffic.red_wait_s()[link])))
        return max(MIN_LINK_MS, round(seconds * 1000.0))

    def _green_ahead(self, unit: Unit, now_ms: int) -> bool:
        """Ask the signals ahead of a unit for green; return whether the one at the end of its link gives it."""
        traffic, times = self._world.traffic, self._world.traffic.link_travel_time_s()
        at_s, given = 0.0, False
        for i, link in enumerate(unit.ahead[:MOST_AHEAD]):
            if i > 0 and at_s > GREEN_AHEAD_S:
                break
            at_s += float(times[link])
            answer = traffic.hold_green(link, now_ms + round(1000.0 * at_s) + GREEN_AFTER_MS, now_ms)
            given = answer if i == 0 else given
        return given

    def _arrive(self, unit: Unit, now_ms: int) -> None:
        unit.go("arrived")
        carrier = self._world.places.carrier(unit.place)
        unit.until_ms = now_ms + self._drawn_ms(self._kind(unit).on_scene(carrier), unit, now_ms)

    def _finish(self, unit: Unit, now_ms: int) -> None:
        mended = work(self._world, unit.kind, unit.place, now_ms)
        text = f"mended: {', '.join(mended)}" if mended else "nothing_found: there was nothing to mend here"
        self._report(unit, True, text)
        unit.go("finished")
        self._go_home(unit, now_ms)

    def _lose(self, unit: Unit, now_ms: int) -> None:
        """No way is left: turn back, or, on the way back, try again later."""
        if unit.state == "travelling":
            unit.go("lost")
            self._report(unit, False, f"no_way: every way to {unit.place_kind} {unit.place_id} is closed; the unit turns back")
            self._go_home(unit, now_ms)
        else:
            unit.ahead, unit.until_ms = [], now_ms + RETRY_MS

    def _report(self, unit: Unit, done: bool, text: str) -> None:
        self._reports.append(Report(unit.job_id, done, text))
        unit.job_id = ""

    def _go_home(self, unit: Unit, now_ms: int) -> None:
        unit.place_kind = unit.place_id = ""
        self._look_again(unit, now_ms)

    def _come_home(self, unit: Unit, now_ms: int) -> None:
        if unit.node != unit.base:
            self._go_home(unit, now_ms)
            return
        unit.go("home")
        unit.until_ms = None
        if not unit.on_shift(self._world.hour(now_ms)):
            unit.go("shift_ended")

    # --- shifts -------------------------------------------------------------------------------------------------------

    def _change_shifts(self, now_ms: int) -> int:
        hour = self._world.hour(now_ms)
        for unit in self.units:
            if unit.state == "idle" and not unit.on_shift(hour):
                unit.go("shift_ended")
            elif unit.state == "off_shift" and unit.on_shift(hour):
                unit.go("shift_began")
        return self._next_shift_ms(now_ms)

    def _next_shift_ms(self, now_ms: int) -> int:
        """Shifts begin and end at quarters of an hour, local time."""
        quarter_ms = round(self._world.local_seconds(now_ms) * 1000.0) % 900_000
        return now_ms + 900_000 - quarter_ms

    # --- what others ask ----------------------------------------------------------------------------------------------

    def take_reports(self) -> list[Report]:
        """Return the jobs that ended since the last call."""
        reports, self._reports = self._reports, []
        return reports

    def _kind(self, unit: Unit) -> UnitKind:
        return UNIT_KINDS[unit.kind]

    def _drawn_ms(self, distribution: Any, unit: Unit, now_ms: int) -> int:
        world = self._world
        return round(1000.0 * float(world.streams.draw(distribution, unit.unit_id, tick=world.tick(now_ms), n=1)[0]))

    def _wake(self, unit: Unit) -> None:
        self._world.scheduler.wake(f"units.{unit.unit_id}", unit.until_ms)

    def _way(self, start: int, end: int) -> list[int] | None:
        """Return the quickest open links from node to node, or None."""
        return [] if start == end else self._world.traffic.route(start, end) or None

    # --- saving -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"units": [asdict(u) for u in self.units], "reports": [asdict(r) for r in self._reports]}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        for unit, row in zip(self.units, data["units"], strict=True):
            for name, value in row.items():
                setattr(unit, name, list(value) if isinstance(value, list) else value)
        self._reports = [Report(**row) for row in data["reports"]]


def _units_of(city: City) -> list[Unit]:
    """Return a unit for each base, numbered within its kind."""
    counts, units, bases = dict[str, int](), list[Unit](), city.bases
    for kind, node, start, end in zip(bases.kind, bases.node, bases.shift_from_h, bases.shift_to_h, strict=True):
        counts[kind] = counts.get(kind, 0) + 1
        units.append(Unit(f"{kind}:{counts[kind]}", kind, node, node, start, end))
    return units


def _from(unit: Unit, city: City) -> int:
    """Return the node from which a free unit sets out: the end of the link that it is on, else where it stands."""
    return city.links.to_node[unit.ahead[0]] if unit.ahead else unit.node
