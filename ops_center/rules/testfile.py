"""Rule-test files, promtool's and vmalert-tool's, as checked values; knows neither store nor evaluation.

Both formats are one but for four things, by which the dialect is told: vmalert-tool has `metricsql_expr_test` where promtool
has `promql_expr_test`, names the group of each alert (`groupname`), gives each alert the label `alertgroup`, and merges
`external_labels` into the labels of rules instead of keeping them for templates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops_center.label_sets import Labels
from ops_center.promql import ast
from ops_center.promql.durations import parse_duration_ms, parse_number
from ops_center.promql.errors import ParseError
from ops_center.promql.parser import parse
from ops_center.rules.files import PROMETHEUS, VMALERT_RULES
from ops_center.rules.notation import NotationError, Points, parse_labels, parse_values
from ops_center.rules.regular_rows import Stretch, cut_rows, rows_after
from ops_center.rules.yaml_nodes import Document, FileError, is_null, short

PROMTOOL, VMALERT = "promtool", "vmalert"
FILE_KEYS = frozenset({"rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"})
TEST_KEYS = frozenset(
    [
        "name",
        "interval",
        "start_timestamp",
        "input_series",
        "alert_rule_test",
        "promql_expr_test",
        "metricsql_expr_test",
        "external_labels",
        "external_url",
    ]
)
EXPR_KEYS = ("promql_expr_test", "metricsql_expr_test")
DEFAULT_INTERVAL_MS = 60_000
MAX_BYTES = 32 << 20
MAX_NODES = 400_000  # eighty thousand series
MAX_FILE_POINTS = 20_000_000
NODES_OF_ROW = 5
Typed = tuple[Labels, Points | None]
_YAML_NUMBERS = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}


@dataclass(frozen=True, slots=True)
class AlertCase:
    """Which alerts of a name must fire at an instant; `group` is empty where any group's count."""

    eval_ms: int
    alertname: str
    expected: tuple[tuple[Labels, Labels], ...]
    line: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class ExprCase:
    """What an expression must give at an instant; a histogram expectation is declared unsupported."""

    text: str
    expr: ast.Expr
    eval_ms: int
    expected: tuple[tuple[Labels, float], ...]
    has_histogram: bool
    line: int


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test group."""

    name: str
    interval_ms: int
    start_ms: int
    series: tuple[Typed, ...]
    alerts: tuple[AlertCase, ...]
    exprs: tuple[ExprCase, ...]
    external_labels: tuple[tuple[str, str], ...]
    external_url: str
    line: int

    @property
    def last_ms(self) -> int:
        """The largest evaluation time."""
        return max([c.eval_ms for c in self.alerts] + [c.eval_ms for c in self.exprs], default=0)


@dataclass(frozen=True, slots=True)
class TestFile:
    """One test file; `rule_files` are patterns relative to it."""

    __test__ = False  # not a pytest class
    path: str
    rule_files: tuple[str, ...]
    evaluation_interval_ms: int
    group_order: tuple[str, ...]
    fuzzy: bool
    dialect: str
    tests: tuple[RuleTest, ...]

    @property
    def rules_dialect(self) -> str:
        """The dialect of its rule files."""
        return VMALERT_RULES if self.dialect == VMALERT else PROMETHEUS


@dataclass(frozen=True, slots=True)
class Reading:
    """How a test file is read.

    Attributes:
        lenient: leave out unknown fields instead of refusing them.
        alertgroup: alerts of vmalert-tool's dialect carry their group's name as the label `alertgroup`.
    """

    lenient: bool = False
    alertgroup: bool = True


STRICT = Reading()


class _Reader:
    """One test file being read: its document and what was taken out of it, its dialect, and how many points it may still hold."""

    def __init__(self, document: Document, how: Reading, rows: Mapping[int, Stretch]) -> None:
        self.document, self.how, self.rows = document, how, rows
        self.dialect = PROMTOOL
        self.interval_ms = DEFAULT_INTERVAL_MS
        self.left = MAX_FILE_POINTS
        self._points: dict[str, Points] = {}  # authors give many series the same values

    def file(self) -> TestFile:
        """The whole file."""
        doc = self.document
        keys = doc.mapping(doc.root, FILE_KEYS, "test file") if doc.root is not None else {}
        self.interval_ms = self.duration(keys.get("evaluation_interval"), "evaluation_interval") or DEFAULT_INTERVAL_MS
        tests = [(node, doc.mapping(node, TEST_KEYS, "test")) for node in doc.sequence(keys.get("tests"), "tests")]
        self.dialect = self._dialect([test for _, test in tests])
        return TestFile(
            path=doc.file,
            rule_files=tuple(doc.text_of(n, "rule file") for n in doc.sequence(keys.get("rule_files"), "rule_files")),
            evaluation_interval_ms=self.interval_ms,
            group_order=self._order(keys.get("group_eval_order")),
            fuzzy=doc.text_of(keys.get("fuzzy_compare"), "fuzzy_compare") == "true",
            dialect=self.dialect,
            tests=tuple(self._test(node, test) for node, test in tests),
        )

    def _dialect(self, tests: list[dict[str, Any]]) -> str:
        for keys in tests:
            if "metricsql_expr_test" in keys:
                return VMALERT
            for node in self.document.sequence(keys.get("alert_rule_test"), "alert_rule_test"):
                if "groupname" in self.document.mapping(node, None, "alert_rule_test"):
                    return VMALERT
        return PROMTOOL

    def _order(self, node: Any) -> tuple[str, ...]:
        seen: list[str] = []
        for item in self.document.sequence(node, "group_eval_order"):
            name = self.document.text_of(item, "group")
            if name in seen:
                raise self.document.error(
                    f"group_eval_order: group name repeated: saw {short(name)!r} twice, expected once", item
                )
            seen.append(name)
        return tuple(seen)

    def duration(self, node: Any, what: str) -> int:
        """A duration in ms; 0 where there is none."""
        if node is None or is_null(node):
            return 0
        text = self.document.text_of(node, what)
        try:
            return parse_duration_ms(text)
        except ValueError as why:
            raise self.document.error(f"{what}: {short(str(why), 200)}", node) from None

    def _test(self, node: Any, keys: dict[str, Any]) -> RuleTest:
        doc = self.document
        exprs = [(n, key) for key in EXPR_KEYS for n in doc.sequence(keys.get(key), key)]
        return RuleTest(
            name=doc.text_of(keys.get("name"), "name"),
            interval_ms=self.duration(keys.get("interval"), "interval") or self.interval_ms,
            start_ms=_start(doc, keys.get("start_timestamp")),
            series=tuple(self._all_series(keys.get("input_series"))),
            alerts=tuple(self._alert_case(n) for n in doc.sequence(keys.get("alert_rule_test"), "alert_rule_test")),
            exprs=tuple(self._expr_case(n, key) for n, key in exprs),
            external_labels=tuple(sorted(doc.texts(keys.get("external_labels"), "external_labels").items())),
            external_url=doc.text_of(keys.get("external_url"), "external_url"),
            line=node.start_mark.line + 1,
        )

    def _all_series(self, node: Any) -> Iterator[Typed]:
        for item in self.document.sequence(node, "input_series"):
            yield self._series(item)
            for series, values in self.rows[id(item)].rows if id(item) in self.rows else ():
                yield self._typed(series, values)

    def _series(self, node: Any) -> Typed:
        doc = self.document
        keys = doc.mapping(node, _SERIES_KEYS, "input series")
        values = doc.text_of(keys.get("values"), "values")
        try:
            return self._typed(doc.text_of(keys.get("series"), "series"), values)
        except NotationError as why:
            raise doc.error(str(why), node) from None

    def _typed(self, series: str, values: str) -> Typed:
        """Labels and points; None where the points are native histograms. Raises NotationError."""
        labels = parse_labels(series)
        points = None if "{{" in values else self._points_of(values)
        if not labels:
            raise NotationError("input series: saw no labels, expected a metric or labels")
        self.left -= 0 if points is None else len(points.values)
        if self.left < 0:
            raise NotationError(f"too many points in the file: saw over {MAX_FILE_POINTS}, expected fewer")
        return labels, points

    def _points_of(self, values: str) -> Points:
        known = self._points.get(values)
        if known is None:
            known = self._points[values] = parse_values(values, self.dialect == VMALERT)
        return known

    def _alert_case(self, node: Any) -> AlertCase:
        doc = self.document
        keys = doc.mapping(node, _ALERT_KEYS[self.dialect], "alert_rule_test")
        name = doc.text_of(keys.get("alertname"), "alertname")
        if not name:
            raise doc.error("alert_rule_test: missing required field 'alertname'", node)
        own = {"alertname": name}
        group = doc.text_of(keys.get("groupname"), "groupname")
        if self.dialect == VMALERT:
            if self.how.alertgroup and not group:
                raise doc.error("alert_rule_test: missing required field 'groupname'; or leave out the label alertgroup", node)
            if not self.how.alertgroup and group:
                raise doc.error("alert_rule_test: saw 'groupname' where alerts have no label alertgroup, expected none", node)
            own |= {"alertgroup": group} if group else {}
        expected = []
        for item in doc.sequence(keys.get("exp_alerts"), "exp_alerts"):
            one = doc.mapping(item, _EXPECTED_KEYS, "exp_alerts")
            labels = {**doc.texts(one.get("exp_labels"), "exp_labels"), **own}
            expected.append((_sorted(labels), _sorted(doc.texts(one.get("exp_annotations"), "exp_annotations"))))
        eval_ms = self.duration(keys.get("eval_time"), "eval_time")
        return AlertCase(eval_ms, name, tuple(expected), node.start_mark.line + 1, group)

    def _expr_case(self, node: Any, what: str) -> ExprCase:
        doc = self.document
        keys = doc.mapping(node, _EXPR_KEYS, what)
        text = doc.text_of(keys.get("expr"), "expr")
        try:
            expr = parse(text)
        except ParseError as why:
            place = keys.get("expr", node)
            raise doc.error(f"could not parse expression {short(text)!r}: {short(why.message, 200)}", place) from None
        expected: list[tuple[Labels, float]] = []
        histogram = False
        for item in doc.sequence(keys.get("exp_samples"), "exp_samples"):
            one = doc.mapping(item, _SAMPLE_KEYS, "exp_samples")
            histogram = histogram or "histogram" in one
            try:
                labels = parse_labels(doc.text_of(one.get("labels"), "labels"))
            except ValueError as why:
                raise doc.error(str(why), item) from None
            expected.append((labels, _value(doc, one.get("value"))))
        eval_ms = self.duration(keys.get("eval_time"), "eval_time")
        return ExprCase(text, expr, eval_ms, tuple(expected), histogram, node.start_mark.line + 1)


_SERIES_KEYS = frozenset({"series", "values"})
_ALERT_KEYS = {
    PROMTOOL: frozenset({"eval_time", "alertname", "exp_alerts"}),
    VMALERT: frozenset({"eval_time", "groupname", "alertname", "exp_alerts"}),
}
_EXPECTED_KEYS = frozenset({"exp_labels", "exp_annotations"})
_EXPR_KEYS = frozenset({"expr", "eval_time", "exp_samples"})
_SAMPLE_KEYS = frozenset({"labels", "value", "histogram"})


def load_test_text(text: str, path: str, how: Reading = STRICT) -> TestFile:
    """A test file.

    Raises:
        FileError: not YAML, unknown keys, bad series or expressions.
    """
    found = _read_by_rows(text, path, how)
    return _Reader(Document(text, path, MAX_BYTES, MAX_NODES, how.lenient), how, {}).file() if found is None else found


def _read_by_rows(text: str, path: str, how: Reading) -> TestFile | None:
    """The same where most of the text is rows of series; None where it is not, or has something to complain of."""
    if len(text.encode("utf-8")) > MAX_BYTES:
        return None
    cut = cut_rows(text, "series", "values")
    if cut is None or NODES_OF_ROW * cut.rows > MAX_NODES:
        return None
    try:
        document = Document(cut.text, path, MAX_BYTES, MAX_NODES - NODES_OF_ROW * cut.rows, how.lenient)
        rows = None if document.aliased else rows_after(cut, document.root)
        return None if rows is None else _Reader(document, how, rows).file()
    except (FileError, NotationError):  # read as a whole, it says what and where
        return None


def _value(document: Document, node: Any) -> float:
    """A sample's value as YAML writes numbers; none is 0, as in promtool."""
    text = document.text_of(node, "value")
    if node is None or is_null(node):
        return 0.0
    try:
        if text.lower() in _YAML_NUMBERS:
            return _YAML_NUMBERS[text.lower()]
        if node.style or "n" in text.lower():  # quoted, Inf or NaN: YAML has these as texts, and promtool refuses them
            raise ValueError
        return parse_number(text)
    except ValueError:
        raise document.error(f"value: saw {short(text)!r}, expected a number, .inf or .nan, without quotes", node) from None


def _start(document: Document, node: Any) -> int:
    text = document.text_of(node, "start_timestamp")
    if not text:
        return 0
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise document.error(f"start_timestamp: saw {short(text)!r}, expected epoch seconds or RFC 3339", node)
    return round(moment.timestamp() * 1000)


def _sorted(texts: dict[str, str]) -> Labels:
    return tuple(sorted(texts.items()))


__all__ = ["AlertCase", "ExprCase", "FileError", "Reading", "RuleTest", "TestFile", "load_test_text"]
