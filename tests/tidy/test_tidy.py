"""The habits of the house, as far as a program can see them."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("simulator", "sensors", "ops_center", "scenarios")
MAX_LINES = 450
MAX_BYTES = 1 << 20
SOURCES = {".py", ".ts", ".tsx", ".css", ".lark"}
TEXTS = SOURCES | {".md", ".toml", ".yml", ".yaml", ".json", ".txt", ".html", ".sh", ""}

# The "not" column of the glossary, where a word has no other meaning in the code of that room.
BANNED = {"mute", "muted", "snooze", "snoozed", "mission", "quest", "lightbulb", "lamppost"}
BANNED_IN = {"simulator": {"volume", "volumes", "epoch"}, "sensors": {"volume", "volumes", "epoch"}}


@cache
def tracked() -> tuple[Path, ...]:
    """All files that git tracks; the test is skipped where the tree is not a clone."""
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    if result.returncode:
        pytest.skip("not a git clone")
    return tuple(path for name in result.stdout.split("\0") if name and (path := ROOT / name).is_file())


def modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_a_reader_bears() -> None:
    """No source file has more than 450 lines."""
    long = {name_of(p): n for p in tracked() if p.suffix in SOURCES and (n := len(p.read_bytes().splitlines())) > MAX_LINES}
    assert not long


@pytest.mark.slow
def test_no_function_is_longer_than_60_lines() -> None:
    """A function over 60 lines is a chapter."""
    long = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long


@pytest.mark.slow
def test_every_module_says_what_lives_there() -> None:
    """Each module opens with its room rule: what lives here, and (beyond packages and kinds) what it must not know."""
    silent = [
        name_of(path)
        for path in modules()
        if not (text := ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "") or len(text) < 30
    ]
    assert not silent


def test_chance_comes_through_descriptions() -> None:
    """Only `simulator/streams.py` makes generators, so a random choice without a described distribution cannot be made."""
    word = re.compile(r"\.generator\(|np\.random\.(?!Generator\b)|numpy\.random|scipy\.stats")
    makers = {name_of(p) for p in modules() if word.search(p.read_text(encoding="utf-8"))}
    assert makers == {"simulator/streams.py"}


def test_packages_are_docstrings() -> None:
    """`__init__.py` holds a docstring and nothing else: importing a room runs nothing."""
    busy = [name_of(p) for p in modules() if p.name == "__init__.py" and len(ast.parse(p.read_text(encoding="utf-8")).body) != 1]
    assert not busy


def test_nothing_is_left_to_fix() -> None:
    """Open work lives in the tracker, not in comments."""
    mark = re.compile(r"\b(?:FIX" + r"ME|TO" + r"DO|XX" + r"X|HA" + r"CK)\b")
    assert not [
        f"{name_of(p)}:{number}"
        for p in tracked()
        if p.suffix in SOURCES
        for number, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if mark.search(line)
    ]


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that a module itself gives: functions, classes, arguments, and what it assigns to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def words(identifier: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)}


@pytest.mark.slow
def test_one_word_per_idea() -> None:
    """Code uses the words of the glossary, not the ones that it sets aside."""
    wrong = [
        f"{name_of(path)}:{line} {name}"
        for path in modules()
        for name, line in identifiers(ast.parse(path.read_text(encoding="utf-8")))
        if words(name) & (BANNED | BANNED_IN.get(path.relative_to(ROOT).parts[0], set()))
    ]
    assert not wrong


def test_no_address_of_a_machine_or_a_registry() -> None:
    """Tracked files work anywhere: no path of one machine, no host of a package registry."""
    parts = [
        "/wo" + "rk/",
        "/opt/" + "venv",
        "/tmp/" + "w/",
        "/ho" + "me/",
        "/ro" + "ot/",
        "registry." + "npmjs",
        "pypi." + "org/simple",
    ]
    pattern = re.compile("|".join(map(re.escape, [*parts, "files.python" + "hosted", "--index" + "-url"])))
    assert not [
        f"{name_of(p)}:{number}"
        for p in tracked()
        if p.suffix in TEXTS
        for number, line in enumerate(p.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_the_package_lock_names_no_host() -> None:
    """Locked packages carry integrity hashes and no addresses."""
    locks = [p for p in tracked() if p.name == "package-lock.json"]
    assert not [name_of(p) for p in locks if '"resolved"' in p.read_text(encoding="utf-8")]


def test_constraints_are_exact() -> None:
    """Development tools are pinned one by one, without addresses."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert not [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+( ; .*)?", line)]


def test_no_large_files() -> None:
    """No tracked file is over 1 MiB."""
    assert not [name_of(p) for p in tracked() if p.stat().st_size > MAX_BYTES]


def test_changelog_is_for_users() -> None:
    """Releases newest first, each line marked [CHANGE], [FEATURE] or [FIX]."""
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    releases = [line for line in lines if line.startswith("## ")]
    assert releases
    assert not [r for r in releases if not re.fullmatch(r"## (\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)|Unreleased)", r)]
    items = [line for line in lines if line.startswith("- ")]
    assert items
    assert not [item for item in items if not re.match(r"- \[(CHANGE|FEATURE|FIX)\] \S", item)]


def prose_of(path: Path) -> str:
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of a Markdown file names a file of the repository."""
    broken = [
        f"{name_of(path)} -> {target}"
        for path in tracked()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", prose_of(path))
        if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists()
    ]
    assert not broken
