"""Normals of a depth map, where a photo has edges, and a map carried from one view into another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose


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


def edge_weight(pixels: Tensor) -> Tensor:
    """(1 - g / g_98)^2 of an image (H, W, 3), g its grey gradient: 1 in even areas, 0 on edges (PGSR, eq. 8).

    g_98 is the 98th percentile of the image; uint8 and float images give the same.
    """
    grey = pixels.to(torch.float32).mean(-1)
    across = functional.pad((grey[:, 2:] - grey[:, :-2]).abs(), (1, 1))
    down = functional.pad((grey[2:] - grey[:-2]).abs().T, (1, 1)).T
    gradient = torch.maximum(across, down)
    top = gradient.flatten().kthvalue(max(1, int(0.98 * gradient.numel()))).values
    return (1 - gradient / top.clamp(min=1e-6)).clamp(min=0).square()


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
