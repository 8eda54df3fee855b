"""Tokens to a value, by the tables of a grammar; knows no grammar, and nothing of PromQL.

The tables are Lark's (`grammar_tables` asks it for them), made once: to make them anew, or to load Lark at all, would take
longer than most commands do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

END = "$END"


class Token(str):
    """A word of a text: its kind, and where it begins and ends."""

    __slots__ = ("end_pos", "start_pos", "type")

    def __new__(cls, kind: str, text: str, start_pos: int = 0, end_pos: int = 0) -> Token:
        """A word that is a text."""
        made = super().__new__(cls, text)
        made.type, made.start_pos, made.end_pos = kind, start_pos, end_pos
        return made

    type: str
    start_pos: int
    end_pos: int


class UnexpectedToken(ValueError):
    """A word that cannot stand where it does; `expected` are the kinds that could."""

    def __init__(self, token: Token, expected: set[str]) -> None:
        super().__init__(f"unexpected {token!r}")
        self.token, self.expected = token, expected


@dataclass(frozen=True, slots=True)
class Rule:
    """What a reduction makes of the last `size` values.

    Attributes:
        origin: the symbol that it is about.
        size: how many values.
        method: the builder's method that takes them; "" for a list that goes into the values of the rule around it.
        single: a single value stands for itself.
        lists: which of the values are such lists.
    """

    origin: str
    size: int
    method: str
    single: bool
    lists: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """A grammar: `states` say for each symbol the state to go to, or −1 − the rule to reduce by; `accept` is the last state."""

    rules: tuple[Rule, ...]
    states: tuple[dict[str, int], ...]
    start: int
    accept: int


def load_tables(path: Path) -> Tables:
    """The tables in a file that `grammar_tables` wrote."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    rules = tuple(Rule(origin, size, method, single, tuple(lists)) for origin, size, method, single, lists in plain["rules"])
    return Tables(rules, tuple(plain["states"]), plain["start"], plain["accept"])


def parse_tokens(tokens: Iterable[Token], tables: Tables, builder: Any) -> Any:
    """What the builder makes of all tokens. Raises UnexpectedToken, and what the builder raises."""
    made = [getattr(builder, rule.method, None) for rule in tables.rules]
    states, values, at = tables.states, list[Any](), [tables.start]
    for token in chain(tokens, (Token(END, ""),)):
        while True:
            go = states[at[-1]].get(token.type)
            if go is None:
                raise UnexpectedToken(token, {kind for kind in states[at[-1]] if kind.isupper()})
            if go >= 0:
                at.append(go)
                values.append(token)
                break
            rule = tables.rules[-1 - go]
            some = values[len(values) - rule.size :]
            del values[len(values) - rule.size :], at[len(at) - rule.size :]
            values.append(_reduced(rule, some, made[-1 - go]))
            at.append(states[at[-1]][rule.origin])
            if at[-1] == tables.accept:
                return values[-1]
    return None


def _reduced(rule: Rule, values: list[Any], made: Any) -> Any:
    if rule.lists:
        values = _flat(values, rule.lists)
    if rule.single and len(values) == 1:
        return values[0]
    return made(*values) if made is not None else values


def _flat(values: list[Any], lists: tuple[int, ...]) -> list[Any]:
    """The values with those of lists in their places; a list at the beginning grows, so that long ones take no square of time."""
    out: list[Any] = values[0] if lists[0] == 0 else [values[0]]
    for place in range(1, len(values)):
        out += values[place] if place in lists else (values[place],)
    return out
