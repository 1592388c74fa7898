"""Turns, bursts, silence and first mentions: what no single article says. Pure functions.

- A dyad has *shifted* where the stances of the last days and those of the weeks before are unlikely
  to be of one kind: the rank-sum test of Mann and Whitney (1947), two-sided, with the normal
  approximation corrected for ties and continuity. Each story counts once, or copies would decide.
- A *burst* is more stories in some hours than the weeks before explain: the upper tail of a Poisson
  distribution with their rate.
- *Silence* is nothing where, by the weeks before, ten articles were to be expected, for a day at
  least: by chance alone that happens once in twenty thousand times.
- A *first mention* matches where nothing has matched for long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

HOUR = 3_600.0
DAY = 24 * HOUR

RECENT = 2 * DAY
BEFORE = 12 * DAY
"""Seconds: the last days are compared with those before them."""

LEAST_RECENT = 5
LEAST_BEFORE = 10
"""Stories that a comparison needs at least."""

SHIFTED = 0.01
"""The probability by chance alone below which a dyad has shifted; by this one false alarm in a
hundred looks that are independent of each other."""

LEAST_SHIFT = 0.2
"""Of the mean, on the scale of -1 to 1: what is certain may still be too small to tell."""

BURST_WINDOW = 6 * HOUR
BURST = 1e-4
LEAST_BURST = 4
"""Stories in the window, at least."""

MISSED = 10.0
"""Articles that were to be expected."""

FIRST_AFTER = 90 * DAY
"""Seconds without a match after which the next one is a first mention."""


def rank_sum(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided probability that samples of one distribution differ in rank as much as these.

    1 where all values are alike, or either is empty.
    """
    n, m = len(one), len(other)
    values = sorted([(value, True) for value in one] + [(value, False) for value in other])
    total = n + m
    ranks = ties = 0.0
    place = 0
    while place < total:
        end = place
        while end < total and values[end][0] == values[place][0]:
            end += 1
        count = end - place
        ranks += (place + 1 + end) / 2 * sum(ours for _, ours in values[place:end])
        ties += count**3 - count
        place = end
    if not n or not m:
        return 1.0
    spread = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if spread <= 0:
        return 1.0
    away = abs(ranks - n * (total + 1) / 2) - 0.5
    return math.erfc(max(0.0, away) / math.sqrt(2 * spread))


def has_shifted(recent: Sequence[float], before: Sequence[float]) -> bool:
    """Whether the stances of the recent stories are others than those before."""
    if len(recent) < LEAST_RECENT or len(before) < LEAST_BEFORE:
        return False
    shift = sum(recent) / len(recent) - sum(before) / len(before)
    return abs(shift) >= LEAST_SHIFT and rank_sum(recent, before) < SHIFTED


def poisson_tail(count: int, mean: float) -> float:
    """The probability of `count` or more where `mean` are to be expected."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    below = math.fsum(
        math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count)
    )
    return max(0.0, 1.0 - below)


def is_burst(now: float, stories: Sequence[float]) -> bool:
    """Whether more stories began within the last hours than those before explain; `stories` are the
    epochs at which they began, those of the last two weeks."""
    recent = sum(now - BURST_WINDOW < at <= now for at in stories)
    before = sum(now - BURST_WINDOW - BEFORE < at <= now - BURST_WINDOW for at in stories)
    # Half a story more than there was: two quiet weeks don't make two stories a burst.
    expected = (before + 0.5) * BURST_WINDOW / BEFORE
    return recent >= LEAST_BURST and poisson_tail(recent, expected) < BURST


def is_silent(now: float, matches: Sequence[float]) -> bool:
    """Whether what came before comes no more; `matches` are the epochs of the last weeks, in
    order."""
    if not matches or now - matches[-1] < DAY:
        return False
    rate = len(matches) / max(DAY, matches[-1] - matches[0])
    return rate * (now - matches[-1]) >= MISSED


def is_first(now: float, last: float | None) -> bool:
    """Whether a match comes after so long without one, the last of which was at an epoch."""
    return last is None or now - last >= FIRST_AFTER
