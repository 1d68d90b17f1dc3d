"""Cameras and sparse points drawn into a rendered image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from splatmatch.drawing.canvas import Canvas, Floats, draw_discs, draw_lines, draw_picture
from splatmatch.drawing.colours import sequence
from splatmatch.drawing.depth import usable
from splatmatch.drawing.pictures import Picture
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import SparsePoints, View

TEST_COLOUR = (255, 255, 255)
"""Frusta of held-out views; the others take their colour from their place in the sequence."""


def frustum_size(views: Sequence[View]) -> float:
    """A depth for drawn frusta that neither hides the scene nor vanishes, in scene units; 1 for a single camera.

    0.6 x the median distance to the nearest other camera, kept between 4 % and 15 % of the spread of all cameras.
    """
    if len(views) < 2:
        return 1.0
    centres = torch.stack([view.camera_from_world.centre for view in views])
    spread = float((centres - centres.mean(0)).norm(dim=1).max())
    apart = torch.cdist(centres, centres) + torch.diag(torch.full((len(views),), torch.inf, dtype=torch.float64))
    size = 0.6 * float(apart.min(dim=1).values.median())
    return min(max(size, 0.04 * spread), 0.15 * spread) or 1.0


def draw_cameras(
    canvas: Canvas,
    camera_from_world: Pose,
    views: Sequence[View],
    thumbnails: Sequence[Picture | None] | None = None,
    size: float | None = None,
) -> None:
    """Draw the frusta of ``views``, the far ones first, each with its thumbnail on the image plane.

    Args:
        canvas: what to draw upon; its camera is the one we look through.
        camera_from_world: pose of that camera.
        views: cameras to draw.
        thumbnails: one picture, or None, per view.
        size: depth of the frusta in scene units; None = ``frustum_size``.
    """
    size = frustum_size(views) if size is None else size
    pictures = [None] * len(views) if thumbnails is None else thumbnails
    tints = sequence(len(views))
    frusta = [_frustum(view, camera_from_world, size) for view in views]
    for index in sorted(range(len(views)), key=lambda i: -frusta[i][0, 2]):
        apex, *corners, tip = frusta[index]
        tint = TEST_COLOUR if views[index].split == "test" else tuple(float(c) for c in tints[index])
        rays = np.stack([np.stack([apex, corner]) for corner in corners])
        rim = [np.stack(pair) for pair in zip(corners, [*corners[1:], corners[0]], strict=True)]
        mark = [np.stack([corners[0], tip]), np.stack([corners[1], tip])]
        picture = pictures[index]
        seen_from_front = apex[2] > np.mean(corners, axis=0)[2]  # then the image plane covers the rays
        if seen_from_front:
            draw_lines(canvas, rays, tint, width=1.0, opacity=0.8)
        if picture is not None:
            draw_picture(canvas, np.stack(corners), picture, opacity=0.92)
        if not seen_from_front:
            draw_lines(canvas, rays, tint, width=1.0, opacity=0.8)
        draw_lines(canvas, np.stack(rim + mark), tint, width=1.7)


def draw_points(canvas: Canvas, camera_from_world: Pose, points: SparsePoints, radius: float = 1.2) -> None:
    """Draw the sparse points in their own colours, ``radius`` in pixels."""
    if len(points):
        draw_discs(canvas, camera_from_world.apply(points.positions).numpy(), points.colours.numpy(), radius)


def surface_depth(depth: Tensor, valid: Tensor | None) -> npt.NDArray[np.float32]:
    """A rendered depth (H, W) as ``Canvas`` wants it: infinite where it means nothing."""
    far = torch.full_like(depth, torch.inf)
    return torch.where(usable(depth, valid), depth, far).detach().cpu().numpy().astype(np.float32)


def _frustum(view: View, camera_from_world: Pose, size: float) -> Floats:
    """Apex, four corners (clockwise from the top left) and the tip of the up mark, (6, 3), in the camera's frame."""
    camera = view.camera
    w, h = float(camera.width), float(camera.height)
    pixels = torch.tensor([[0, 0], [w, 0], [w, h], [0, h], [w / 2, -0.12 * h]], dtype=torch.float64)
    rim = camera.unproject(pixels, torch.full((5,), size, dtype=torch.float64))
    own = torch.cat([torch.zeros(1, 3, dtype=torch.float64), rim])
    moved: Floats = (camera_from_world @ view.camera_from_world.inverse()).apply(own).numpy()
    return moved
