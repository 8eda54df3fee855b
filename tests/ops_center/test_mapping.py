"""Readings under an engineer's own names: copies beside the originals, for rules, queries and keyframes alike."""

from pathlib import Path

import numpy as np
import pytest

from ops_center.events import AlertChange
from ops_center.label_sets import NAME, Matcher, format_labels
from ops_center.mapping import load_mapping
from ops_center.pipeline import Center, CenterConfig
from ops_center.run import Run
from sensors.messages import tag_of
from tests.ops_center.small_city import RULES, SmallCity, config, opening
from tests.ops_center.test_recall import state_of, wire

MAPPING = """
metric_relabel_configs:
  - {source_labels: [__name__], regex: traffic_speed_kmh, target_label: __name__, replacement: vds_speed_mph}
  - source_labels: [__name__, device_id]
    regex: feeder_energised;feeder_meter:(.*)
    target_label: circuit
    replacement: CB-$1
  - {source_labels: [__name__], regex: feeder_energised, target_label: __name__, replacement: grid_circuit_dead}
  - {source_labels: [__name__], regex: 'vds_.*|grid_.*', action: keep}
  - {action: labeldrop, regex: 'city|kind'}
values:
  - {metric: vds_speed_mph, scale: 0.621371, unit: mph}
  - {metric: grid_circuit_dead, scale: -1, offset: 1}
"""
OWN_RULES = """
groups:
  - name: own
    interval: 15s
    rules:
      - alert: CircuitDead
        expr: grid_circuit_dead == 1
        labels: {team: grid}
"""


def mapped(rules: str = RULES, mapping: str = MAPPING) -> CenterConfig:
    return CenterConfig(rules=config(rules).rules, mapping=load_mapping(mapping, "names.yml"))


def run_of(settings: CenterConfig, frames: list[bytes]) -> Center:
    center = Center(settings)
    for frame in [*opening(), *frames]:
        center.step(frame)
    return center


def series(center: Center, metric: str) -> list[str]:
    return [format_labels(one) for one in center.judge.store.series((Matcher(NAME, "=", metric),))]


def last(center: Center, text: str) -> list[float]:
    vector = center.judge.engine.instant(text, (center.judge.start_ms or 0) + center.now_ms)
    values: list[float] = np.asarray(vector.values)[0].tolist()  # type: ignore[union-attr]
    return values


def test_copies_stand_beside_the_originals_with_their_own_labels_and_unit() -> None:
    """Labels are renamed and dropped, 25 km/h are 15.5 mph, and the original is as it was."""
    center = run_of(mapped(), SmallCity().until(60_000))
    assert series(center, "vds_speed_mph") == [
        f'vds_speed_mph{{device_id="loop:{i}", road="R{i}", ward="An Biên", zone="z0"}}' for i in (0, 1)
    ]
    assert last(center, "vds_speed_mph") == [25.0 * 0.621371, 40.0 * 0.621371]
    assert last(center, "traffic_speed_kmh") == [25.0, 40.0]
    about = center.judge.store.metadata()
    assert about["vds_speed_mph"]["unit"] == "mph" and about["vds_speed_mph"]["type"] == "gauge"
    assert len(series(center, "lamp_level_ratio")) == 12  # dropped: it has no copy, and stays


def test_rules_written_with_own_names_raise_their_alerts() -> None:
    """The rule knows a metric and a label that only the mapping makes; it fires for the feeder that is lost, and only then."""
    city = SmallCity()
    center, changes = Center(mapped(OWN_RULES)), []
    frames = [*opening(), *city.until(60_000)]
    city.lose_feeder(1)
    frames += city.until(120_000)
    city.restore_all()
    for frame in [*frames, *city.until(200_000)]:
        changes += center.step(frame)
    seen = [(c.now_ms, c.alert["labels"]["circuit"], c.after) for c in changes if isinstance(c, AlertChange)]
    assert seen == [(75_000, "CB-1", "firing"), (135_000, "CB-1", "inactive")]


def test_a_mapping_changes_nothing_for_those_who_do_not_read_its_names() -> None:
    """The digests of world and judgement are those without it."""
    frames = wire()
    assert run_of(mapped(), frames).digests() == run_of(config(), frames).digests()


@pytest.mark.parametrize("own", [False, True])
def test_a_center_recalled_from_a_keyframe_has_its_copies(tmp_path: Path, own: bool) -> None:
    """From the small keyframe and the recorded stream come the same series, and the same future."""
    settings = mapped(OWN_RULES if own else RULES)
    frames = [*opening(), *wire()]
    cut = max(i for i, frame in enumerate(frames[:-60]) if tag_of(frame) == "barrier") + 1
    run = Run(tmp_path, settings)
    for frame in frames[:cut]:
        run.step(frame)
    run.keyframe()
    run.settle()
    run.close()
    again, fresh = Run(tmp_path, settings), run_of(settings, [])
    for frame in frames[3:cut]:
        fresh.step(frame)
    assert again.recovery.keyframe_ms > 0 and state_of(again.center) == state_of(fresh)
    for frame in frames[cut:]:
        again.step(frame)
        fresh.step(frame)
    assert again.center.digests() == fresh.digests() and state_of(again.center) == state_of(fresh)
    again.close()


OTHER_NAME = """
- {source_labels: [__name__], regex: lamp_level_ratio, target_label: __name__, replacement: cabinet_supply}
- {source_labels: [__name__], regex: cabinet_supply, action: keep}
- {source_labels: [device_id], regex: 'lamp:([0-3])', target_label: device_id, replacement: 'cabinet_meter:$1'}
- {target_label: kind, replacement: cabinet_meter}
- {source_labels: [device_id], regex: 'cabinet_meter:(.)', target_label: cabinet, replacement: C$1}
- {source_labels: [cabinet], regex: 'C[01]', target_label: feeder, replacement: F01}
- {source_labels: [cabinet], regex: 'C[23]', target_label: feeder, replacement: F02}
"""
CLASHES = {
    "two series, one label set": ("- {action: labeldrop, regex: 'device_id|road'}", "come out as the same"),
    "an original's own name": (OTHER_NAME, "a series of lamp_level_ratio and one of cabinet_supply"),
    "no name": ("- {action: labeldrop, regex: __name__}", "comes out with the name ''"),
}


@pytest.mark.parametrize("name", CLASHES)
def test_a_mapping_that_does_not_fit_the_city_refuses_it(name: str) -> None:
    """Series that would be written twice, or have no name, are no city: it says which, and does not go on without them."""
    steps, message = CLASHES[name]
    center = run_of(mapped(mapping=f"metric_relabel_configs:\n{steps}\n"), [])
    center.step(SmallCity().barrier(0))
    assert "names.yml: " in center.refused and message in center.refused


def test_an_alert_with_own_labels_stands_where_its_device_is() -> None:
    """The device is named by a label of another name; its feeder, and so its place on the map, follow from it."""
    center = run_of(mapped(), SmallCity().until(15_000))
    assert center.city is not None
    found = center.city.enriched({"alertname": "Dark", "instance": "lamp:3", "zone": "own"})
    assert found == {
        "alertname": "Dark", "instance": "lamp:3", "zone": "own", "device_id": "lamp:3", "cabinet": "C1", "feeder": "F01",
        "ward": "An Biên",
    }  # fmt: skip
    assert "device_id" not in center.city.enriched(
        {"alertname": "Dark", "cabinet": "lamp:3"}
    )  # a label of ours says what it says
    assert center.city.enriched({"alertname": "Dark", "instance": "lamp:99"}) == {"alertname": "Dark", "instance": "lamp:99"}
