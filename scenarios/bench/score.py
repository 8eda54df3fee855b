"""A score of the rule pack over seeds of the rush hour crash, nothing kept from before: simulated, replayed and judged.

Lives here: one measurement. `scale` is of the seeds. The city is built before the clock starts, as it is for whoever has run
anything in it once. Processor time is told beside the wall clock, for machines that do other things too.
"""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from scenarios.claims import load_claims
from scenarios.rule_paths import PACK
from scenarios.rulebench.pool import run_all, workers_there_are
from scenarios.rulebench.score import document
from scenarios.rulebench.tally import Job, RuleSet, setup_of, tallies

SEEDS = 20


def run(scale: float = 1.0, scenario: str = "rush_hour_crash", workers: int = 2) -> dict[str, Any]:
    """Return the seconds of a score over `20 × scale` seeds on two processes, processor seconds, and what was scored."""
    files = tuple((path.name, path.read_text(encoding="utf-8")) for path in sorted(PACK.glob("*.yml")))
    rules = RuleSet(files, load_claims(PACK))
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder:
        cache = Path(folder)
        first = setup_of(scenario, None, (), None, cache).scenario.seed
        jobs = [Job(scenario, first + i, (rules,), cache=cache) for i in range(max(1, round(SEEDS * scale)))]
        began_s, busy_s = time.perf_counter(), _busy_s()
        found = document([each[0] for each in run_all(tallies, jobs, workers)], rules)
        seconds, cpu_s = time.perf_counter() - began_s, _busy_s() - busy_s
        kept = sum(path.stat().st_size for path in cache.rglob("*.recording"))
    return {
        "seconds": round(seconds, 2),
        "cpu_s": round(cpu_s, 2),
        "cpu_s_a_run": round(cpu_s / len(jobs), 2),
        "runs": len(jobs),
        "workers": workers,
        "processors": workers_there_are(),
        "alerts": len(found["by_alert"]),
        "incidents": found["overall"]["events"],
        "recordings_mb": round(kept / 1e6, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0, 1),
    }


def _busy_s() -> float:
    """Processor seconds of this process and of those of its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)
