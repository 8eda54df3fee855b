"""Results as the JSON bodies of Prometheus' HTTP API, as plain data; knows no routes, requests or sockets.

Source: Prometheus web/api/v1, docs/querying/api.md. Numbers are text, times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ops_center.label_sets import Labels
from ops_center.promql.durations import format_duration_ms
from ops_center.promql.errors import LimitError, ParseError, PromQLError, TimeLimitError, UnsupportedError
from ops_center.promql.numbers import format_sample, format_value
from ops_center.promql.values import RangeVector, Result, Scalar, Text, Vector
from ops_center.rules.alerting import ActiveAlert
from ops_center.rules.group import GroupState, RuleEngine, RuleState
from ops_center.series import SeriesStore
from ops_center.series_blocks import TimeArray

Json = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO_TIME = "0001-01-01T00:00:00Z"


def success(data: Any, warnings: Iterable[str] = ()) -> Json:
    """The envelope of a successful answer."""
    noted = list(warnings)
    return {"status": "success", "data": data, **({"warnings": noted} if noted else {})}


def failure(error: Exception) -> tuple[int, Json]:
    """HTTP status and body for an error: bad_data 400 for what was asked, execution 422 or timeout 503 for what was not done."""
    if isinstance(error, ParseError) or not isinstance(error, PromQLError):
        kind, status = "bad_data", 400
    elif isinstance(error, TimeLimitError):
        kind, status = "timeout", 503
    else:
        kind, status = "execution", 422
    text = f'invalid parameter "query": {shown(error)}' if isinstance(error, ParseError) else str(error)
    body: Json = {"status": "error", "errorType": kind, "error": text}
    if isinstance(error, ParseError):
        body["position"] = {"line": error.line, "column": error.column, "start": error.span.start, "end": error.span.end}
        body["unsupported"] = isinstance(error, UnsupportedError)
    elif isinstance(error, LimitError):
        body["limit"] = True
    return status, body


def shown(error: ParseError) -> str:
    """An error of the parser as Prometheus words its place."""
    return f"{error.line}:{error.column}: parse error: {error.message}" if error.syntax else error.message


def seconds(ms: int) -> float | int:
    """Epoch ms as seconds, whole where they are."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def rfc3339(epoch_ms: int | None) -> str:
    """An instant as Go prints it in JSON; the zero time for none."""
    if epoch_ms is None:
        return _ZERO_TIME
    moment = _EPOCH + timedelta(milliseconds=epoch_ms)
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _unhurried() -> None:
    """Nobody waits."""


def query(result: Result, at_ms: int, check: Callable[[], None] = _unhurried) -> Json:
    """`/api/v1/query`: the value of an expression at an instant (epoch ms); `check` is called on the way and may raise."""
    at = seconds(at_ms)
    if isinstance(result, Scalar):
        return success({"resultType": "scalar", "result": [at, format_value(float(result.values[0]))]})
    if isinstance(result, Text):
        return success({"resultType": "string", "result": [at, result.value]})
    if isinstance(result, RangeVector):
        rows = [_points(s.labels.sets[0], s.times, s.values.tolist(), check) for s in result.series]
        return success({"resultType": "matrix", "result": rows})
    columns = result.order if result.order is not None else np.flatnonzero(result.present[0])
    values = result.values[0]
    found = [{"metric": dict(result.labels.sets[c]), "value": [at, format_sample(float(values[c]))]} for c in columns.tolist()]
    return success({"resultType": "vector", "result": found})


def _points(labels: Labels, times: TimeArray, values: list[float], check: Callable[[], None]) -> Json:
    check()
    points = [[seconds(t), format_sample(v)] for t, v in zip(times.tolist(), values, strict=True)]
    return {"metric": dict(labels), "values": points}


def query_range(times: TimeArray, result: Vector | Scalar, check: Callable[[], None] = _unhurried) -> Json:
    """`/api/v1/query_range`: series sorted by labels, each with the instants at which it has a value; `check` as in `query`."""
    if isinstance(result, Scalar):
        rows = [_points((), times, result.values.tolist(), check)]
    else:
        used = [c for c in range(len(result.labels)) if result.present[:, c].any()]
        used.sort(key=lambda c: result.labels.sets[c])
        rows = [_column(result, c, times, check) for c in used]
    return success({"resultType": "matrix", "result": rows})


def _column(result: Vector, column: int, times: TimeArray, check: Callable[[], None]) -> Json:
    there = result.present[:, column]
    return _points(result.labels.sets[column], times[there], result.values[there, column].tolist(), check)


def _alert(alert: ActiveAlert, offset_ms: int) -> Json:
    body = {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": alert.condition,
        "activeAt": rfc3339(alert.active_at_ms + offset_ms),
        "value": exponent(alert.value),
    }
    if alert.keep_firing_since_ms is not None:
        body["keepFiringSince"] = rfc3339(alert.keep_firing_since_ms + offset_ms)
    return body


def exponent(value: float) -> str:
    """Go's FormatFloat(v, 'e', -1), which the alerts API uses: `1e+00`."""
    plain = format_value(value)
    if plain in ("NaN", "+Inf", "-Inf"):
        return plain
    digits = repr(value).split("e")[0].replace("-", "").replace(".", "").strip("0")
    mantissa, power = f"{value:.{max(len(digits) - 1, 0)}e}".split("e")
    return f"{mantissa}e{power[0]}{int(power[1:]):02d}"


def alerts(engine: RuleEngine, now_ms: int) -> Json:
    """`/api/v1/alerts`: all pending and firing alerts; `now_ms` on the store's axis."""
    offset = engine.settings.offset_ms
    return success({"alerts": [_alert(a, offset) for _, _, found in engine.active_alerts(now_ms) for a in found]})


def rules(engine: RuleEngine, now_ms: int, kind: str = "") -> Json:
    """`/api/v1/rules`: groups with their rules; `kind` "alert" or "record" keeps only those."""
    active = {id(rule): found for _, rule, found in engine.active_alerts(now_ms)}
    return success({"groups": [_group(g, engine, active, kind) for g in engine.groups]})


def _group(state: GroupState, engine: RuleEngine, active: Mapping[int, list[ActiveAlert]], kind: str) -> Json:
    kept = [r for r in state.rules if not kind or (kind == "alert") == bool(r.rule.alert)]
    evaluations = [r.last_evaluation_ms for r in state.rules if r.last_evaluation_ms is not None]
    offset = engine.settings.offset_ms
    return {
        "name": state.group.name,
        "file": state.group.file,
        "rules": [_rule(r, active.get(id(r), []), offset) for r in kept],
        "interval": state.interval_ms / 1000,
        "limit": state.group.limit,
        "evaluationTime": 0,
        "lastEvaluation": rfc3339(max(evaluations) + offset if evaluations else None),
    }


def _rule(state: RuleState, found: list[ActiveAlert], offset_ms: int) -> Json:
    rule = state.rule
    last = state.last_evaluation_ms
    body: Json = {
        "name": rule.name,
        "query": rule.text,
        "labels": dict(rule.labels),
        "health": state.health,
        "evaluationTime": 0,
        "lastEvaluation": rfc3339(None if last is None else last + offset_ms),
        **({"lastError": state.last_error} if state.last_error else {}),
    }
    if not rule.alert:
        return {**body, "type": "recording"}
    conditions = {a.condition for a in found}
    worst = "firing" if "firing" in conditions else "pending" if conditions else "inactive"
    return {
        **body,
        "state": worst,
        "duration": rule.for_ms / 1000,
        "keepFiringFor": rule.keep_firing_for_ms / 1000,
        "annotations": dict(rule.annotations),
        "alerts": [_alert(a, offset_ms) for a in found],
        "type": "alerting",
    }


def labels(store: SeriesStore) -> Json:
    """`/api/v1/labels`."""
    return success(store.label_names())


def label_values(store: SeriesStore, name: str) -> Json:
    """`/api/v1/label/<name>/values`."""
    return success(store.label_values(name))


def series(sets: Iterable[Labels]) -> Json:
    """`/api/v1/series`: label sets, each once, sorted."""
    return success([dict(s) for s in sorted(set(sets))])


def metadata(store: SeriesStore, metric: str = "") -> Json:
    """`/api/v1/metadata`."""
    found = {name: [about] for name, about in store.metadata().items() if not metric or name == metric}
    return success(found)


def buildinfo(version: str) -> Json:
    """`/api/v1/status/buildinfo`: Grafana reads the version to know what it may ask."""
    empty = dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "")
    return success({"version": version, **empty})


def alertmanagers(active: Iterable[Mapping[str, Any]]) -> Json:
    """`/api/v1/alertmanagers`: where alerts are sent; besides the address how it fares, which Prometheus keeps in its metrics."""
    return success({"activeAlertmanagers": list(active), "droppedAlertmanagers": []})


def flags(lookback_ms: int) -> Json:
    """`/api/v1/status/flags`, the part that clients read."""
    return success({"query.lookback-delta": format_duration_ms(lookback_ms)})
