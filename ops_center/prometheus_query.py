"""Queries of Prometheus' HTTP API as functions: parameters and an engine in, a body out. Lives here: what parameters mean.

Must not know: routes, sockets, cities or a clock; whether the time is over is asked of the caller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from ops_center import prometheus_format
from ops_center.promql import ast
from ops_center.promql.checks import type_of
from ops_center.promql.durations import MAX_DURATION_MS, parse_duration_ms
from ops_center.promql.engine import Engine
from ops_center.promql.errors import ParseError
from ops_center.promql.numbers import quoted
from ops_center.promql.parser import parse
from ops_center.promql.values import RangeVector, RawSeries
from ops_center.promql.watch import Notes, Watch

MAX_PARAMETER = 16_384
MAX_SAMPLES = 10_000_000  # of one query, beside a city that wants its turn
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_SHOWN = {"vector": "instant vector", "matrix": "range vector"}

Json = dict[str, Any]
Within = Callable[[float | None], Callable[[], bool]]  # from the seconds asked for to whether they are over


class BadParameter(ValueError):
    """A parameter that cannot be read."""


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of a request.

    Attributes:
        values: each name with its values, in the order given.
        shift_ms: what clients' instants are ahead of the engine's.
        now_ms: the engine's now, epoch ms.
    """

    values: Mapping[str, Sequence[str]]
    shift_ms: int
    now_ms: int

    def text(self, name: str) -> str:
        """Return a parameter, "" if it is missing. Raises BadParameter when it is too long."""
        value = (self.values.get(name) or [""])[0]
        if len(value) > MAX_PARAMETER:
            raise BadParameter(f'invalid parameter "{name}": {len(value)} characters, expected at most {MAX_PARAMETER}')
        return value

    def instant(self, name: str, default_ms: int | None = None) -> int:
        """Return a time parameter on the engine's axis, epoch ms. Raises BadParameter."""
        text = self.text(name)
        if not text and default_ms is not None:
            return default_ms
        return _epoch_ms(name, text) - self.shift_ms

    def milliseconds(self, name: str) -> int:
        """Return a duration parameter. Raises BadParameter."""
        text = self.text(name)
        try:
            ms = float(text) * 1000 if _is_number(text) else parse_duration_ms(text)
        except ValueError:
            raise BadParameter(f'invalid parameter "{name}": cannot parse {_cut(text)} to a valid duration') from None
        if not abs(ms) <= MAX_DURATION_MS:
            raise BadParameter(f'invalid parameter "{name}": cannot parse {_cut(text)} to a valid duration. It overflows int64')
        return int(ms)

    def count(self, name: str) -> int:
        """Return a whole number, 0 if it is missing. Raises BadParameter."""
        text = self.text(name)
        if text and not (text.isascii() and text.isdigit()):
            raise BadParameter(f'invalid parameter "{name}": cannot parse {_cut(text)} to a number')
        return int(text[:9]) if text else 0


def _cut(text: str) -> str:
    return quoted(text[:100])


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text.isascii() and "_" not in text
    except ValueError:
        return False


def _epoch_ms(name: str, text: str) -> int:
    if _is_number(text) and abs(float(text)) < 1e12:
        return round(float(text) * 1000)
    try:
        if _RFC3339.fullmatch(text) is None:  # Python reads more forms than Go does
            raise ValueError(text)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        pass
    raise BadParameter(f'invalid parameter "{name}": cannot parse {_cut(text)} to a valid timestamp')


def _engine_for(engine: Engine, params: Params) -> Engine:
    """The engine with the limits of the API, and the lookback asked for."""
    lookback_ms = params.milliseconds("lookback_delta") if params.text("lookback_delta") else engine.options.lookback_ms
    if lookback_ms <= 0:
        raise BadParameter('invalid parameter "lookback_delta": expected a positive duration')
    most = min(engine.options.max_samples, MAX_SAMPLES)
    return replace(engine, options=replace(engine.options, lookback_ms=lookback_ms, max_samples=most))


def _watch(params: Params, within: Within) -> Watch:
    seconds = params.milliseconds("timeout") / 1000 if params.text("timeout") else None
    return Watch(within(seconds), Notes())


def query(engine: Engine, params: Params, within: Within) -> Json:
    """`/api/v1/query`: the value of an expression at an instant.

    Raises:
        BadParameter: a parameter that cannot be read.
        PromQLError: a bad expression, or one that cannot be evaluated here.
    """
    at_ms = params.instant("time", params.now_ms)
    watch, text = _watch(params, within), params.text("query")
    engine = _engine_for(engine, params)
    result = engine.instant(text, at_ms, watch=watch)
    if isinstance(result, RangeVector) and params.shift_ms:
        result = RangeVector(tuple(RawSeries(s.labels, s.times + params.shift_ms, s.values) for s in result.series))
    body = prometheus_format.query(result, at_ms + params.shift_ms, watch.check)
    return _noted(body, watch, text, params.count("limit"))


def query_range(engine: Engine, params: Params, within: Within) -> Json:
    """`/api/v1/query_range`: the value of an expression at each step of a range.

    Raises:
        BadParameter: a parameter that cannot be read, or too many steps.
        PromQLError: a bad expression, or one that cannot be evaluated here.
    """
    start_ms, end_ms = params.instant("start"), params.instant("end")
    if end_ms < start_ms:
        raise BadParameter('invalid parameter "end": end timestamp must not be before start time')
    step_ms = params.milliseconds("step")
    if step_ms <= 0:
        raise BadParameter(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'
        )
    most = engine.options.max_steps
    if (end_ms - start_ms) / step_ms > most:
        raise BadParameter(
            f"exceeded maximum resolution of {most:,} points per timeseries. Try decreasing the query resolution (?step=XX)"
        )
    watch, text = _watch(params, within), params.text("query")
    expr = _for_range(engine, text)
    times, result = _engine_for(engine, params).range(expr, start_ms, end_ms, step_ms, watch=watch)
    shifted = np.asarray(times + params.shift_ms, dtype=np.int64)
    return _noted(prometheus_format.query_range(shifted, result, watch.check), watch, text, params.count("limit"))


def _for_range(engine: Engine, text: str) -> ast.Expr:
    expr = engine.parse(text)
    kind = type_of(expr)
    if kind not in ("scalar", "vector"):
        shown = _SHOWN.get(kind, kind)
        raise ParseError(
            f'invalid expression type "{shown}" for range query, must be Scalar or instant Vector', text, expr.span, syntax=False
        )
    return expr


def _noted(body: Json, watch: Watch, text: str, limit: int) -> Json:
    """The body with what the evaluation remarked, cut to as many series as were asked for."""
    warnings, infos = (watch.notes.shown(kind, text) if watch.notes else [] for kind in ("warning", "info"))
    data = body["data"]
    if limit and data["resultType"] in ("vector", "matrix") and len(data["result"]) > limit:
        body = {**body, "data": {**data, "result": data["result"][:limit]}}
        warnings = [*warnings, "results truncated due to limit"]
    return {**body, **({"warnings": warnings} if warnings else {}), **({"infos": infos} if infos else {})}


def parsed(name: str, text: str) -> ast.Expr:
    """An expression given in another parameter than `query`. Raises BadParameter."""
    try:
        return parse(text)
    except ParseError as error:
        raise BadParameter(f'invalid parameter "{name}": {prometheus_format.shown(error)}') from None
