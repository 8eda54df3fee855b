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


def run(folder: Path, hash_seed: str, *words: str, limit_s: float = 300.0, **more: str) -> Any:
    """The JSON document of `cityops run ... --headless --seed 7 --json` in a process of its own; `more` is its environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed, "CITYOPS_DATA": str(folder), **more}
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


def fast_paths() -> list[str]:
    """What numpy chooses on this machine beyond its baseline: the AVX-512 paths where there are any, else all there are."""
    from numpy._core import _multiarray_umath as core

    chosen = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    return [name for name in chosen if "512" in name or name == "X86_V4"] or chosen


@pytest.mark.slow
def test_without_the_fast_paths_of_this_machine_it_comes_to_the_same_digests(tmp_path: Path) -> None:
    """numpy's exp and log differ in the last bit with AVX-512 on and off; nothing that is digested may come from them."""
    names = fast_paths()
    if not names:
        pytest.skip("numpy has no path on this machine that could be turned off")
    off = {"NPY_DISABLE_CPU_FEATURES": " ".join(names)}
    look = "from numpy._core import _multiarray_umath as core; print([n for n, on in core.__cpu_features__.items() if on])"
    seen = subprocess.run([sys.executable, "-c", look], env={**os.environ, **off}, capture_output=True, text=True, check=True)
    assert not any(f"'{name}'" in seen.stdout for name in names), "numpy did not turn them off"
    check_same([run(tmp_path, "3", SHORT, "--until", "5 min"), run(tmp_path, "3", SHORT, "--until", "5 min", **off)])
    gale = [
        "typhoon_landfall",
        "--until",
        "15 min",
    ]  # wind fields, surge, floods: formulas with exp and powers
    check_same([run(tmp_path, "3", *gale), run(tmp_path, "4", *gale, **off)])


@pytest.mark.slow
def test_the_blackout_of_hai_phong_comes_to_the_same_digests(tmp_path: Path) -> None:
    """The whole scenario in two processes; the second is saved and loaded in the middle."""
    check_same(
        [
            run(tmp_path, "1", "feeder_blackout"),
            run(tmp_path, "31337", "feeder_blackout", "--save-load-at", "20 min", limit_s=600.0),
        ]
    )
