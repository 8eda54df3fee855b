"""Other tools can judge the same run: Lapilli's incident file and samples from which a real Prometheus makes its blocks."""

import io
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ops_center.rules.files import load_text
from scenarios.claims import read_claims, sidecars_of
from scenarios.rulebench.exchange import lapilli, metrics_read, write_openmetrics
from scenarios.rulebench.recording import Recording, record
from scenarios.rulebench.tally import RuleSet, tally_of
from scenarios.setup import prepare

sys.path.insert(0, str(Path(__file__).parent.parent))
from cli_kit import cityops

HERE = Path(__file__).parent
SCENARIO, RULES = HERE / "small_troubles.yaml", HERE / "loops.yml"
FILES = [load_text(RULES.read_text(), "loops.yml")]


@pytest.fixture(scope="module")
def made() -> Recording:
    return record(prepare(SCENARIO), ("feeder_meter", "loop_detector", "door"))


def test_incidents_are_in_the_form_that_lapilli_reads(made: Recording) -> None:
    """Ids that differ, RFC 3339 instants with an offset, the end where there is one, labels that are strings."""
    tally = tally_of(made, FILES, RuleSet((("loops.yml", RULES.read_text()),), read_claims(sidecars_of([RULES]))))
    read = YAML(typ="safe", pure=True).load(lapilli(tally))
    rows = read["incidents"]
    assert len(rows) == len(tally["incidents"]) == 2 and len({row["id"] for row in rows}) == 2
    for row, event in zip(rows, tally["incidents"], strict=True):
        assert set(row) <= {"id", "start", "end", "title", "labels"}
        start = datetime.fromisoformat(row["start"])
        assert start.tzinfo is not None and round(start.timestamp() * 1_000) == tally["epoch_ms"] + event["start_ms"]
        assert ("end" in row) == (event["end_ms"] is not None)
        assert all(isinstance(value, str) for value in row["labels"].values()) and row["labels"]["kind"] == event["kind"]
    assert lapilli({**tally, "incidents": []}).endswith("incidents: []\n")


def test_samples_are_those_that_the_rules_read(made: Recording) -> None:
    """Every sample of the metrics that rules read, once, with its instant to the millisecond; nothing else."""
    metrics = metrics_read(FILES, made)
    assert metrics == ["feeder_energised", "traffic_speed_kmh", "traffic_vehicles_total"]
    out = io.StringIO()
    count = write_openmetrics(made, metrics, out)
    lines = out.getvalue().splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert len(samples) == count > 1_000 and lines[-1] == "# EOF"
    assert "# TYPE traffic_vehicles counter" in lines and "# TYPE feeder_energised gauge" in lines
    first = next(line for line in samples if line.startswith("traffic_speed_kmh{"))
    value, at = first.rsplit(" ", 2)[1:]
    assert float(at) * 1_000 >= made.epoch_ms and float(value) >= 0
    assert 'device_id="loop:' in first and "__name__" not in first


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_makes_blocks_of_the_samples(made: Recording, tmp_path: Path) -> None:
    """promtool takes the text as it is, and what it stores has as many series and samples as were written."""
    text = tmp_path / "samples.om"
    with text.open("w") as file:
        count = write_openmetrics(made, metrics_read(FILES, made), file)
    blocks = tmp_path / "blocks"
    done = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", text, blocks], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(["promtool", "tsdb", "list", blocks], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()[1:] if line.strip()]
    assert sum(int(row[4]) for row in rows) == count


@pytest.mark.slow
def test_a_score_hands_both_over(tmp_path: Path) -> None:
    """One file each for one run, files named by scenario and seed for several."""
    common = ("rules", "score", RULES, "--scenario", SCENARIO, "--workers", 1, "--data", tmp_path)
    handed = ("--lapilli", tmp_path / "truth.yaml", "--openmetrics", tmp_path / "samples.om")
    assert cityops(*common, "--seeds", 1, *handed).status == 0
    assert "incidents:" in (tmp_path / "truth.yaml").read_text() and (tmp_path / "samples.om").read_text().endswith("# EOF\n")
    assert cityops(*common, "--seeds", 2, *handed).status == 0
    names = sorted(path.name for path in tmp_path.iterdir() if "-small_troubles-" in path.name)
    assert names == [
        f"{stem}-small_troubles-{seed}.{end}" for stem, end in (("samples", "om"), ("truth", "yaml")) for seed in (7, 8)
    ]
    found: Any = cityops(*common, "--seeds", 1, "--lapilli", tmp_path / "no" / "truth.yaml")
    assert found.status == 2 and "the file cannot be written" in found.err
