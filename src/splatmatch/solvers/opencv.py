"""The adapter of OpenCV's two-view estimators: plain RANSAC, and USAC with MAGSAC scoring.

Plain RANSAC always draws the same samples, so the seed shuffles the matches (0 leaves them as they are).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from splatmatch.solvers.two_view import (
    Floats,
    Mask,
    Pinhole,
    PlaneMatrix,
    Ransac,
    RelativePose,
    mean_focal_threshold,
    normalised,
)

Dialect = Literal["plain", "loftr"]
"""Of relative poses. loftr has two slips of the evaluation of LoFTR, which others copied and published figures contain:
the threshold is divided by the mean of fx of a, fy of b, fx of a and fy of b (a typo; plain: ``mean_focal_threshold``),
and points farther away than 50 baselines do not vote for a decomposition (plain: all do)."""


@dataclass(frozen=True)
class OpenCV:
    """Estimators of OpenCV; see ``TwoViewSolver``."""

    magsac: bool = False
    """USAC with MAGSAC scoring instead of plain RANSAC."""
    dialect: Dialect = "plain"

    @property
    def version(self) -> str:
        """Library and version."""
        import cv2

        return f"opencv {cv2.__version__} {'USAC_MAGSAC' if self.magsac else 'RANSAC'}"

    def relative_pose(
        self, pixels_a: Floats, pixels_b: Floats, camera_a: Pinhole, camera_b: Pinhole, ransac: Ransac
    ) -> RelativePose | None:
        """Five points on normalised coordinates; of several essential matrices the one with most points in front."""
        import cv2

        order = self._order(len(pixels_a), ransac.seed)
        a, b = normalised(pixels_a, camera_a)[order], normalised(pixels_b, camera_b)[order]
        threshold = _threshold(self.dialect, ransac.threshold, camera_a, camera_b)
        eye = np.eye(3)
        if self.magsac:  # several times more exact on pixels than on normalised coordinates; divides by the mean focal
            focal = (camera_a.fx + camera_a.fy + camera_b.fx + camera_b.fy) / 4
            matrices, straight = (_matrix_of(camera_a), _matrix_of(camera_b)), np.zeros(4)
            params = _usac(ransac, threshold * focal)
            stacked, mask = cv2.findEssentialMat(
                pixels_a[order], pixels_b[order], *matrices, straight, straight, params
            )
        else:
            iterations = ransac.max_iterations
            stacked, mask = cv2.findEssentialMat(a, b, eye, cv2.RANSAC, ransac.confidence, threshold, iterations)
        if stacked is None or stacked.size == 0 or mask is None:
            return None
        limit = 50.0 if self.dialect == "loftr" else 1e9
        best, best_count = None, 0
        for essential in np.split(stacked, len(stacked) // 3):
            count, rotation, translation, *_ = cv2.recoverPose(
                essential, a, b, eye, distanceThresh=limit, mask=mask.copy()
            )
            if count > best_count:
                best, best_count = (rotation, translation[:, 0]), count
        if best is None:
            return None
        return RelativePose(np.asarray(best[0]), np.asarray(best[1]), _unshuffled(mask, order))

    def fundamental(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """Distance to epipolar lines."""
        import cv2

        order = self._order(len(pixels_a), ransac.seed)
        a, b = pixels_a[order], pixels_b[order]
        if self.magsac:
            found, mask = cv2.findFundamentalMat(a, b, _usac(ransac, ransac.threshold))
        else:
            options = (ransac.threshold, ransac.confidence, ransac.max_iterations)
            found, mask = cv2.findFundamentalMat(a, b, cv2.FM_RANSAC, *options)
        return _matrix(found, mask, order)

    def homography(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """Transfer error in b."""
        import cv2

        order = self._order(len(pixels_a), ransac.seed)
        a, b = pixels_a[order], pixels_b[order]
        if self.magsac:
            found, mask = cv2.findHomography(a, b, _usac(ransac, ransac.threshold))
        else:
            found, mask = cv2.findHomography(
                a, b, cv2.RANSAC, ransac.threshold, maxIters=ransac.max_iterations, confidence=ransac.confidence
            )
        return _matrix(found, mask, order)

    def _order(self, count: int, seed: int) -> Any:
        if self.magsac or seed == 0:
            return np.arange(count)
        return np.random.default_rng(seed).permutation(count)


def _threshold(dialect: Dialect, pixels: float, camera_a: Pinhole, camera_b: Pinhole) -> float:
    if dialect == "loftr":
        return pixels / float(np.mean([camera_a.fx, camera_b.fy, camera_a.fx, camera_b.fy]))
    return mean_focal_threshold(pixels, camera_a, camera_b)


def _matrix_of(camera: Pinhole) -> Floats:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])


def _usac(ransac: Ransac, threshold: float) -> Any:
    import cv2

    params = cv2.UsacParams()
    params.threshold = threshold
    params.maxIterations = ransac.max_iterations
    params.confidence = ransac.confidence
    params.randomGeneratorState = ransac.seed
    params.score = cv2.SCORE_METHOD_MAGSAC
    params.loMethod = cv2.LOCAL_OPTIM_SIGMA
    params.final_polisher = cv2.MAGSAC
    return params


def _unshuffled(mask: Any, order: Any) -> Mask:
    inliers = np.zeros(len(order), bool)
    inliers[order] = np.asarray(mask).reshape(-1).astype(bool)
    return inliers


def _matrix(found: Any, mask: Any, order: Any) -> PlaneMatrix | None:
    if found is None or np.shape(found) != (3, 3) or mask is None or not np.isfinite(found).all():
        return None
    inliers = _unshuffled(mask, order)
    return PlaneMatrix(np.asarray(found, np.float64), inliers) if inliers.any() else None
