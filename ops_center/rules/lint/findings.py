"""What a finding is. Lives here: its shape, severities, order. Must not know: what is looked for, how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at in a rule: `name` is stable, the place is that in the file. `rule` is empty for a whole file."""

    name: str
    severity: str
    file: str
    line: int
    column: int
    rule: str
    message: str

    def __str__(self) -> str:
        of = f"{self.rule}: " if self.rule else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {of}{self.message} [{self.name}]"

    @property
    def order(self) -> tuple[Any, ...]:
        """By place, then by name."""
        return self.file, self.line, self.column, self.name, self.message

    def plain(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return {name: getattr(self, name) for name in ("name", "severity", "file", "line", "column", "rule", "message")}
