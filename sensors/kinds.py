"""Loading sensor kinds: one file each, ours by name, then those of the user's folders.

Lives here: finding, executing and checking kind files. Must not know: any kind in particular, the fleet.
A user's file is Python and runs with the rights of the city's process; every error names file and line.
"""

import importlib.util
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from sensors.kind import Quantity, SensorKind
from simulator.streams import stable_key

DOMAINS = Path(__file__).parent / "domains"
MAX_PERIOD_MS = 120_000  # PromQL looks back five minutes
LARGEST = 2**31 - 2


class BadKind(ValueError):
    """A kind file cannot be used; the text begins with `file:line:column: `."""


def load_kinds(folders: Sequence[Path] = ()) -> list[SensorKind]:
    """Return the default kinds and those of user folders, by file name within each. Raises BadKind."""
    kinds: dict[str, SensorKind] = {}
    metrics: dict[str, str] = {}
    for folder in (DOMAINS, *folders):
        if not folder.is_dir():
            raise BadKind(f"{folder}:1:1: is not a folder; expected a folder of sensor kinds")
        for path in sorted(folder.glob("*.py")):
            if path.name != "__init__.py":
                kind = load_kind(path)
                _check_unique(path, kind, kinds, metrics)
                kinds[kind.name] = kind
    return list(kinds.values())


def load_kind(path: Path) -> SensorKind:
    """Return the kind of one file. Raises BadKind."""
    kind = getattr(_execute(path), "KIND", None)
    if not isinstance(kind, SensorKind):
        raise BadKind(f"{path}:1:1: KIND is {_seen(kind)}; expected `KIND = SensorKind(...)`")
    problems = check_kind(kind)
    if problems:
        raise BadKind(f"{path}:{_line_of(path)}:1: {'; '.join(problems)}")
    return kind


def _seen(kind: object) -> str:
    return "not there" if kind is None else f"of type {type(kind).__name__}"


def _execute(path: Path) -> ModuleType:
    """Run a file as a module of its own that no other file can import by accident."""
    name = f"cityops_kind_{path.stem}_{stable_key(str(path.resolve())):032x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadKind(f"{path}:1:1: cannot be loaded; expected a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise BadKind(f"{path}:{error.lineno or 1}:{error.offset or 1}: {error.msg}; expected Python") from error
    except Exception as error:  # whatever the user's file raises is told with its place
        where = f"{path}:{_failing_line(path, error)}:1"
        raise BadKind(f"{where}: {type(error).__name__}: {error}; expected a file that runs") from error
    finally:
        sys.modules.pop(name, None)
    return module


def _failing_line(path: Path, error: BaseException) -> int:
    here, frames = path.resolve(), traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if f.lineno and Path(f.filename).resolve() == here]
    return lines[-1] if lines else 1


def _line_of(path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((i + 1 for i, line in enumerate(lines) if line.startswith("KIND")), 1)


def check_kind(kind: SensorKind) -> list[str]:
    """Return what is wrong with a kind, one sentence each."""
    problems = _check_times(kind)
    names = [q.name for q in kind.quantities]
    problems += [f"{word} {name!r} is used twice" for word, name in _doubles(kind)]
    problems += [p for q in kind.quantities for p in _check_quantity(q)]
    for field, name in (("active", kind.active), ("level", kind.level), ("speed", kind.speed)):
        if name and name not in names:
            problems.append(f"{field} is {name!r}; expected one of {', '.join(names)}")
    if not kind.name.isidentifier() or not kind.name.isascii():
        problems.append(f"name is {kind.name!r}; expected an ASCII identifier")
    return problems if kind.quantities else [*problems, "quantities is empty; expected at least one"]


def _check_times(kind: SensorKind) -> list[str]:
    problems = []
    if not 0 < kind.period_ms <= MAX_PERIOD_MS:
        problems.append(f"period_ms is {kind.period_ms}; expected 1 to {MAX_PERIOD_MS}")
    if kind.slots < 1 or kind.period_ms % max(kind.slots, 1):
        problems.append(f"slots is {kind.slots}; expected a divisor of the period of {kind.period_ms} ms")
    if kind.on_change and not 0 < kind.heartbeat_ms <= MAX_PERIOD_MS:
        problems.append(f"heartbeat_ms is {kind.heartbeat_ms}; expected 1 to {MAX_PERIOD_MS} when on_change is set")
    return problems


def _doubles(kind: SensorKind) -> Iterable[tuple[str, str]]:
    for word, names in (
        ("quantity", [q.name for q in kind.quantities]),
        ("metric", [q.metric for q in kind.quantities]),
        ("action", [a.type for a in kind.actions]),
    ):
        yield from ((word, name) for name in sorted({n for n in names if names.count(n) > 1}))


def _check_quantity(quantity: Quantity) -> list[str]:
    where, problems = f"quantity {quantity.name!r}", []
    if quantity.name in ("up", "quality", "device"):
        problems.append(f"{where} has a reserved name")
    if not quantity.resolution > 0:
        problems.append(f"{where} has resolution {quantity.resolution}; expected more than 0")
    elif not quantity.minimum < quantity.maximum:
        problems.append(f"{where} ranges from {quantity.minimum} to {quantity.maximum}; expected minimum < maximum")
    elif max(abs(quantity.minimum), abs(quantity.maximum)) / quantity.resolution > LARGEST:
        problems.append(f"{where} does not fit 31 bits: {quantity.maximum} in steps of {quantity.resolution}")
    if quantity.type not in ("gauge", "counter"):
        problems.append(f"{where} has type {quantity.type!r}; expected gauge or counter")
    if not quantity.metric.isidentifier() or not quantity.metric.isascii():
        problems.append(f"{where} has metric {quantity.metric!r}; expected an ASCII identifier")
    return problems


def _check_unique(path: Path, kind: SensorKind, kinds: dict[str, SensorKind], metrics: dict[str, str]) -> None:
    if kind.name in kinds:
        raise BadKind(f"{path}:{_line_of(path)}:1: kind {kind.name!r} exists already; expected another name")
    for quantity in kind.quantities:
        owner = metrics.setdefault(quantity.metric, kind.name)
        if owner != kind.name:
            raise BadKind(f"{path}:{_line_of(path)}:1: metric {quantity.metric!r} belongs to kind {owner!r} already")
