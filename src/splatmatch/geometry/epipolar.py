"""Two-view geometry of points: the fundamental matrix and distances to epipolar lines."""

from __future__ import annotations

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, skew


def fundamental_matrix(camera_a: Camera, camera_b: Camera, b_from_a: Pose) -> Tensor:
    """F (3, 3) float64 of Frobenius norm 1 with x_b^T F x_a = 0 for homogeneous corner pixels; 0 without translation.

    F = K_b^-T [t]x R K_a^-1 (Hartley and Zisserman, 2004, eq. 9.2).
    """
    essential = skew(b_from_a.translation.double()) @ b_from_a.rotation.double()
    matrix: Tensor = torch.linalg.inv(camera_b.matrix).T @ essential @ torch.linalg.inv(camera_a.matrix)
    norm = matrix.norm()
    return matrix / norm if norm > 0 else matrix


def symmetric_epipolar_distance(fundamental: Tensor, points_a: Tensor, points_b: Tensor) -> Tensor:
    """Mean of the distances (N,) in pixels of points (N, 2) to the epipolar lines of their partners, in both images.

    NaN where there is no line: without translation, or at an epipole. The distance says nothing about depth: a point
    that is carried over by depth and pose lies on its line for any depth.
    """
    ones = torch.ones(len(points_a), 1, dtype=torch.float64)
    a, b = torch.cat([points_a.double(), ones], 1), torch.cat([points_b.double(), ones], 1)
    lines_b, lines_a = a @ fundamental.T, b @ fundamental
    product = (b * lines_b).sum(1).abs()
    distance: Tensor = 0.5 * (product / lines_b[:, :2].norm(dim=1) + product / lines_a[:, :2].norm(dim=1))
    return distance
