"""The adapter of PoseLib: LO-RANSAC with non-linear refinement.

PoseLib reads the options it knows from a dictionary and ignores the rest in silence, and their names differ between
releases, so every name is looked up in the options of the installed version first.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from splatmatch.errors import InputError
from splatmatch.solvers.two_view import Floats, Pinhole, PlaneMatrix, Ransac, RelativePose


class PoseLib:
    """Estimators of PoseLib; see ``TwoViewSolver``."""

    @property
    def version(self) -> str:
        """Library and version."""
        return f"poselib {version('poselib')}"

    def relative_pose(
        self, pixels_a: Floats, pixels_b: Floats, camera_a: Pinhole, camera_b: Pinhole, ransac: Ransac
    ) -> RelativePose | None:
        """Five points, Sampson distance; the threshold is scaled by the mean focal length of each image."""
        import poselib

        options = checked_options(_options(ransac, "max_epipolar_error"), poselib.RansacOptions())
        pose, info = poselib.estimate_relative_pose(
            pixels_a, pixels_b, _camera(camera_a), _camera(camera_b), options, {}
        )
        inliers = np.asarray(info["inliers"], bool)
        if not inliers.any():
            return None
        return RelativePose(np.asarray(pose.R, np.float64), np.asarray(pose.t, np.float64), inliers)

    def fundamental(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """Seven points, Sampson distance."""
        import poselib

        options = checked_options(_options(ransac, "max_epipolar_error"), poselib.RansacOptions())
        return _matrix(*poselib.estimate_fundamental(pixels_a, pixels_b, options, {}))

    def homography(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """Four points, transfer error in b."""
        import poselib

        options = checked_options(_options(ransac, "max_reproj_error"), poselib.RansacOptions())
        return _matrix(*poselib.estimate_homography(pixels_a, pixels_b, options, {}))


def checked_options(wanted: dict[str, Any], known: Any) -> dict[str, Any]:
    """``wanted`` as it is, if every name is among those of ``known``.

    Raises:
        InputError: the installed PoseLib does not know an option, and would ignore it.
    """
    names = set(known) if isinstance(known, dict) else {name for name in dir(known) if not name.startswith("_")}
    unknown = sorted(set(wanted) - names)
    if unknown:
        raise InputError(
            f"poselib {version('poselib')} has no option {', '.join(unknown)}",
            "install the version in constraints.txt",
        )
    return wanted


def _options(ransac: Ransac, error: str) -> dict[str, Any]:
    return {
        error: ransac.threshold,
        "max_iterations": ransac.max_iterations,
        "min_iterations": min(1000, ransac.max_iterations),
        "success_prob": ransac.confidence,
        "seed": ransac.seed,
    }


def _camera(camera: Pinhole) -> dict[str, Any]:
    params = [camera.fx, camera.fy, camera.cx, camera.cy]
    return {"model": "PINHOLE", "width": camera.width, "height": camera.height, "params": params}


def _matrix(matrix: Any, info: dict[str, Any]) -> PlaneMatrix | None:
    inliers = np.asarray(info["inliers"], bool)
    found = np.asarray(matrix, np.float64)
    return PlaneMatrix(found, inliers) if inliers.any() and np.isfinite(found).all() else None
