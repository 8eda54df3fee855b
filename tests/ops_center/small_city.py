"""A city of a few devices on the wire, for tests: its opening frames, its batches and barriers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ops_center.judge import RuleFile
from ops_center.pipeline import Center, CenterConfig
from sensors.messages import (
    Barrier,
    Batch,
    CommandInfo,
    DeviceTable,
    Hello,
    KindInfo,
    Layers,
    ParameterInfo,
    QuantityInfo,
    Registry,
    StaticMetric,
    Text,
    crc,
    encode_frame,
)  # fmt: skip

START_AT = "2026-03-03T18:00:00+07:00"
LAMPS, CABINETS, FEEDERS = 12, 4, 2


def quantity(name: str, metric: str, resolution: float = 1.0, maximum: float = 1.0) -> QuantityInfo:
    return QuantityInfo(name, metric, "", "gauge", resolution, 0.0, maximum, Text(name, name), name)


def kind(name: str, period_ms: int, quantities: list[QuantityInfo], heartbeat_ms: int = 0, **more: str) -> KindInfo:
    return KindInfo(name, Text(f"vi {name}", name), name, period_ms, heartbeat_ms, quantities, ["lamp_level"], **more)


def feeder_of(cabinet: int) -> str:
    return f"F{cabinet * FEEDERS // CABINETS + 1:02d}"


def registry(version: int = 1) -> Registry:
    lamp = kind("lamp", 60_000, [quantity("level", "lamp_level_ratio", 0.01)], active="level", level="level")
    meter = kind("cabinet_meter", 30_000, [quantity("supply", "cabinet_supply")])
    feeder = kind("feeder_meter", 15_000, [quantity("energised", "feeder_energised")])
    loop = kind("loop", 15_000, [quantity("speed", "traffic_speed_kmh", 0.1, 200.0)], speed="speed")
    door = kind("door", 1_000, [quantity("open", "door_open")], 60_000, active="open")
    cabinets = [i * CABINETS // LAMPS for i in range(LAMPS)]
    tables = [
        table("lamp", 0, LAMPS, cabinet=[f"C{c}" for c in cabinets], feeder=[feeder_of(c) for c in cabinets]),
        table(
            "cabinet_meter",
            LAMPS,
            CABINETS,
            cabinet=[f"C{c}" for c in range(CABINETS)],
            feeder=[*map(feeder_of, range(CABINETS))],
        ),
        table("feeder_meter", LAMPS + CABINETS, FEEDERS, feeder=["F01", "F02"]),
        table("loop", LAMPS + CABINETS + FEEDERS, 2, road=["R0", "R1"]),
        table("door", LAMPS + CABINETS + FEEDERS + 2, 1, place=["pump house"]),
    ]
    level = ParameterInfo("level", "number", Text("Mức", "Level"), "ratio", 0.0, 1.0)
    commands = [
        CommandInfo("lamp_level", Text("Mức sáng", "Lamp level"), ["cabinet", "luminaire"], [level]),
        CommandInfo("feeder_reclose", Text("Đóng lại", "Reclose"), ["feeder"], []),
    ]
    info = [{"device_id": d, "kind": t.kind} for t in tables for d in t.device_id]
    static = [StaticMetric("sensor_info", "every device", info, [1.0] * len(info))]
    return Registry(version=version, kinds=[lamp, meter, feeder, loop, door], devices=tables, commands=commands, static=static)


def table(name: str, first: int, n: int, **labels: list[str]) -> DeviceTable:
    ids = [f"{name}:{i}" for i in range(n)]
    places = [106.6 + 0.001 * (first + i) for i in range(n)]
    road = [i if name == "loop" else -1 for i in range(n)]
    return DeviceTable(
        name, list(range(first, first + n)), ids, [f"Đèn {i}" for i in ids], places, [20.8] * n, [0] * n, road, dict(labels)
    )


def layers(version: int = 1) -> Layers:
    line = {"type": "LineString", "coordinates": [[106.6, 20.8], [106.7, 20.9]]}
    roads = [
        {"type": "Feature", "geometry": line, "properties": {"index": i, "id": f"R{i}", "name": f"Lê Lợi {i}"}} for i in (0, 1)
    ]
    ring = {"type": "Polygon", "coordinates": [[[106.6, 20.8], [106.7, 20.8], [106.7, 20.9], [106.6, 20.8]]]}
    zone = {"id": "z0", "name": "Lê Chân", "old_district": "Lê Chân", "ward_2025": "An Biên"}
    zones = [{"type": "Feature", "geometry": ring, "properties": zone}]
    empty: dict[str, Any] = {"type": "FeatureCollection", "features": []}
    found = {"roads": {**empty, "features": roads}, "zones": {**empty, "features": zones}, "areas": empty, "buildings": empty}
    return Layers(version=version, layers=found, free_speed_kmh=[50.0, 40.0])


def hello(run: str = "r1", **more: Any) -> Hello:
    more = {"start_at": START_AT, "token": "secret", **more}
    return Hello(
        run=run,
        city="small",
        title=Text("Nhỏ", "Small"),
        time_zone="Asia/Ho_Chi_Minh",
        lon=106.6,
        lat=20.8,
        registry_digest="x",
        **more,
    )


def opening(run: str = "r1", **more: Any) -> list[bytes]:
    return [encode_frame(hello(run, **more)), encode_frame(registry()), encode_frame(layers())]


class SmallCity:
    """Writes the wire of the small city. `frames` grows; every frame of a barrier is counted."""

    def __init__(self) -> None:
        self.seq: dict[str, int] = {}
        self.count, self.check = 0, 0
        self.now_ms = -1
        self.levels = np.full(LAMPS, 100, dtype=np.int32)
        self.supply = np.ones(CABINETS, dtype=np.int32)
        self.energised = np.ones(FEEDERS, dtype=np.int32)

    def send(self, frame: bytes) -> bytes:
        self.count, self.check = self.count + 1, crc(self.check, frame)
        return frame

    def batch(self, kind_name: str, columns: Mapping[str, Sequence[int]], now_ms: int, delay_ms: int = 0, **more: Any) -> bytes:
        self.seq[kind_name] = self.seq.get(kind_name, -1) + 1
        header = Batch(
            seq=self.seq[kind_name],
            kind=kind_name,
            registry_version=1,
            observed_at_ms=now_ms,
            delivered_at_ms=now_ms + delay_ms,
            **more,
        )
        return self.send(encode_frame(header, [(name, np.asarray(values, dtype=np.int32)) for name, values in columns.items()]))

    def barrier(self, now_ms: int) -> bytes:
        frame = encode_frame(Barrier(now_ms=now_ms, frames=self.count, crc=self.check))
        self.count, self.check, self.now_ms = 0, 0, now_ms
        return frame

    def report(self, now_ms: int) -> list[bytes]:
        """All kinds that report at this instant."""
        frames = []
        if now_ms % 15_000 == 0:
            frames.append(self.batch("feeder_meter", {"energised": self.energised.tolist()}, now_ms))
            frames.append(self.batch("loop", {"speed": [250, 400]}, now_ms))
        if now_ms % 30_000 == 0:
            frames.append(self.batch("cabinet_meter", {"supply": self.supply.tolist()}, now_ms))
        if now_ms % 60_000 == 0:
            frames.append(self.batch("lamp", {"level": self.levels.tolist()}, now_ms))
        return frames

    def until(self, now_ms: int, step_ms: int = 1_000) -> list[bytes]:
        """Everything up to and with the barrier at `now_ms`."""
        frames = []
        while self.now_ms < now_ms:
            at_ms = 0 if self.now_ms < 0 else self.now_ms + step_ms
            frames += [*self.report(at_ms), self.barrier(at_ms)]
        return frames

    def lose_feeder(self, feeder: int) -> None:
        """The supply of a feeder goes: its meter says so, its cabinets and lamps are dead."""
        self.energised[feeder] = 0
        for cabinet in range(CABINETS):
            if feeder_of(cabinet) == f"F{feeder + 1:02d}":
                self.supply[cabinet] = 0
                self.levels[cabinet * LAMPS // CABINETS : (cabinet + 1) * LAMPS // CABINETS] = 0

    def restore_all(self) -> None:
        self.energised[:], self.supply[:], self.levels[:] = 1, 1, 100


RULES = """
groups:
  - name: lighting
    interval: 15s
    rules:
      - alert: FeederLoss
        expr: feeder_energised == 0
        for: 30s
        labels: {severity: critical, domain: lighting, scope: feeder}
        annotations:
          summary: Feeder {{ $labels.feeder }} lost
          summary_vi: Lộ {{ $labels.feeder }} mất điện
          respond_s: "300"
      - alert: CabinetLoss
        expr: cabinet_supply == 0
        labels: {severity: major, domain: lighting, scope: cabinet}
        annotations: {summary: "Cabinet {{ $labels.cabinet }} lost", respond_s: "300"}
      - alert: LampDark
        expr: lamp_level_ratio < 0.2
        labels: {severity: minor, domain: lighting, scope: device}
        annotations: {summary: "Lamp {{ $labels.device_id }} is dark"}
"""


def config(rules: str = RULES) -> CenterConfig:
    return CenterConfig(rules=(RuleFile("rules.yml", rules),))


def fed(frames: Sequence[bytes], rules: str = RULES) -> Center:
    center = Center(config(rules))
    for frame in [*opening(), *frames]:
        center.step(frame)
    return center
