"""Quarantine: devices that people do not believe any more, so that their readings are marked suspect.

Lives here: the set of their ids and the command. Must not know: why, what the center does with suspect readings.
"""

from collections.abc import Iterable
from typing import Any

from sensors.messages import CommandInfo, ParameterInfo, Text

STATE = ParameterInfo("state", "choice", Text("Trạng thái", "State"), choices=["on", "off"], default="on")
QUARANTINE = CommandInfo("quarantine", Text("Cách ly thiết bị", "Quarantine device"), ["device"], [STATE])


class Quarantine:
    """The devices in quarantine of one city; `version` tells readers to look again."""

    def __init__(self) -> None:
        self.devices: set[str] = set()
        self.version = 0

    def set(self, device_id: str, state: str) -> None:
        """Put a device into quarantine (on) or take it out (off)."""
        if state == "on":
            self.devices.add(device_id)
        else:
            self.devices.discard(device_id)
        self.version += 1

    def snapshot(self) -> list[str]:
        """Return the ids as plain data."""
        return sorted(self.devices)

    def restore(self, rows: Iterable[Any]) -> None:
        """Take over saved ids."""
        self.devices = {str(row) for row in rows}
        self.version += 1
