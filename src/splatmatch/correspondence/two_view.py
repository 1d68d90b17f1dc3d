"""What the matches of one pair of photos say about the two views: which are verified, and by which geometry.

Photos are verified at a common size, so the numbers do not depend on how many pixels a photo has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.correspondence.verification import (
    TwoViewPose,
    VerificationOptions,
    fundamental,
    homography,
    relative_pose,
)
from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.scene.matches import Matches, Size

Floats = NDArray[np.float64]
AnyCamera = Camera | DistortedCamera
VERIFICATION_SIZE = 640
"""Long side, pixels, that both photos are scaled to before verification; the threshold counts pixels there."""
VERIFICATION = VerificationOptions(threshold=2.0, min_inliers=8)
_PLANAR = 0.85
"""Where a homography explains this share of the verified matches, they do not tell the fundamental matrix."""


@dataclass(frozen=True, eq=False)
class TwoViewGeometry:
    """The geometry of two views as their matches show it."""

    inliers: NDArray[np.bool_]
    """(M,) verified matches; none where there is no geometry."""
    fundamental: Floats | None
    """(3, 3) of Frobenius norm 1: x_b^T F x_a = 0 for homogeneous corner pixels of the photos; None with cameras."""
    pose: TwoViewPose | None
    """b_from_a, where cameras were given; the inliers of it are those above."""
    planar_share: float
    """Share of the verified matches that one homography explains too."""
    options: VerificationOptions
    solver: str
    """Library and version."""
    reason: str = ""
    """Why nothing is verified."""

    @property
    def planar(self) -> bool:
        """One plane, or one place: F is not determined, and a pose only if the points do lie on a plane."""
        return self.planar_share >= _PLANAR

    def __str__(self) -> str:
        return f"{self.solver}, photos at a long side of {VERIFICATION_SIZE}: {self.options}"


def two_view_geometry(
    matches: Matches,
    camera_a: AnyCamera | None = None,
    camera_b: AnyCamera | None = None,
    options: VerificationOptions = VERIFICATION,
) -> TwoViewGeometry:
    """Verify ``matches``: by a fundamental matrix, or by a relative pose if both cameras are known.

    Args:
        matches: of two photos.
        camera_a: of photo a, whose size it has.
        camera_b: of photo b.
        options: the threshold counts pixels at a long side of 640.

    Raises:
        InputError: a point is NaN, or a camera is not of the size of its photo.
    """
    sizes = [common_size(size) for size in (matches.size_a, matches.size_b)]
    a, b = at_common_size(matches)
    plane = homography(a, b, options)
    if camera_a is not None and camera_b is not None:
        for camera, size in ((camera_a, matches.size_a), (camera_b, matches.size_b)):
            if (camera.width, camera.height) != size:
                raise InputError(
                    f"a camera of {camera.width} x {camera.height} for a photo of {size[0]} x {size[1]}",
                    "give the intrinsics of the photo as it is",
                )
        pose = relative_pose(a, b, camera_a.resized(*sizes[0]), camera_b.resized(*sizes[1]), options)
        share = _share(plane.inliers, pose.inliers)
        return TwoViewGeometry(pose.inliers, None, pose, share, options, pose.solver, pose.reason)
    found = fundamental(a, b, options)
    matrix = None
    if found.matrix is not None:
        scale_a, scale_b = (_scale(size) for size in (matches.size_a, matches.size_b))
        matrix = np.diag([*scale_b, 1]) @ found.matrix @ np.diag([*scale_a, 1])
        matrix /= np.linalg.norm(matrix)
    inliers, reason = found.inliers, found.reason
    if plane.inliers.sum() > inliers.sum():  # one plane seen from one place: the general solver may fail on it
        inliers, reason, matrix = plane.inliers, "", None
    return TwoViewGeometry(inliers, matrix, None, _share(plane.inliers, inliers), options, found.solver, reason)


def common_size(size: Size) -> Size:
    """The size of a photo with its long side brought to ``VERIFICATION_SIZE``, up or down."""
    scale = VERIFICATION_SIZE / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def at_common_size(matches: Matches) -> tuple[Floats, Floats]:
    """The matched points (M, 2) of both photos where these are brought to the common size."""
    return matches.points_a * _scale(matches.size_a), matches.points_b * _scale(matches.size_b)


def _scale(size: Size) -> Floats:
    return np.asarray(np.array(common_size(size)) / np.array(size), np.float64)


def _share(plane: NDArray[np.bool_], inliers: NDArray[np.bool_]) -> float:
    return float((plane & inliers).sum() / max(int(inliers.sum()), 1))
