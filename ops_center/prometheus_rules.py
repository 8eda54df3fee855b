"""`/api/v1/rules` of Prometheus' HTTP API: which groups and rules are meant. Must not know: routes, rule states."""

from __future__ import annotations

import hashlib
from typing import Any

from ops_center import prometheus_format
from ops_center.prometheus_lists import accepted, matchers
from ops_center.prometheus_query import BadParameter, Params
from ops_center.promql.numbers import quoted
from ops_center.rules.group import RuleEngine

Json = dict[str, Any]


def rules(engine: RuleEngine, now_ms: int, asked: Params) -> Json:
    """Groups with their rules, of those that the request names, a page of them where it asks for one. Raises BadParameter."""
    kind = asked.text("type").lower()
    if kind not in ("", "alert", "record"):
        raise BadParameter(f'invalid parameter "type": not supported value {quoted(kind)}')
    bare = _flag(asked, "exclude_alerts")
    most, after = _page(asked)
    names, chosen = frozenset(asked.values.get("rule_name[]") or ()), matchers(asked)
    out: list[Json] = []
    for group in prometheus_format.rules(engine, now_ms, kind)["data"]["groups"]:
        kept = [r for r in group["rules"] if (not names or r["name"] in names) and accepted(chosen, r["labels"])]
        kept = [{**r, "alerts": []} if bare and "alerts" in r else r for r in kept]
        if kept and _named(asked, "rule_group[]", group["name"]) and _named(asked, "file[]", group["file"]):
            out.append({**group, "rules": kept})
    return prometheus_format.success(_cut(out, most, after))


def _named(asked: Params, name: str, value: str) -> bool:
    wanted = asked.values.get(name)
    return not wanted or value in wanted


def _flag(asked: Params, name: str) -> bool:
    text = asked.text(name)
    if text not in ("", "1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"):
        raise BadParameter(f'invalid parameter "{name}": error converting {name}: cannot parse {quoted(text[:100])} to a boolean')
    return text[:1] in ("1", "t", "T")


def _page(asked: Params) -> tuple[int, str]:
    """How many groups at most, 0 for all, and the token of the first. Raises BadParameter."""
    text, token = asked.text("group_limit"), asked.text("group_next_token")
    if not text:
        if token:
            raise BadParameter(
                'invalid parameter "group_limit": group_limit needs to be present in order to paginate over the groups'
            )
        return 0, ""
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise BadParameter(f'invalid parameter "group_limit": saw {quoted(text[:100])}, expected a number above 0')
    return int(text[:9]), token


def _token(group: Json) -> str:
    return hashlib.sha1(f"{group['file']};{group['name']}".encode(), usedforsecurity=False).hexdigest()


def _cut(groups: list[Json], most: int, token: str) -> Json:
    first = 0
    if token:
        first = next((n for n, group in enumerate(groups) if _token(group) == token), -1)
        if first < 0:
            raise BadParameter(
                f'invalid parameter "group_next_token": there is no group of {quoted(token[:100])}; were rules changed?'
            )
    end = first + most if most else len(groups)
    more = {"groupNextToken": _token(groups[end])} if end < len(groups) else {}
    return {"groups": groups[first:end], **more}
