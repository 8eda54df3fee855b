"""What holds for every default kind: ranges, units, determinism, silence without power, only the noise that is stated."""

from collections.abc import Callable

import numpy as np
import pytest

from sensors.kind import SensorKind
from sensors.kinds import load_kinds
from sensors.messages import MISSING, batch_devices

NAMES = [kind.name for kind in load_kinds()]
CATALOGUE = {
    "loop_detector": {"traffic_flow_vehph", "traffic_speed_kmh", "traffic_occupancy_ratio", "traffic_vehicles_total"},
    "signal_controller": {"signal_mode", "signal_phase", "signal_plan", "signal_on_battery", "signal_conflict",
        "signal_battery_ratio",
    },
    "luminaire_controller": {
        "lamp_level_ratio", "lamp_power_watts", "lamp_energy_wh_total", "lamp_fault", "lamp_expected_level_ratio",
    },
    "cabinet_meter": {
        "cabinet_power_watts", "cabinet_voltage_volts", "cabinet_current_amperes", "cabinet_door_open",
        "cabinet_leakage_amperes", "cabinet_supply", "cabinet_lamps", "cabinet_current_l1_amperes",
        "cabinet_current_l2_amperes", "cabinet_current_l3_amperes", "cabinet_neutral_amperes", "cabinet_breakers_open",
    },
    "feeder_meter": {"feeder_energised", "feeder_current_amperes", "feeder_voltage_volts", "feeder_trips_total"},
    "gateway": {"gateway_mains", "gateway_battery_ratio"},
    "photocell": {"photocell_lux"},
    "camera": {
        "camera_frames_per_second", "camera_people", "camera_crowd_density_per_m2", "camera_detection_confidence",
        "camera_stopped_vehicle", "camera_motion_ratio", "camera_tamper_ratio",
        "camera_unattended_object",
    },
    "door": {"door_open", "door_after_hours"},
    "acoustic_sensor": {"acoustic_shots_total", "acoustic_glass_total"},
    "sos_pole": {"sos_pressed", "sos_presses_total"},
    "weather_station": {
        "weather_wind_mps", "weather_gust_mps", "weather_rain_mm_per_h", "weather_visibility_metres",
        "weather_temperature_celsius",
    },
    "fire_panel": {"panel_smoke_a_ratio", "panel_smoke_b_ratio", "panel_return_air_celsius", "panel_air_mode"},
    "flood_gauge": {"flood_depth_metres"},
    "tide_gauge": {"tide_level_metres"},
    "drain_station": {
        "drain_inside_metres", "drain_outside_metres", "sluice_open", "sluice_mode", "pump_running", "pump_mode",
    },
}  # fmt: skip
SURVIVES_AN_HOUR = {"gateway",
    "cabinet_meter", "feeder_meter", "door", "sos_pole", "fire_panel", "weather_station",
    "flood_gauge", "tide_gauge", "drain_station", "acoustic_sensor",
}  # fmt: skip


def of(kinds: list[SensorKind], name: str) -> SensorKind:
    return next(kind for kind in kinds if kind.name == name)


def test_the_catalogue_of_metrics_is_kept(kinds: list[SensorKind]) -> None:
    """Metric names are a public interface: exactly these."""
    assert {kind.name: {q.metric for q in kind.quantities} for kind in kinds} == CATALOGUE


@pytest.mark.parametrize("name", NAMES)
def test_readings_stay_in_range(watch: Callable, kinds: list[SensorKind], name: str) -> None:
    """Every raw reading lies in the range of its quantity, in ordinary life and in trouble; every row is there."""
    kind, w = of(kinds, name), watch(own=[of(kinds, name)], ordinary_life=True)
    for inject, params in (("crowd", {}), ("crash", {}), ("cabinet_leakage", {}), ("feeder_outage", {}), ("intrusion", {})):
        w.world.inject(inject, params, 0)
    w.run(400_000)
    batches = w.batches(name)
    assert batches
    for header, columns in batches:
        assert len(batch_devices(header, columns, w.fleet.devices)) == len(columns["quality"])
        for q in kind.quantities:
            values = columns[q.name]
            known = values[values != MISSING] * q.resolution
            assert (known >= q.minimum - 1e-9).all()
            assert (known <= q.maximum + 1e-9).all()
        assert (columns["up"] == 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_name_says_its_unit(kinds: list[SensorKind], name: str) -> None:
    """Quantities with a unit have a metric that names it; counters end in _total."""
    units = {
        "veh/h": "vehph", "km/h": "kmh", "ratio": "ratio|confidence", "W": "watts", "Wh": "wh", "V": "volts", "A": "amperes",
        "lx": "lux", "1/s": "per_second", "1/m2": "per_m2", "veh": "vehicles", "": "",
        "m/s": "mps", "mm/h": "mm_per_h", "m": "metres", "°C": "celsius",
    }  # fmt: skip
    for q in of(kinds, name).quantities:
        assert any(word in q.metric for word in units[q.unit].split("|"))
        assert (q.type == "counter") == q.metric.endswith("_total")
        assert q.title.vi and q.title.en and q.help


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seeds_give_the_same_bytes(watch: Callable, kinds: list[SensorKind], name: str) -> None:
    """A kind alone is deterministic; another noise seed changes noise, never the number of frames."""
    own = [of(kinds, name)]
    first, again, other = watch(own=own), watch(own=own), watch(own=own, noise_seed=4)
    for w in (first, again, other):
        w.run(130_000)
    assert first.frames == again.frames
    noisy = any(q.noise.ratio or q.noise.absolute for q in own[0].quantities)
    assert noisy == (columns_of(first, name) != columns_of(other, name))


def columns_of(w: object, name: str) -> list[list[list[int]]]:
    return [[c.tolist() for c in columns.values()] for _, columns in w.batches(name)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(set(NAMES) - SURVIVES_AN_HOUR))
def test_without_power_there_is_silence(watch: Callable, kinds: list[SensorKind], name: str) -> None:
    """An hour after all feeders are lost, nothing without a long battery reports any more; with supply all are back."""
    w = watch(own=[of(kinds, name)])
    for f in range(len(w.world.city.feeders.id)):
        w.world.power.trip_feeder(f, 0)
    w.run(3_600_000)
    since = len(w.frames)
    w.run(3_900_000)
    assert not w.batches(name, since)
    for f in range(len(w.world.city.feeders.id)):
        w.world.power.repair_feeder(f, 3_900_000)
        w.world.power.reclose_feeder(f, 3_900_000)
    w.run(4_030_000)
    table = w.fleet.registry().devices[0]
    back = {int(row) for h, c in w.batches(name, since) for row in batch_devices(h, c, len(table.device_id))}
    assert len(back) == len(table.device_id) > 0


@pytest.mark.parametrize("name", sorted(SURVIVES_AN_HOUR))
def test_batteries_carry_through_an_outage(watch: Callable, kinds: list[SensorKind], name: str) -> None:
    """Meters, doors and poles still report an hour into an outage."""
    w = watch(own=[of(kinds, name)])
    for f in range(len(w.world.city.feeders.id)):
        w.world.power.trip_feeder(f, 0)
    w.run(3_600_000)
    since = len(w.frames)
    w.run(3_700_000)
    assert w.batches(name, since)


@pytest.mark.parametrize("name", NAMES)
def test_counters_never_fall_and_have_no_noise(watch: Callable, kinds: list[SensorKind], name: str) -> None:
    """A counter grows or stays, whatever happens."""
    counters = [q.name for q in of(kinds, name).quantities if q.type == "counter"]
    if not counters:
        return
    w = watch(own=[of(kinds, name)])
    w.world.inject("sos_press", {}, 0)
    w.run(600_000)
    device = w.fleet.registry().devices[0].device_id[0]
    for counter in counters:
        values = [r[counter] for r in w.readings(name, device)]
        assert len(values) > 5
        assert values == sorted(values)


def test_noise_is_as_stated(watch: Callable, kinds: list[SensorKind]) -> None:
    """Photocells at noon spread around the true light as their description says, to a fifth."""
    w = watch("2026-03-10T12:00:00", own=[of(kinds, "photocell")])
    w.run(60 * 60_000)
    batches = [c["lux"] * 0.1 for _, c in w.batches("photocell")]
    ratio = np.array(batches) / np.mean(batches, axis=0)
    truth_drift = np.array(batches).mean(axis=1, keepdims=True) / np.mean(batches)
    assert 0.8 * 0.03 < (ratio / truth_drift).std() < 1.25 * 0.03


def test_cameras_see_less_in_the_dark(watch: Callable, kinds: list[SensorKind]) -> None:
    """The same intruder is seen with confidence by night under lamps and by day, and missed when the lamps are dark."""
    seen = {}
    for name, local, outage in (("lit", "2026-03-10T23:00:00", False), ("dark", "2026-03-10T23:00:00", True)):
        w = watch(local, own=[of(kinds, "camera")])
        device = next(d for d in w.fleet.registry().devices[0].device_id if d.startswith("camera:node"))
        w.world.inject("intrusion", {"device": device}, 0)
        for c in range(len(w.world.city.cabinets.id) if outage else 0):
            w.world.power.trip_cabinet(c, 0, lasting=True)
        w.run(100_000)
        seen[name] = max(r["confidence"] for r in w.readings("camera", device)) / 100
    assert seen["lit"] >= 0.8
    assert seen["dark"] < 0.6


def test_a_crash_is_seen_by_the_camera_of_its_junction(watch: Callable, kinds: list[SensorKind]) -> None:
    """Cameras at the end of a blocked road report a stopped vehicle while it is there, and only they."""
    w = watch("2026-03-10T12:00:00", own=[of(kinds, "camera")])
    table = w.fleet.registry().devices[0]
    rows = [i for i in w.world.city.devices.node if i >= 0]
    link = next(k for k, node in enumerate(w.world.city.links.to_node) if node in rows)
    w.world.inject("crash", {"link": w.world.city.links.id[link], "position": 0.9, "duration_s": 60}, 0)
    w.run(200_000)
    at = w.world.city.nodes.id[w.world.city.links.to_node[link]]
    stopped = {d: [r["stopped"] for r in w.readings("camera", d)] for d in table.device_id}
    assert stopped[f"camera:{at}"][:3] == [1, 1, 1]
    assert not any(stopped[f"camera:{at}"][6:])
    assert any(not any(values) for values in stopped.values())


def test_a_loop_sees_what_drives(watch: Callable, kinds: list[SensorKind]) -> None:
    """Counted vehicles agree with the flow that was reported, to the noise of the loop."""
    w = watch("2026-03-10T17:00:00", own=[of(kinds, "loop_detector")])
    w.run(1_800_000)
    device = w.fleet.registry().devices[0].device_id[3]
    readings = w.readings("loop_detector", device)
    counted = readings[-1]["vehicles"] - readings[0]["vehicles"]
    flowed = sum(r["flow"] for r in readings[1:]) * 15 / 3600
    assert counted > 50
    assert abs(flowed - counted) < 0.10 * counted + 2


def test_on_change_kinds_report_changes_and_heartbeats(watch: Callable, kinds: list[SensorKind]) -> None:
    """A pole that nobody presses reports once a minute; a press is told within three seconds."""
    w = watch(own=[of(kinds, "sos_pole")])
    device = w.fleet.registry().devices[0].device_id[0]
    w.run(300_000)
    quiet = w.readings("sos_pole", device)
    assert 5 <= len(quiet) <= 6
    w.world.inject("sos_press", {"device": device}, 300_000)
    w.run(303_500)
    last = w.readings("sos_pole", device)[-1]
    assert (last["pressed"], last["presses"]) == (1, 1)
