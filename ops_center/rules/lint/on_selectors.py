"""Findings on what the expression reads: metrics, labels and windows against what the city has, and what an evaluation costs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from ops_center.label_sets import NAME, Matcher, value_of
from ops_center.promql import ast
from ops_center.rules.lint.knowledge import ALERTS, impossible
from ops_center.rules.lint.look import Look, Note, Notes

RATES = frozenset({"rate", "irate", "increase", "idelta", "delta", "deriv", "predict_linear"})
OF_COUNTERS = frozenset({"rate", "irate", "increase"})
OF_GAUGES = frozenset({
    "delta", "idelta", "deriv", "predict_linear", "avg_over_time", "min_over_time", "max_over_time", "quantile_over_time",
    "stddev_over_time", "stdvar_over_time", "mad_over_time", "holt_winters", "double_exponential_smoothing",
})  # fmt: skip
NEEDS = {
    "deriv": 2,
    "predict_linear": 2,
    "rate": 2,
    "increase": 2,
    "irate": 2,
    "delta": 2,
    "idelta": 2,
    "changes": 2,
    "resets": 2,
}
_META = re.compile(r"[\\^$.|?*+()\[\]{}]")
_SHOWN = 3


def unknown_metric(look: Look) -> Notes:
    """A metric that nobody makes."""
    catalogue = look.know.catalogue
    for selector in look.selectors() if catalogue is not None else ():
        name = look.know.name_of(selector)
        if catalogue is not None and name and not look.know.is_known(selector):
            like = _like(name, [*catalogue.metrics, *look.know.recorded, *ALERTS])
            yield look.note("unknown-metric", f"no sensor of {catalogue.city} and no rule makes {name}{like}", selector.span)


def _like(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.8)
    return f"; is {close[0]} meant?" if close else ""


def unknown_label(look: Look) -> Notes:
    """A label that the series which are read do not have."""
    for node in look.nodes():
        if isinstance(node, ast.Selector):
            yield from _unknown_in_selector(look, node)
        elif isinstance(node, ast.Aggregate) and not node.without:
            yield from _unknown_in_grouping(look, node)


def _unknown_in_selector(look: Look, selector: ast.Selector) -> Iterator[Note]:
    shape = look.know.shape(ast.Selector(selector.metric, _name_only(selector), span=selector.span))
    if not look.know.is_known(selector):
        return
    for matcher in impossible(selector.matchers, shape):
        have = ", ".join(sorted(shape.possible or ())) or "none"
        message = f"no series of {look.know.name_of(selector)} has label {matcher.name!r}; they have {have}"
        yield look.note("unknown-label", message, selector.span)


def _name_only(selector: ast.Selector) -> tuple[Matcher, ...]:
    return tuple(m for m in selector.matchers if m.name == NAME)


def _unknown_in_grouping(look: Look, node: ast.Aggregate) -> Iterator[Note]:
    inside = ast.walk(node.expr)
    from_ = [one for one in inside if isinstance(one, ast.Selector)]
    relabelled = any(isinstance(one, ast.Call) and one.func.startswith("label_") for one in inside)
    if len(from_) != 1 or relabelled or not look.know.is_known(from_[0]):
        return
    shape = look.know.shape(from_[0])
    for name in node.grouping:
        if shape.lacks(name):
            message = f"groups by label {name!r}, which no series of {look.know.name_of(from_[0])} has"
            yield look.note("unknown-label", message, node.span)


def no_series_match(look: Look) -> Notes:
    """Matchers that no series of the city can pass."""
    know, city = look.know, look.know.catalogue
    if city is None:
        return
    for selector in look.selectors():
        if know.name_of(selector) in know.recorded or know.selected(selector) or not city.named(selector.matchers):
            continue
        if know.is_known(selector) and impossible(selector.matchers, know.shape(ast.Selector("", _name_only(selector)))):
            continue  # said already, as an unknown label
        message = f"{look.text(selector)} selects no series of {city.city}{_why_none(look, selector)}"
        yield look.note("no-series-match", message, selector.span)


def _why_none(look: Look, selector: ast.Selector) -> str:
    """Which matcher it is, where one alone lets nothing through, and the values that there are."""
    assert look.know.catalogue is not None
    for matcher in (m for m in selector.matchers if m.name != NAME):
        alone = (*_name_only(selector), matcher)
        if not look.know.catalogue.select(alone):
            metrics = look.know.catalogue.named(selector.matchers)
            values = sorted({value_of(one, matcher.name) for metric in metrics for one in metric.sets} - {""})
            close = difflib.get_close_matches(matcher.value, values, 1, 0.7) if matcher.op == "=" else []
            shown = ", ".join(close or values[:_SHOWN]) + (", …" if not close and len(values) > _SHOWN else "")
            return f": saw {matcher.name}{matcher.op}{matcher.value!r}, there are {shown}"
    return ""


def needless_regex(look: Look) -> Notes:
    """A regular expression without anything regular is an equality, which is faster and says what is meant."""
    for selector in look.selectors():
        for matcher in selector.matchers:
            if matcher.op in ("=~", "!~") and matcher.value and not _META.search(matcher.value):
                equal = "=" if matcher.op == "=~" else "!="
                message = f"{matcher.name}{matcher.op}{matcher.value!r} holds no regular expression, expected {equal}"
                yield look.note("needless-regex", message, selector.span)


def _windows(look: Look) -> Iterator[tuple[ast.Call, ast.Matrix]]:
    for node in look.nodes():
        if isinstance(node, ast.Call):
            yield from ((node, arg) for arg in map(ast.unwrap, node.args) if isinstance(arg, ast.Matrix))


def rate_of_gauge(look: Look) -> Notes:
    """Every fall of a gauge looks like a reset of a counter."""
    for call, matrix in _windows(look):
        if call.func in OF_COUNTERS and look.know.kind(matrix.selector) == "gauge":
            name = look.know.name_of(matrix.selector)
            message = f"{call.func}() of {name}, which is a gauge: each fall counts as a reset; expected delta() or deriv()"
            yield look.note("rate-of-gauge", message, call.span)


def gauge_function_of_counter(look: Look) -> Notes:
    """A counter only grows until it begins again: its value says when the device was started."""
    for call, matrix in _windows(look):
        if call.func in OF_GAUGES and look.know.kind(matrix.selector) == "counter":
            name = look.know.name_of(matrix.selector)
            message = f"{call.func}() of {name}, which is a counter; expected rate() or increase()"
            yield look.note("gauge-function-of-counter", message, call.span)


def rate_after_aggregation(look: Look) -> Notes:
    """A sum of counters falls when one of them begins again."""
    for node in look.nodes():
        if isinstance(node, ast.Call) and node.func in OF_COUNTERS:
            inner = ast.unwrap(node.args[0])
            summed = ast.unwrap(inner.expr) if isinstance(inner, ast.Subquery) else None
            if isinstance(summed, ast.Aggregate) and summed.op == "sum" and isinstance(ast.unwrap(summed.expr), ast.Selector):
                seen = f"{node.func}() after sum(): one counter that begins again looks like a fall of all"
                yield look.note("rate-after-aggregation", f"{seen}; expected sum({node.func}(…))", node.span)


def short_window(look: Look) -> Notes:
    """A window that at times holds fewer samples than the function needs has no result then."""
    for call, matrix in _windows(look):
        period_ms, needs = look.know.period_ms(matrix.selector), NEEDS.get(call.func, 1)
        if matrix.range is None and period_ms and matrix.range_ms < needs * period_ms and call.func != "absent_over_time":
            seen = f"{call.func}() over {matrix.range_ms / 1000:g} s of {look.know.name_of(matrix.selector)}"
            comes = f"which comes each {period_ms / 1000:g} s: at times there are fewer than {needs} samples"
            expected = f"expected at least {needs * period_ms / 1000:g} s"
            yield look.note("short-window", f"{seen}, {comes}; {expected}", matrix.span)


def expensive(look: Look) -> Notes:
    """What one evaluation reads: series times samples in the window, times the steps of a subquery."""
    samples = _samples(look)
    if samples > look.max_samples:
        message = f"an evaluation reads about {samples:,} samples; expected at most {look.max_samples:,}"
        yield look.note("expensive", message, look.rule.expr.span)


def _samples(look: Look) -> int:
    samples, waiting = 0, [(look.rule.expr, 1)]
    while waiting:
        node, times = waiting.pop()
        if isinstance(node, ast.Matrix):
            period_ms = look.know.period_ms(node.selector) or look.interval_ms
            samples += times * look.know.count(node.selector) * max(1, node.range_ms // period_ms)
            continue
        if isinstance(node, ast.Selector):
            samples += times * look.know.count(node)
        elif isinstance(node, ast.Subquery):
            times *= max(1, node.range_ms // (node.step_ms or look.interval_ms))
        waiting += [(child, times) for child in ast.children(node)]
    return samples


def read_before_written(look: Look) -> Notes:
    """What a later rule of the group records is read as it was one evaluation ago."""
    later = {rule.record for rule in look.source.group.rules[look.source.number + 1 :] if rule.record}
    earlier = {rule.record for rule in look.source.group.rules[: look.source.number] if rule.record}
    for selector in look.selectors():
        name = look.know.name_of(selector)
        if name in later - earlier and not selector.offset_ms and not selector.has_offset:
            message = f"{name} is recorded further down in the group: what is read is one evaluation old; expected it above"
            yield look.note("read-before-written", message, selector.span)
