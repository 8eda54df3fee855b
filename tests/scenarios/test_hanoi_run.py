"""A built-in scenario on streets that were imported by command: what people see there is plausible, and what happens is found."""

import os
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ops_center.events import Change
from ops_center.promql.engine import Engine
from scenarios.cli.main import app
from scenarios.run_ops import report_of
from scenarios.runner import HeadlessRun
from scenarios.setup import prepare

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("CITYOPS_SHARED", ROOT.parent / "shared"))
EXTRACT = SHARED / "data" / "hanoi_osm" / "hanoi_centre_drive_2023-12-14.overpass.json"
MINUTE_MS = 60_000
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not EXTRACT.exists(), reason=f"the extract {EXTRACT.name} is not on this machine (CITYOPS_SHARED)"),
]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The city file that `cityops import osm` writes."""
    path = tmp_path_factory.mktemp("import") / "hanoi.city.json"
    done = CliRunner().invoke(app, ["import", "osm", str(EXTRACT), "--name", "Hà Nội", "--out", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="module")
def ordinary(city: Path) -> tuple[HeadlessRun, list[Change]]:
    """The weekday's afternoon, 20 minutes after its warm-up of ten."""
    changes: list[Change] = []
    run = HeadlessRun(prepare("ordinary_weekday", city=str(city)), watch=changes.extend)
    run.advance(30 * MINUTE_MS)
    return run, changes


def asked(run: HeadlessRun, query: str) -> Any:
    """What an operator's query over all loops gives, float[loops]."""
    return np.array(Engine(run.center.judge.store).instant(query, run.now_ms).values).ravel()


def test_loops_see_traffic_that_moves(ordinary: tuple[HeadlessRun, list[Change]]) -> None:
    """Most detectors see vehicles, at speeds of a city, and q = k v holds as far as a detector can tell."""
    run, _ = ordinary
    flow = asked(run, "avg_over_time(traffic_flow_vehph[5m])")
    speed = asked(run, "avg_over_time(traffic_speed_kmh[5m])")
    assert len(flow) == len(speed) > 1_300
    busy = flow > 20
    assert busy.mean() > 0.5
    assert 10 < np.median(speed[busy]) < 50 and (speed < 90).all()
    assert (speed[busy] > 5).mean() > 0.95, "more than one busy road in twenty stands still on an ordinary day"
    totals = run.city.world.traffic.totals()
    assert totals["left"] > 1_000 and totals["entered"] >= totals["left"]


def test_an_ordinary_afternoon_raises_no_false_alarm(ordinary: tuple[HeadlessRun, list[Change]]) -> None:
    """The rule pack was tuned on another city; on streets that nobody drew for it, it speaks of queues at most that are there."""
    run, changes = ordinary
    alarms = report_of(run, changes)["unexplained_alerts"]
    assert {alarm["name"] for alarm in alarms} <= {"QueueSpillback"} and len(alarms) <= 3
    links, speed = run.setup.city.links, run.city.world.traffic.link_speed_mps()
    jammed = {links.id[k] for k in np.flatnonzero(speed < 3.0).tolist()}
    assert {alarm["labels"]["road"] for alarm in alarms} <= jammed


def test_what_an_instructor_injects_is_found(city: Path) -> None:
    """A feeder's loss is one incident at the feeder; a crash before a camera is seen."""
    changes: list[Change] = []
    run = HeadlessRun(prepare("ordinary_weekday", city=str(city)), watch=changes.extend)
    run.advance(12 * MINUTE_MS)
    world = run.setup.city
    feeder = world.feeders.id[0]
    cameras = [i for i, kind in enumerate(world.devices.kind) if kind == "camera" and world.devices.node[i] >= 0]
    camera = next(i for i in cameras if world.devices.feeder[i] != 0)
    link = next(k for k, node in enumerate(world.links.to_node) if node == world.devices.node[camera])
    run.inject("outage", "feeder_outage", {"feeder": feeder})
    run.inject("crash", "crash", {"link": world.links.id[link], "position": 0.9})
    run.advance(20 * MINUTE_MS)
    document = report_of(run, changes)
    rows = {row["inject_id"]: row for row in document["truth"] if row["inject_id"]}
    assert rows["outage"]["detected_by"] == "FeederLoss" and rows["outage"]["detected_after_ms"] <= MINUTE_MS
    assert (
        rows["crash"]["detected_by"] in ("StoppedVehicle", "RoadBlocked") and rows["crash"]["detected_after_ms"] <= 2 * MINUTE_MS
    )
    places = [(i["place"]["kind"], i["place"]["id"]) for i in document["incidents"]]
    assert places.count(("feeder", feeder)) == 1
    assert len(places) == len(set(places)) <= 4, "the outage, the crash, and at most two queues of the peak"


def test_the_how_to_works_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands that need no console, copied as they are, end well; so does its scenario."""
    page = (ROOT / "docs" / "how-to" / "import-a-city.md").read_text(encoding="utf-8")
    commands, scenario, checks = re.findall(r"```(?:sh|yaml)\n(.*?)```", page, flags=re.DOTALL)[-3:]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hanoi.overpass.json").symlink_to(EXTRACT)
    (tmp_path / "hanoi_blackout.yaml").write_text(re.sub(r"(?m)^   ", "", scenario), encoding="utf-8")
    lines = [shlex.split(line)[1:] for line in (commands + checks).splitlines() if line.strip()]
    ended = [line for line in lines if line[0] != "run" or "--headless" in line]
    assert [line[0] for line in ended] == ["import", "run", "scenarios", "run"]
    for line in ended:
        done = CliRunner().invoke(app, line, env={"CITYOPS_DATA": str(tmp_path / "data")})
        assert done.exit_code == 0, (line, done.output)
