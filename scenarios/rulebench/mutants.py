"""Mutants of a rule: the user's own text with one thing changed, each of which good tests ought to notice.

Lives here: what is changed at which place of the text. Must not know: tests, scenarios, what became of a mutant.
An edit is a place of the file and what stands there instead, so that comments, order and layout stay as they are.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops_center.label_sets import NAME
from ops_center.promql import ast
from ops_center.promql.durations import format_duration_ms
from ops_center.promql.errors import PromQLError
from ops_center.promql.lalr import Token
from ops_center.promql.lexer import tokenize
from ops_center.promql.parser import parse
from ops_center.rules.lint.source import RuleSource
from ops_center.rules.yaml_nodes import is_null

DEFAULT_INTERVAL_MS = 15_000
COMPARATORS = {
    ">": (">=", "<", "!="), "<": ("<=", ">", "!="), ">=": (">", "<="), "<=": ("<", ">="), "==": ("!=",), "!=": ("==",),
}  # fmt: skip
FLIPPED = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
SWAPPED = {"and": "unless", "unless": "and"}
AGGREGATIONS = {
    "sum": "max", "avg": "max", "max": "min", "min": "max", "count": "sum", "topk": "bottomk", "bottomk": "topk", "stddev": "avg",
}  # fmt: skip
FUNCTIONS = {
    "avg_over_time": "max_over_time", "max_over_time": "min_over_time", "min_over_time": "max_over_time",
    "sum_over_time": "avg_over_time", "last_over_time": "max_over_time", "rate": "delta", "increase": "delta",
    "delta": "increase", "changes": "resets", "absent": "group", "absent_over_time": "count_over_time",
}  # fmt: skip
OTHER = "mutant"
SMALL = 10  # whole numbers up to here are counts and states: the next one is the mutant, not one a tenth away


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `start` to `end` of the file's text become `after`.

    `name` is stable as long as the rule has the same parts in the same order: kind, number of the place, variant.
    """

    name: str
    kind: str
    variant: str
    file: str
    group: str
    rule: str
    number: int  # of the rule in its group
    line: int
    column: int
    start: int
    end: int
    before: str
    after: str

    def text(self, original: str) -> str:
        """The file with the change."""
        return original[: self.start] + self.after + original[self.end :]

    def diff(self, original: str) -> str:
        """The change as a unified diff."""
        lines = original.splitlines(), self.text(original).splitlines()
        return "\n".join(difflib.unified_diff(*lines, self.file, f"{self.file} ({self.name})", n=2, lineterm=""))


def mutants(source: RuleSource) -> list[Mutant]:
    """Return the mutants of a rule in the order of their places; those whose expression is none, or the same, are left out."""
    text, known = source.document.text, {source.document.text}
    kept = []
    for mutant in _Sites(source).all():
        changed = mutant.text(text)
        if changed not in known:
            known.add(changed)
            kept.append(mutant)
    return kept


class _Sites:
    """The places of one rule at which something can be changed, numbered by kind."""

    def __init__(self, source: RuleSource) -> None:
        self.source = source
        self.expression: str = source.keys["expr"].value
        self.tokens: list[Token] = tokenize(self.expression)
        self._count: dict[str, int] = {}

    def all(self) -> Iterator[Mutant]:
        """Every change, site by site."""
        rule = self.source.rule
        for node in sorted(ast.walk(rule.expr), key=lambda one: (one.span.start, -one.span.end)):
            match node:
                case ast.Binary():
                    yield from self._binary(node)
                case ast.Matrix() if node.range is None:
                    yield from self._window(node.selector.span.end, node.range_ms)
                case ast.Subquery() if node.range is None:
                    yield from self._window(node.expr.span.end, node.range_ms)
                case ast.Selector():
                    yield from self._matchers(node)
                case ast.Aggregate():
                    yield from self._aggregate(node)
                case ast.Call() if node.func in FUNCTIONS:
                    yield from self._words("function", node.span.start, (FUNCTIONS[node.func],))
                case _:
                    pass
        yield from self._durations("for", rule.for_ms)
        yield from self._durations("keep_firing_for", rule.keep_firing_for_ms)
        yield from self._own_labels()

    # -- edits

    def _site(self, kind: str) -> int:
        self._count[kind] = self._count.get(kind, 0) + 1
        return self._count[kind]

    def _edit(self, kind: str, site: int, variant: str, start: int, end: int, after: str) -> Iterator[Mutant]:
        """A change of [start, end) of the expression, where it is still one."""
        with contextlib.suppress(PromQLError):
            parse(self.expression[:start] + after + self.expression[end:])
            node = self.source.keys["expr"]
            place = self.source.offset(node, start), self.source.offset(node, end - 1) + 1
            yield self._made(kind, site, variant, place, self.expression[start:end], after)

    def _made(self, kind: str, site: int, variant: str, place: tuple[int, int], before: str, after: str) -> Mutant:
        source = self.source
        name = f"{kind}/{site}/{variant}"
        return Mutant(
            name, kind, variant, source.document.file, source.group.name, source.name, source.number,
            *source.place(place[0]), *place, before, after,
        )  # fmt: skip

    def _words(self, kind: str, start: int, words: Sequence[str]) -> Iterator[Mutant]:
        """Other words in the place of the token that begins there."""
        token = next(token for token in self.tokens if token.start_pos == start)
        site = self._site(kind)
        for word in words:
            yield from self._edit(kind, site, word, start, start + len(token), word)

    def _between(self, start: int, end: int) -> list[Token]:
        return [token for token in self.tokens if start <= token.start_pos < end]

    # -- operators and numbers

    def _binary(self, node: ast.Binary) -> Iterator[Mutant]:
        middle = self._between(node.lhs.span.end, node.rhs.span.start)
        at = middle[0].start_pos
        if node.op in COMPARATORS:
            yield from self._words("comparator", at, COMPARATORS[node.op])
        if node.op in SWAPPED:
            yield from self._words("set-operator", at, (SWAPPED[node.op],))
        if node.op in ast.SET_OPS:
            yield from self._branches(node)
        yield from self._labels("matching", middle, ("ON", "IGNORING"))
        for side in (node.lhs, node.rhs):
            yield from self._number(side, node.op)

    def _branches(self, node: ast.Binary) -> Iterator[Mutant]:
        site = self._site("branch")
        yield from self._edit("branch", site, "right", node.lhs.span.end, node.rhs.span.end, "")
        if node.op == "or":
            yield from self._edit("branch", site, "left", node.lhs.span.start, node.rhs.span.start, "")

    def _number(self, side: ast.Expr, op: str) -> Iterator[Mutant]:
        """A threshold or a factor, a little smaller and a little larger."""
        node = ast.unwrap(side)
        text = self.expression[node.span.start : node.span.end]
        if not isinstance(node, ast.Number) or not _is_plain(text):
            return
        kind = "threshold" if op in ast.COMPARISONS else "factor"
        site = self._site(kind)
        whole = node.value == int(node.value) and abs(node.value) <= SMALL and kind == "threshold"
        for sign, variant in ((-1, "less"), (1, "more")):
            value = node.value + sign if whole else node.value * (1 + 0.1 * sign)
            yield from self._edit(kind, site, variant, node.span.start, node.span.end, f"{value:.10g}")

    # -- windows and durations

    def _window(self, after: int, range_ms: int) -> Iterator[Mutant]:
        opening = next(i for i, t in enumerate(self.tokens) if t.type == "LBRACK" and t.start_pos >= after)
        token = self.tokens[opening + 1]
        start, site = token.start_pos, self._site("window")
        for variant, factor in (("half", 0.5), ("double", 2.0)):
            yield from self._edit(
                "window", site, variant, start, start + len(token), format_duration_ms(max(1, int(range_ms * factor)))
            )

    def _durations(self, key: str, value_ms: int) -> Iterator[Mutant]:
        """A `for` of other length, where that is another number of evaluations."""
        if not value_ms:
            return
        interval_ms = self.source.group.interval_ms or DEFAULT_INTERVAL_MS
        node, site = self.source.keys[key], self._site(key)
        for variant, other_ms in (("0", 0), ("half", value_ms // 2), ("double", value_ms * 2)):
            if -(-other_ms // interval_ms) != -(-value_ms // interval_ms):
                place = node.start_mark.index, node.end_mark.index
                yield self._made(key, site, variant, place, node.value, format_duration_ms(other_ms) if other_ms else "0s")

    # -- labels

    def _own_labels(self) -> Iterator[Mutant]:
        """Labels that the rule gives its results, with another value."""
        node = self.source.keys.get("labels")
        if node is None or is_null(node):
            return
        for key, value in self.source.document.mapping(node, None, "labels").items():
            if value.value != OTHER and not is_null(value):
                place = value.start_mark.index, value.end_mark.index
                yield self._made("label", self._site("label"), key, place, str(value.value), OTHER)

    def _matchers(self, node: ast.Selector) -> Iterator[Mutant]:
        inside = self._between(node.span.start, node.span.end)
        opening = next((i for i, token in enumerate(inside) if token.type == "LBRACE"), None)
        if opening is None:
            return
        items = list(_items(inside[opening + 1 :], "RBRACE"))
        named = bool(node.metric)
        for number, item in enumerate(items):
            if len(item) != 3 or item[0] == NAME:
                continue
            site, op = self._site("matcher"), item[1]
            start = op.start_pos
            yield from self._edit("matcher", site, FLIPPED[str(op)], start, start + len(op), FLIPPED[str(op)])
            if named or len(items) > 1:
                yield from self._without("matcher", site, "without", items, number)

    def _aggregate(self, node: ast.Aggregate) -> Iterator[Mutant]:
        if node.op in AGGREGATIONS:
            yield from self._words("aggregation", node.span.start, (AGGREGATIONS[node.op],))
        depth = 0
        own: list[Token] = []  # the tokens of the aggregation itself, not those of what it is of
        for token in self._between(node.span.start, node.span.end):
            depth -= token.type == "RPAR"
            if depth == 0 or (own and own[-1].type in ("BY", "WITHOUT")) or (depth == 1 and _in_list(own)):
                own.append(token)
            depth += token.type == "LPAR"
        yield from self._labels("grouping", own, ("BY", "WITHOUT"))

    def _labels(self, kind: str, tokens: list[Token], words: tuple[str, ...]) -> Iterator[Mutant]:
        """Each label of a list, left out."""
        at = next((i for i, token in enumerate(tokens) if token.type in words), None)
        if at is None:
            return
        items = list(_items(tokens[at + 2 :], "RPAR"))
        for number, item in enumerate(items):
            yield from self._without(kind, self._site(kind), str(item[0]), items, number)

    def _without(self, kind: str, site: int, variant: str, items: list[list[Token]], number: int) -> Iterator[Mutant]:
        """An item of a list left out, with one comma."""
        first, last = items[number][0], items[number][-1]
        start, end = first.start_pos, last.end_pos
        if number + 1 < len(items):
            end = items[number + 1][0].start_pos
        elif number:
            start = items[number - 1][-1].end_pos
        yield from self._edit(kind, site, variant, start, end, "")


def _in_list(own: list[Token]) -> bool:
    """Whether the list of labels after `by` or `without` is still open."""
    words = [i for i, token in enumerate(own) if token.type in ("BY", "WITHOUT")]
    return bool(words) and all(token.type != "RPAR" for token in own[words[-1] :])


def _items(tokens: Sequence[Token], closing: str) -> Iterator[list[Token]]:
    """The items of a list up to its closing bracket, without commas."""
    item: list[Token] = []
    for token in tokens:
        if token.type in ("COMMA", closing):
            if item:
                yield item
            item = []
            if token.type == closing:
                return
        else:
            item.append(token)


def _is_plain(text: str) -> bool:
    """A decimal number, as people write thresholds."""
    return text.replace(".", "", 1).replace("e", "").replace("-", "").isdigit()


def declared_equivalent(source: RuleSource, mutant: Mutant) -> bool:
    """Whether a comment `# cityops:equivalent NAME` says that a mutant is no other rule; without variant, for all of a place."""
    for _, text in source.comments("equivalent"):
        for name in text.partition("(")[0].replace(",", " ").split():
            if mutant.name == name or mutant.name.startswith(f"{name}/"):
                return True
    return False
