"""The rule bench measures a center that works: alerts fire, series are counted, and size changes nothing else."""

from __future__ import annotations

from ops_center.rules.unittest import test_files
from scenarios.bench import rule_tests, rules


def test_the_bench_load_fires_alerts():
    """A hundredth of the load: every rule is healthy, some alerts fire, the counts are those of the load."""
    found = rules.run(0.02)
    assert found["series"] == sum(max(rules.ZONES, int(200 * share)) for _, share in rules.SHARES)
    assert found["steps"] == 241
    assert 0 < found["firing"] < found["series"]
    assert found["changes"] >= found["firing"]
    assert found["series_evaluations_per_s"] > 0 and found["series_evaluations_per_cpu_s"] > 0


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


def test_the_rule_test_bench_runs_the_command(monkeypatch):
    """At a hundredth of the size: the command succeeds and each figure is there, promtool's only where it is asked for."""
    monkeypatch.setattr(rule_tests, "BOTH_SIZES", 0.0)
    monkeypatch.setattr(rule_tests, "TIMES", 1)
    found = rule_tests.run(0.01)
    assert found["series"] == 100 and found["seconds"] > 0 and found["peak_rss_mb"] > 10
    assert found["file_mb"] > found["notation_file_mb"] and "times_faster" not in found
