"""Gravity and scale: the similarity that turns a reconstruction upright and gives it metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import SparsePoints, View

_TILT_DEGREES = 5.0
"""How far people tilt a camera sideways: residuals beyond it lose weight."""
_PRIOR = 0.003
"""Weight of the mean image-up direction against the horizontal axes: it decides where those are all parallel."""
_ROUNDS = 20


def up_direction(camera_from_world: Sequence[Pose]) -> Tensor:
    """The unit vector (3,) against gravity, in the world of the poses.

    People hold cameras level more often than they aim them at the horizon: up is the direction most nearly at right
    angles to the cameras' x axes, min_u sum_i rho(u . x_i), with the mean image-up direction as a weak prior and for
    the sign. Robust: Cauchy weights at 5 degrees, so that a few rolled photos do not matter.
    """
    rotations = torch.stack([pose.rotation for pose in camera_from_world])
    right, mean = rotations[:, 0], -rotations[:, 1].mean(0)
    if float(mean.norm()) < 1e-6:  # as many upside down as upright: nobody knows
        return -rotations[0, 1]
    mean = mean / mean.norm()
    up: Tensor = mean
    prior = torch.eye(3, dtype=torch.float64) - torch.outer(mean, mean)
    for _ in range(_ROUNDS):
        tilt = right @ up / math.sin(math.radians(_TILT_DEGREES))
        weights = 1 / (1 + tilt.square())
        normal = (right * weights[:, None]).T @ right / weights.sum() + _PRIOR * prior
        direction = torch.linalg.eigh(normal).eigenvectors[:, 0]
        up = direction if float(direction @ mean) >= 0 else -direction
    return up


def upright(camera_from_world: Sequence[Pose], points: Tensor) -> Similarity:
    """new_from_old: +z against gravity, the origin at the median of the points (P, 3) or, without any, of the cameras.

    The smallest rotation that does it; the scale stays.
    """
    up = up_direction(camera_from_world)
    rotation = rotation_to_z(up)
    places = points if len(points) else torch.stack([pose.centre for pose in camera_from_world])
    turned = places.to(torch.float64) @ rotation.T
    return Similarity(1.0, rotation, -turned.median(0).values)


def rotation_to_z(direction: Tensor) -> Tensor:
    """The smallest rotation (3, 3) that takes the unit vector ``direction`` (3,) to +z."""
    x, y, z = direction.to(torch.float64).tolist()
    if z < -1 + 1e-9:
        return torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    k = 1 / (1 + z)  # Rodrigues' formula for the axis direction x z
    return torch.tensor(
        [[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]], dtype=torch.float64
    )


def metric_scale(views: Sequence[View], first: str, second: str, metres: float) -> float:
    """The factor that makes the distance between the cameras of two views ``metres`` (above zero).

    Raises:
        InputError: one of the photos has no pose, or both were taken from one place.
    """
    centres = {view.name: view.camera_from_world.centre for view in views}
    for name in (first, second):
        if name not in centres:
            known = ", ".join(sorted(centres)[:3])
            raise InputError(f"--scale-by: {name} is not among the photos with a pose", f"those are {known}, ...")
    distance = float((centres[first] - centres[second]).norm())
    extent = float((torch.stack(list(centres.values())) - centres[first]).norm(dim=1).max())
    if distance <= 1e-9 * max(extent, 1e-12):
        raise InputError(f"--scale-by: {first} and {second} were taken from one place", "name two others")
    return metres / distance


def scaling(scale: float) -> Similarity:
    """new_from_old that only scales."""
    return Similarity(scale, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))


def moved(
    views: Sequence[View], points: SparsePoints, new_from_old: Similarity
) -> tuple[tuple[View, ...], SparsePoints]:
    """Views and points in another world."""
    return (
        tuple(replace(v, camera_from_world=new_from_old.apply_pose(v.camera_from_world)) for v in views),
        replace(points, positions=new_from_old.apply(points.positions)),
    )
