"""What a depth map says: normals, where its pixels lie in another view, and what that view shows there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.splats.losses import normal_loss
from splatmatch.splats.surfaces.fused import NormalAgreement, Warp, is_fusible
from splatmatch.splats.training_images import TrainingImage


def normals_of_depth(depth: Tensor, valid: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """Unit normals (H, W, 3) of a depth map by central differences, and where they are defined (H, W) bool.

    Shapes: depth (H, W) z-depth, valid (H, W) bool.
    Convention: camera frame, turned to the camera; undefined on the border and beside invalid pixels.
    """
    points = camera.unproject(camera.pixel_centres(depth.dtype).to(depth.device), torch.where(valid, depth, 1.0))
    across = points[1:-1, 2:] - points[1:-1, :-2]
    down = points[2:, 1:-1] - points[:-2, 1:-1]
    cross = torch.linalg.cross(down, across)
    unit = cross / cross.square().sum(-1, keepdim=True).clamp(min=1e-24).sqrt()
    defined = valid[1:-1, 1:-1] & valid[1:-1, 2:] & valid[1:-1, :-2] & valid[2:, 1:-1] & valid[:-2, 1:-1]
    return functional.pad(unit, (0, 0, 1, 1, 1, 1)), functional.pad(defined, (1, 1, 1, 1))


@dataclass(frozen=True, eq=False)
class Carried:
    """The pixels of one view carried into another by their depth."""

    pixels: Tensor
    """(H, W, 2) corner pixels in the other view."""
    depth: Tensor
    """(H, W) z-depth in the other view."""
    inside: Tensor
    """(H, W) bool: the depth is valid and the pixel lies inside the other image, in front of its camera."""


def carry(depth: Tensor, valid: Tensor, camera: Camera, other: Camera, other_from_this: Pose) -> Carried:
    """Carry every pixel centre of ``camera`` at z-depth ``depth`` (H, W) into ``other``; differentiable in depth."""
    points = camera.unproject(camera.pixel_centres(depth.dtype).to(depth.device), torch.where(valid, depth, 1.0))
    rotation = other_from_this.rotation.to(points)
    moved = points @ rotation.T + other_from_this.translation.to(points)
    ahead = moved[..., 2] > 1e-6
    safe = torch.where(ahead[..., None], moved, torch.ones_like(moved))
    pixels = other.project(safe)
    x, y = pixels.detach().unbind(-1)
    inside = (x > 1) & (y > 1) & (x < other.width - 1) & (y < other.height - 1)
    return Carried(pixels, safe[..., 2], valid & ahead & inside)


def sample(table: Tensor, pixels: Tensor) -> Tensor:
    """Bilinear values (h, w, C) of ``table`` (H, W, C) at corner pixels (h, w, 2); differentiable in both."""
    size = pixels.new_tensor([table.shape[1], table.shape[0]])
    grid = 2 * pixels / size - 1
    values = functional.grid_sample(
        table.permute(2, 0, 1)[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False
    )
    return values[0].permute(1, 2, 0)


def normal_agreement(depth: Tensor, blended: Tensor, valid: Tensor, weight: Tensor, camera: Camera) -> Tensor:
    """Weighted mean of 1 - cosine between blended normals and the normals of a rendered depth, () (2DGS, PGSR).

    Shapes: depth, weight (H, W), blended (H, W, 3) of length <= alpha, valid (H, W) bool.
    Convention: camera frame, turned to the camera; the mean divides by all pixels; gradients to both.
    """
    if is_fusible(depth):
        return NormalAgreement.apply(depth, blended, valid, weight, camera)  # type: ignore[no-any-return,no-untyped-call]
    surface, defined = normals_of_depth(depth, valid, camera)
    return normal_loss(blended, surface, weight * defined)


@dataclass(frozen=True, eq=False)
class Seen:
    """Another view, seen through the depth of this one."""

    warped: Tensor
    """(H, W, 3) its photo in 0..1; 0 where it does not see the point."""
    relative: Tensor
    """(H, W) |z' / z'' - 1|: depth carried there against the depth there; 0 where it does not see the point."""
    weight: Tensor
    """(H, W) 1 where it sees the point, times its mask; no gradient."""


def seen_from(
    depth: Tensor,
    valid: Tensor,
    camera: Camera,
    other: TrainingImage,
    other_from_this: Pose,
    found: Tensor,
    found_valid: Tensor,
    gate: float,
) -> Seen:
    """Look at another view through a depth map; differentiable in ``depth``.

    A point is seen where it lands inside the other image on four pixels with depth, within ``gate`` of that depth.

    Shapes: depth (H, W), valid (H, W) bool of this view; found, found_valid of the other.
    """
    if is_fusible(depth):
        maps = Warp.apply(  # type: ignore[no-untyped-call]
            depth, valid, camera, other.camera, other_from_this, other.pixels, other.weight, found, found_valid, gate
        )
        return Seen(*maps)
    carried = carry(depth, valid, camera, other.camera, other_from_this)
    there = sample(torch.stack([found, found_valid.to(found)], -1), carried.pixels.detach())
    visible = carried.inside & (there[..., 1] > 0.9999) & (there[..., 0] > 0)
    relative = (carried.depth / torch.where(visible, there[..., 0], 1.0) - 1).abs()
    visible = visible & (relative.detach() < gate)
    weight = visible.to(depth)
    if other.weight is not None:
        weight = weight * sample(other.weight.to(depth)[..., None], carried.pixels.detach())[..., 0]
    warped = sample(other.pixels.to(depth) / 255, carried.pixels)
    return Seen(torch.where(visible[..., None], warped, 0.0), torch.where(visible, relative, 0.0), weight)
