"""The dials of an alert: numbers that its expression compares with, ranges that it looks over, its `for`.

Lives here: finding dials in an expression, the values worth trying, an expression with dials turned. Must not know: series,
files, what any setting is worth. Values of thresholds are numbers, those of windows and `for` are ms.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ops_center.promql import ast
from ops_center.promql.durations import format_duration_ms
from ops_center.promql.errors import line_column
from ops_center.promql.numbers import format_value
from ops_center.promql.rewriting import rewritten

THRESHOLD, WINDOW, FOR = "threshold", "window", "for"
FACTORS = {1: (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5), 2: (0.5, 0.75, 1.0, 1.25, 1.5)}
FEW_FACTORS = (0.75, 1.0, 1.25)  # of each of three thresholds or more
WINDOW_FACTORS = (0.5, 1.0, 2.0)
WAITS_MS = (0, 30_000, 60_000, 120_000, 300_000)
SMALL = 20
MOST_USUAL = 2_000
EQUALITIES = frozenset({"==", "!="})


@dataclass(frozen=True, slots=True)
class Dial:
    """Something in a rule that can be set.

    Attributes:
        kind: threshold, window or for.
        number: which of its kind, from 1 in the order of the text; 0 for the only one.
        now: the value in the file.
        spans: where its text stands in the expression, as (start, end); none for `for`.
        text: how people know it, as `< 15`, `[5m]`, `for`.
    """

    kind: str
    number: int
    now: float
    spans: tuple[tuple[int, int], ...]
    text: str

    @property
    def name(self) -> str:
        """Its name, unique in its rule."""
        return f"{self.kind} {self.number}" if self.number else self.kind

    def shown(self, value: float) -> str:
        """A value as it is written in a rule file."""
        return format_value(value) if self.kind == THRESHOLD else format_duration_ms(int(value))


@dataclass(frozen=True, slots=True)
class Panel:
    """All dials of a rule, with the parts of its expression that hang on them."""

    expr: ast.Expr
    dials: tuple[Dial, ...]
    nodes: Mapping[str, tuple[ast.Expr, ...]]

    def dial(self, kind: str) -> list[Dial]:
        """The dials of a kind."""
        return [dial for dial in self.dials if dial.kind == kind]

    def turned(self, settings: Mapping[str, float]) -> ast.Expr:
        """The expression with dials set by name; what hangs on none of them stays the same objects."""
        changes: dict[int, ast.Expr] = {}
        for name, value in settings.items():
            for node in self.nodes[name]:
                changes[id(node)] = _with(node, value)
        return _inside_out(self.expr, changes)


def _inside_out(expr: ast.Expr, changes: Mapping[int, ast.Expr]) -> ast.Expr:
    """As `rewritten` where a changed part may lie within another: from the inside out."""
    done: dict[int, ast.Expr] = {}
    for node in reversed(ast.walk(expr)):
        if id(node) in changes:
            change = changes[id(node)]
            inside = done if isinstance(change, ast.Subquery) else {}
            done[id(node)] = rewritten(change, inside) if inside else change
    return rewritten(expr, done)


def _with(node: ast.Expr, value: float) -> ast.Expr:
    if isinstance(node, ast.Matrix | ast.Subquery):
        return replace(node, range_ms=int(value))
    return ast.Number(value, node.span) if value >= 0 else ast.Unary("-", ast.Number(-value, node.span), node.span)


def number_of(expr: ast.Expr) -> float | None:
    """The value of a number literal with its sign; None for anything else."""
    inner = ast.unwrap(expr)
    if isinstance(inner, ast.Number):
        return inner.value
    if isinstance(inner, ast.Unary):
        found = number_of(inner.expr)
        return None if found is None else -found if inner.op == "-" else found
    return None


def panel_of(text: str, expr: ast.Expr, for_ms: int) -> Panel:
    """The dials of a rule, from its expression and the text that it was read from."""
    nodes = ast.walk(expr)
    compared = [pair for node in nodes if isinstance(node, ast.Binary) for pair in _compared(node)]
    compared.sort(key=lambda pair: pair[1].span.start)
    ranged = [n for n in nodes if isinstance(n, ast.Matrix | ast.Subquery) and n.range is None]
    lengths = list(dict.fromkeys(n.range_ms for n in sorted(ranged, key=lambda n: n.span.start)))
    dials: list[Dial] = []
    held: dict[str, tuple[ast.Expr, ...]] = {}
    for number, (words, node) in enumerate(compared, start=1):
        value = number_of(node)
        assert value is not None
        said = words.format(format_value(value))
        dial = Dial(THRESHOLD, number if len(compared) > 1 else 0, value, ((node.span.start, node.span.end),), said)
        dials.append(dial)
        held[dial.name] = (node,)
    for number, length in enumerate(lengths, start=1):
        mine = tuple(n for n in ranged if n.range_ms == length)
        spans = tuple(_range_span(text, n) for n in mine)
        dial = Dial(WINDOW, number if len(lengths) > 1 else 0, length, spans, f"[{format_duration_ms(length)}]")
        dials.append(dial)
        held[dial.name] = mine
    dials.append(Dial(FOR, 0, for_ms, (), "for"))
    held[FOR] = ()
    return Panel(expr, tuple(dials), held)


def _compared(node: ast.Binary) -> Iterator[tuple[str, ast.Expr]]:
    """Numbers that something is compared with, and factors of what it is compared with, each with its words."""
    if node.op not in ast.COMPARISONS or (number_of(node.lhs) is not None and number_of(node.rhs) is not None):
        return
    for side in (node.lhs, node.rhs):
        inner = ast.unwrap(side)
        value = number_of(inner)
        if value is not None and not math.isnan(value):
            yield f"{node.op} {{}}", inner
        elif isinstance(inner, ast.Binary) and inner.op == "*":
            for part in (inner.lhs, inner.rhs):
                factor = number_of(part)
                if factor is not None and not math.isnan(factor):
                    yield f"{node.op} {{}} *", ast.unwrap(part)


def _range_span(text: str, node: ast.Matrix | ast.Subquery) -> tuple[int, int]:
    """Where the length in the brackets stands."""
    inner = node.selector if isinstance(node, ast.Matrix) else node.expr
    start = text.index("[", inner.span.end) + 1
    ends = [at for at in (text.find("]", start), text.find(":", start)) if at >= 0]
    end = min(ends)
    while text[start].isspace():
        start += 1
    while text[end - 1].isspace():
        end -= 1
    return start, end


def place_of(text: str, dial: Dial) -> str:
    """Line and column of a dial in its expression, for people."""
    line, column = line_column(text, dial.spans[0][0]) if dial.spans else (1, 1)
    return f"{line}:{column}"


# -- values worth trying


def usual_values(panel: Panel) -> dict[str, list[float]]:
    """For each dial the values to try where nobody says which: around what is in the file, which is among them.

    Numbers compared for equality, and zeros, have no such values: a share of zero is zero. Where there would be too many
    combinations, windows stay as they are, then `for`, then the last thresholds.
    """
    moving = [d for d in panel.dial(THRESHOLD) if d.now != 0 and math.isfinite(d.now) and d.text.split()[0] not in EQUALITIES]
    factors = FACTORS.get(len(moving), FEW_FACTORS)
    found: dict[str, list[float]] = {dial.name: [dial.now] for dial in panel.dials}
    for dial in moving:
        found[dial.name] = ordered([dial.now, *(_near(dial.now, factor) for factor in factors)])
    for dial in panel.dial(WINDOW):
        found[dial.name] = ordered([dial.now, *(max(1_000.0, float(int(dial.now * factor))) for factor in WINDOW_FACTORS)])
    for dial in panel.dial(FOR):
        found[dial.name] = ordered([dial.now, *map(float, WAITS_MS)])
    for dial in (*panel.dial(WINDOW), *panel.dial(FOR), *reversed(moving)):
        if math.prod(len(values) for values in found.values()) > MOST_USUAL:
            found[dial.name] = [dial.now]
    return found


def ordered(values: Iterable[float]) -> list[float]:
    """Values ascending, each once."""
    return sorted(dict.fromkeys(values))


def _near(now: float, factor: float) -> float:
    """A value near one: small whole numbers are counts, or written as if they were, and stay whole."""
    if now.is_integer() and abs(now) < SMALL:
        steps = round((factor - 1.0) * 10)
        return now + steps if (now + steps) * now > 0 else now
    return float(f"{now * factor:.3g}")


def configurations(panel: Panel, values: Mapping[str, Sequence[float]]) -> list[tuple[float, ...]]:
    """Every combination of values, one number for each dial in their order: windows slowest, then thresholds, then `for`."""
    slow = [*panel.dial(WINDOW), *panel.dial(THRESHOLD), *panel.dial(FOR)]
    at = [slow.index(dial) for dial in panel.dials]
    return [tuple(one[i] for i in at) for one in itertools.product(*(values[dial.name] for dial in slow))]


def label_of(panel: Panel, settings: Sequence[float]) -> str:
    """A configuration in a few words: `< 15, [5m], for 2m`."""
    said = []
    for dial, value in zip(panel.dials, settings, strict=True):
        if dial.kind == FOR:
            said.append(f"for {dial.shown(value)}")
        else:
            said.append(dial.text.replace(dial.shown(dial.now), dial.shown(value), 1))
    return ", ".join(said)
