"""Kinds load from our folder and the user's, and every mistake is named with its file and line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sensors.kind import SensorKind
from sensors.kinds import DOMAINS, BadKind, load_kind, load_kinds

EXAMPLES = Path(__file__).parent / "example_kinds"
EXAMPLE = (EXAMPLES / "noise_meter.py").read_text(encoding="utf-8")


def test_ours_come_by_name_and_the_users_behind(kinds: list[SensorKind]) -> None:
    """Default kinds are in the order of their files; a user's folder follows."""
    ours = sorted(path.stem for path in DOMAINS.glob("*.py") if path.stem != "__init__")
    assert [kind.name for kind in kinds] == ours
    assert [kind.name for kind in load_kinds([EXAMPLES])] == [*ours, "noise_meter"]


def test_a_new_kind_needs_one_file_and_no_other_edit(watch: Callable) -> None:
    """The example kind is in the registry with its metric, reports on time, and does not change other kinds' readings."""
    plain, more = watch(), watch(own=load_kinds([EXAMPLES]))
    for w in (plain, more):
        w.run(130_000)
    info = next(k for k in more.fleet.registry().kinds if k.name == "noise_meter")
    assert [q.metric for q in info.quantities] == ["noise_level_decibels", "sensor_up"]
    table = next(t for t in more.fleet.registry().devices if t.kind == "noise_meter")
    readings = more.readings("noise_meter", table.device_id[0])
    assert len(readings) == 4
    assert all(38.0 <= r["level"] / 10 <= 90.0 for r in readings)
    for kind in ("camera", "loop_detector", "luminaire_controller"):
        assert [[c.tolist() for c in b.values()] for _, b in plain.batches(kind)] == [
            [c.tolist() for c in b.values()] for _, b in more.batches(kind)
        ]


def broken(tmp_path: Path, old: str, new: str, name: str = "kind_x.py") -> Path:
    path = tmp_path / name
    assert old in EXAMPLE
    path.write_text(EXAMPLE.replace(old, new), encoding="utf-8")
    return path


def line_of(path: Path, text: str) -> int:
    return next(i for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if line.startswith(text))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("period_ms=30_000", "period_ms=300_000", "period_ms is 300000; expected 1 to 120000"),
        ("minimum=20, maximum=130", "minimum=130, maximum=20", "expected minimum < maximum"),
        ("resolution=0.1", "resolution=0", "expected more than 0"),
        ("resolution=0.1", "resolution=1e-12", "does not fit 31 bits"),
        ('level="level"', 'level="loudness"', "level is 'loudness'; expected one of level"),
        ('name="noise_meter"', 'name="noise meter"', "expected an ASCII identifier"),
        ('"noise_level_decibels"', '"noise-level"', "metric 'noise-level'"),
        ('"level", "noise_level_decibels"', '"quality", "noise_level_decibels"', "reserved"),
        ("period_ms=30_000", "period_ms=30_000, on_change=True", "heartbeat_ms is 0"),
        ("period_ms=30_000", "period_ms=30_000, slots=7", "slots is 7"),
    ],
)
def test_a_wrong_description_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    """The error gives file, line of KIND, what was seen and what was expected."""
    path = broken(tmp_path, old, new)
    with pytest.raises(BadKind) as caught:
        load_kind(path)
    assert str(caught.value).startswith(f"{path}:{line_of(path, 'KIND')}:1: ")
    assert words in str(caught.value)


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    """A file that is no Python says where."""
    path = broken(tmp_path, "def place(world: World) -> Sites:", "def place(world: World -> Sites:")
    with pytest.raises(BadKind, match=rf"kind_x\.py:{line_of(path, 'def place')}:[0-9]+: "):
        load_kind(path)


def test_a_raising_file_is_named_with_its_line(tmp_path: Path) -> None:
    """Whatever a file raises while it is read is told with its line."""
    path = broken(tmp_path, "QUIET_DB, PER", "SILENCE = 1 / 0\nQUIET_DB, PER")
    with pytest.raises(BadKind, match=rf"kind_x\.py:{line_of(path, 'SILENCE')}:1: ZeroDivisionError"):
        load_kind(path)


def test_a_file_without_a_kind_is_refused(tmp_path: Path) -> None:
    """KIND must be there and be a SensorKind."""
    path = tmp_path / "empty.py"
    path.write_text("KIND = 3\n")
    with pytest.raises(BadKind, match=r"empty\.py:1:1: KIND is of type int; expected"):
        load_kind(path)


def test_names_and_metrics_belong_to_one_kind(tmp_path: Path) -> None:
    """A user's kind cannot take a name or a metric that exists, and a folder must exist."""
    broken(tmp_path, 'name="noise_meter"', 'name="camera"')
    with pytest.raises(BadKind, match="kind 'camera' exists already"):
        load_kinds([tmp_path])
    broken(tmp_path, '"noise_level_decibels"', '"photocell_lux"')
    with pytest.raises(BadKind, match="belongs to kind 'photocell' already"):
        load_kinds([tmp_path])
    with pytest.raises(BadKind, match="is not a folder"):
        load_kinds([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('return {"level":', 'return {"loudness":', r"noise_meter: measure gave nothing for 'level'; expected shape \(\d+,\)"),
        ("QUIET_DB + PER_VEHICLE_DB", "QUIET_DB + 0 * np.ones(3)[:, None] + PER_VEHICLE_DB", r"measure gave shape \(3, \d+\)"),
        ('[f"noise:{links.id[k]}" for k in rows]', '["noise:1" for k in rows]', "a device id twice"),
        ('f"noise:{links.id[k]}"', 'f"ồn:{links.id[k]}"', "expected ASCII"),
        ("[links.name[k] for k in rows]", "[]", "gave 0 values of 'name'"),
        ('f"noise:{links.id[k]}" for k', "world.city.devices.id[k] for k", "is used by the kinds"),
    ],
)
def test_what_a_kind_does_wrong_at_work_is_named(watch: Callable, tmp_path: Path, old: str, new: str, words: str) -> None:
    """Sites that do not fit together and values that do not fit the sites are refused with the kind's name."""
    broken(tmp_path, old, new)
    own = load_kinds([tmp_path])
    with pytest.raises(ValueError, match=words):
        watch(own=own).run(40_000)


def test_files_do_not_see_each_other(tmp_path: Path) -> None:
    """Two folders may hold files of the same name; each runs as a module of its own."""
    for name, metric in (("a", "noise_a"), ("b", "noise_b")):
        folder = tmp_path / name
        folder.mkdir()
        text = EXAMPLE.replace("noise_meter", f"noise_meter_{name}").replace("noise_level_decibels", metric)
        (folder / "same.py").write_text(text, encoding="utf-8")
    loaded = load_kinds([tmp_path / "a", tmp_path / "b"])
    assert [kind.name for kind in loaded[-2:]] == ["noise_meter_a", "noise_meter_b"]
