"""Prometheus' HTTP API, as Grafana, promtool and client libraries call it, GET and POST forms. Lives here: routes and parameters.

Must not know: PromQL, JSON bodies (`prometheus_format`). Without `time` a query means simulated now. Under `/wall/prometheus` the
same routes are shifted by (wall now - simulated now), for clients that send wall time, such as Grafana's "last 15 minutes".
"""

import asyncio
import time as wall_clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import Response

from ops_center import prometheus_format, prometheus_lists, prometheus_query, prometheus_rules
from ops_center.api.common import ERRORS, LiveDep, Reader, json_response
from ops_center.live import LiveCity
from ops_center.prometheus_query import BadParameter, Params
from ops_center.promql.engine import Engine
from ops_center.promql.errors import PromQLError
from ops_center.promql.printing import formatted

VERSION = "3.5.0"  # whose API this is; clients decide by it what they may ask
MAX_SECONDS = 1.5  # the city has no turn while a query runs

router = APIRouter(responses={**ERRORS, 503: {"description": "took too long"}}, tags=["prometheus"])


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: its parameters, the city, and by how much its time is shifted against simulated time [ms]."""

    live: LiveCity
    params: dict[str, list[str]]
    shift_ms: int

    @property
    def engine(self) -> Engine:
        """PromQL over the city's series."""
        return self.live.run.center.judge.engine

    @property
    def now_ms(self) -> int:
        """Simulated now as epoch ms."""
        center = self.live.run.center
        return (center.judge.start_ms or 0) + max(0, center.now_ms)

    @property
    def asked(self) -> Params:
        """The parameters beside the engine's now."""
        return Params(self.params, self.shift_ms, self.now_ms)

    def text(self, name: str) -> str:
        """Return a parameter, "" if it is missing. Raises BadParameter when it is too long."""
        return self.asked.text(name)


def _within(seconds: float | None) -> Callable[[], bool]:
    """Whether the time asked for is over, or the time that the city can wait for its turn."""
    end = wall_clock.monotonic() + min(MAX_SECONDS if seconds is None else seconds, MAX_SECONDS)  # noqa: TID251  # real waiting
    return lambda: wall_clock.monotonic() > end  # noqa: TID251


Answer = Callable[[Ask], dict[str, Any]]


def query(ask: Ask) -> dict[str, Any]:
    """Evaluate at one instant."""
    return prometheus_query.query(ask.engine, ask.asked, _within)


def query_range(ask: Ask) -> dict[str, Any]:
    """Evaluate at each step of a range."""
    return prometheus_query.query_range(ask.engine, ask.asked, _within)


def series(ask: Ask) -> dict[str, Any]:
    """Find series by selectors."""
    return prometheus_lists.series(ask.engine, ask.asked)


def labels(ask: Ask) -> dict[str, Any]:
    """Return label names."""
    return prometheus_lists.labels(ask.engine, ask.asked)


def label_values(ask: Ask) -> dict[str, Any]:
    """Return the values of a label."""
    return prometheus_lists.label_values(ask.engine, ask.asked)


def rules(ask: Ask) -> dict[str, Any]:
    """Return rule groups with their alerts."""
    center = ask.live.run.center
    return prometheus_rules.rules(center.judge.rules, max(0, center.now_ms), ask.asked)


def alerts(ask: Ask) -> dict[str, Any]:
    """Return pending and firing alerts."""
    center = ask.live.run.center
    return prometheus_format.alerts(center.judge.rules, max(0, center.now_ms))


def alertmanagers(ask: Ask) -> dict[str, Any]:
    """Return the Alertmanagers that alerts are sent to, and how they fare."""
    notifier = ask.live.notifier
    fares = [] if notifier is None else notifier.deliveries
    return prometheus_format.alertmanagers(
        {"url": one.url, "sent": one.sent, "failed": one.failed, "lastError": one.trouble} for one in fares
    )


def metadata(ask: Ask) -> dict[str, Any]:
    """Return type, unit and help of metrics."""
    return prometheus_lists.metadata(ask.engine, ask.asked)


def exemplars(ask: Ask) -> dict[str, Any]:
    """Return the exemplars of a query: none."""
    return prometheus_lists.exemplars(ask.asked)


def format_query(ask: Ask) -> dict[str, Any]:
    """Return an expression as Prometheus writes it."""
    return prometheus_format.success(formatted(ask.text("query")))


ROUTES: tuple[tuple[str, Answer, str], ...] = (
    ("/query", query, "query time"),
    ("/query_range", query_range, "query start end step"),
    ("/query_exemplars", exemplars, "query start end"),
    ("/format_query", format_query, "query"),
    ("/series", series, "match[] start end limit"),
    ("/labels", labels, "match[] start end limit"),
    ("/label/{label}/values", label_values, "match[] start end limit"),
    ("/rules", rules, "type rule_name[] rule_group[] file[] match[] exclude_alerts group_limit group_next_token"),
    ("/alerts", alerts, ""),
    ("/alertmanagers", alertmanagers, ""),
    ("/metadata", metadata, "metric limit limit_per_metric"),
    ("/status/buildinfo", lambda ask: prometheus_format.buildinfo(VERSION), ""),
    ("/status/flags", lambda ask: prometheus_format.flags(ask.live.run.center.judge.options.lookback_ms), ""),
)


def _described(path: str, names: str, method: str) -> dict[str, Any]:
    """Return what OpenAPI says of a route's parameters: in the query, or as a form."""
    text = {"type": "string"}
    in_path = [{"name": "label", "in": "path", "required": True, "schema": text}] if "{label}" in path else []
    if method == "GET":
        return {"parameters": [*in_path, *({"name": n, "in": "query", "schema": text} for n in names.split())]}
    form = {"schema": {"type": "object", "properties": dict.fromkeys(names.split(), text)}}
    return {"parameters": in_path, "requestBody": {"content": {"application/x-www-form-urlencoded": form}}}


async def _ask(live: LiveCity, request: Request, shifted: bool) -> Ask:
    params = parse_qs(request.url.query, keep_blank_values=True, max_num_fields=200)
    if request.method == "POST":
        form = (await request.body()).decode("utf-8", "replace")
        for name, values in parse_qs(form, keep_blank_values=True, max_num_fields=200).items():
            params[name] = values + params.get(name, [])
    if "label" in request.path_params:
        params["label"] = [request.path_params["label"]]
    ask = Ask(live, params, 0)
    if not shifted:
        return ask
    wall_ms = round(wall_clock.time() * 1000)  # noqa: TID251  # the one place where both clocks must meet
    return Ask(live, params, wall_ms - ask.now_ms)


async def _answer(answer: Answer, live: LiveCity, request: Request, shifted: bool) -> Response:
    """Compute an answer beside the event loop, while nothing else happens to the center."""
    try:
        ask = await _ask(live, request, shifted)
        async with live.turn:
            return json_response(await asyncio.to_thread(answer, ask))
    except (BadParameter, PromQLError) as error:
        status, body = prometheus_format.failure(error)
    except ValueError as error:  # too many form fields, an unknown regular expression
        status, body = 400, {"status": "error", "errorType": "bad_data", "error": str(error)}
    return json_response(body, status)


def _add(path: str, answer: Answer, names: str, shifted: bool) -> None:
    prefix = "/wall/prometheus" if shifted else "/prometheus"
    name = path.strip("/").replace("/", "_").replace("{label}", "of")

    async def route(live: LiveDep, request: Request, seat: Reader) -> Response:
        return await _answer(answer, live, request, shifted)

    route.__doc__ = answer.__doc__ or f"Prometheus' {path}."
    for method in ("GET", "POST"):
        id_ = f"{prefix.strip('/').replace('/', '_')}_{name}_{method.lower()}"
        extra = _described(path, names, method)
        router.add_api_route(f"{prefix}/api/v1{path}", route, methods=[method], operation_id=id_, openapi_extra=extra)


for _path, _one, _names in ROUTES:
    _add(_path, _one, _names, shifted=False)
    _add(_path, _one, _names, shifted=True)


async def _hello(live: LiveDep, seat: Reader) -> Response:
    """Tell clients that probe the address that a Prometheus API is here."""
    return json_response(prometheus_format.buildinfo(VERSION))


for _prefix in ("/prometheus", "/wall/prometheus"):
    router.add_api_route(f"{_prefix}/", _hello, methods=["GET"], include_in_schema=False)
    router.add_api_route(f"{_prefix}/-/ready", _hello, methods=["GET"], include_in_schema=False)
