"""The catalogue that is kept is the one that is made, as long as nothing that it follows from has changed."""

from pathlib import Path

import pytest

from ops_center.mapping import load_mapping
from scenarios.rulebench import kept_catalogue as kept
from scenarios.rulebench.catalogue import city_catalogue

MAPPING = """metric_relabel_configs:
- {source_labels: [__name__], regex: lamp_on, target_label: __name__, replacement: MAPPED}
"""


def test_a_kept_catalogue_is_the_one_that_was_made(tmp_path: Path) -> None:
    """Metric by metric, with all label sets; the second time nothing is made."""
    made = kept.kept_catalogue("small", None, (), tmp_path, lambda line: None)
    (file,) = tmp_path.glob("catalogue-*")
    again = kept.kept_catalogue("small", None, (), tmp_path, pytest.fail)
    assert isinstance(again.metrics, kept.KeptMetrics) and not isinstance(made.metrics, kept.KeptMetrics)
    assert (again.city, again.unmade, dict(again.metrics)) == (made.city, made.unmade, dict(made.metrics))
    assert "no_such_metric" not in again.metrics and len(again.metrics) == len(made.metrics)
    file.write_bytes(file.read_bytes()[:-100])
    assert dict(kept.kept_catalogue("small", None, (), tmp_path, lambda line: None).metrics) == dict(made.metrics)


def test_another_mapping_has_another_catalogue(tmp_path: Path) -> None:
    """What was kept for one content of a mapping file is not taken for the next, nor for no mapping."""
    path = tmp_path / "m.yml"
    for name in ("one_on", "two_on"):
        path.write_text(MAPPING.replace("MAPPED", name))
        mapping = load_mapping(path.read_text(), str(path))
        for _ in range(2):
            found = kept.kept_catalogue("small", path, (), tmp_path, lambda line: None, mapping)
            assert dict(found.metrics) == dict(city_catalogue("small", mapping).metrics)
    assert len(list(tmp_path.glob("catalogue-*"))) == 2
    assert kept._key("small", None, ()) != kept._key("small", path, ()) != kept._key("hai_phong", path, ())
    (tmp_path / "own").mkdir()
    own = tmp_path / "own" / "kind.py"
    keys = {kept._key("small", path, [own.parent]) for text in ("a = 1", "a = 2") if own.write_text(text)}
    assert len(keys) == 2


def test_few_catalogues_are_kept(tmp_path: Path) -> None:
    """Those used last."""
    made = city_catalogue("small")
    for number in range(kept.KEPT + 3):
        kept._keep(tmp_path / f"catalogue-{number:02}.msgpack", made)
    assert len(list(tmp_path.glob("catalogue-*"))) == kept.KEPT and (tmp_path / f"catalogue-{kept.KEPT + 2:02}.msgpack").exists()
