"""Chance: random numbers that are keyed, not shared.

Lives here: the one place that draws random numbers. Must not know: devices, domains, the order in which anybody draws.
A draw is a pure function of (seed, names, tick), so a new device, another worker or a reload changes nobody else's noise.
What is drawn, and from which law, a `simulator.distributions.Distribution` says.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.distributions import Chance, Distribution, Law, OneOf, stream_names

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@lru_cache(maxsize=8192)
def stable_key(*parts: str | int) -> int:
    """Return a 128-bit key of the parts that is the same in every process (never Python's `hash`)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


class _Drawer:
    """One generator that is set to a place before each draw: making a new one reads the system's entropy, in 90 us."""

    def __init__(self) -> None:
        self._philox = np.random.Philox(0)
        self._generator = np.random.Generator(self._philox)
        self._counter = np.zeros(4, dtype=np.uint64)
        self._place: dict[str, Any] = {"counter": self._counter, "key": np.zeros(2, dtype=np.uint64)}
        self._state: Any = dict(self._philox.state)
        self._state |= {"state": self._place, "buffer": np.zeros(4, dtype=np.uint64)}
        self._state |= {"buffer_pos": 4, "has_uint32": 0, "uinteger": 0}

    def at(self, words: NDArray[np.uint64], tick: int) -> np.random.Generator:
        """Return the generator as if new with the key of these two words, its counter at `tick` times 2^192."""
        self._place["key"], self._counter[3] = words, tick
        self._philox.state = self._state  # numpy takes the numbers over, not the arrays
        return self._generator


_WORD = (1 << 64) - 1


@lru_cache(maxsize=8192)
def _key_words(seed: int, names: tuple[str, ...]) -> NDArray[np.uint64]:
    """Return the key of a seed's stream as two words, the lower one first."""
    key = stable_key(seed, *names)
    return np.array([key & _WORD, key >> 64], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Streams:
    """Philox streams (Salmon et al. 2011) of one seed, addressed by names and a tick."""

    seed: int
    _drawer: _Drawer = field(default_factory=_Drawer, init=False, repr=False, compare=False)

    def generator(self, *names: str, tick: int) -> np.random.Generator:
        """Return a generator positioned at `tick` of the stream `names`.

        Draw once for all append-only slots (`size=n`), even if few report: slot i then never depends on its neighbours.
        """
        key = stable_key(self.seed, *names)
        return np.random.Generator(np.random.Philox(key=key, counter=tick << 192))

    def draw(self, distribution: Distribution[Law], *given: str, tick: int, n: int) -> Floats:
        """Return n numbers of a distribution; `given` are the names that its stream leaves open."""
        return distribution.law.draw(self._at(stream_names(distribution.stream, given), tick), n)

    def hits(self, distribution: Distribution[Chance], probability: float | Floats, *given: str, tick: int, n: int) -> Bools:
        """Return where something happens, bool[n], with the probability of this time and place."""
        out: Bools = self.draw(distribution, *given, tick=tick, n=n) < probability
        return out

    def choose(self, distribution: Distribution[OneOf], of: int | Floats, *given: str, tick: int, n: int = 1) -> Ints:
        """Return n times the place of one among `of` things alike, or among things with the weights `of`, int[n].

        Raises ValueError where there is nothing to choose from.
        """
        ends = np.arange(1.0, of + 1.0) if isinstance(of, int) else np.cumsum(of)
        if not len(ends) or not ends[-1] > 0:
            raise ValueError(f"{distribution.stream} chooses among nothing; expected something of a weight above 0")
        at = np.searchsorted(ends, self.draw(distribution, *given, tick=tick, n=n) * ends[-1], side="right")
        out: Ints = np.minimum(at, len(ends) - 1)
        return out

    def _at(self, names: tuple[str, ...], tick: int) -> np.random.Generator:
        return self._drawer.at(_key_words(self.seed, names), tick)
