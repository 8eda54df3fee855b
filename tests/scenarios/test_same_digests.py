"""The same command prints the same digests: in another process, with another hash seed, with a save and load in the middle."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.cli_kit import SHORT

ROOT = Path(__file__).parents[2]


def run(folder: Path, hash_seed: str, *words: str, limit_s: float = 300.0) -> Any:
    """The JSON document of `cityops run ... --headless --seed 7 --json` in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed, "CITYOPS_DATA": str(folder)}
    command = [sys.executable, "-m", "scenarios.cli.main", "run", *words, "--headless", "--seed", "7", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=limit_s)
    return json.loads(done.stdout)


def check_same(documents: list[Any]) -> None:
    """Digests are there, and one pair for all runs; so is how far they came and how much was measured."""
    first = documents[0]
    assert all(len(first["digest"][name]) == 64 and set(first["digest"][name]) != {"0"} for name in ("world", "judgement"))
    for other in documents[1:]:
        assert (other["digest"], other["until_ms"], other["readings"]) == (first["digest"], first["until_ms"], first["readings"])


@pytest.mark.slow
def test_the_small_city_comes_to_the_same_digests(tmp_path: Path) -> None:
    """Other hash seeds, saves and loads in the middle; another noise seed comes to others."""
    middle, early = ["--save-load-at", "6 min"], ["--save-load-at", "1 min", "--save-load-at", "9 min"]
    check_same([run(tmp_path, "1", SHORT), run(tmp_path, "4242", SHORT), run(tmp_path, "7", SHORT, *middle, *early)])
    plain, noisy = (
        run(tmp_path, "0", SHORT, "--until", "3 min"),
        run(tmp_path, "0", SHORT, "--until", "3 min", "--noise-seed", "8"),
    )
    assert plain["digest"] != noisy["digest"]


@pytest.mark.slow
def test_the_blackout_of_hai_phong_comes_to_the_same_digests(tmp_path: Path) -> None:
    """The whole scenario in two processes; the second is saved and loaded in the middle."""
    check_same(
        [
            run(tmp_path, "1", "feeder_blackout"),
            run(tmp_path, "31337", "feeder_blackout", "--save-load-at", "20 min", limit_s=600.0),
        ]
    )
