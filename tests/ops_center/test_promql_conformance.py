"""Prometheus' own test scripts decide whether our PromQL is PromQL."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.ops_center.promqltest_runner import run_all

SHARED = Path(os.environ.get("CITYOPS_SHARED", Path(__file__).parents[3] / "shared"))
SCRIPTS = SHARED / "conformance" / "promqltest"
CORE = 815  # 919 float evals of core functions, less 46 of fill-modifier and 58 of type_and_unit, which test flagged features


@pytest.mark.skipif(not SCRIPTS.is_dir(), reason=f"no conformance data at {SCRIPTS}; set CITYOPS_SHARED")
def test_every_eval_passes_or_is_declared_unsupported(capsys):
    """No eval fails; at least all core evals pass; what does not run says why it is out of scope."""
    outcomes = run_all(SCRIPTS)
    counts = Counter(o.status for o in outcomes)
    with capsys.disabled():
        print(f"\npromqltest: {len(outcomes)} evals, {dict(counts)}")
        for reason, count in Counter(o.reason.split(": ")[0] for o in outcomes if o.status == "unsupported").most_common():
            print(f"  unsupported {count:4d}  {reason}")
    failed = [f"{o.file}:{o.line} {o.query} → {o.reason}" for o in outcomes if o.status == "failed"]
    assert not failed, "\n".join(failed)
    assert len(outcomes) == 2214
    assert counts["passed"] >= max(CORE, 913)
    assert all(o.reason for o in outcomes if o.status == "unsupported")
