"""Do two photos show the same place? A probability from what is left of their matches when geometry is asked.

Eight or nine matches agree with some fundamental matrix whatever the photos show, so inliers alone say little when
there are few matches. Matches of one place also keep their arrangement: most of them follow one homography loosely,
within two percent of the photo, even where the scene is not flat; chance matches do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.correspondence.two_view import at_common_size
from splatmatch.correspondence.verification import VerificationOptions, homography
from splatmatch.scene.matches import Matches

ARRANGEMENT = VerificationOptions(threshold=12.0, min_inliers=4)
"""Of the loose homography, in pixels at a long side of 640."""
WEIGHTS, BIAS = (1.238, 1.038, 2.524), -8.051
"""Of the logistic model; ``benchmarks/same_place.py`` fits them."""
ACCEPTED = 0.5
"""Pairs with such a score count as the same place."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for one place."""

    matches: int
    inliers: int
    """Matches that agree with one geometry."""
    arranged: int
    """Matches that agree with one loose homography."""

    @property
    def features(self) -> NDArray[np.float64]:
        """What the logistic model sees: log(1 + inliers), log(1 + arranged), share of the matches that are arranged."""
        return np.array([math.log1p(self.inliers), math.log1p(self.arranged), self.arranged / max(self.matches, 1)])


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
    arranged = homography(*at_common_size(matches), ARRANGEMENT).inliers
    return Evidence(len(matches), int(inliers.sum()), int(arranged.sum()))


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
