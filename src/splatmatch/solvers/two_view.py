"""What the robust two-view estimators share, whichever library they come from.

Convention: pixels and normalised coordinates are numpy float64; matrices and poses lead from a to b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Ransac:
    """When a robust estimator stops, and what it takes for an inlier."""

    threshold: float
    """Pixels: Sampson or epipolar distance for poses and fundamental matrices, transfer error for homographies."""
    max_iterations: int
    confidence: float
    """Probability below 1 that one of the samples was free of outliers."""
    seed: int


class Pinhole(Protocol):
    """The part of ``geometry.Camera`` that estimators read."""

    @property
    def width(self) -> int:
        """Pixels."""
        ...

    @property
    def height(self) -> int:
        """Pixels."""
        ...

    @property
    def fx(self) -> float:
        """Pixels."""
        ...

    @property
    def fy(self) -> float:
        """Pixels."""
        ...

    @property
    def cx(self) -> float:
        """Pixels from the left border."""
        ...

    @property
    def cy(self) -> float:
        """Pixels from the top border."""
        ...


@dataclass(frozen=True, eq=False)
class RelativePose:
    """b_from_a up to the length of the translation, and what agrees with it."""

    rotation: Floats
    """(3, 3)."""
    translation: Floats
    """(3,)."""
    inliers: Mask
    """(M,)."""


@dataclass(frozen=True, eq=False)
class PlaneMatrix:
    """A fundamental matrix or a homography, and what agrees with it."""

    matrix: Floats
    """(3, 3)."""
    inliers: Mask
    """(M,)."""


class TwoViewSolver(Protocol):
    """One outside library as a set of estimators; each returns None where it finds nothing."""

    @property
    def version(self) -> str:
        """Library and version, as stated in results."""
        ...

    def relative_pose(
        self, pixels_a: Floats, pixels_b: Floats, camera_a: Pinhole, camera_b: Pinhole, ransac: Ransac
    ) -> RelativePose | None:
        """From five or more pairs of pixels (M, 2) of two pinhole cameras."""
        ...

    def fundamental(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """x_b^T F x_a = 0, from eight or more pairs of pixels (M, 2)."""
        ...

    def homography(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """x_b ~ H x_a, from four or more pairs of pixels (M, 2)."""
        ...


def normalised(pixels: Floats, camera: Pinhole) -> Floats:
    """x/z, y/z (M, 2) of pixels (M, 2)."""
    return (pixels - [camera.cx, camera.cy]) / [camera.fx, camera.fy]


def mean_focal_threshold(threshold: float, camera_a: Pinhole, camera_b: Pinhole) -> float:
    """``threshold`` pixels in normalised coordinates: the mean over both images, each by its own mean focal length."""
    return threshold * 0.5 * (2 / (camera_a.fx + camera_a.fy) + 2 / (camera_b.fx + camera_b.fy))
