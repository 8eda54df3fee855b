"""Everything that a run is made from, read and checked before anything starts.

Lives here: scenario, city, rules and kinds put together by content, from names or from a run folder. Must not know: how a run
goes. What is used is what was hashed: a file that changes later does not change the run.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from ops_center.files import write_whole
from scenarios import runs
from scenarios.load import Loaded, check_city, city_argument, load, loads
from scenarios.pace import wall_text
from scenarios.references import commands_of
from scenarios.rule_paths import PACK, RULE_SUFFIXES, existing, is_rules, mapping_text
from scenarios.schema import Scenario
from sensors.kind import SensorKind
from sensors.kinds import load_kinds
from simulator.cities import catalogue
from simulator.city import City, decode, encode
from simulator.inject_catalogue import INJECTS

if TYPE_CHECKING:
    from ops_center.judge import RuleFile
    from ops_center.mapping import SeriesMapping
    from ops_center.pipeline import CenterConfig

NOISE_OFFSET = 1_000_003  # a noise seed of its own follows from the seed unless one is given
MAX_CITY_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Setup:
    """A checked run before it begins. `rules`, `kind_files` and `mapping` (one file at most) are name -> content."""

    loaded: Loaded
    city: City
    city_bytes: bytes
    kinds: tuple[SensorKind, ...]
    seed: int
    noise_seed: int
    rules: Mapping[str, bytes] = field(default_factory=dict)
    kind_files: Mapping[str, bytes] = field(default_factory=dict)
    mapping: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.loaded.scenario

    @property
    def start_at(self) -> datetime:
        """Simulated time 0: the scenario's start less its warm-up."""
        return datetime.fromisoformat(self.scenario.start_at) - timedelta(milliseconds=self.scenario.warm_up)

    def rule_files(self) -> "tuple[RuleFile, ...]":
        """The rule files as the center takes them."""
        from ops_center.judge import RuleFile  # the rule engine loads only where rules run

        return tuple(RuleFile(name, data.decode()) for name, data in sorted(self.rules.items()))

    def series_mapping(self) -> "SeriesMapping | None":
        """The names, labels and units that the run's series have besides their own."""
        from ops_center.mapping import load_mapping

        return next((load_mapping(data.decode(), name) for name, data in self.mapping.items()), None)

    def center_config(self) -> "CenterConfig":
        """What the run's center is made of."""
        from ops_center.pipeline import CenterConfig

        return CenterConfig(rules=self.rule_files(), mapping=self.series_mapping())

    def header(self, run_id: str, **rest: Any) -> runs.Header:
        """Return the header of a run of this setup."""
        return runs.make_header(
            run_id, (self.scenario.name, self.loaded.sha256), (self.city.id, self.city_bytes), seed=self.seed,
            noise_seed=self.noise_seed, rules=_hashes(self.rules), kinds=_hashes(self.kind_files),
            mapping=_hashes(self.mapping), **rest,
        )  # fmt: skip

    def create(self, root: Path, run_id: str = "", **rest: Any) -> runs.RunFolder:
        """Make the run folder with header and inputs. Raises runs.RunError."""
        wall = wall_text()
        header = self.header(run_id or runs.new_run_id(root, self.scenario.name, wall), created_at=wall, **rest)
        inputs = {"scenario.yaml": self.loaded.path.read_bytes(), "city.json.zst": zstandard.compress(self.city_bytes, 3)}
        inputs |= {f"rules/{name}": data for name, data in self.rules.items()}
        inputs |= {f"kinds/{name}": data for name, data in self.kind_files.items()}
        inputs |= {f"mapping/{name}": data for name, data in self.mapping.items()}
        return runs.create(root, header, inputs)


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: runs.sha256(data) for name, data in sorted(files.items())}


def prepare(
    scenario: str | Path,
    *,
    seed: int | None = None,
    noise_seed: int | None = None,
    rules: Sequence[Path] = (),
    kinds_dirs: Sequence[Path] = (),
    city: str | None = None,
    mapping: Path | None = None,
    cache: Path | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> Setup:
    """Return a checked setup: a library scenario or file, the rule pack unless `rules` names files or folders, kinds of folders.

    `cache` is a folder in which generated cities are kept, because building one takes seconds and reading it half of one.
    `told` gets a line before a city is built that is not in it.
    `mapping` is a file of names that the series have besides their own.
    Raises BadFile (scenario, rule file missing), FileError (mapping),
    simulator.city_check.CityError, runs.RunError, ValueError of a bad kind.
    """
    names = mapping_text(mapping)
    loaded = load(scenario, seed)
    the_city = city_of(city or city_argument(loaded), cache, told)
    kinds = tuple(load_kinds(list(kinds_dirs)))
    check_city(loaded, the_city, INJECTS, commands_of(kinds))
    the_seed = loaded.scenario.seed if seed is None else seed
    return Setup(
        loaded, the_city, encode(the_city), kinds, the_seed,
        the_seed + NOISE_OFFSET if noise_seed is None else noise_seed,
        rule_texts(rules), runs.hash_files([existing(p) for p in kinds_dirs], (".py",)), names,
    )  # fmt: skip


def city_of(name: str, cache: Path | None, told: Callable[[str], None]) -> City:
    """Return a city, a built-in one from the cache if the sources that build it have not changed since."""
    if cache is None or name not in catalogue.BUILT_IN:
        return catalogue.get(name)
    folder = Path(catalogue.__file__).parent
    sources = [folder.parent / "city.py", *sorted(folder.rglob("*.py")), *sorted((folder.parent / "generate").rglob("*.py"))]
    path = cache / f"city-{name}-{runs.sha256(b''.join(p.read_bytes() for p in sources))[:32]}.zst"
    try:
        return decode(zstandard.decompress(path.read_bytes(), max_output_size=MAX_CITY_BYTES))
    except (OSError, zstandard.ZstdError, ValueError):
        told(f"building the city {name} ...")
        built = catalogue.get(name)
        with contextlib.suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            write_whole(path, zstandard.compress(encode(built), 3))
        return built


def rule_texts(paths: Sequence[Path]) -> dict[str, bytes]:
    """Return the rule files of the paths (files or folders), the built-in pack without any. Sidecars and tests are left out."""
    files = runs.hash_files([existing(p) for p in (paths or [PACK])], RULE_SUFFIXES)
    return {name: data for name, data in files.items() if is_rules(Path(name))}


def of_run(run: runs.RunFolder) -> Setup:
    """Return the setup kept in a run folder. Raises runs.RunError when the kept inputs are not those of the header."""
    header = run.header()
    inputs = run.path / "inputs"
    try:
        city_bytes = zstandard.decompress((inputs / "city.json.zst").read_bytes(), max_output_size=MAX_CITY_BYTES)
        scenario = (inputs / "scenario.yaml").read_bytes()
    except (OSError, zstandard.ZstdError) as error:
        raise runs.RunError(f"run {run.run_id}: the kept city or scenario cannot be read: {error}") from error
    rules, kind_files, mapping = run.inputs("rules"), run.inputs("kinds"), run.inputs("mapping")
    seen = {"scenario": runs.sha256(scenario), "city": runs.sha256(city_bytes)}
    seen_files = {"rules": _hashes(rules), "kinds": _hashes(kind_files), "mapping": _hashes(mapping)}
    expected = {"scenario": header.scenario_sha256, "city": header.city_sha256}
    wrong = [name for name in seen if seen[name] != expected[name]]
    wrong += [name for name, files in seen_files.items() if files != getattr(header, name)]
    if wrong:
        raise runs.RunError(f"run {run.run_id}: the kept {', '.join(wrong)} is not what the header names; the run was altered")
    kinds_dirs = [p for p in sorted((inputs / "kinds").iterdir()) if p.is_dir()] if kind_files else []
    loaded = loads(scenario, inputs / "scenario.yaml", header.seed)
    kinds = tuple(load_kinds(kinds_dirs))
    return Setup(loaded, decode(city_bytes), city_bytes, kinds, header.seed, header.noise_seed, rules, kind_files, mapping)
