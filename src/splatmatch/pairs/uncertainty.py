"""How uncertain a label is: the depth's own uncertainty, what the other view says, and what it means in pixels there.

The relative error of a splat's depth is predicted by a product of powers of five signs of trouble, fitted to the exact
depth of a path-traced room (splats fitted faithfully, plane depth): the spread of what was blended along the ray, the
angle of incidence, the disagreement of the blended normals, the roughness of the depth map around, and the difference
to the depth that the other view sees there.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.encoding import SIGMA_RANGE

Map = NDArray[np.float32]

POWERS = {"spread": 0.42, "tangent": 0.25, "bend": 0.6, "roughness": 0.2}
"""Of the signs that one view shows."""
DISAGREEMENT_POWER = 0.55
TYPICAL_DISAGREEMENT = 0.003
"""Relative; stands where the other view says nothing."""
FACTOR = 9.0
"""Makes the product of powers a standard deviation."""
LEAST = 1e-4
"""Added to each sign."""
STEEPEST = 10.0
"""Tangent at which the angle of incidence is cut."""
SMOOTH = 2.0
"""Standard deviation, in pixels of an image 640 wide, over which roughness and disagreement are averaged."""
LEAST_PIXELS = 0.02
"""Least standard deviation of a label."""


def depth_uncertainty(
    depth: Map, valid: NDArray[np.bool_], spread: Map, normal: Map, normal_length: Map, camera: Camera
) -> Map:
    """Standard deviation (H, W) of depth, by what one view shows, as if the other view disagreed as usual.

    Args:
        depth: (H, W) z-depth.
        valid: (H, W) where it is known.
        spread: (H, W) standard deviation of ln z along the ray.
        normal: (H, W, 3) unit, camera frame.
        normal_length: (H, W) length of the weighted mean of unit normals, 0..1.
        camera: of the image.
    """
    x = ((np.arange(camera.width, dtype=np.float32) + np.float32(0.5) - camera.cx) / camera.fx)[None, :]
    y = ((np.arange(camera.height, dtype=np.float32) + np.float32(0.5) - camera.cy) / camera.fy)[:, None]
    cosine = -(normal[..., 0] * x + normal[..., 1] * y + normal[..., 2]) / np.sqrt(x * x + y * y + 1)
    cosine = np.clip(cosine, 1e-3, 1.0)
    smooth = SMOOTH * camera.width / 640
    inverse = np.where(valid, 1 / np.where(valid, depth, 1), 0).astype(np.float32)
    rough = np.abs(inverse - cv2.GaussianBlur(inverse, (0, 0), 2 * smooth)) / np.where(valid, inverse, 1)
    signs = {
        "spread": spread,
        "tangent": np.minimum(np.sqrt(1 - cosine * cosine) / cosine, STEEPEST),
        "bend": 1 - np.clip(normal_length, 0, 1),
        "roughness": cv2.GaussianBlur(rough, (0, 0), smooth),
    }
    logarithm = sum(power * np.log(np.abs(signs[name]) + LEAST) for name, power in POWERS.items())
    relative = FACTOR * TYPICAL_DISAGREEMENT**DISAGREEMENT_POWER * np.exp(logarithm)
    return np.where(valid, depth * relative, 0).astype(np.float32)


def disagreement_factor(depth_error: Map) -> Map:
    """What the other view's depth makes of the uncertainty: a factor (H, W), 1 where it says nothing.

    Shape: depth_error (H, W), relative difference to the other view's depth; NaN where that is not known.
    """
    smooth = SMOOTH * depth_error.shape[1] / 640 * 1.5
    known = np.isfinite(depth_error).astype(np.float32)
    weight = cv2.GaussianBlur(known, (0, 0), smooth)
    mean = cv2.GaussianBlur(np.nan_to_num(depth_error, nan=0.0), (0, 0), smooth) / np.maximum(weight, 1e-3)
    error = np.where(weight > 0.05, np.maximum(mean, 0), TYPICAL_DISAGREEMENT)
    return np.asarray(((error + LEAST) / (TYPICAL_DISAGREEMENT + LEAST)) ** DISAGREEMENT_POWER, np.float32)


def label_sigma(
    depth: Map, depth_sigma: Map, valid: NDArray[np.bool_], camera_a: Camera, camera_b: Camera, b_from_a: Pose
) -> Map:
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
