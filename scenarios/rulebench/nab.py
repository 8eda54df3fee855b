"""The scoring of the Numenta Anomaly Benchmark, for detections on recorded rows with labelled windows.

Lives here: what a detection is worth, the three profiles, the normalised score. Must not know: rules, files.
Source: A. Lavin, S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms – the Numenta Anomaly Benchmark", ICMLA 2015, and
the benchmark's own published practice: weights of 1 for a caught and a missed window and of 0.11 for a false detection, the
first 15 % of the rows (of 5 000 at most) not judged, and the score of no detection at all as 0, of a perfect one as 100.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

PROBATION_RATIO, PROBATION_ROWS = 0.15, 5_000
FAR_WIDTHS = 3.0  # so many window widths after a window a false detection costs all that it can


@dataclass(frozen=True, slots=True)
class Profile:
    """What a user of a detector cares about: weights of a caught window, a false detection, a missed window."""

    name: str
    caught: float
    false: float
    missed: float


PROFILES = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward_low_FP_rate", 1.0, 0.22, 1.0),
    Profile("reward_low_FN_rate", 1.0, 0.11, 2.0),
)


@dataclass(frozen=True, slots=True)
class Window:
    """A labelled window by the numbers of its first and last row, both inside."""

    first: int
    last: int

    @property
    def width(self) -> int:
        """How many rows it has."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Tally:
    """One recording judged: its raw score, and the windows and detections that count."""

    score: float
    windows: int
    caught: int
    false: int


def worth(position: float) -> float:
    """What a detection is worth at a place relative to a window: −1 its left edge, 0 its right edge, 1 a width beyond it.

    The sigmoid 2 / (1 + e^(5 x)) − 1 of the paper, −1 from three widths on.
    """
    return -1.0 if position >= FAR_WIDTHS else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def probation(rows: int) -> int:
    """How many of the first rows are not judged."""
    return min(math.floor(PROBATION_RATIO * rows), round(PROBATION_RATIO * PROBATION_ROWS))


def judge(rows: int, detections: Collection[int], windows: Sequence[Window], profile: Profile) -> Tally:
    """Judge detections, given as numbers of rows, in one recording of `rows` rows. Windows are ascending and apart."""
    begin = probation(rows)
    judged = [window for window in windows if window.last >= begin]
    best = dict.fromkeys(range(len(judged)), -profile.missed)
    false_score, false = 0.0, 0
    for row in sorted(set(detections)):
        if row < begin:
            continue
        inside = next((n for n, window in enumerate(judged) if window.first <= row <= window.last), None)
        if inside is not None:
            best[inside] = max(best[inside], _caught(row, judged[inside], profile))
        else:
            false_score, false = false_score + profile.false * worth(_beyond(row, windows)), false + 1
    caught = sum(score > -profile.missed for score in best.values())
    return Tally(sum(best.values()) + false_score, len(judged), caught, false)


def _caught(row: int, window: Window, profile: Profile) -> float:
    return profile.caught * worth(-(window.last - row + 1) / window.width) / worth(-1.0)


def _beyond(row: int, windows: Sequence[Window]) -> float:
    """How many widths of the window before it a row lies after that window."""
    before = [window for window in windows if window.last < row]
    if not before:
        return FAR_WIDTHS
    return (row - before[-1].last) / max(1, before[-1].width - 1)


def normalised(tallies: Mapping[str, Tally], profile: Profile) -> float:
    """The benchmark's score of several recordings together: 0 as good as silence, 100 as good as can be."""
    windows = sum(tally.windows for tally in tallies.values())
    silence = -profile.missed * windows
    return 100.0 * (sum(tally.score for tally in tallies.values()) - silence) / (profile.caught * windows - silence)
