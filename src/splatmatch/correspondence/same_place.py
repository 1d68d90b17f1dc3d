"""Do two photos show the same place? A probability from what geometric verification leaves of their matches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.scene.matches import Matches, Size

GRID = 8
"""Coverage counts cells of a grid of this many rows and columns."""
WEIGHTS, BIAS = (1.694, 0.777, 0.0), -7.216
"""Of the logistic model; ``benchmarks/same_place.py`` fits them."""
ACCEPTED = 0.5
"""Pairs with such a score count as the same place."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for one place."""

    matches: int
    inliers: int
    """Matches that agree with one geometry."""
    coverage: float
    """Share of the cells of an 8 x 8 grid that hold inliers, in the photo where it is smaller."""

    @property
    def features(self) -> NDArray[np.float64]:
        """What the logistic model sees: (log(1 + inliers), share of the matches that are inliers, log coverage)."""
        share = self.inliers / max(self.matches, 1)
        return np.array([math.log1p(self.inliers), share, math.log(self.coverage + 1 / GRID**2)])


@dataclass(frozen=True)
class SamePlace:
    """The answer."""

    score: float
    """Probability 0..1 that both photos show the same place, where half of all pairs do."""
    same: bool
    """Whether the score reaches ``ACCEPTED``."""

    @property
    def verdict(self) -> str:
        """In words."""
        return "yes" if self.same else "no evidence"


def evidence(matches: Matches, inliers: NDArray[np.bool_]) -> Evidence:
    """What ``matches`` and the verified ones among them, a mask (M,), say."""
    sides = ((matches.points_a, matches.size_a), (matches.points_b, matches.size_b))
    covered = min(_cells(points[inliers], size) for points, size in sides)
    return Evidence(len(matches), int(inliers.sum()), covered / GRID**2)


def same_place(matches: Matches, inliers: NDArray[np.bool_]) -> SamePlace:
    """Whether two photos show the same place.

    Args:
        matches: of the two.
        inliers: (M,) those that ``two_view_geometry`` verified with its default options, which the score is made for.
    """
    score = probability(evidence(matches, inliers))
    return SamePlace(score, score >= ACCEPTED)


def probability(found: Evidence) -> float:
    """sigma(w . features + bias)."""
    if found.inliers == 0:
        return 0.0
    value = float(np.dot(WEIGHTS, found.features)) + BIAS
    return 1 / (1 + math.exp(-max(min(value, 500.0), -500.0)))


def _cells(points: NDArray[np.float32], size: Size) -> int:
    cells = np.floor(points / np.array(size) * GRID).clip(0, GRID - 1).astype(int)
    return len({tuple(cell) for cell in cells.tolist()})
