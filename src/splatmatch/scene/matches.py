"""Features of a photo, and correspondences between two photos."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""(width, height) in pixels."""


@dataclass(frozen=True, eq=False)
class Features:
    """What a sparse matcher finds in one photo before it sees another.

    Convention: corner pixels of the original photo: the centre of its first pixel is (0.5, 0.5).
    """

    points: NDArray[np.float32]
    """(N, 2) x, y."""
    scores: NDArray[np.float32]
    """(N,) as the detector gives them; larger is better."""
    descriptors: NDArray[np.float32]
    """(N, D)."""
    size: Size
    """Of the original photo."""
    model: str
    """Name of the feature in the registry of matchers, such as xfeat."""

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Matches:
    """Correspondences between two photos.

    Convention: corner pixels of the original photos, whatever size the matcher worked at.
    """

    points_a: NDArray[np.float32]
    """(M, 2) x, y in a."""
    points_b: NDArray[np.float32]
    """(M, 2) x, y in b."""
    scores: NDArray[np.float32]
    """(M,) 0..1, larger is more certain."""
    size_a: Size
    size_b: Size
    model: str
    """Name in the registry of matchers."""
    weights: str
    """SHA-256 over the weight files; empty for a matcher without any."""
    licence: str
    """Of code and weights together."""
    covariance: NDArray[np.float32] | None = None
    """(M, 2, 2) of ``points_b`` given ``points_a``, pixels of b squared."""
    rows: NDArray[np.int64] | None = None
    """(M, 2) rows of the features of a and of b; None for matchers without features."""

    def __len__(self) -> int:
        return len(self.points_a)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Matches:
        """The matches that a mask (M,) or rows (K,) select."""
        return replace(
            self,
            points_a=self.points_a[which],
            points_b=self.points_b[which],
            scores=self.scores[which],
            covariance=None if self.covariance is None else self.covariance[which],
            rows=None if self.rows is None else self.rows[which],
        )

    def swapped(self) -> Matches:
        """From b to a; the covariance is dropped, since it belongs to the points in b."""
        return replace(
            self,
            points_a=self.points_b,
            points_b=self.points_a,
            size_a=self.size_b,
            size_b=self.size_a,
            covariance=None,
            rows=None if self.rows is None else self.rows[:, ::-1],
        )
