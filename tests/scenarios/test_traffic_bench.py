"""The traffic benchmark measures what it says, with UXsim beside it or a word on why not."""

import pytest

from scenarios.bench import traffic, uxsim_engine
from scenarios.bench.suite import by_name, verdicts


@pytest.mark.slow
def test_figures_are_of_a_whole_run() -> None:
    """On a grid of 8 x 8 junctions: all trips of the hour begin, none is lost, each of 224 links gives 5 figures each 15 s."""
    figures = traffic.run(scale=0.16)
    assert figures["vehicles"] == pytest.approx(30_000.0 * 64 / 400, rel=1e-6)
    assert figures["conservation_error"] < 1e-6
    assert figures["readings"] == 224 * 5 * 5400 / 15
    assert figures["cpu_realtime_factor"] > 0.0
    asked = verdicts(by_name("traffic"), figures)
    assert asked["cpu_realtime_factor"]["asked"] == ">= 8000 x real time on one core"
    assert asked["conservation_error"]["holds"]


def test_without_uxsim_the_benchmark_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where UXsim is not installed there is a sentence, not a figure."""
    monkeypatch.setattr(uxsim_engine, "installed", lambda: False)
    figures = traffic.run(scale=0.16)
    assert "not installed" in figures["uxsim"]
    assert "times_uxsim" not in figures
