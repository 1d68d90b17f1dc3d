"""Where to look: the up direction, the middle and the size of a scene or a bare splat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, View

Up = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]

BARE_CAMERA = Camera.from_fov(1280, 720, 60.0)
"""The camera for a splat that comes without photos."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What a camera path or an overview turns around."""

    centre: Tensor
    """(3,) float64."""
    radius: float
    """Half the size of the subject, scene units."""
    up: Tensor
    """(3,) float64, unit length."""


def subject(scene: Scene, up: Up = "auto") -> Subject:
    """The middle of what the cameras look at; without cameras, of the splat.

    Raises:
        InputError: the scene has neither cameras nor Gaussians.
    """
    direction = up_direction(scene, up)
    if len(scene.views) >= 2:
        point = focus(scene.views)
        if point is not None:
            distances = torch.stack([(view.camera_from_world.centre - point).norm() for view in scene.views])
            return Subject(point, 0.5 * float(distances.median()), direction)
    if scene.gaussians is not None and len(scene.gaussians):
        centre, radius = splat_middle(scene.gaussians)
        return Subject(centre, radius, direction)
    if scene.views:
        pose = scene.views[0].camera_from_world
        return Subject(pose.centre + pose.rotation[2], 0.5, direction)
    raise InputError("there is nothing to look at: neither cameras nor Gaussians")


def up_direction(scene: Scene, up: Up = "auto") -> Tensor:
    """Unit vector (3,) against gravity.

    ``auto``: +z where the scene or the splat says so; else the mean up side of the photos; else -y, as most splat
    files have it.
    """
    if up != "auto":
        axis = torch.eye(3, dtype=torch.float64)["xyz".index(up[-1])]
        return -axis if up.startswith("-") else axis
    z_up = scene.gaussians is not None and scene.gaussians.frame == "z-up"
    if scene.up_known or z_up:
        return torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    if scene.views:
        mean = -torch.stack([view.camera_from_world.rotation[1] for view in scene.views]).mean(0)
        if mean.norm() > 1e-3:
            return functional.normalize(mean, dim=0)
    return torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64)


def focus(views: tuple[View, ...]) -> Tensor | None:
    """The point (3,) nearest to all optical axes, sum of squared distances; None where the cameras share no target.

    They share one where most of them have it in front, and the axes are not all parallel.
    """
    directions = torch.stack([view.camera_from_world.rotation[2] for view in views])
    centres = torch.stack([view.camera_from_world.centre for view in views])
    across = torch.eye(3, dtype=torch.float64) - directions[:, :, None] * directions[:, None, :]
    normal = across.sum(0)
    if torch.linalg.eigvalsh(normal)[0] < 1e-4 * len(views):
        return None
    point: Tensor = torch.linalg.solve(normal, (across @ centres[:, :, None]).sum(0))[:, 0]
    depths = ((point - centres) * directions).sum(1)
    spread = (centres - centres.mean(0)).norm(dim=1).max()
    if (depths > 0).double().mean() < 0.7 or depths.median() < 0.25 * spread:
        return None
    return point


def splat_middle(gaussians: Gaussians) -> tuple[Tensor, float]:
    """Centre (3,) and radius of a splat, each Gaussian counting by its opacity.

    A lone object is taken whole: the box of 98 % of it along each axis. Where that box is far larger than the bulk (a
    scene with a background), the median centre and the median distance from it.
    """
    means, weights = gaussians.means.detach().double().cpu(), gaussians.opacities.detach().double().cpu()
    low, bulk, high = (
        torch.stack([weighted_quantile(means[:, axis], weights, share) for axis in range(3)])
        for share in (0.01, 0.5, 0.99)
    )
    typical = float(weighted_quantile((means - bulk).norm(dim=1), weights, 0.5))
    whole = 0.5 * float((high - low).norm())
    if whole < 3.5 * typical:
        return 0.5 * (low + high), whole
    return bulk, typical if typical > 0 else 1.0


def weighted_quantile(values: Tensor, weights: Tensor, share: float) -> Tensor:
    """The value () of (N,) below which ``share`` of the weight (N,) lies."""
    order = values.argsort()
    cumulative = weights[order].cumsum(0)
    return values[order[int(torch.searchsorted(cumulative, share * cumulative[-1]).clamp(max=len(values) - 1))]]


def scene_camera(scene: Scene, size: int | None = None) -> Camera:
    """The camera of paths: the commonest of the training views, or ``BARE_CAMERA``, at most ``size`` pixels long."""
    cameras = [view.camera for view in scene.train_views or scene.views]
    if cameras:
        shapes = [(camera.width, camera.height) for camera in cameras]
        common = max(dict.fromkeys(shapes), key=shapes.count)
        camera = next(c for c, shape in zip(cameras, shapes, strict=True) if shape == common)
    else:
        camera = BARE_CAMERA
    return camera if size is None else camera.with_long_side(size)
