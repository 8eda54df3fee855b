"""The catalogue of a city, kept in a cache: to place its sensors takes seconds, and who checks a rule file asks for two metrics.

Lives here: what a kept catalogue hangs on, its file, the metrics read one by one. Must not know: cities, sensors, rules.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import zstandard

from ops_center.files import write_whole
from ops_center.rules.lint.catalogue import Catalogue, CatalogueMetric

if TYPE_CHECKING:
    from ops_center.mapping import SeriesMapping

ROOT = Path(__file__).parents[2]
ROOMS = ("simulator", "sensors", "ops_center")  # what the registry of a city, and the series of a registry, follow from
SUFFIXES = (".py", ".json", ".yaml", ".yml")
KEPT = 8
MAX_METRIC_BYTES = 1 << 28


class KeptMetrics(Mapping[str, CatalogueMetric]):
    """Metrics by name, each unpacked when it is asked for."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        self._packed = packed
        self._metrics: dict[str, CatalogueMetric] = {}

    def __getitem__(self, name: str) -> CatalogueMetric:
        """Return a metric. Raises KeyError."""
        if name not in self._metrics:
            plain = zstandard.decompress(self._packed[name], max_output_size=MAX_METRIC_BYTES)
            self._metrics[name] = msgspec.msgpack.decode(plain, type=CatalogueMetric)
        return self._metrics[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a metric, without unpacking it."""
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        """All names."""
        return iter(self._packed)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._packed)


class _File(msgspec.Struct):
    """What the file holds: the city's name, values of the mapping that no series has, and each metric, packed."""

    city: str
    unmade: tuple[str, ...]
    metrics: dict[str, bytes]


def kept_catalogue(
    city: str,
    mapping: Path | None,
    kinds: Sequence[Path],
    cache: Path,
    told: Callable[[str], None],
    named: "SeriesMapping | None" = None,
) -> Catalogue:
    """Return what a city's sensors report, from the cache where nothing that it follows from has changed.

    `named` is the mapping that was read from `mapping`. Raises what `city_catalogue` raises.
    """
    path = cache / f"catalogue-{_key(city, mapping, kinds)}.msgpack"
    with contextlib.suppress(OSError, msgspec.DecodeError):
        file = msgspec.msgpack.decode(path.read_bytes(), type=_File)
        os.utime(path)  # what is in use is kept
        return Catalogue(file.city, KeptMetrics(file.metrics), file.unmade)
    from scenarios.rulebench.catalogue import city_catalogue

    made = city_catalogue(city, named, kinds, cache, told)
    with contextlib.suppress(OSError):
        _keep(path, made)
    return made


def _key(city: str, mapping: Path | None, kinds: Sequence[Path]) -> str:
    """A digest of all sources, and of the files that a user gave: the city where it is one, the mapping, kinds."""
    digest = hashlib.sha256(city.encode())
    own = [path for folder in kinds for path in sorted(folder.rglob("*.py"))]
    sources = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*")) if path.suffix in SUFFIXES]
    for path in [*filter(None, (mapping, Path(city))), *own, *sources]:
        if path.is_file():
            data = path.read_bytes()
            digest.update(f"\n{path.name} {len(data)}\n".encode() + data)
    return digest.hexdigest()[:32]


def _keep(path: Path, made: Catalogue) -> None:
    packed = {name: zstandard.compress(msgspec.msgpack.encode(metric), 3) for name, metric in made.metrics.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.msgpack.encode(_File(made.city, made.unmade, packed)))
    for old in sorted(path.parent.glob("catalogue-*.msgpack"), key=lambda one: one.stat().st_mtime_ns)[:-KEPT]:
        old.unlink(missing_ok=True)
