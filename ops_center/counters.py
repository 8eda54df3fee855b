"""What a center has counted since its process began. Lives here: the figures. Must not know: what is counted, time."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """What has been counted since the process began; none of it is digested."""

    bad: dict[str, int] = field(default_factory=dict)
    last_bad: str = ""
    frames: int = 0
    readings: int = 0
    duplicates: int = 0

    def bad_message(self, reason: str, text: str) -> None:
        """Count a message that could not be used."""
        self.bad[reason] = self.bad.get(reason, 0) + 1
        self.last_bad = text[:300]
