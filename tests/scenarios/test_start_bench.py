"""The start benchmark opens what a page opens, at the size that was asked for."""

import pytest

from scenarios.bench import start
from scenarios.bench.suite import SCALES, by_name
from simulator.cities import catalogue


def test_the_start_grows_like_every_benchmark() -> None:
    """The start is measured at the same sizes as everything else."""
    assert by_name("start").scales == SCALES


@pytest.mark.slow
def test_a_start_is_measured_to_the_first_readings() -> None:
    """A small city with twice its devices comes up cold and warm; where Linux tells, each process' share is known."""
    figures = start.run("small", scale=2.0, scenario="ordinary_weekday")
    assert figures["devices"] >= 2 * len(catalogue.get("small").luminaires.id)
    assert 0.0 < figures["warm_links_s"] <= figures["warm_s"] == figures["seconds"] and figures["cold_s"] > 0.0
    if start.PROC.is_dir():
        assert set(figures["warm_cpu_s_by_process"]) == {"supervisor", "center", "city"} and figures["warm_cpu_s"] > 0.0
