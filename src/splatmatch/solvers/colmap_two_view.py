"""COLMAP's two-view estimators (LO-RANSAC), through pycolmap."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from splatmatch.solvers.pycolmap import Intrinsics, configured, load
from splatmatch.solvers.two_view import Floats, Pinhole, PlaneMatrix, Ransac, RelativePose


class Colmap:
    """Estimators of pycolmap; see ``TwoViewSolver``."""

    @property
    def version(self) -> str:
        """Library and version."""
        return f"pycolmap {version('pycolmap')}"

    def relative_pose(
        self, pixels_a: Floats, pixels_b: Floats, camera_a: Pinhole, camera_b: Pinhole, ransac: Ransac
    ) -> RelativePose | None:
        """Five points, Sampson distance; the threshold is scaled by the mean focal length of each image."""
        cameras = [_camera(camera) for camera in (camera_a, camera_b)]
        found = load().estimate_essential_matrix(pixels_a, pixels_b, *cameras, _options(ransac))
        if found is None:
            return None
        pose = found["cam2_from_cam1"]
        rotation = np.asarray(pose.rotation.matrix(), np.float64)
        return RelativePose(rotation, np.asarray(pose.translation, np.float64), np.asarray(found["inlier_mask"], bool))

    def fundamental(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """Sampson distance."""
        return _matrix(load().estimate_fundamental_matrix(pixels_a, pixels_b, _options(ransac)), "F")

    def homography(self, pixels_a: Floats, pixels_b: Floats, ransac: Ransac) -> PlaneMatrix | None:
        """Transfer error in b."""
        return _matrix(load().estimate_homography_matrix(pixels_a, pixels_b, _options(ransac)), "H")


def _options(ransac: Ransac) -> Any:
    values = {
        "max_error": ransac.threshold,
        "max_num_trials": ransac.max_iterations,
        "min_num_trials": min(1000, ransac.max_iterations),
        "confidence": ransac.confidence,
        "random_seed": ransac.seed,
    }
    return configured(load().RANSACOptions(), values)


def _camera(camera: Pinhole) -> Any:
    params = (camera.fx, camera.fy, camera.cx, camera.cy)
    return Intrinsics("PINHOLE", camera.width, camera.height, params, known=True).camera()


def _matrix(found: dict[str, Any] | None, key: str) -> PlaneMatrix | None:
    if found is None or not np.isfinite(found[key]).all():
        return None
    return PlaneMatrix(np.asarray(found[key], np.float64), np.asarray(found["inlier_mask"], bool))
