"""A small city under observation, for the tests of sensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from sensors.fleet import Fleet
from sensors.kind import SensorKind
from sensors.kinds import load_kinds
from sensors.messages import Barrier, Batch, Command, Finished, UpHeader, batch_devices, decode_frame
from simulator.city import City
from simulator.generate.grid import small_city
from simulator.world import World


@dataclass
class Watch:
    """A world, its fleet and every frame so far."""

    world: World
    fleet: Fleet
    frames: list[bytes] = field(default_factory=list)

    def run(self, until_ms: int) -> None:
        """Run to an instant."""
        self.world.run_until(until_ms)

    def decoded(self, since: int = 0) -> list[tuple[UpHeader, Any]]:
        """All frames from number `since`, decoded."""
        return [decode_frame(frame) for frame in self.frames[since:]]

    def batches(self, kind: str, since: int = 0) -> list[tuple[Batch, Any]]:
        """The batches of a kind."""
        return [(h, c) for h, c in self.decoded(since) if isinstance(h, Batch) and h.kind == kind]

    def readings(self, kind: str, device_id: str, since: int = 0) -> list[dict[str, int]]:
        """All readings of one device, raw, with observed_at_ms and delivered_at_ms."""
        table = next(t for t in self.fleet.registry().devices if t.kind == kind)
        row, out = table.device_id.index(device_id), []
        for header, columns in self.batches(kind, since):
            at = np.flatnonzero(batch_devices(header, columns, len(table.device_id)) == row)
            times = {"observed_at_ms": header.observed_at_ms, "delivered_at_ms": header.delivered_at_ms}
            out += [{name: int(values[i]) for name, values in columns.items()} | times for i in at]
        return out

    def order(self, type_: str, target_kind: str, target_id: str, **params: Any) -> str:
        """Send a command now and return its id."""
        command_id = f"command-{len(self.frames)}"
        command = Command(command_id=command_id, type=type_, target_kind=target_kind, target_id=target_id, params=params)
        self.fleet.command(command, self.world.scheduler.now_ms)
        return command_id

    def end_of(self, command_id: str) -> Finished | None:
        """How a command ended, or None."""
        ends = [h for h, _ in self.decoded() if isinstance(h, Finished) and h.command_id == command_id]
        assert len(ends) <= 1
        return ends[0] if ends else None

    def barriers(self) -> list[Barrier]:
        """All barriers."""
        return [h for h, _ in self.decoded() if isinstance(h, Barrier)]


@pytest.fixture
def city() -> City:
    """The smallest generated city."""
    return small_city()


@pytest.fixture(scope="session")
def kinds() -> list[SensorKind]:
    """The default kinds."""
    return load_kinds()


@pytest.fixture
def watch(city: City, kinds: list[SensorKind]) -> Callable[..., Watch]:
    """Watch a world of the small city that begins at a local time."""

    def make(
        local: str = "2026-03-10T20:00:00", *, noise_seed: int = 3, own: Sequence[SensorKind] | None = None, **options: Any
    ) -> Watch:
        world = World(options.pop("city", city), options.pop("seed", 7), datetime.fromisoformat(f"{local}+07:00"), **options)
        frames: list[bytes] = []
        return Watch(world, Fleet(world, kinds if own is None else own, noise_seed, frames.append), frames)

    return make
