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
from urllib.parse import urlsplit

from ops_center.promql import template_parser as tree
from ops_center.promql.go_printf import Shown, show
from ops_center.promql.template_functions import FUNCTIONS, OF_THE_RUN, Moment, Sample, truth
from ops_center.promql.template_parser import TemplateError, parse_template

MAX_OUTPUT = 64 * 1024
MAX_STEPS = 20_000
MAX_QUERIES = 100
MAX_USES = 50


Query = Callable[[str], list[Sample]]


def no_query(_expression: str) -> list[Sample]:
    """For templates that have no engine behind them."""
    return []


@dataclass(frozen=True, slots=True)
class TemplateData:
    """What a template sees: `$labels`, `$value`, `$externalLabels`, `$externalURL`, `query`, and the time [epoch s]."""

    labels: Mapping[str, str]
    value: float
    external_labels: Mapping[str, str]
    external_url: str = ""
    query: Query = no_query
    now_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Dot(Shown):
    """What `.` is at first."""

    data: TemplateData

    def field(self, name: str) -> Any:
        data = self.data
        known: dict[str, Any] = {"Labels": data.labels, "ExternalLabels": data.external_labels}
        known |= {"ExternalURL": data.external_url, "Value": data.value}
        if name not in known:
            raise TemplateError(f"can't evaluate field {name}: expected one of {', '.join(known)}")
        return known[name]

    def __str__(self) -> str:
        return "{" + " ".join(show(self.field(n)) for n in ("Labels", "ExternalLabels", "ExternalURL", "Value")) + "}"


_NAMES = frozenset(FUNCTIONS) | OF_THE_RUN
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
    """Whether the result may change while the labels stay: it names the value, the dot, a query or the time."""
    return "{{" in text and re.search(r"\$value|\.Value|\b(?:query|now)\b|\$\.|\$\s", text) is not None


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


class _Left(Exception):
    """A round of a range is over before its end: by `break` the range too, by `continue` not."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _ranged(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if value is None:
        return []
    raise TemplateError(f"range can't iterate over {show(value)}")


class _Run:
    """One run of one template: its variables, its output so far, its budget."""

    def __init__(self, data: TemplateData) -> None:
        dot = _Dot(data)
        known = {"$labels": data.labels, "$value": data.value, "$externalLabels": data.external_labels}
        self.scopes: list[dict[str, Any]] = [{"$": dot, "$externalURL": data.external_url, **known}]
        self._query, self._queries = data.query, 0
        self.own: dict[str, Callable[..., Any]] = {
            "query": self._ask,
            "externalURL": lambda: data.external_url,
            "pathPrefix": lambda: urlsplit(data.external_url).path,
            "now": lambda: data.now_s,
        }
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
            elif isinstance(node, tree.Leave):
                raise _Left(node.word)
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
        items = sorted(value.items()) if isinstance(value, Mapping) else list(enumerate(_ranged(value)))
        if not items:
            self._nodes(node.otherwise)
        depth = len(self.scopes)
        for key, item in items:
            names = node.pipe.names
            if len(names) == 2:
                self.scopes[-1][names[0]] = key
            if names:
                self.scopes[-1][names[-1]] = item
            self.dot = item
            try:
                self._nodes(node.body)
            except _Left as left:
                del self.scopes[depth:]
                if left.word == "break":
                    break

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
        if not command.function and isinstance(command.args[0], tree.Field) and command.args[0].path:
            return self._method(command.args[0], (*(self._value(a) for a in command.args[1:]), *fed))
        args = [self._value(a) for a in command.args]
        if not command.function:
            if fed or len(args) > 1:
                raise TemplateError("can't give argument to non-function")
            return args[0]
        try:
            found = (self.own.get(command.function) or FUNCTIONS[command.function])(*args, *fed)
        except TypeError as why:
            raise TemplateError(f"error calling {command.function}: wrong arguments: {why}") from None
        except TemplateError as why:
            raise TemplateError(f"error calling {command.function}: {why}") from None
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

    def _method(self, field: tree.Field, args: tuple[Any, ...]) -> Any:
        """A field, or a method of a time, which alone takes arguments."""
        if not args:
            return self._value(field)
        owner = self._value(tree.Field(field.base, field.path[:-1]))
        if not isinstance(owner, Moment):
            raise TemplateError("can't give argument to non-function")
        return owner.call(field.path[-1], args)

    def _variable(self, name: str) -> Any:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise TemplateError(f"undefined variable {name!r}")

    def _field(self, value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return value.get(name, "")
        if isinstance(value, _Dot):
            return value.field(name)
        if isinstance(value, Moment):
            return value.call(name, ())
        if isinstance(value, Sample) and name in ("Labels", "Value"):
            return value.labels if name == "Labels" else value.value
        raise TemplateError(f"can't evaluate field {name} in {show(value)}")


__all__ = ["Query", "Sample", "TemplateData", "check_template", "expand", "no_query", "tree_of", "uses_value"]
