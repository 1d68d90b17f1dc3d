"""Geometric verification: which matches agree with one relative pose, fundamental matrix or homography.

Every result states the estimator, its version and all options, because they move published figures by ten points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose, nearest_rotation
from splatmatch.solvers.opencv import Dialect
from splatmatch.solvers.two_view import Floats, Mask, PlaneMatrix, Ransac, TwoViewSolver

Estimator = Literal["poselib", "opencv", "opencv-magsac", "pycolmap"]
ESTIMATORS: tuple[Estimator, ...] = ("poselib", "opencv", "opencv-magsac", "pycolmap")
"""poselib and pycolmap are LO-RANSAC, opencv is plain RANSAC, opencv-magsac is USAC with MAGSAC scoring."""
_LEAST = {"relative pose": 5, "fundamental matrix": 8, "homography": 4}


@dataclass(frozen=True)
class VerificationOptions:
    """What a verification depends on besides the matches."""

    estimator: Estimator = "poselib"
    threshold: float = 1.0
    """Pixels of the photos as given to the function: distance from the epipolar line (Sampson for poselib and
    pycolmap), or from the transferred point for homographies."""
    max_iterations: int = 10_000
    confidence: float = 0.9999
    """Probability that one of the samples was free of outliers, below 1."""
    seed: int = 0
    """Of the samples; plain opencv always draws the same ones, there the matches are shuffled instead (0 = not)."""
    min_inliers: int = 5
    """Fewer agreeing matches are no result."""
    dialect: Dialect = "plain"
    """Of opencv's relative pose; see ``solvers.opencv.Dialect``."""

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise InputError(f"no estimator {self.estimator!r}", f"choose one of {', '.join(ESTIMATORS)}")
        if not (math.isfinite(self.threshold) and self.threshold > 0):
            raise InputError(f"a verification threshold of {self.threshold} px", "give pixels above 0")
        if not 0 < self.confidence < 1:
            raise InputError(f"a verification confidence of {self.confidence}", "give a number between 0 and 1")
        if self.max_iterations < 1 or self.seed < 0 or self.min_inliers < 1:
            raise InputError("max_iterations and min_inliers are 1 or more, the seed is 0 or more")
        if self.dialect not in ("plain", "loftr"):
            raise InputError(f"no dialect {self.dialect!r}", "choose plain or loftr")
        if self.dialect == "loftr" and self.estimator != "opencv":
            raise InputError(f"the dialect loftr belongs to opencv, not to {self.estimator}")

    def __str__(self) -> str:
        dialect = ", dialect loftr" if self.dialect == "loftr" else ""
        return (
            f"{self.estimator}, {self.threshold:g} px, at most {self.max_iterations:,} iterations, confidence "
            f"{self.confidence:g}, seed {self.seed}, at least {self.min_inliers} inliers{dialect}"
        )


@dataclass(frozen=True, eq=False)
class TwoViewPose:
    """A relative pose, or why there is none."""

    b_from_a: Pose | None
    """Translation of length 1: two views do not tell the scale."""
    inliers: Mask
    """(M,) the matches that agree; none where there is no pose."""
    options: VerificationOptions
    solver: str
    """Library and version."""
    reason: str = ""
    """Why there is no pose."""


@dataclass(frozen=True, eq=False)
class TwoViewMatrix:
    """A fundamental matrix or homography, or why there is none."""

    matrix: Floats | None
    """(3, 3): x_b^T F x_a = 0, or x_b ~ H x_a, for homogeneous corner pixels; of Frobenius norm 1."""
    inliers: Mask
    """(M,) the matches that agree; none where there is no matrix."""
    options: VerificationOptions
    solver: str
    """Library and version."""
    reason: str = ""
    """Why there is no matrix."""


def relative_pose(
    points_a: NDArray[np.floating],
    points_b: NDArray[np.floating],
    camera_a: Camera | DistortedCamera,
    camera_b: Camera | DistortedCamera,
    options: VerificationOptions = VerificationOptions(),
) -> TwoViewPose:
    """b_from_a of two calibrated photos.

    Args:
        points_a: (M, 2) corner pixels of a.
        points_b: (M, 2) corner pixels of b, row by row the partners of ``points_a``.
        camera_a: of photo a; points of a distorted camera are undistorted exactly, and the threshold then counts pixels
            of the undistorted image.
        camera_b: of photo b.
        options: see ``VerificationOptions``.

    Raises:
        InputError: a point is NaN or infinite, the two sets differ in number, or the installed library does not know an
            option.
    """
    a, b = _pairs(points_a, points_b)
    a, pinhole_a = undistorted_points(a, camera_a)
    b, pinhole_b = undistorted_points(b, camera_b)
    visible = np.isfinite(a).all(1) & np.isfinite(b).all(1)
    solver, nothing = _solver(options), np.zeros(len(a), bool)

    def failed(reason: str) -> TwoViewPose:
        return TwoViewPose(None, nothing, options, solver.version, reason)

    if too_few := _too_few(int(visible.sum()), "relative pose"):
        return failed(too_few)
    found = solver.relative_pose(a[visible], b[visible], pinhole_a, pinhole_b, _ransac(options))
    if found is None:
        return failed("no pose agrees with the matches")
    if too_weak := _too_weak(found.inliers, options):
        return failed(too_weak)
    length = float(np.linalg.norm(found.translation))
    if not math.isfinite(length) or length == 0 or not np.isfinite(found.rotation).all():
        return failed("the pose is degenerate")
    rotation = nearest_rotation(torch.as_tensor(found.rotation, dtype=torch.float64))
    translation = torch.as_tensor(found.translation / length, dtype=torch.float64)
    inliers = nothing.copy()
    inliers[visible] = found.inliers
    return TwoViewPose(Pose(rotation, translation), inliers, options, solver.version)


def fundamental(
    points_a: NDArray[np.floating],
    points_b: NDArray[np.floating],
    options: VerificationOptions = VerificationOptions(),
) -> TwoViewMatrix:
    """The fundamental matrix of two photos of unknown cameras without distortion; arguments as in ``relative_pose``.

    Raises:
        InputError: see ``relative_pose``.
    """
    return _plane_matrix("fundamental matrix", points_a, points_b, options)


def homography(
    points_a: NDArray[np.floating],
    points_b: NDArray[np.floating],
    options: VerificationOptions = VerificationOptions(),
) -> TwoViewMatrix:
    """The homography of two photos of a plane, or from one spot; arguments as in ``relative_pose``.

    Raises:
        InputError: see ``relative_pose``.
    """
    return _plane_matrix("homography", points_a, points_b, options)


def solver_version(estimator: Estimator) -> str:
    """Library and version that stand behind an estimator."""
    return _solver(VerificationOptions(estimator)).version


def undistorted_points(points: Floats, camera: Camera | DistortedCamera) -> tuple[Floats, Camera]:
    """Where a pinhole of the same focal lengths and principal point sees the points (M, 2), and that pinhole.

    NaN where the ray of a pixel does not point forward.
    """
    if isinstance(camera, Camera):
        return points, camera
    pinhole = camera.without_distortion()
    if camera.is_pinhole:
        return points, pinhole
    from splatmatch.solvers.pycolmap import Intrinsics

    intrinsics = Intrinsics(camera.model, camera.width, camera.height, camera.params, known=True)
    rays = intrinsics.undistorted(points)
    return rays * [pinhole.fx, pinhole.fy] + [pinhole.cx, pinhole.cy], pinhole


def _plane_matrix(
    what: str, points_a: NDArray[np.floating], points_b: NDArray[np.floating], options: VerificationOptions
) -> TwoViewMatrix:
    a, b = _pairs(points_a, points_b)
    solver, nothing = _solver(options), np.zeros(len(a), bool)

    def failed(reason: str) -> TwoViewMatrix:
        return TwoViewMatrix(None, nothing, options, solver.version, reason)

    if too_few := _too_few(len(a), what):
        return failed(too_few)
    estimate = solver.homography if what == "homography" else solver.fundamental
    found: PlaneMatrix | None = estimate(a, b, _ransac(options))
    if found is None:
        return failed(f"no {what} agrees with the matches")
    if too_weak := _too_weak(found.inliers, options):
        return failed(too_weak)
    norm = float(np.linalg.norm(found.matrix))
    if norm == 0:
        return failed(f"the {what} is degenerate")
    return TwoViewMatrix(found.matrix / norm, found.inliers, options, solver.version)


def _pairs(points_a: NDArray[np.floating], points_b: NDArray[np.floating]) -> tuple[Floats, Floats]:
    a, b = (np.ascontiguousarray(points, np.float64).reshape(-1, 2) for points in (points_a, points_b))
    if len(a) != len(b):
        raise InputError(f"{len(a)} points in a and {len(b)} in b are no matches")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("a matched point is NaN or infinite")
    return a, b


def _too_few(count: int, what: str) -> str:
    least = _LEAST[what]
    return f"{count} matches: a {what} needs {least}" if count < least else ""


def _too_weak(inliers: Mask, options: VerificationOptions) -> str:
    count = int(inliers.sum())
    return f"{count} of {len(inliers)} matches agree, {options.min_inliers} must" if count < options.min_inliers else ""


def _ransac(options: VerificationOptions) -> Ransac:
    return Ransac(options.threshold, options.max_iterations, options.confidence, options.seed)


def _solver(options: VerificationOptions) -> TwoViewSolver:
    if options.estimator == "poselib":
        from splatmatch.solvers.poselib import PoseLib

        return PoseLib()
    if options.estimator == "pycolmap":
        from splatmatch.solvers.colmap_two_view import Colmap

        return Colmap()
    from splatmatch.solvers.opencv import OpenCV

    return OpenCV(magsac=options.estimator == "opencv-magsac", dialect=options.dialect)
