"""`promtool test rules` files as checked values; knows neither store nor evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops_center.label_sets import Labels
from ops_center.promql import ast
from ops_center.promql.durations import parse_duration_ms, parse_number
from ops_center.promql.errors import ParseError
from ops_center.promql.parser import parse
from ops_center.rules.notation import NotationError, Points, parse_labels, parse_values
from ops_center.rules.yaml_nodes import Document

FILE_KEYS = frozenset({"rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"})
TEST_KEYS = frozenset(
    [
        "name",
        "interval",
        "start_timestamp",
        "input_series",
        "alert_rule_test",
        "promql_expr_test",
        "external_labels",
        "external_url",
    ]
)
DEFAULT_INTERVAL_MS = 60_000


@dataclass(frozen=True, slots=True)
class AlertCase:
    """Which alerts of a name must fire at an instant; labels without alertname."""

    eval_ms: int
    alertname: str
    expected: tuple[tuple[Labels, Labels], ...]
    line: int


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
    series: tuple[tuple[Labels, Points | None], ...]
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
    tests: tuple[RuleTest, ...]


def load_test_text(text: str, path: str) -> TestFile:
    """A test file.

    Raises:
        FileError: not YAML, unknown keys, bad series or expressions.
    """
    document = Document(text, path)
    keys = document.mapping(document.root, FILE_KEYS, "test file") if document.root is not None else {}
    interval = _duration(document, keys.get("evaluation_interval"), "evaluation_interval") or DEFAULT_INTERVAL_MS
    return TestFile(
        path=path,
        rule_files=tuple(document.text_of(n, "rule file") for n in document.sequence(keys.get("rule_files"), "rule_files")),
        evaluation_interval_ms=interval,
        group_order=tuple(
            document.text_of(n, "group") for n in document.sequence(keys.get("group_eval_order"), "group_eval_order")
        ),
        fuzzy=document.text_of(keys.get("fuzzy_compare"), "fuzzy_compare") == "true",
        tests=tuple(_test(document, n, interval) for n in document.sequence(keys.get("tests"), "tests")),
    )


def _duration(document: Document, node: Any, what: str) -> int:
    text = document.text_of(node, what)
    try:
        return parse_duration_ms(text) if text else 0
    except ValueError as why:
        raise document.error(f"{what}: {why}", node) from None


def _start(document: Document, node: Any) -> int:
    text = document.text_of(node, "start_timestamp")
    if not text:
        return 0
    try:
        return round(float(text) * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise document.error(f"start_timestamp: saw {text!r}, expected epoch seconds or RFC 3339", node)
    return round(moment.timestamp() * 1000)


def _test(document: Document, node: Any, interval_ms: int) -> RuleTest:
    keys = document.mapping(node, TEST_KEYS, "test")
    return RuleTest(
        name=document.text_of(keys.get("name"), "name"),
        interval_ms=_duration(document, keys.get("interval"), "interval") or interval_ms,
        start_ms=_start(document, keys.get("start_timestamp")),
        series=tuple(_series(document, n) for n in document.sequence(keys.get("input_series"), "input_series")),
        alerts=tuple(_alert_case(document, n) for n in document.sequence(keys.get("alert_rule_test"), "alert_rule_test")),
        exprs=tuple(_expr_case(document, n) for n in document.sequence(keys.get("promql_expr_test"), "promql_expr_test")),
        external_labels=tuple(sorted(document.texts(keys.get("external_labels"), "external_labels").items())),
        external_url=document.text_of(keys.get("external_url"), "external_url"),
        line=node.start_mark.line + 1,
    )


def _series(document: Document, node: Any) -> tuple[Labels, Points | None]:
    """Labels and points; None where the points are native histograms."""
    keys = document.mapping(node, {"series", "values"}, "input series")
    values = document.text_of(keys.get("values"), "values")
    try:
        labels = parse_labels(document.text_of(keys.get("series"), "series"))
        return labels, None if "{{" in values else parse_values(values)
    except NotationError as why:
        raise document.error(str(why), node) from None


def _alert_case(document: Document, node: Any) -> AlertCase:
    keys = document.mapping(node, {"eval_time", "alertname", "exp_alerts"}, "alert_rule_test")
    name = document.text_of(keys.get("alertname"), "alertname")
    if not name:
        raise document.error("alert_rule_test: missing required field 'alertname'", node)
    expected = []
    for item in document.sequence(keys.get("exp_alerts"), "exp_alerts"):
        one = document.mapping(item, {"exp_labels", "exp_annotations"}, "exp_alerts")
        labels = {**document.texts(one.get("exp_labels"), "exp_labels"), "alertname": name}
        expected.append((_sorted(labels), _sorted(document.texts(one.get("exp_annotations"), "exp_annotations"))))
    return AlertCase(_duration(document, keys.get("eval_time"), "eval_time"), name, tuple(expected), node.start_mark.line + 1)


def _sorted(texts: dict[str, str]) -> Labels:
    return tuple(sorted(texts.items()))


def _expr_case(document: Document, node: Any) -> ExprCase:
    keys = document.mapping(node, {"expr", "eval_time", "exp_samples"}, "promql_expr_test")
    text = document.text_of(keys.get("expr"), "expr")
    try:
        expr = parse(text)
    except ParseError as why:
        place = keys.get("expr", node)
        raise document.error(f"could not parse expression {text!r}: {why.message}", place) from None
    expected: list[tuple[Labels, float]] = []
    histogram = False
    for item in document.sequence(keys.get("exp_samples"), "exp_samples"):
        one = document.mapping(item, {"labels", "value", "histogram"}, "exp_samples")
        histogram = histogram or "histogram" in one
        try:
            labels = parse_labels(document.text_of(one.get("labels"), "labels"))
            expected.append((labels, parse_number(document.text_of(one.get("value"), "value") or "0")))
        except ValueError as why:
            raise document.error(str(why), item) from None
    eval_ms = _duration(document, keys.get("eval_time"), "eval_time")
    return ExprCase(text, expr, eval_ms, tuple(expected), histogram, node.start_mark.line + 1)
