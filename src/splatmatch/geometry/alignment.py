"""Similarity alignment of point sets (Umeyama, 1991)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.pose import Pose


@dataclass(frozen=True, eq=False)
class Similarity:
    """b_from_a with x_b = scale * rotation @ x_a + translation."""

    scale: float
    rotation: Tensor
    """(3, 3) float64."""
    translation: Tensor
    """(3,) float64."""

    @classmethod
    def identity(cls) -> Similarity:
        """The similarity that changes nothing."""
        return cls(1.0, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))

    def apply(self, points: Tensor) -> Tensor:
        """Points (..., 3) of frame a in frame b."""
        return self.scale * points @ self.rotation.to(points).T + self.translation.to(points)

    def apply_pose(self, camera_from_a: Pose) -> Pose:
        """camera_from_b of the camera ``camera_from_a``; the camera frame takes the scale of b."""
        rotation = camera_from_a.rotation @ self.rotation.T
        return Pose(rotation, self.scale * camera_from_a.translation - rotation @ self.translation)

    def inverse(self) -> Similarity:
        """a_from_b."""
        rotation = self.rotation.T.contiguous()
        return Similarity(1 / self.scale, rotation, -(rotation @ self.translation) / self.scale)

    def __matmul__(self, other: Similarity) -> Similarity:
        return Similarity(
            self.scale * other.scale,
            self.rotation @ other.rotation,
            self.scale * (self.rotation @ other.translation) + self.translation,
        )


def align_points(points_a: Tensor, points_b: Tensor, with_scale: bool = True) -> Similarity:
    """The least-squares similarity b_from_a of matched points (N, 3), N >= 3 (Umeyama 1991, eq. 40-42).

    Raises:
        ValueError: fewer than three points, or all in one place.
    """
    a, b = points_a.to(torch.float64), points_b.to(torch.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[0] < 3 or a.shape[1] != 3:
        raise ValueError(f"alignment needs two equal (N, 3) sets with N >= 3, not {tuple(a.shape)}, {tuple(b.shape)}")
    mean_a, mean_b = a.mean(0), b.mean(0)
    variance = (a - mean_a).square().sum(1).mean()
    if variance <= 0:
        raise ValueError("alignment needs points that are not all in one place")
    u, s, vt = torch.linalg.svd((b - mean_b).T @ (a - mean_a) / len(a))
    sign = torch.ones(3, dtype=torch.float64)
    if torch.linalg.det(u) * torch.linalg.det(vt) < 0:
        sign[2] = -1
    rotation = u @ torch.diag(sign) @ vt
    scale = float((s * sign).sum() / variance) if with_scale else 1.0
    return Similarity(scale, rotation, mean_b - scale * rotation @ mean_a)
