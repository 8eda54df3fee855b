"""Random numbers are a pure function of (seed, names, tick)."""

import os
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.streams import Streams, stable_key

ticks = st.integers(0, 2**40)


@given(st.integers(0, 2**63), ticks, st.integers(1, 50), st.integers(1, 50))
def test_one_more_device_changes_nobody_elses_noise(seed: int, tick: int, n: int, more: int) -> None:
    """The first n draws do not depend on how many slots are drawn."""
    streams = Streams(seed)
    few = streams.normal("loop", "speed", "noise", tick=tick, n=n)
    many = streams.normal("loop", "speed", "noise", tick=tick, n=n + more)
    assert np.array_equal(few, many[:n])


@given(ticks)
def test_streams_of_other_names_ticks_and_seeds_differ(tick: int) -> None:
    """No two addresses share their numbers."""
    base = Streams(1).uniform("a", "b", tick=tick, n=8)
    others = [
        Streams(2).uniform("a", "b", tick=tick, n=8),
        Streams(1).uniform("a", "c", tick=tick, n=8),
        Streams(1).uniform("ab", "", tick=tick, n=8),
        Streams(1).uniform("a", "b", tick=tick + 1, n=8),
    ]
    assert all(not np.array_equal(base, other) for other in others)


def test_neighbouring_ticks_do_not_overlap() -> None:
    """A tick owns 2^192 counter steps, so a long draw of one tick never runs into the next."""
    long = Streams(5).uniform("x", tick=3, n=20_000)
    following = Streams(5).uniform("x", tick=4, n=20_000)
    assert not np.intersect1d(long, following).size


def test_keys_do_not_depend_on_the_hash_seed() -> None:
    """Another process with another PYTHONHASHSEED gets the same key."""
    code = "from simulator.streams import stable_key; print(stable_key(7, 'loop', 'Lê Lợi'))"
    env = {**os.environ, "PYTHONHASHSEED": "12345"}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=60)
    assert int(printed.stdout) == stable_key(7, "loop", "Lê Lợi")


def test_means_are_right() -> None:
    """Uniform has mean 1/2, exponential 1, normal 0 with variance 1 (200 000 draws, five standard errors)."""
    n = 200_000
    streams = Streams(11)
    assert abs(streams.uniform("u", tick=0, n=n).mean() - 0.5) < 5 * np.sqrt(1 / 12 / n)
    assert abs(streams.exponential("e", tick=0, n=n).mean() - 1) < 5 / np.sqrt(n)
    z = streams.normal("z", tick=0, n=n)
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / n)


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.integers(1, 40))
def test_a_set_generator_draws_what_a_new_one_does(seed: int, tick: int, n: int) -> None:
    """The kept generator, set to its place, gives the numbers of a generator made for the purpose, whatever was drawn before."""
    streams = Streams(seed)
    streams.normal("other", tick=1, n=3)
    assert np.array_equal(streams.normal("a", "b", tick=tick, n=n), streams.generator("a", "b", tick=tick).standard_normal(n))
    assert np.array_equal(streams.uniform("a", "b", tick=tick, n=n), streams.generator("a", "b", tick=tick).random(n))
