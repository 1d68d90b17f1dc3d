"""Which pairs of views become samples: evenly over bands of overlap, or from easy to hard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Order = Literal["uniform", "curriculum"]

BANDS = (0.1, 0.3, 0.5, 0.7, 1.0)
"""Edges of the bands of overlap, the mean of both directed shares."""
CHOICES = 24
"""Pairs of a band among which the one with the least used views is taken."""


@dataclass(frozen=True)
class ChosenPair:
    """Two rows of the candidates."""

    a: int
    b: int
    overlap: float
    """Estimated mean of both directed shares."""


def band_of(overlap: float) -> int | None:
    """Number of the band that ``overlap`` lies in; None below the first edge."""
    row = int(np.searchsorted(BANDS, overlap, side="right")) - 1
    return min(row, len(BANDS) - 2) if row >= 0 else None


def select(
    shares: NDArray[np.float32], count: int, order: Order, span: tuple[float, float], rng: np.random.Generator
) -> list[ChosenPair]:
    """Up to ``count`` different pairs of views, spread evenly over the bands and, in each, over the views.

    Where a band runs out, the others fill in. With ``curriculum`` the pairs come in quarters of the whole job: the
    first from the easiest band, each further quarter from one harder band more.

    Args:
        shares: (V, V) directed overlaps.
        count: how many pairs.
        order: see above.
        span: where in the job these pairs come, shares 0..1 of it.
        rng: random choices.
    """
    mean = 0.5 * (shares + shares.T)
    first, second = np.triu_indices(len(shares), 1)
    overlaps = mean[first, second]
    bands: list[list[int]] = [[] for _ in range(len(BANDS) - 1)]
    for row in rng.permutation(len(overlaps)):
        band = band_of(float(overlaps[row]))
        if band is not None:
            bands[band].append(int(row))
    used = np.zeros(len(shares), np.int64)
    chosen = []
    for number in range(count):
        progress = span[0] + (span[1] - span[0]) * (number + 0.5) / count
        row = _take(bands, _wanted(number, progress, order), first, second, used)
        if row is None:
            break
        a, b = (first[row], second[row]) if rng.uniform() < 0.5 else (second[row], first[row])
        used[[a, b]] += 1
        chosen.append(ChosenPair(int(a), int(b), float(overlaps[row])))
    return chosen


def _wanted(number: int, progress: float, order: Order) -> int:
    """The band that pair ``number`` should come from."""
    bands = len(BANDS) - 1
    if order == "uniform":
        return number % bands
    open_bands = min(bands, 1 + int(progress * bands))
    return bands - 1 - number % open_bands


def _take(
    bands: list[list[int]], wanted: int, first: NDArray[np.int64], second: NDArray[np.int64], used: NDArray[np.int64]
) -> int | None:
    """Remove and return the row with the least used views among the next of the nearest band that has any."""
    for band in sorted(range(len(bands)), key=lambda band: (abs(band - wanted), band)):
        if bands[band]:
            rows = np.array(bands[band][-CHOICES:])
            load = np.maximum(used[first[rows]], used[second[rows]]) + 0.01 * (used[first[rows]] + used[second[rows]])
            return bands[band].pop(len(bands[band]) - len(rows) + int(load.argmin()))
    return None
