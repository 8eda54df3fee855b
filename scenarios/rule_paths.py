"""Which files a path of rules, or of names that series have, stands for.

Lives here: the built-in pack, folders of rules, what in them is none. Must not know: rules, runs; it loads next to nothing.
"""

from collections.abc import Sequence
from pathlib import Path

RULE_SUFFIXES = (".yml", ".yaml")
PACK = Path(__file__).parent.parent / "ops_center" / "rulepack"


def mapping_text(path: Path | None) -> dict[str, bytes]:
    """Return a mapping file by its name, checked; nothing without one. Raises BadFile, RuleFilesError or FileError."""
    if path is None:
        return {}
    from ops_center.mapping import load_mapping
    from ops_center.rules.files import read_files

    text = read_files([existing(path)])[str(path)]
    load_mapping(text, str(path))
    return {path.name: text.encode()}


def rule_files(paths: Sequence[Path]) -> list[Path]:
    """Return the rule files of the paths (files or folders), of the built-in pack without any."""
    found: list[Path] = []
    for path in map(existing, paths or [PACK]):
        inside = [p for p in sorted(path.rglob("*")) if p.is_file() and p.suffix in RULE_SUFFIXES] if path.is_dir() else [path]
        found += [p for p in inside if is_rules(p.relative_to(path) if path.is_dir() else Path(p.name))]
    return found


def is_rules(name: Path) -> bool:
    """Whether a file of that name holds rules; not a sidecar, not tests."""
    return not (name.name.endswith(".truth.yaml") or ".test." in name.name or "tests" in name.parts)


def existing(path: Path) -> Path:
    """Return the path. Raises BadFile where there is nothing."""
    if not path.exists():
        from scenarios.yaml_tree import BadFile, Problem

        raise BadFile([Problem(str(path), 1, 1, "there is no such file; expected a file or a folder")])
    return path
