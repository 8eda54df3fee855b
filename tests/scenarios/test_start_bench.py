"""The start benchmark opens what a page opens, at the size that was asked for."""

import subprocess
import sys

import pytest

from scenarios.bench import start
from scenarios.bench.suite import SCALES, by_name
from simulator.cities import catalogue


def test_the_start_grows_like_every_benchmark() -> None:
    """The start is measured at the same sizes as everything else."""
    assert by_name("start").scales == SCALES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modules", "not_yet"),
    [
        ("scenarios.cli.live, scenarios.supervise", ("numpy", "scipy", "pydantic", "fastapi", "lark", "sqlalchemy")),
        ("scenarios.setup", ("scipy.sparse", "scipy.spatial", "fastapi", "lark", "sqlalchemy")),
        ("scenarios.city_process", ("scipy.sparse", "scipy.spatial", "fastapi", "lark", "sqlalchemy")),
        ("scenarios.cli.main", ("numpy", "ruamel", "asyncio", "rich.console", "yaml")),
        ("ops_center.promql.parser", ("lark",)),
        ("ops_center.server", ("scipy", "simpy", "simulator")),
    ],
)
def test_what_a_start_does_not_need_is_not_loaded(modules: str, not_yet: tuple[str, ...]) -> None:
    """Each process of the demo loads what its first page needs: nothing of another process, and what comes later comes later."""
    code = f"import sys, {modules}; print(*[name for name in {not_yet!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.slow
def test_a_start_is_measured_to_the_first_readings() -> None:
    """A small city with twice its devices comes up cold and warm; where Linux tells, each process' share is known."""
    figures = start.run("small", scale=2.0, scenario="ordinary_weekday")
    assert figures["devices"] >= 2 * len(catalogue.get("small").luminaires.id)
    assert 0.0 < figures["warm_links_s"] <= figures["warm_s"] == figures["seconds"] and figures["cold_s"] > 0.0
    if start.PROC.is_dir():
        assert set(figures["warm_cpu_s_by_process"]) == {"supervisor", "center", "city"} and figures["warm_cpu_s"] > 0.0
