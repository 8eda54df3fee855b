"""The rule bench measures a center that works: alerts fire, series are counted, and size changes nothing else."""

from __future__ import annotations

from scenarios.bench import rules


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
