"""Prometheus' own test scripts decide whether our PromQL is PromQL."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.ops_center.promqltest_runner import HISTOGRAM, run_all

SHARED = Path(os.environ.get("CITYOPS_SHARED", Path(__file__).parents[3] / "shared"))
SCRIPTS = SHARED / "conformance" / "promqltest"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "promql.md"
needs_scripts = pytest.mark.skipif(not SCRIPTS.is_dir(), reason=f"no conformance data at {SCRIPTS}; set CITYOPS_SHARED")
# file: evaluations that pass, and that ask for native histograms
EXPECTED = {
    "aggregators": (125, 35),
    "at_modifier": (78, 0),
    "collision": (2, 0),
    "duration_expression": (59, 0),
    "extended_vectors": (120, 49),
    "fill-modifier": (46, 0),
    "functions": (323, 108),
    "histograms": (93, 92),
    "info": (52, 1),
    "limit": (1, 36),
    "literals": (25, 0),
    "name_label_dropping": (30, 0),
    "native_histograms": (3, 519),
    "operators": (142, 72),
    "range_queries": (16, 2),
    "selectors": (31, 0),
    "staleness": (17, 0),
    "start_timestamps": (16, 10),
    "subquery": (32, 2),
    "trig_functions": (19, 0),
    "type_and_unit": (58, 0),
}


@pytest.mark.slow
@needs_scripts
def test_every_eval_passes_or_is_declared_unsupported():
    """No evaluation fails; how many pass, and how many are out of scope for which reason, is known for each file."""
    outcomes = run_all(SCRIPTS)
    failed = [f"{o.file}:{o.line} {o.query} → {o.reason}" for o in outcomes if o.status == "failed"]
    assert not failed, "\n".join(failed)
    found = Counter((o.file.removesuffix(".test"), o.status, o.reason) for o in outcomes)
    counted = {name: (found[name, "passed", ""], found[name, "unsupported", HISTOGRAM]) for name in EXPECTED}
    assert counted == EXPECTED
    assert sum(map(sum, counted.values())) == len(outcomes) == 2214


@needs_scripts
def test_all_core_evaluations_pass():
    """What the manifest counts as floats of core functions, or of any, with neither errors nor annotations, passes."""
    rows = [line.split("\t") for line in (SCRIPTS / "MANIFEST.tsv").read_text().splitlines()]
    plain, core = ({row[0].removesuffix(".test"): int(row[column]) for row in rows[1:-1]} for column in (-2, -1))
    assert (sum(plain.values()), sum(core.values())) == (1010, 919)
    assert all(EXPECTED[name][0] >= max(plain[name], core[name]) for name in EXPECTED)


def test_the_page_says_what_is_counted():
    """The reference page shows the same numbers as this test holds."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for name, (passed, histograms) in EXPECTED.items():
        assert f"| {name} | {passed} | {histograms or ''} |" in lines
    passed, histograms = (sum(column) for column in zip(*EXPECTED.values(), strict=True))
    assert f"| **all** | **{passed}** | {histograms} |" in lines
