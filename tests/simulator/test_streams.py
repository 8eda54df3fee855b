"""Random numbers are a pure function of (seed, names, tick)."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.distributions import Chance, Distribution, Erlang, Normal, OneOf, Triangular, Uniform
from simulator.streams import Streams, stable_key


def of(law: object, stream: str = "test.{who}") -> Distribution:
    """A description for a test."""
    return Distribution(stream, law, "s", "What a test draws.", "assumption")


UNIFORM, NORMAL = of(Uniform()), of(Normal())
ticks = st.integers(0, 2**40)


@given(st.integers(0, 2**63), ticks, st.integers(1, 50), st.integers(1, 50))
def test_one_more_device_changes_nobody_elses_noise(seed: int, tick: int, n: int, more: int) -> None:
    """The first n draws do not depend on how many slots are drawn."""
    streams = Streams(seed)
    few = streams.draw(NORMAL, "loop", tick=tick, n=n)
    many = streams.draw(NORMAL, "loop", tick=tick, n=n + more)
    assert np.array_equal(few, many[:n])


@given(ticks)
def test_streams_of_other_names_ticks_and_seeds_differ(tick: int) -> None:
    """No two addresses share their numbers."""
    base = Streams(1).draw(of(Uniform(), "a.b"), tick=tick, n=8)
    others = [
        Streams(2).draw(of(Uniform(), "a.b"), tick=tick, n=8),
        Streams(1).draw(of(Uniform(), "a.c"), tick=tick, n=8),
        Streams(1).draw(of(Uniform(), "ab."), tick=tick, n=8),
        Streams(1).draw(of(Uniform(), "a.b"), tick=tick + 1, n=8),
    ]
    assert np.array_equal(base, Streams(1).draw(of(Uniform(), "a.{who}"), "b", tick=tick, n=8))
    assert all(not np.array_equal(base, other) for other in others)


def test_neighbouring_ticks_do_not_overlap() -> None:
    """A tick owns 2^192 counter steps, so a long draw of one tick never runs into the next."""
    long = Streams(5).draw(UNIFORM, "x", tick=3, n=20_000)
    following = Streams(5).draw(UNIFORM, "x", tick=4, n=20_000)
    assert not np.intersect1d(long, following).size


def test_keys_do_not_depend_on_the_hash_seed() -> None:
    """Another process with another PYTHONHASHSEED gets the same key."""
    code = "from simulator.streams import stable_key; print(stable_key(7, 'loop', 'Lê Lợi'))"
    env = {**os.environ, "PYTHONHASHSEED": "12345"}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=60)
    assert int(printed.stdout) == stable_key(7, "loop", "Lê Lợi")


@pytest.mark.parametrize(
    ("law", "mean", "variance"),
    [
        (Uniform(), 1 / 2, 1 / 12),
        (Uniform(80, 900), 490, 820**2 / 12),
        (Normal(3, 2), 3, 4),
        (Erlang(600), 600, 600**2),
        (Erlang(600, 4), 600, 600**2 / 4),
        (Triangular(2, 3, 10), 15 / 3, (2**2 + 3**2 + 10**2 - 6 - 20 - 30) / 18),
        (Triangular(2, 2, 4), 8 / 3, 4 / 18),
    ],
)
def test_a_law_has_the_mean_and_spread_that_it_states(law: object, mean: float, variance: float) -> None:
    """200 000 draws: the mean within five standard errors, the variance within 3 % (Kotz and van Dorp for the triangle)."""
    n = 200_000
    draws = Streams(11).draw(of(law), "a", tick=0, n=n)
    assert abs(draws.mean() - mean) < 5 * np.sqrt(variance / n)
    assert draws.var() == pytest.approx(variance, rel=0.03)
    assert np.array_equal(draws[:100], Streams(11).draw(of(law), "a", tick=0, n=100))


def test_things_happen_and_are_chosen_in_the_stated_shares() -> None:
    """100 000 draws: a chance of 0.3, one of four alike, one by the weights 1, 0 and 3; five standard deviations."""
    n, streams = 100_000, Streams(11)
    assert abs(streams.hits(of(Chance(0.3)), 0.3, "a", tick=0, n=n).mean() - 0.3) < 5 * np.sqrt(0.21 / n)
    alike = np.bincount(streams.choose(of(OneOf("four")), 4, "a", tick=1, n=n), minlength=4) / n
    assert np.abs(alike - 0.25).max() < 5 * np.sqrt(0.1875 / n)
    weighted = np.bincount(streams.choose(of(OneOf("three")), np.array([1.0, 0.0, 3.0]), "a", tick=2, n=n), minlength=3) / n
    assert weighted[1] == 0 and abs(weighted[2] - 0.75) < 5 * np.sqrt(0.1875 / n)
    for nothing in (0, np.zeros(3)):
        with pytest.raises(ValueError, match="chooses among nothing"):
            streams.choose(of(OneOf("none")), nothing, "a", tick=0)


def test_a_stream_wants_a_name_for_each_of_its_braces() -> None:
    """One name too few or too many is refused, because two draws could then share their numbers unseen."""
    for names in ((), ("a", "b")):
        with pytest.raises(ValueError, match="expected one for each of its braces"):
            Streams(1).draw(UNIFORM, *names, tick=0, n=1)


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.integers(1, 40))
def test_a_set_generator_draws_what_a_new_one_does(seed: int, tick: int, n: int) -> None:
    """The kept generator, set to its place, gives the numbers of a generator made for the purpose, whatever was drawn before."""
    streams = Streams(seed)
    streams.draw(NORMAL, "other", tick=1, n=3)
    new = streams.generator("test", "a", tick=tick)
    assert np.array_equal(streams.draw(NORMAL, "a", tick=tick, n=n), new.standard_normal(n))
    assert np.array_equal(streams.draw(UNIFORM, "a", tick=tick, n=n), streams.generator("test", "a", tick=tick).random(n))
