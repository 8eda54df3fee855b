"""Rule files looked through: every check on every rule, less what is switched off.

Lives here: which checks run, what `# cityops:disable` says, duplicates. Must not know: any check in particular, how it is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ops_center.rules.files import RuleFile, RuleFilesError
from ops_center.rules.lint.catalogue import Catalogue
from ops_center.rules.lint.checks import CANNOT_LOAD, CHECKS
from ops_center.rules.lint.findings import ERROR, INFO, WARNING, Finding
from ops_center.rules.lint.knowledge import Knowledge
from ops_center.rules.lint.look import MAX_SAMPLES, Look, Note
from ops_center.rules.lint.source import RuleSource, sources
from ops_center.rules.yaml_nodes import FileError


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: the catalogue (None: metrics are not), which findings are switched off, what an evaluation may read."""

    catalogue: Catalogue | None = None
    disabled: Collection[str] = ()
    max_samples: int = MAX_SAMPLES


@dataclass(frozen=True, slots=True)
class Linted:
    """One rule file: how much is in it, and what was found. `loads` False: it is none, and the findings say why."""

    path: str
    groups: int
    rules: int
    loads: bool
    findings: tuple[Finding, ...] = field(default=())

    def count(self, severity: str) -> int:
        """How many findings of a severity there are."""
        return sum(one.severity == severity for one in self.findings)


@dataclass(frozen=True, slots=True)
class Read:
    """Rule files by path: those that load with where their rules stand, and why the others do not."""

    paths: tuple[str, ...]
    files: Mapping[str, tuple[RuleFile, list[RuleSource]]]
    broken: Mapping[str, list[FileError]]


def read(texts: Mapping[str, str]) -> Read:
    """Rule files, path -> text, loaded."""
    files: dict[str, tuple[RuleFile, list[RuleSource]]] = {}
    broken: dict[str, list[FileError]] = {}
    for path, text in texts.items():
        try:
            files[path] = sources(text, path)
        except FileError as why:
            broken[path] = [why]
        except RuleFilesError as why:
            broken[path] = why.errors
    return Read(tuple(texts), files, broken)


def lint(texts: Mapping[str, str], asked: Asked = Asked(), beside: Iterable[RuleFile] = ()) -> list[Linted]:
    """Look through rule files, path -> text; rules of one file know what those of the others, and of those beside, record."""
    return lint_read(read(texts), asked, beside)


def lint_read(have: Read, asked: Asked = Asked(), beside: Iterable[RuleFile] = ()) -> list[Linted]:
    """Look through rule files that were read."""
    know = Knowledge([*(file for file, _ in have.files.values()), *beside], asked.catalogue)
    return [_of_path(path, have, know, asked) for path in have.paths]


def _of_path(path: str, have: Read, know: Knowledge, asked: Asked) -> Linted:
    if path in have.broken:
        errors = tuple(Finding(CANNOT_LOAD, ERROR, e.file, e.line, e.column, "", e.message) for e in have.broken[path])
        return Linted(path, 0, 0, False, errors)
    file, rules = have.files[path]
    findings = sorted(_of_file(rules, know, asked), key=lambda one: one.order)
    return Linted(path, len(file.groups), len(rules), True, tuple(findings))


def _of_file(rules: list[RuleSource], know: Knowledge, asked: Asked) -> list[Finding]:
    twice = _duplicates(rules)
    found: list[Finding] = []
    for source in rules:
        look = Look(source, know, asked.max_samples)
        notes = [note for check in CHECKS.values() if check.look is not None for note in check.look(look)]
        notes += [look.note_at("duplicate-rule", twice[id(source)])] if id(source) in twice else []
        found += _kept(source, notes, asked)
    return found


def _kept(source: RuleSource, notes: list[Note], asked: Asked) -> list[Finding]:
    """The findings that are not switched off, and the comments that switch off what is not there."""
    kept = [note for note in notes if note.name not in asked.disabled]
    gone: set[str] = set()
    for line, text in source.comments("disable"):
        for name in text.partition("(")[0].replace(",", " ").split():
            gone.add(name)
            if all(note.name != name for note in notes):
                what = "the rule has no such finding" if name in CHECKS else f"there is no finding {name!r}"
                note = Note("useless-disable", f"switches off {name}: {what}", line, 1)
                kept += [note] if note.name not in asked.disabled else []
    return [_finding(source, note) for note in kept if note.name not in gone]


def _finding(source: RuleSource, note: Note) -> Finding:
    severity = note.severity or CHECKS[note.name].severity
    return Finding(note.name, severity, source.document.file, note.line, note.column, source.name, note.message)


def _duplicates(rules: list[RuleSource]) -> dict[int, str]:
    """Which rules, by identity, are there before with the same name and labels, and where."""
    seen: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
    found: dict[int, str] = {}
    for source in rules:
        key = (source.rule.alert, source.rule.record, source.rule.labels)
        if key in seen:
            found[id(source)] = f"a rule of this name with the same labels stands in line {seen[key]}"
        seen.setdefault(key, source.rule.line)
    return found


def of_mapping(catalogue: Catalogue, file: str) -> list[Finding]:
    """Return what looks wrong in a mapping, seen from the series that it makes."""
    return [
        Finding("mapping-without-series", WARNING, file, 1, 1, "", f"values: no series comes out as {name}")
        for name in catalogue.unmade
    ]


__all__ = ["INFO", "Asked", "Linted", "lint", "of_mapping"]
