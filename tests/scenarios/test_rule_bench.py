"""The rule bench measures a center that works: alerts fire, series are counted, and size changes nothing else."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ops_center.promql.engine import Engine
from ops_center.promql.options import Options
from ops_center.promql.values import Vector
from ops_center.rules.unittest import test_files
from scenarios.bench import rule_tests, rules
from scenarios.bench.rule_peers import measured
from scenarios.bench.suite import by_name, verdicts
from scenarios.cli.bench import _beside


def test_the_bench_load_fires_alerts():
    """A hundredth of the load: every rule is healthy, some alerts fire, the counts are those of the load."""
    found = rules.run(0.02)
    assert found["series"] == sum(max(rules.ZONES, int(200 * share)) for _, share in rules.SHARES)
    assert found["steps"] == 241
    assert 0 < found["firing"] < found["series"]
    assert found["changes"] >= found["firing"]
    assert found["series_evaluations_per_s"] > 0 and found["series_evaluations_per_cpu_s"] > 0


@pytest.mark.slow
def test_the_bench_is_repeatable():
    """The same load gives the same alerts: nothing in it is drawn or timed."""
    first, second = rules.run(0.02), rules.run(0.02)
    assert (first["firing"], first["changes"]) == (second["firing"], second["changes"])


def test_both_files_of_the_rule_test_bench_say_the_same(tmp_path):
    """Values written out and in notation are one load: the same alerts fire for both, and not for nobody."""
    texts = []
    for written_out in (True, False):
        path = rule_tests.write_files(tmp_path, 200, written_out)
        texts.append(
            path.read_text().replace(
                'count(ALERTS{alertname="NoSuchAlert"})', "sum(count_over_time(ALERTS[1h])) by (alertname, alertstate)"
            )
        )
    assert len(texts[0]) > 5 * len(texts[1])
    got = [test_files(["t.yml"], texts={"t.yml": t, "rules.yml": rules.RULES})[0].cases[0].differences for t in texts]
    assert got[0] == got[1] and {d.kind for d in got[0]} == {"unexpected"} and len(got[0]) >= 6


@pytest.mark.slow
def test_the_rule_test_bench_runs_the_command(monkeypatch):
    """At a hundredth of the size: the command succeeds and each figure is there, promtool's only where it is asked for."""
    monkeypatch.setattr(rule_tests, "BOTH_SIZES", 0.0)
    monkeypatch.setattr(rule_tests, "TIMES", 1)
    found = rule_tests.run(0.01)
    assert found["series"] == 100 and found["seconds"] > 0 and found["peak_rss_mb"] > 10
    assert found["file_mb"] > found["notation_file_mb"] and "times_faster" not in found


def test_the_bench_replays_and_sweeps_the_same_hour():
    """Firings of a replay are at least those at the end of the live hour; 300 configurations are tried."""
    found = rules.run(0.02)
    assert found["replay_firings"] >= found["firing"] and found["sweep_configurations"] == 300
    assert found["sweep_firings"] > found["replay_firings"] and found["replay_peak_rss_mb"] > 0
    assert [row["engine"] for row in found["engines"]] == ["cityops replay"]
    assert set(verdicts(by_name("rules"), found)) == {"replay_per_cpu_s", "sweep_s", "series_evaluations_per_s"}


def test_what_is_not_installed_is_said_to_be_absent(monkeypatch: pytest.MonkeyPatch):
    """No figure is made up for a program that is not there."""
    monkeypatch.setenv("PATH", "/nowhere")
    rows = measured(rules.load_of(0.005))
    assert len(rows) == 4 and all("absent" in row and "per_s" not in row for row in rows)
    assert all("absent" in _beside(row) for row in rows)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus on PATH")
def test_peers_evaluate_the_same_series():
    """Prometheus finds as many points as our engine with its window semantics: what it was fed is what we replay."""
    load = rules.load_of(0.02)
    rows = {row["engine"]: row for row in measured(load)}
    store, _ = rules.recorded(0.02)
    engine = Engine(store, 0, Options(compat="2.x"))
    points = 0
    for text in load.expressions:
        _, found = engine.range(text, 0, (load.steps - 1) * load.step_ms, load.step_ms)
        assert isinstance(found, Vector)
        points += int(np.count_nonzero(found.present))
    assert rows["Prometheus query_range"]["points"] == points
    measured_rows = [row for row in rules.beside([{"per_s": 1.0, "per_cpu_s": 1.0}, *rows.values()])[1:] if "absent" not in row]
    assert all(row["ratio"] == 1.0 / row["per_s"] and row["peak_rss_mb"] > 0 for row in measured_rows)
