"""Lists of Prometheus' HTTP API as functions: series, labels, their values, metadata. Lives here: which series a request means.

Must not know: routes, sockets, cities or a clock. `start` and `end` choose by what was held when, block by block, as coarsely as
Prometheus does by its chunks: a series is listed that may have a sample there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ops_center import prometheus_format
from ops_center.event_block import Block, EventBlock
from ops_center.label_sets import NAME, Labels, Matcher, test_of
from ops_center.prometheus_query import MAX_PARAMETER, BadParameter, Params, parsed
from ops_center.promql import ast
from ops_center.promql.engine import Engine
from ops_center.series_blocks import NEVER

Json = dict[str, Any]
MAX_RESULTS = 10_000
_EVERYTHING = (Matcher(NAME, "=~", ".+"),)
_ESCAPE = re.compile(r"_(_|[0-9a-fA-F]+_)")


def matchers(params: Params) -> list[tuple[Matcher, ...]]:
    """The selectors `match[]`. Raises BadParameter."""
    return [_matchers(text) for text in params.values.get("match[]") or ()]


def _matchers(text: str) -> tuple[Matcher, ...]:
    if len(text) > MAX_PARAMETER:
        raise BadParameter(f'invalid parameter "match[]": {len(text)} characters, expected at most {MAX_PARAMETER}')
    selector = parsed("match[]", text)
    if not isinstance(selector, ast.Selector) or selector.has_offset or selector.at or selector.extended:
        raise BadParameter('invalid parameter "match[]": expected a selector such as up{job="x"}')
    return selector.matchers


def _held(block: Block) -> tuple[int, int]:
    """The first and the last instant of which a block may hold a sample, on the store's axis."""
    if isinstance(block, EventBlock):
        counts = block.counts[: block.columns]
        some = counts.nonzero()[0]
        if not len(some):
            return NEVER, -NEVER
        return int(block.times[some, 0].min()), int(block.times[some, counts[some] - 1].max())
    first = block.sealed[0].first_ms if block.sealed else int(block.times[0]) if block.rows else NEVER
    last = int(block.times[block.rows - 1]) if block.rows else block.sealed[-1].last_ms if block.sealed else -NEVER
    return max(first, block.floor_ms), last


def _listed(engine: Engine, params: Params) -> list[Labels]:
    """The labels of the series that a request means. Raises PromQLError, BadParameter."""
    start_ms, end_ms = (params.instant(name, at) for name, at in (("start", -NEVER), ("end", NEVER)))
    found: dict[Labels, None] = {}
    for one in matchers(params) or [_EVERYTHING]:
        selection, first = engine.store.select(one), 0
        for block, _, count in selection.parts:
            earliest_ms, latest_ms = _held(block)
            if earliest_ms + engine.offset_ms <= end_ms and latest_ms + engine.offset_ms >= start_ms:
                found.update(dict.fromkeys(selection.labels.sets[first : first + count]))
            first += count
    return list(found)


def _limited(params: Params, values: Sequence[Any]) -> Json:
    wanted = min(params.count("limit") or MAX_RESULTS, MAX_RESULTS)
    cut = ["results truncated due to limit"] if len(values) > wanted else []
    return prometheus_format.success(list(values)[:wanted], cut)


def series(engine: Engine, params: Params) -> Json:
    """`/api/v1/series`: label sets, each once, sorted. Raises BadParameter."""
    if not params.values.get("match[]"):
        raise BadParameter("no match[] parameter provided")
    return _limited(params, [dict(labels) for labels in sorted(_listed(engine, params))])


def labels(engine: Engine, params: Params) -> Json:
    """`/api/v1/labels`. Raises BadParameter."""
    return _limited(params, sorted({name for one in _listed(engine, params) for name, _ in one}))


def label_values(engine: Engine, params: Params) -> Json:
    """`/api/v1/label/<name>/values`; a name of other letters than Prometheus 2 had comes escaped, `U__…`. Raises BadParameter."""
    name = params.text("label")
    if name.startswith("U__"):
        name = _ESCAPE.sub(_unescaped, name[3:])
    return _limited(params, sorted({value for one in _listed(engine, params) for n, value in one if n == name}))


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    point = 0 if code == "_" else int(code[:-1][-7:], 16)
    return "_" if code == "_" else chr(point) if point <= 0x10FFFF else match.group()


def metadata(engine: Engine, params: Params) -> Json:
    """`/api/v1/metadata`: type, unit and help of metrics. Raises BadParameter."""
    limits = {}
    for name in ("limit", "limit_per_metric"):
        text = params.text(name)
        if text and not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise BadParameter(f"{name} must be a number")
        limits[name] = int(text) if text else -1
    wanted = params.text("metric")
    found = {name: [about] for name, about in engine.store.metadata().items() if not wanted or name == wanted}
    most = limits["limit"] if limits["limit"] >= 0 else len(found)
    return prometheus_format.success(dict(list(found.items())[:most]))


def exemplars(params: Params) -> Json:
    """`/api/v1/query_exemplars`: nothing here carries any. Raises BadParameter."""
    start_ms, end_ms = params.instant("start", 0), params.instant("end", 0)
    if end_ms < start_ms:
        raise BadParameter("end timestamp must not be before start timestamp")
    parsed("query", params.text("query"))
    return prometheus_format.success([])


def accepted(sets: Iterable[tuple[Matcher, ...]], found: dict[str, str]) -> bool:
    """Whether any of the selectors accepts some labels; true where there are none."""
    chosen = list(sets)
    return not chosen or any(all(test_of(m)(found.get(m.name, "")) for m in one) for one in chosen)
