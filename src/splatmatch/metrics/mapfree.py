"""Metrics of map-free relocalisation (Arnold et al., 2022) as its public benchmark computes them.

Convention: poses are world_from_camera here, as in the benchmark; metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.geometry.pose import Pose, multiply_quaternions

Floats = NDArray[np.float64]
VCRE_PIXELS = 90.0
"""A pose whose VCRE is below this is accepted."""
POSE_METRES, POSE_DEGREES = 0.25, 5.0
"""A pose within both is precise."""


def virtual_points() -> Floats:
    """The (196, 3) points in the query camera: 7 x 4 x 7 of spacing 0.3 m, y slowest and z fastest, from 1.8 m on."""
    y, x, z = np.meshgrid(np.arange(4) * 0.3 - 0.45, np.arange(7) * 0.3 - 0.9, np.arange(7) * 0.3 + 1.8, indexing="ij")
    return np.stack([x, y, z], -1).reshape(-1, 3)


def vcre(estimate: Pose, truth: Pose, K: Floats, size: tuple[int, int]) -> float:
    """Virtual correspondence reprojection error: mean distance in pixels of the virtual points under both poses.

    Both projections are clamped to the image, and there is no test for points behind the camera.

    Args:
        estimate: world_from_camera of the query.
        truth: world_from_camera of the query.
        K: (3, 3) intrinsics of the query.
        size: (width, height).
    """
    points = torch.as_tensor(virtual_points())
    moved = (estimate.inverse() @ truth).apply(points).numpy()
    true, estimated = (_clamped_projection(p, K, size) for p in (points.numpy(), moved))
    return float(np.linalg.norm(true - estimated, axis=1).mean())


def quaternion_degrees(estimate: Pose, truth: Pose) -> float:
    """Angle between two rotations in degrees: 2 asin of the length of the vector part of q_est q_true^-1."""
    conjugate = truth.quaternion * torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=torch.float64)
    vector = multiply_quaternions(estimate.quaternion, conjugate)[1:]
    return float(torch.rad2deg(2 * torch.asin(vector.norm().clamp(max=1.0))))


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision over the share of frames that are answered, as the confidence that is asked for rises."""

    precision: Floats
    """(K + 1,) share of accepted frames among those of enough confidence; the last is 1."""
    recall: Floats
    """(K + 1,) share of all frames, failures included, that are of enough confidence; the last is 0."""
    auc: float
    """Sum of precision_k (recall_k - recall_k+1)."""


def precision_recall(
    confidences: Sequence[float] | Floats, accepted: Sequence[bool] | NDArray[np.bool_], failures: int
) -> PrecisionRecall:
    """Precision and recall over the K different confidences; frames of equal confidence come together.

    Args:
        confidences: (N,) as submitted, larger is more certain.
        accepted: (N,).
        failures: frames without an answer: they lower recall only.
    """
    c, good = np.asarray(confidences, np.float64), np.asarray(accepted, bool)
    kept = [c >= level for level in np.unique(c)]
    precision = np.array([good[mask].mean() for mask in kept] + [1.0])
    recall = np.array([mask.sum() / (len(c) + failures) for mask in kept] + [0.0])
    return PrecisionRecall(precision, recall, float((precision[:-1] * (recall[:-1] - recall[1:])).sum()))


def _clamped_projection(points: Floats, K: Floats, size: tuple[int, int]) -> Floats:
    homogeneous = points @ np.asarray(K, np.float64).T
    return np.clip(homogeneous[:, :2] / homogeneous[:, 2:], 0, size)
