"""The tables of the grammar, made by Lark: `python -m ops_center.promql.grammar_tables > ops_center/promql/grammar.json`.

Lives here: asking Lark, writing what it says. Must not know: tokens, trees. Nothing loads this module but who changes the
grammar, and the test that the tables are those of the grammar.
"""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lexer import Lexer

GRAMMAR = Path(__file__).parent / "grammar.lark"


class ReadyTokens(Lexer):
    """Tokens that somebody else made."""

    def __init__(self, _conf: Any) -> None:
        pass

    def lex(self, lexer_state: Any, parser_state: Any = None) -> Any:
        """The tokens as they are."""
        yield from lexer_state


def tables_text(grammar: str) -> str:
    """The tables of a grammar as JSON, a line for each rule and each state."""
    lark = Lark(grammar, parser="lalr", lexer=ReadyTokens, maybe_placeholders=False)
    found = lark.parser.parser._parse_table  # noqa: SLF001  # Lark has no other way to what it writes into its own caches
    numbers = _numbered(found.states, found.start_states["start"])
    rules = {rule: number for number, rule in enumerate(lark.rules)}

    def action(kind: Any, to: Any) -> int:
        return numbers[to] if kind.name == "Shift" else -1 - rules[to]

    lines = [json.dumps(_rule(rule)) for rule in lark.rules]
    states = [
        json.dumps({symbol: action(*go) for symbol, go in sorted(found.states[state].items())}, separators=(",", ":"))
        for state in numbers
    ]
    ends = f'"start":{numbers[found.start_states["start"]]},"accept":{numbers[found.end_states["start"]]}'
    return "{" + ends + ',"rules":[\n' + ",\n".join(lines) + '\n],"states":[\n' + ",\n".join(states) + "\n]}\n"


def _numbered(states: dict[Any, dict[str, Any]], start: Any) -> dict[Any, int]:
    """The states in the order in which they are met from the start: Lark's own numbers hang on hashes."""
    numbers, waiting = {start: 0}, deque([start])
    while waiting:
        for _, (kind, to) in sorted(states[waiting.popleft()].items()):
            if kind.name == "Shift" and to not in numbers:
                numbers[to] = len(numbers)
                waiting.append(to)
    return numbers


def _rule(rule: Any) -> list[Any]:
    """A rule as `lalr.Rule` has it; what Lark makes of `*`, `+` and groups are lists, whose names begin with an underscore."""
    origin = str(rule.origin.name)
    lists = [place for place, symbol in enumerate(rule.expansion) if not symbol.is_term and symbol.name.startswith("_")]
    method = "" if origin.startswith("_") else str(rule.alias or rule.options.template_source or origin)
    return [origin, len(rule.expansion), method, bool(rule.options.expand1 and not rule.alias), lists]


if __name__ == "__main__":
    print(tables_text(GRAMMAR.read_text(encoding="utf-8")), end="")  # noqa: T201
