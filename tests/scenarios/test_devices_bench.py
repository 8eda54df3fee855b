"""The benchmark of very many devices: it grows a real city, says what it skips, and is judged at two sizes."""

import pytest

from scenarios.bench import devices
from scenarios.bench.suite import by_name, growth, verdicts
from scenarios.setup import prepare


def test_a_machine_too_small_is_told_instead_of_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million devices are skipped with both figures where memory is short; what was skipped has neither verdict nor growth."""
    monkeypatch.setattr(devices, "available_mb", lambda: 4_000.0)
    figures = devices.run(scale=10.0)
    assert figures == {"skipped": "1000000 devices need about 6900 MB; 4000 MB are free"}
    bench = by_name("devices")
    assert verdicts(bench, figures, 10.0) == {}
    assert growth("cpu_s", {0.2: {"cpu_s": 1.0}, 1.0: {"cpu_s": 5.0}, 10.0: figures}) == 1.0


def test_verdicts_hold_at_their_own_scale() -> None:
    """100 times at x1, 10 times at x10, nothing at x0.2."""
    bench, figures = by_name("devices"), {"cpu_realtime_factor": 50.0, "bad_messages": 0}
    assert [v["holds"] for v in verdicts(bench, figures, 1.0).values()] == [False, True]
    assert {k: v["holds"] for k, v in verdicts(bench, figures, 10.0).items()} == {
        "cpu_realtime_factor at x10": True, "bad_messages at x10": True,
    }  # fmt: skip
    assert verdicts(bench, figures, 0.2) == {}


def test_a_grown_city_has_the_devices_asked_for() -> None:
    """Within a percent, each with an id of its own, on the streets that are there."""
    setup = prepare("ordinary_weekday", city="small")
    larger = devices.grown(setup, 2_000.0).city
    count = len(larger.luminaires.id) + len(larger.devices.id) + len(larger.cabinets.id)
    assert abs(count - 2_000) <= 20 and len(set(larger.luminaires.id)) == len(larger.luminaires.id)


@pytest.mark.slow
def test_the_whole_pipeline_runs_on_a_grown_city() -> None:
    """A minute with 21 000 devices: readings come, and not one message is refused."""
    figures = devices.run(scale=0.21, minutes=1.0)
    assert figures["bad_messages"] == 0 and figures["readings"] > 21_000 and figures["devices"] > 20_000
