"""State machines as tables: (state, event) -> state.

Lives here: the one way in which the center changes a state. Must not know: what any state means.
"""

from collections.abc import Mapping

Table = Mapping[tuple[str, str], str]


class IllegalEvent(ValueError):
    """An event that a state does not take; nothing has changed."""


def advance(table: Table, what: str, state: str, event: str) -> str:
    """Return the state after `event`.

    Raises:
        IllegalEvent: the table has no such step; the message lists the events that the state takes.
    """
    after = table.get((state, event))
    if after is None:
        possible = ", ".join(sorted(e for s, e in table if s == state)) or "none"
        raise IllegalEvent(f"{what} is {state} and does not take {event!r}; expected one of: {possible}")
    return after


def takes(table: Table, state: str, event: str) -> bool:
    """Tell whether `state` takes `event`."""
    return (state, event) in table
