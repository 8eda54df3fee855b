"""Prometheus rule files: text to checked rules, all or nothing; knows no store and no state.

Source of the format and of what is refused: Prometheus model/rulefmt. Unknown keys are errors, as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ops_center.label_sets import NAME
from ops_center.promql import ast
from ops_center.promql.durations import parse_duration_ms
from ops_center.promql.errors import ParseError
from ops_center.promql.numbers import is_label_name
from ops_center.promql.parser import parse
from ops_center.promql.template_parser import TemplateError
from ops_center.promql.templates import check_template
from ops_center.rules.yaml_nodes import MAX_BYTES, Document, FileError, is_null

GROUP_KEYS = frozenset({"name", "interval", "query_offset", "limit", "labels", "rules"})
RULE_KEYS = frozenset({"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"})
PROMETHEUS, VMALERT_RULES = "prometheus", "vmalert"
_MORE_GROUP_KEYS = {
    PROMETHEUS: frozenset[str](),
    VMALERT_RULES: frozenset(
        [
            "type",
            "concurrency",
            "params",
            "headers",
            "notifier_headers",
            "eval_offset",
            "eval_delay",
            "eval_alignment",
            "extra_filter_labels",
            "tenant",
            "debug",
        ]
    ),
}
_MORE_RULE_KEYS = {PROMETHEUS: frozenset[str](), VMALERT_RULES: frozenset({"type", "debug", "update_entries_limit"})}
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `alert` is empty for a recording rule and `record` for an alerting one. Durations in ms."""

    alert: str
    record: str
    text: str
    expr: ast.Expr
    for_ms: int
    keep_firing_for_ms: int
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    file: str
    line: int

    @property
    def name(self) -> str:
        """The alert's name or the recorded metric."""
        return self.alert or self.record


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules evaluated one after the other at one interval; None where the engine's default holds."""

    name: str
    file: str
    interval_ms: int | None
    query_offset_ms: int | None
    limit: int
    rules: tuple[Rule, ...]
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The groups of one file."""

    path: str
    groups: tuple[RuleGroup, ...]


def load_files(texts: Mapping[str, str], dialect: str = PROMETHEUS, lenient: bool = False) -> list[RuleFile]:
    """All files, or none: path → text; `lenient` leaves out unknown fields.

    Raises:
        RuleFilesError: with every error found, one per file and place.
    """
    loaded: list[RuleFile] = []
    errors: list[FileError] = []
    for path, text in texts.items():
        try:
            loaded.append(load_text(text, path, dialect, lenient))
        except FileError as why:
            errors.append(why)
        except RuleFilesError as why:
            errors.extend(why.errors)
    if errors:
        raise RuleFilesError(errors)
    return loaded


class RuleFilesError(ValueError):
    """Everything that is wrong with a set of rule files."""

    def __init__(self, errors: list[FileError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(e) for e in errors))


def read_files(paths: Iterable[str | Path], max_bytes: int = MAX_BYTES) -> dict[str, str]:
    """Texts of the files by path.

    Raises:
        RuleFilesError: a file that cannot be read, or is no UTF-8.
    """
    texts: dict[str, str] = {}
    errors: list[FileError] = []
    for path in paths:
        try:
            texts[str(path)] = _text_of(Path(path), max_bytes)
        except FileError as why:
            errors.append(why)
    if errors:
        raise RuleFilesError(errors)
    return texts


def _text_of(path: Path, max_bytes: int) -> str:
    try:
        size = path.stat().st_size
        if size > max_bytes:  # asked before reading: a huge file would only be read to be refused
            raise FileError(f"file too large: saw {size} bytes, expected at most {max_bytes}", str(path))
        data = path.read_bytes()
        return data.decode("utf-8")
    except OSError as why:
        raise FileError(f"cannot read: {why.strerror}, expected a rule file", str(path)) from None
    except UnicodeDecodeError as why:
        line, column = data.count(b"\n", 0, why.start) + 1, why.start - data.rfind(b"\n", 0, why.start)
        raise FileError(f"not text: saw byte 0x{data[why.start]:02x}, expected UTF-8", str(path), line, column) from None


@lru_cache(maxsize=256)
def load_text(text: str, path: str, dialect: str = PROMETHEUS, lenient: bool = False) -> RuleFile:
    """The groups of one file. Kept, for files are read when a center starts and again by each run of it.

    vmalert's dialect has more keys; those that say how and when vmalert asks are read over, as its own test runner does.

    Raises:
        FileError: YAML that is none, or the wrong shape.
        RuleFilesError: all rules that are wrong.
    """
    document = Document(text, path, lenient=lenient)
    if document.root is None:
        return RuleFile(path, ())
    top = document.mapping(document.root, {"groups"}, "rule file")
    errors: list[FileError] = []
    groups: list[RuleGroup] = []
    for node in document.sequence(top.get("groups"), "groups"):
        group = _group(document, node, errors, dialect)
        if any(g.name == group.name for g in groups):
            errors.append(document.error(f"groupname: {group.name!r} is repeated in the same file, expected unique names", node))
        groups.append(group)
    if errors:
        raise RuleFilesError(errors)
    return RuleFile(path, tuple(groups))


def _group(document: Document, node: Any, errors: list[FileError], dialect: str) -> RuleGroup:
    keys = document.mapping(node, GROUP_KEYS | _MORE_GROUP_KEYS[dialect], "group")
    _check_type(document, keys)
    name = document.text_of(keys.get("name"), "group name")
    if not name:
        errors.append(document.error("groupname must not be empty", node))
    labels = document.texts(keys.get("labels"), "group labels")
    _check_labels(document, keys.get("labels"), labels, errors)
    rules: list[Rule] = []
    for item in document.sequence(keys.get("rules"), f"rules of group {name!r}"):
        try:
            rules.append(_rule(document, item, labels, dialect))
        except FileError as why:
            errors.append(why)
    return RuleGroup(
        name=name,
        file=document.file,
        interval_ms=_duration(document, keys.get("interval"), "interval") or None,
        query_offset_ms=_duration(document, keys.get("query_offset"), "query_offset") if "query_offset" in keys else None,
        limit=_integer(document, keys.get("limit"), "limit"),
        rules=tuple(rules),
        labels=tuple(sorted(labels.items())),
    )


def _duration(document: Document, node: Any, what: str) -> int:
    if node is None or is_null(node):
        return 0
    try:
        return parse_duration_ms(document.text_of(node, what))
    except ValueError as why:
        raise document.error(f"{what}: {why}", node) from None


def _integer(document: Document, node: Any, what: str) -> int:
    text = document.text_of(node, what)
    if text and not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise document.error(f"{what}: saw {text!r}, expected a whole number", node)
    return max(0, int(text or 0))  # Prometheus takes what is not above 0 as no limit


def _check_type(document: Document, keys: Mapping[str, Any]) -> None:
    kind = document.text_of(keys.get("type"), "type")
    if kind not in ("", "prometheus"):
        raise document.error(f"type: saw {kind!r}, expected prometheus; other sources cannot be asked here", keys["type"])


def _rule(document: Document, node: Any, group_labels: Mapping[str, str], dialect: str) -> Rule:
    keys = document.mapping(node, RULE_KEYS | _MORE_RULE_KEYS[dialect], "rule")
    _check_type(document, keys)
    alert, record = (document.text_of(keys.get(k), k) for k in ("alert", "record"))
    _check_kind(document, node, keys, alert, record)
    labels = document.texts(keys.get("labels"), "labels")
    annotations = document.texts(keys.get("annotations"), "annotations")
    errors: list[FileError] = []
    _check_labels(document, keys.get("labels"), labels, errors)
    if errors:
        raise errors[0]
    for where, texts in (("labels", labels), ("annotations", annotations)) if alert else ():
        _check_templates(document, keys.get(where), where, texts)
    return Rule(
        alert=alert,
        record=record,
        text=document.text_of(keys["expr"], "expr").strip(),
        expr=_expression(document, keys["expr"], alert or record),
        for_ms=_duration(document, keys.get("for"), "for"),
        keep_firing_for_ms=_duration(document, keys.get("keep_firing_for"), "keep_firing_for"),
        labels=tuple(sorted({**group_labels, **labels}.items())),
        annotations=tuple(sorted(annotations.items())),
        file=document.file,
        line=node.start_mark.line + 1,
    )


def _check_kind(document: Document, node: Any, keys: Mapping[str, Any], alert: str, record: str) -> None:
    if alert and record:
        raise document.error(f"only one of 'record' and 'alert' must be set: saw {record!r} and {alert!r}", node)
    if not alert and not record:
        raise document.error("one of 'record' or 'alert' must be set", node)
    if not document.text_of(keys.get("expr"), "expr").strip():
        raise document.error(f"rule {alert or record!r}: field 'expr' must be set", node)
    if record:
        for key in ("for", "keep_firing_for", "annotations"):
            if key in keys:
                raise document.error(f"invalid field {key!r} in recording rule {record!r}, expected it in alerts only", keys[key])
        if not _METRIC.fullmatch(record):
            raise document.error(f"invalid recording rule name: saw {record!r}, expected a metric name", keys["record"])


def _check_labels(document: Document, node: Any, labels: Mapping[str, str], errors: list[FileError]) -> None:
    wrong = [name for name in labels if not is_label_name(name) or name == NAME]
    errors.extend(document.error(f"invalid label name: saw {name!r}, expected a name other than {NAME}", node) for name in wrong)


def _check_templates(document: Document, node: Any, where: str, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        try:
            check_template(text)
        except TemplateError as why:
            raise document.error(f"template of {where} {name!r}: {why}", node) from None


def _expression(document: Document, node: Any, name: str) -> ast.Expr:
    text = document.text_of(node, "expr")
    try:
        return parse(text)
    except ParseError as why:
        line, column = document.inside(node, why.line, why.column)
        raise FileError(f"rule {name!r}: could not parse expression: {why.message}", document.file, line, column) from None
