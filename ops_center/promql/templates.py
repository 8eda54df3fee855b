"""Prometheus' annotation templates: runs a parsed template over an alert's labels and value; no Jinja, no I/O.

Limits: 16 KiB of template, 64 KiB of output and of any one text, 20 000 steps, 100 queries, 50 templates within each other. A
template that fails renders its error in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ops_center.label_sets import compile_regex
from ops_center.promql import template_parser as tree
from ops_center.promql.durations import parse_duration_ms
from ops_center.promql.humanize import (
    humanize,
    humanize1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    show,
    sprint,
    sprintf,
    title,
)
from ops_center.promql.template_parser import TemplateError, parse_template

MAX_OUTPUT = 64 * 1024
MAX_STEPS = 20_000
MAX_QUERIES = 100
MAX_USES = 50
MAX_REPLACED = 1 << 22  # characters of a text × characters that may take the place of each


@dataclass(frozen=True, slots=True)
class Sample:
    """One result of `query`."""

    labels: Mapping[str, str]
    value: float


Query = Callable[[str], list[Sample]]


def no_query(_expression: str) -> list[Sample]:
    """For templates that have no engine behind them."""
    return []


@dataclass(frozen=True, slots=True)
class TemplateData:
    """What a template sees: `$labels`, `$value`, `$externalLabels`, `$externalURL`, and `query`."""

    labels: Mapping[str, str]
    value: float
    external_labels: Mapping[str, str]
    external_url: str = ""
    query: Query = no_query


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return parse_duration_ms(value) / 1000
    raise TemplateError(f"can't convert {show(value)} to float")


def _first(samples: Any) -> Any:
    if not samples:
        raise TemplateError("first() called on vector with no elements")
    return samples[0]


def _compare(op: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(a: Any, b: Any) -> bool:
        if isinstance(a, str) != isinstance(b, str):
            raise TemplateError("incompatible types for comparison")
        return op(a, b)

    return run


def _equal(first: Any, *others: Any) -> bool:
    return any(_compare(lambda a, b: a == b)(first, other) for other in others)


def _index(item: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(item, Mapping):
            item = item.get(key, "")
        elif isinstance(item, list | str) and isinstance(key, int) and 0 <= key < len(item):
            item = item[key]
        else:
            raise TemplateError(f"error calling index: index out of range: {show(key)}")
    return item


def _length(item: Any) -> int:
    if isinstance(item, str | list | Mapping):
        return len(item)
    raise TemplateError(f"error calling len: len of type {type(item).__name__}")


def truth(value: Any) -> bool:
    """Go's truth: false, 0, nil and empty are not."""
    return bool(value)


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    if (len(text) + 1) * (len(replacement) + 1) > MAX_REPLACED:
        raise TemplateError(f"reReplaceAll: too much to replace: saw {len(text)} characters, each by up to {len(replacement)}")
    template = re.sub(r"\$\{?(\w+)\}?", r"\\\1", replacement)
    return str(compile_regex(pattern).sub(template, text))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "humanize": lambda v: humanize(_number(v)),
    "humanize1024": lambda v: humanize1024(_number(v)),
    "humanizeDuration": lambda v: humanize_duration(_number(v)),
    "humanizePercentage": lambda v: humanize_percentage(_number(v)),
    "humanizeTimestamp": lambda v: humanize_timestamp(_number(v)),
    "printf": lambda f, *a: sprintf(f, list(a)),
    "print": lambda *a: sprint(list(a)),
    "println": lambda *a: " ".join(show(x) for x in a) + "\n",
    "title": title,
    "toUpper": lambda s: str(s).upper(),
    "toLower": lambda s: str(s).lower(),
    "first": _first,
    "value": lambda s: s.value,
    "label": lambda name, s: s.labels.get(name, ""),
    "strvalue": lambda s: s.labels.get("__value__", ""),
    "sortByLabel": lambda name, ss: sorted(ss, key=lambda s: s.labels.get(name, "")),
    "match": lambda pattern, text: compile_regex(pattern).search(text) is not None,
    "reReplaceAll": _replace_all,
    "stripPort": lambda s: s.rsplit(":", 1)[0].strip("[]") if re.search(r":\d+$", s) else s,
    "args": lambda *values: {f"arg{number}": value for number, value in enumerate(values)},
    "pathPrefix": lambda: "",
    "graphLink": lambda _expression: "",
    "tableLink": lambda _expression: "",
    "stripDomain": lambda s: s.split(".", 1)[0],
    "safeHtml": lambda s: s,
    "html": lambda s: str(s).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;"),
    "parseDuration": lambda s: parse_duration_ms(s) / 1000,
    "externalURL": lambda: "",
    "query": no_query,
    "len": _length,
    "index": _index,
    "not": lambda v: not truth(v),
    "and": lambda *a: next((x for x in a if not truth(x)), a[-1]),
    "or": lambda *a: next((x for x in a if truth(x)), a[-1]),
    "eq": _equal,
    "ne": lambda a, b: not _equal(a, b),
    "lt": _compare(lambda a, b: a < b),
    "le": _compare(lambda a, b: a <= b),
    "gt": _compare(lambda a, b: a > b),
    "ge": _compare(lambda a, b: a >= b),
}
_NAMES = frozenset(_FUNCTIONS)
_VARIABLES = frozenset({"$", "$labels", "$value", "$externalLabels", "$externalURL"})


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[Any, ...]:
    return parse_template(text, _NAMES, _VARIABLES)


def tree_of(text: str) -> tuple[Any, ...]:
    """The nodes of a template. Raises TemplateError."""
    return _parsed(text)


def check_template(text: str) -> None:
    """Raise where a template cannot be parsed.

    Raises:
        TemplateError: says what was wrong.
    """
    _parsed(text)


def uses_value(text: str) -> bool:
    """Whether the result may change while the labels stay: it names the value, the dot, or a query."""
    return "{{" in text and re.search(r"\$value|\.Value|\bquery\b|\$\.|\$\s", text) is not None


def expand(text: str, data: TemplateData) -> str:
    """The template's text; on failure `<error expanding template: …>`, as Prometheus."""
    if "{{" not in text:
        return text
    try:
        return _Run(data).all(_parsed(text))
    except TemplateError as why:
        return f"<error expanding template: {why}>"
    except RecursionError:
        return "<error expanding template: exceeded maximum template depth>"
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, ArithmeticError) as why:
        return f"<error expanding template: {type(why).__name__}: {why}>"


class _Run:
    """One run of one template: its variables, its output so far, its budget."""

    def __init__(self, data: TemplateData) -> None:
        dot = {
            "Labels": data.labels,
            "Value": data.value,
            "ExternalLabels": data.external_labels,
            "ExternalURL": data.external_url,
        }
        known = {"$labels": data.labels, "$value": data.value, "$externalLabels": data.external_labels}
        self.scopes: list[dict[str, Any]] = [{"$": dot, "$externalURL": data.external_url, **known}]
        self._query, self._queries = data.query, 0
        self.own: dict[str, Callable[..., Any]] = {"query": self._ask, "externalURL": lambda: data.external_url}
        self.defined: dict[str, tuple[Any, ...]] = {}
        self._uses = 0
        self.dot: Any = dot
        self.out: list[str] = []
        self.size = self.steps = 0

    def all(self, nodes: tuple[Any, ...]) -> str:
        """The text of the nodes."""
        self.defined = {node.name: node.body for node in nodes if isinstance(node, tree.Definition)}
        self._nodes(nodes)
        return "".join(self.out)

    def _ask(self, expression: str) -> list[Sample]:
        self._queries += 1
        if self._queries > MAX_QUERIES:
            raise TemplateError(f"too many queries: expected at most {MAX_QUERIES}")
        return self._query(expression)

    def _write(self, text: str) -> None:
        self.size += len(text)
        if self.size > MAX_OUTPUT:
            raise TemplateError(f"output too long: expected at most {MAX_OUTPUT} characters")
        self.out.append(text)

    def _nodes(self, nodes: tuple[Any, ...]) -> None:
        for node in nodes:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise TemplateError(f"too many steps: expected at most {MAX_STEPS}")
            if isinstance(node, tree.Text):
                self._write(node.value)
            elif isinstance(node, tree.Block):
                self._block(node)
            elif isinstance(node, tree.Use):
                self._use(node)
            elif not isinstance(node, tree.Definition):
                value = self._pipe(node)
                if not node.names:
                    self._write(show(value))

    def _use(self, node: tree.Use) -> None:
        if node.name not in self.defined:
            raise TemplateError(f"template {node.name!r} not defined")
        self._uses += 1
        if self._uses > MAX_USES:
            raise TemplateError(f"exceeded maximum template depth: expected at most {MAX_USES} within each other")
        before = self.scopes, self.dot
        self.dot = self._pipe(node.pipe) if node.pipe is not None else None
        self.scopes = [{"$": self.dot}]
        self._nodes(self.defined[node.name])
        self.scopes, self.dot = before
        self._uses -= 1

    def _block(self, node: tree.Block) -> None:
        self.scopes.append({})
        dot = self.dot
        value = self._pipe(node.pipe, declare=node.kind != "range")
        if node.kind == "range":
            self._range(node, value)
        elif truth(value):
            self.dot = value if node.kind == "with" else dot
            self._nodes(node.body)
        else:
            self._nodes(node.otherwise)
        self.dot = dot
        self.scopes.pop()

    def _range(self, node: tree.Block, value: Any) -> None:
        items = sorted(value.items()) if isinstance(value, Mapping) else list(enumerate(value or []))
        if not items:
            self._nodes(node.otherwise)
        for key, item in items:
            names = node.pipe.names
            if len(names) == 2:
                self.scopes[-1][names[0]] = key
            if names:
                self.scopes[-1][names[-1]] = item
            self.dot = item
            self._nodes(node.body)

    def _pipe(self, pipe: tree.Pipe, declare: bool = True) -> Any:
        value: Any = None
        for index, command in enumerate(pipe.commands):
            value = self._command(command, (value,) if index else ())
        for name in pipe.names if declare else ():
            scope = next((s for s in reversed(self.scopes) if name in s), self.scopes[-1]) if pipe.assign else self.scopes[-1]
            scope[name] = value
        return value

    def _command(self, command: tree.Command, fed: tuple[Any, ...]) -> Any:
        self.steps += 1
        args = [self._value(a) for a in command.args]
        if not command.function:
            if fed:
                raise TemplateError("can't give argument to non-function")
            return args[0]
        try:
            found = (self.own.get(command.function) or _FUNCTIONS[command.function])(*args, *fed)
        except TypeError as why:
            raise TemplateError(f"error calling {command.function}: wrong arguments: {why}") from None
        if isinstance(found, str) and len(found) > MAX_OUTPUT:  # a text that doubles itself never reaches the output
            raise TemplateError(f"text too long: {command.function} made {len(found)} characters, expected at most {MAX_OUTPUT}")
        return found

    def _value(self, operand: Any) -> Any:
        if isinstance(operand, tree.Literal):
            return operand.value
        if isinstance(operand, tree.Variable):
            return self._variable(operand.name)
        if isinstance(operand, tree.Pipe):
            return self._pipe(operand)
        value = self.dot if operand.base is None else self._value(operand.base)
        for name in operand.path:
            value = self._field(value, name)
        return value

    def _variable(self, name: str) -> Any:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise TemplateError(f"undefined variable {name!r}")

    def _field(self, value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return value.get(name, "")
        if isinstance(value, Sample) and name in ("Labels", "Value"):
            return value.labels if name == "Labels" else value.value
        raise TemplateError(f"can't evaluate field {name} in {show(value)}")
