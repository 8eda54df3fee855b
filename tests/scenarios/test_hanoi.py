"""Real streets are real input: a scenario runs on the Hà Nội of OpenStreetMap."""

import os
from pathlib import Path

import pytest

from ops_center.events import AlertChange
from scenarios.runner import run_headless
from scenarios.setup import prepare
from simulator.city import save
from simulator.osm.importer import import_osm

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("CITYOPS_SHARED", ROOT.parent / "shared"))
EXTRACT = SHARED / "data" / "hanoi_osm" / "hanoi_centre_drive_2023-12-14.overpass.json"
SCENARIO = """\
name: hanoi_evening
title: {vi: "Tối Hà Nội", en: Hanoi evening}
description: {vi: "Mất một xuất tuyến giữa phố cổ", en: A feeder is lost in the old quarter}
city: hanoi.json
start_at: "2026-03-03T18:30:00+07:00"
duration: 12 min
warm_up: 5 min
seed: 3
timeline:
  - {at: 2 min, id: outage, inject: feeder_outage}
  - {at: 3 min, inject: crash}
expectations:
  - {id: found, title: {vi: "Phát hiện", en: Found}, kind: detected, of: outage, within: 2 min}
"""


@pytest.mark.slow
@pytest.mark.skipif(not EXTRACT.exists(), reason=f"the extract {EXTRACT.name} is not on this machine (CITYOPS_SHARED)")
def test_a_scenario_runs_on_imported_streets(tmp_path: Path) -> None:
    """Vehicles enter, move and leave, and the feeder's loss is found; the city file lies beside the scenario."""
    city, _ = import_osm(EXTRACT, "Hà Nội")
    save(city, tmp_path / "hanoi.json")
    (tmp_path / "hanoi.yaml").write_text(SCENARIO, encoding="utf-8")
    changes: list[object] = []
    done = run_headless(prepare(tmp_path / "hanoi.yaml"), watch=changes.extend)
    totals = done.run.city.world.traffic.totals()
    assert totals["entered"] > 1_000 and totals["left"] > 100
    speeds = done.run.city.world.traffic.link_speed_mps()
    assert (speeds > 1.0).mean() > 0.5
    fired = [c.alert["name"] for c in changes if isinstance(c, AlertChange) and c.after == "firing"]
    assert "FeederLoss" in fired
    assert len(done.run.center.judgement.incidents.open()) < 20
    assert done.result["bad_messages"] == 0
