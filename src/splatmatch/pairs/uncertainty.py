"""How uncertain a label is: from the depth along the ray and the angle of incidence to pixels in the other image."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.encoding import SIGMA_RANGE

SPREAD_SHARE = 0.5
"""Error of blended depth, in standard deviations of the depths that were blended."""
SLOPE_SHARE = 0.25
"""Error of depth on a slope, in pixels across which it runs."""
FLOOR = 5e-4
"""Least relative error of depth."""
STEEPEST = 10.0
"""Tangent at which the angle of incidence is cut."""
LEAST_PIXELS = 0.02
"""Least standard deviation of a label."""


def depth_uncertainty(spread: Tensor, normal: Tensor, camera: Camera) -> Tensor:
    """Relative standard deviation (H, W) of depth, from the spread along the ray and the angle of incidence.

    sigma^2 = (0.5 spread)^2 + (0.25 tan(incidence) / f)^2 + 0.0005^2: a share of the spread of what was blended, and
    the depth that a quarter of a pixel covers on a slope.

    Shapes: spread (H, W) of ln z, normal (H, W, 3) unit in the camera frame.
    """
    rays = camera.unproject(camera.pixel_centres(), torch.ones(camera.height, camera.width))
    cosine = -(rays * normal).sum(-1) / rays.norm(dim=-1)
    tangent = ((1 - cosine.square()).clamp(min=0).sqrt() / cosine.clamp(min=1e-3)).clamp(max=STEEPEST)
    slope = SLOPE_SHARE * tangent / min(camera.fx, camera.fy)
    sigma: Tensor = ((SPREAD_SHARE * spread).square() + slope.square() + FLOOR**2).sqrt()
    return sigma


def label_sigma(
    depth: NDArray[np.float32],
    depth_sigma: NDArray[np.float32],
    valid: NDArray[np.bool_],
    camera_a: Camera,
    camera_b: Camera,
    b_from_a: Pose,
) -> NDArray[np.float32]:
    """Standard deviation (H, W), pixels of b, of where the pixels of a land there; 0 where not valid.

    A point at depth z along the ray r of a lies at q = z R r + t in b. Its image moves by
    |du / dz| = |f (r'_x t_z - t_x r'_z, r'_y t_z - t_y r'_z)| / q_z^2 with r' = R r, so that a pair without a baseline
    has certain labels whatever the depth. Behind b the largest value that is stored is taken.

    Shapes: depth, depth_sigma, valid (H, W) in the units of the translation of ``b_from_a``.
    """
    rotation = b_from_a.rotation.numpy().astype(np.float32)
    tx, ty, tz = b_from_a.translation.numpy().astype(np.float32)
    x = ((np.arange(camera_a.width, dtype=np.float32) + np.float32(0.5) - camera_a.cx) / camera_a.fx)[None, :]
    y = ((np.arange(camera_a.height, dtype=np.float32) + np.float32(0.5) - camera_a.cy) / camera_a.fy)[:, None]
    rx, ry, rz = (row[0] * x + row[1] * y + row[2] for row in rotation)
    there = rz * depth + tz
    safe = np.where(there > 0, there, 1.0)
    move = np.hypot(camera_b.fx * (rx * tz - tx * rz), camera_b.fy * (ry * tz - ty * rz)) / np.square(safe)
    sigma = np.where(there > 0, np.hypot(move * depth_sigma, LEAST_PIXELS), SIGMA_RANGE[1])
    return np.where(valid, np.clip(sigma, *SIGMA_RANGE), 0.0).astype(np.float32)
