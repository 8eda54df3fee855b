"""Run folders: one folder holds everything that a run is, and enough to execute it again.

Lives here: header, inputs by content hash, listing, export, import, pruning, the lock of a data folder. Must not know: how a
run is executed or judged.

    <data>/runs/<run_id>/header.json  inputs/  world.log  control.log  keyframes/  wire/  journal.sqlite  result.json
"""

import hashlib
import json
import platform
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from ops_center.files import write_whole
from ops_center.folder_lock import is_locked, try_lock

SCHEMA_VERSION = 1
RUN_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}$")
MAX_FILES, MAX_IMPORT_BYTES = 100_000, 20 * 1024**3


class RunError(ValueError):
    """A run or data folder that cannot be used; the text says which and why."""


class BadExport(RunError):
    """A file that was given as an exported run and is none; bad input rather than something that cannot be done."""


class DamagedRun(RunError):
    """A run whose record is damaged, or of another release: what was asked of it would not be the same run."""


class Header(msgspec.Struct, kw_only=True, frozen=True):
    """What a run is executed from, besides its commands. Hashes are SHA-256 of content; `inputs/` holds the content."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    scenario: str
    scenario_sha256: str
    city: str
    city_sha256: str
    rules: dict[str, str] = {}
    kinds: dict[str, str] = {}
    mapping: dict[str, str] = {}
    seed: int
    noise_seed: int
    release: str
    numpy: str
    python: str
    parent: str = ""
    fork_at_ms: int = -1
    created_at: str = ""

    def identity(self) -> dict[str, Any]:
        """Everything that the digests may depend on."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return {k: v for k, v in data.items() if k not in ("run_id", "created_at", "parent", "fork_at_ms")}


def release() -> str:
    """Return the version of cityops."""
    try:
        return version("cityops")
    except PackageNotFoundError:
        return "0+source"


def make_header(run_id: str, scenario: tuple[str, str], city: tuple[str, bytes], **rest: Any) -> Header:
    """Return the header of a new run; `scenario` is (name, sha256), `city` is (id, encoded city)."""
    import numpy as np  # slow to load, and most commands only list, read or make folders

    return Header(
        run_id=run_id, scenario=scenario[0], scenario_sha256=scenario[1], city=city[0], city_sha256=sha256(city[1]),
        release=release(), numpy=np.__version__, python=platform.python_version(), **rest,
    )  # fmt: skip


def sha256(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def hash_files(paths: Iterable[Path], suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """Return name -> content of the files given and of the files in the folders given, by name.

    Raises RunError when two files would share a name."""
    found: dict[str, bytes] = {}
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.suffix in suffixes and p.is_file()) if path.is_dir() else [path]
        for file in files:
            name = str(PurePosixPath(path.name, *file.relative_to(path).parts)) if path.is_dir() else file.name
            if name in found:
                raise RunError(f"{file}:1:1: a second file named {name}; expected names that differ")
            found[name] = file.read_bytes()
    return found


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def run_id(self) -> str:
        """The id, which is the folder's name."""
        return self.path.name

    @property
    def documents(self) -> Path:
        """Where the rule bench's documents lie that its exercise offers; there need not be any."""
        return self.path / "documents"

    def header(self) -> Header:
        """Return the header. Raises RunError when there is none, or one of another schema version."""
        try:
            header = msgspec.json.decode((self.path / "header.json").read_bytes(), type=Header)
        except FileNotFoundError:
            raise RunError(f"{self.path}: there is no header.json; expected a run folder") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RunError(f"{self.path / 'header.json'}:1:1: {error}; expected a run header") from None
        if header.schema_version != SCHEMA_VERSION:
            raise RunError(f"run {self.run_id} has schema version {header.schema_version}; expected {SCHEMA_VERSION}")
        return header

    def result(self) -> dict[str, Any]:
        """Return how far the run came and its digests; empty for a run that was never closed. Raises DamagedRun."""
        path = self.path / "result.json"
        try:
            return dict(msgspec.json.decode(path.read_bytes(), type=dict[str, Any]))
        except FileNotFoundError:
            return {}
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DamagedRun(f"{path}:1:1: {error}; expected how far the run came") from None

    def status(self) -> str:
        """Return `done` (ended in order), `open` (at work now), `interrupted`, or `elsewhere` (the record is)."""
        if (self.path / "result.json").exists():
            return "done"
        if is_locked(self.path):
            return "open"
        return "interrupted" if (self.path / "journal.sqlite").exists() else "elsewhere"

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Keep how far the run came and its digests."""
        write_whole(self.path / "result.json", json.dumps(result, ensure_ascii=False, indent=2).encode())

    def inputs(self, table: str) -> dict[str, bytes]:
        """Return name -> content of a table of inputs (rules, kinds or mapping)."""
        root = self.path / "inputs" / table
        return {str(PurePosixPath(*p.relative_to(root).parts)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def create(root: Path, header: Header, inputs: Mapping[str, bytes]) -> RunFolder:
    """Make the folder of a new run under `root`; `inputs` is path -> content. Raises RunError."""
    if not RUN_ID.match(header.run_id):
        raise RunError(f"run id {header.run_id!r}; expected lower-case letters, digits, '_', '.' and '-'")
    path = root / header.run_id
    try:
        path.mkdir(parents=True)
        for name, data in inputs.items():
            target = path / "inputs" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        write_whole(path / "header.json", msgspec.json.format(msgspec.json.encode(header)))
    except FileExistsError:
        raise RunError(f"run {header.run_id} exists already in {root}") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}); expected a data folder that can be") from None
    return RunFolder(path)


def new_run_id(root: Path, name: str, wall: str) -> str:
    """Return an id that is free under `root`: name, date and time, and a number if need be."""
    stamp = re.sub(r"[^0-9]", "", wall)[:14]
    base = f"{name}-{stamp[:8]}-{stamp[8:14]}"
    tries = (base if i == 0 else f"{base}-{i + 1}" for i in range(10_000))
    return next(run_id for run_id in tries if not (root / run_id).exists())


def listed(root: Path) -> list[RunFolder]:
    """Return the runs under `root`, by id."""
    return [RunFolder(p.parent) for p in sorted(root.glob("*/header.json"))]


def get(root: Path, run_id: str) -> RunFolder:
    """Return a run by id or by path. Raises RunError that lists some there are."""
    for path in (root / run_id, Path(run_id)):
        if RUN_ID.match(path.name) and (path / "header.json").is_file():
            return RunFolder(path.resolve())
    names = ", ".join(r.run_id for r in listed(root)[-5:]) or "none"
    raise RunError(f"there is no run {run_id!r} in {root}; the latest: {names}")


def summary(run: RunFolder) -> dict[str, Any]:
    """Return a line about a run: what, when, how far, size, parent."""
    header, result = run.header(), run.result()
    size = sum(p.stat().st_size for p in run.path.rglob("*") if p.is_file())
    return {
        "run_id": run.run_id, "scenario": header.scenario, "city": header.city, "seed": header.seed,
        "created_at": header.created_at, "parent": header.parent, "fork_at_ms": header.fork_at_ms,
        "status": run.status(), "until_ms": result.get("until_ms"), "digest": result.get("digest"), "bytes": size,
    }  # fmt: skip


def summaries(root: Path) -> list[dict[str, Any]]:
    """Return a line about each run under `root`; of one that cannot be read, its id, the status `damaged` and why."""
    rows: list[dict[str, Any]] = []
    for run in listed(root):
        try:
            rows.append(summary(run))
        except RunError as error:
            rows.append({"run_id": run.run_id, "status": "damaged", "error": str(error)})
    return rows


def export(run: RunFolder, target: Path) -> Path:
    """Write a run into one zip file and return its path. Raises RunError when the file exists or cannot be written."""
    run.header()
    if target.exists():
        raise RunError(f"{target} exists already; expected a new file")
    partial = target.with_name(target.name + ".partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(p for p in run.path.rglob("*") if p.is_file()):
                archive.write(path, str(PurePosixPath(run.run_id, *path.relative_to(run.path).parts)))
        return partial.replace(target)
    except OSError as error:
        raise RunError(f"{target}: cannot be written ({error.strerror})") from None


def import_(source: Path, root: Path) -> RunFolder:
    """Take in a run from a zip file: whole, or nothing of it.

    Raises BadExport on a file that is no export, is too large, or reaches outside its folder; RunError when there is such a
    run already or the folder cannot be written.
    """
    try:
        archive = zipfile.ZipFile(source)
    except OSError as error:
        raise BadExport(f"{source}:1:1: cannot be read ({error.strerror}); expected an exported run") from None
    except zipfile.BadZipFile as error:
        raise BadExport(f"{source}:1:1: {_small(error)}; expected an exported run") from None
    with archive:
        run_id = _checked_names(archive, source)
        if (root / run_id).exists():
            raise RunError(f"run {run_id} exists already in {root}")
        partial = root / f".{run_id}.partial"
        try:
            return _take_in(archive, source, partial, root / run_id)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _take_in(archive: zipfile.ZipFile, source: Path, partial: Path, target: Path) -> RunFolder:
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for info in archive.infolist():
            _extract(archive, info, partial.joinpath(*PurePosixPath(info.filename).parts[1:]))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadExport(f"{source}:1:1: {_small(error)}; expected an exported run that is whole") from None
    except OSError as error:
        raise RunError(f"{target}: cannot be written ({error.strerror}); expected a data folder that can be") from None
    try:
        header = RunFolder(partial).header()
    except RunError as error:
        raise BadExport(f"{source}:1:1: {str(error).replace(str(partial), target.name)}") from None
    if header.run_id != target.name:
        raise BadExport(f"{source}:1:1: holds run {header.run_id!r} in a folder {target.name!r}; expected one name")
    partial.replace(target)
    return RunFolder(target)


def _small(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[0].lower() + text[1:]


def _checked_names(archive: zipfile.ZipFile, source: Path) -> str:
    names = [PurePosixPath(info.filename) for info in archive.infolist()]
    tops = {name.parts[0] if name.parts else "" for name in names}
    size = sum(info.file_size for info in archive.infolist())
    if len(tops) != 1 or len(names) > MAX_FILES or size > MAX_IMPORT_BYTES:
        raise BadExport(f"{source}:1:1: {len(tops)} folders, {len(names)} files, {size} bytes; expected one exported run")
    run_id = tops.pop()
    for info, name in zip(archive.infolist(), names, strict=True):
        link = (info.external_attr >> 28) == 0xA
        odd = name.is_absolute() or ".." in name.parts or "\\" in info.filename or ":" in info.filename or len(name.parts) < 2
        if link or odd or info.is_dir():
            raise BadExport(f"{source}:1:1: entry {info.filename!r}; expected files inside one folder")
    if not RUN_ID.match(run_id):
        raise BadExport(f"{source}:1:1: run id {run_id!r}; expected lower-case letters, digits, '_', '.' and '-'")
    return run_id


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Copy one entry, never more than it announced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("wb") as file:
        left = info.file_size
        while left > 0 and (chunk := source.read(min(left, 1 << 20))):
            file.write(chunk)
            left -= len(chunk)


def prune(root: Path, keep: int, apply: bool = True) -> list[str]:
    """Delete all but the newest `keep` runs (parents of kept ones stay) and return the ids deleted."""
    runs = sorted(listed(root), key=lambda run: (run.header().created_at, run.run_id))
    kept = {run.run_id for run in runs[max(len(runs) - keep, 0) :]}
    needed = {run.header().parent for run in runs if run.run_id in kept}
    gone = [run for run in runs if run.run_id not in kept | needed]
    for run in gone if apply else ():
        shutil.rmtree(run.path)
    return [run.run_id for run in gone]


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the one lock of a data folder. Raises RunError when another process has it or the folder cannot be written."""
    path = data / "lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise RunError(f"{data}: cannot be written ({error.strerror}); expected a data folder that can be") from None
    with file:
        if not try_lock(file.fileno()):
            raise RunError(f"{data}: another cityops is at work here; stop it or give another --data folder")
        yield
