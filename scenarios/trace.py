"""One reading followed through its six stops, from truth to pixel.

Lives here: `cityops trace`: six lines for one reading of a device. Must not know: how any stop works inside.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ops_center import views
from ops_center.events import Change
from scenarios.runner import HeadlessRun
from scenarios.setup import Setup
from scenarios.units import say_t
from sensors.kind import Measured, Sites
from sensors.messages import ABSENT, Batch, Registry, batch_devices, decode_frame
from simulator.world import World


class NoReading(ValueError):
    """There is no such device, or it reported nothing in time."""


def trace(setup: Setup, device_id: str, at_ms: int) -> list[str]:
    """Return the six lines of the first reading of a device after `at_ms` (ms since the run's start).

    Raises NoReading when the city has no such device or it is silent for two minutes.
    """
    return _Trace(setup, device_id).lines(at_ms)


class _Trace:
    def __init__(self, setup: Setup, device_id: str) -> None:
        self.changes: list[Change] = []
        self.run = HeadlessRun(setup, watch=self.changes.extend)
        self.device_id, self.warm_ms = device_id, setup.scenario.warm_up
        self.frames: list[bytes] = []
        self.true: dict[int, Measured] = {}

    def lines(self, at_ms: int) -> list[str]:
        run = self.run
        registry = run.city.fleet.registry()
        kind, row = _find(registry, self.device_id)
        run.advance(at_ms)
        emit = run.city.fleet.emit

        def listen(frame: bytes) -> None:
            self.frames.append(frame)
            emit(frame)

        run.city.fleet.emit = listen
        self._overhear(registry.kinds[kind].name)
        before = len(self.changes)
        for _ in range(120):
            self.frames.clear()
            run.advance(run.now_ms + 1_000)
            found = self._reading(registry, kind, row)
            if found is not None:
                return self._said(registry, kind, row, found, self.changes[before:])
        raise NoReading(f"{self.device_id} reported nothing for two minutes after {say_t(at_ms - self.warm_ms)}")

    def _overhear(self, kind: str) -> None:
        """Keep the true values of each measurement; asking again would disturb those that count since the last one."""
        station = next(s for s in self.run.city.fleet.stations if s.kind.name == kind)
        measure = station.kind.measure

        def overheard(world: World, sites: Sites, context: Any, now_ms: int) -> Measured:
            self.true[now_ms] = measure(world, sites, context, now_ms)
            return self.true[now_ms]

        station.kind = replace(station.kind, measure=overheard)

    def _reading(self, registry: Registry, kind: int, row: int) -> tuple[Batch, dict[str, Any], int, int] | None:
        table = registry.devices[kind]
        for frame in self.frames:
            header, columns = decode_frame(frame)
            if isinstance(header, Batch) and header.kind == table.kind:
                rows = batch_devices(header, columns, len(table.index))
                at = np.flatnonzero(rows == row)
                if len(at) and ("quality" not in columns or columns["quality"][at[0]] != ABSENT):
                    return header, dict(columns), int(at[0]), len(frame)
        return None

    def _said(
        self, registry: Registry, kind: int, row: int, found: tuple[Batch, dict[str, Any], int, int], changes: list[Change]
    ) -> list[str]:
        batch, columns, position, size = found
        info, index = registry.kinds[kind], registry.devices[kind].index[row]
        run, true = self.run, self.true.get(batch.observed_at_ms, {})
        quantities = [q for q in info.quantities if q.name in columns]
        truth = ", ".join(f"{q.name} {float(true[q.name][row]):.6g}" for q in quantities if q.name in true)
        seen = ", ".join(f"{q.metric} {columns[q.name][position] * q.resolution:.6g} {q.unit}".rstrip() for q in quantities)
        assert run.center.devices is not None
        state = int(run.center.devices.state(run.center.now_ms)[index])
        told = [type_ for change in changes for type_, _ in [views.event(change)]]
        at, delivered = say_t(batch.observed_at_ms - self.warm_ms), say_t(batch.delivered_at_ms - self.warm_ms)
        quality = int(columns["quality"][position]) if "quality" in columns else 0
        return [
            f"1 truth     {at} {self.device_id}: {truth}",
            f"2 measured  {at} {seen}, quality {quality}",
            f"3 wire      {delivered} batch {batch.kind} #{batch.seq}, {size} bytes, {len(columns)} columns, row {position}",
            f"4 judged    {say_t(run.center.now_ms - self.warm_ms)} barrier; {len(changes)} changes of alerts and incidents",
            f"5 told      journal first, then {', '.join(sorted(set(told))) or 'the next state frame'} to the viewers",
            f"6 drawn     device {index} has state byte 0x{state:02x} in the console's map",
        ]


def _find(registry: Registry, device_id: str) -> tuple[int, int]:
    for kind, table in enumerate(registry.devices):
        if device_id in table.device_id:
            return kind, table.device_id.index(device_id)
    some = ", ".join(table.device_id[0] for table in registry.devices if table.device_id)
    raise NoReading(f"the city has no device {device_id!r}; expected one such as {some}")
