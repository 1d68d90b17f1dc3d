"""One picture of a whole scene, drawn by our engine: the splat from outside, the cameras with their photos over it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from splatmatch.drawing.cameras import draw_cameras, draw_points, frustum_size, surface_depth
from splatmatch.drawing.canvas import Canvas
from splatmatch.drawing.pictures import Picture, fitted, picture_from_rgb
from splatmatch.formats.images import read_image
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import Scene, View
from splatmatch.splats.render import render
from splatmatch.viewer.framing import Subject, Up, subject
from splatmatch.viewer.paths import horizontal_axes

BACKGROUND = (0.075, 0.08, 0.095)
THUMBNAIL = 192
"""Long side of the photos on the frusta, pixels."""


@dataclass(frozen=True)
class ScreenshotConfig:
    """How the picture is made."""

    width: int = 1280
    """Pixels."""
    height: int = 800
    """Pixels."""
    field_of_view: float = 50.0
    """Horizontal, degrees."""
    up: Up = "auto"
    """Axis that points up, where the file does not say it."""
    engine: str = "auto"
    """auto, cpu, gsplat or reference."""


def screenshot(scene: Scene, config: ScreenshotConfig = ScreenshotConfig()) -> Picture:
    """The scene seen from behind and above its cameras, with their frusta and photos, hidden lines faint.

    What lies between the eye and the nearest camera is cut away, so a room is seen into and not from outside. Without
    Gaussians the sparse points stand for the scene.

    Raises:
        InputError: the scene has neither cameras nor Gaussians.
    """
    camera = Camera.from_fov(config.width, config.height, config.field_of_view)
    centres = torch.stack([view.camera_from_world.centre for view in scene.views]) if scene.views else None
    pose = overview_pose(subject(scene, config.up), centres, camera)
    canvas = _backdrop(scene, camera, pose, config.engine)
    if scene.gaussians is None:
        draw_points(canvas, pose, scene.points, radius=1.6)
    if scene.views:
        draw_cameras(canvas, pose, scene.views, thumbnails(scene.views, THUMBNAIL))
    return canvas.picture


def thumbnails(views: tuple[View, ...], long_side: int) -> list[Picture | None]:
    """The photos of ``views``, scaled down; None for a view without one."""
    pictures: list[Picture | None] = []
    for view in views:
        there = view.image_path is not None and view.image_path.is_file()
        pictures.append(
            fitted(read_image(view.image_path), long_side, long_side) if there and view.image_path else None
        )
    return pictures


def overview_pose(middle: Subject, centres: Tensor | None, camera: Camera) -> Pose:
    """camera_from_world of an eye behind and above the cameras, as near as shows all of them.

    Args:
        middle: what to look at.
        centres: (N, 3) camera centres; None = a bare splat, seen whole.
        camera: of the picture.
    """
    corners = _box(middle) if centres is None else torch.cat([centres, middle.centre[None]])
    back, elevation = _side(middle, centres)
    direction = math.cos(elevation) * back + math.sin(elevation) * middle.up
    target = 0.5 * (corners.amin(0) + corners.amax(0))
    distance = 0.2 * float((corners - target).norm(dim=1).max())
    for _ in range(60):
        pose = Pose.looking_at(target + distance * direction, target, middle.up)
        local = pose.apply(corners)
        if bool((local[:, 2] > 0).all()):
            pixels = camera.project(local) / torch.tensor([camera.width, camera.height])
            if float((pixels - 0.5).abs().max()) < 0.40:
                break
        distance *= 1.08
    return pose


def _backdrop(scene: Scene, camera: Camera, pose: Pose, engine: str) -> Canvas:
    """The splat without what stands before the nearest camera, ready to be drawn upon."""
    if scene.gaussians is None:
        colour = np.round(255 * np.array(BACKGROUND)).astype(np.uint8)
        return Canvas.over(np.broadcast_to(colour, (camera.height, camera.width, 3)), camera)
    gaussians = scene.gaussians.detach()
    if scene.views:
        depths = torch.stack([pose.apply(view.camera_from_world.centre)[2] for view in scene.views])
        nearest = float(depths.min()) - 2 * frustum_size(scene.views)
        gaussians = gaussians.select(pose.apply(gaussians.means)[:, 2] > nearest)
    with torch.no_grad():
        background = gaussians.means.new_tensor(BACKGROUND)
        drawn = render(gaussians, camera, pose, ("rgb", "depth"), depth="median", background=background, engine=engine)
    assert drawn.rgb is not None
    assert drawn.depth is not None
    return Canvas.over(picture_from_rgb(drawn.rgb), camera, surface_depth(drawn.depth, drawn.depth_valid))


def _side(middle: Subject, centres: Tensor | None) -> tuple[Tensor, float]:
    """Horizontal direction (3,) from the middle towards the eye, and its elevation in radians."""
    east, north = horizontal_axes(middle.up)
    if centres is None:
        return 0.8 * east - 0.6 * north, math.radians(20)
    offsets = centres - middle.centre
    flat = torch.stack([offsets @ east, offsets @ north], dim=1)
    mean, typical = flat.mean(0), float(flat.norm(dim=1).median())
    one_sided = float(mean.norm()) > 0.35 * typical
    angle = float(torch.atan2(*(mean if one_sided else flat[0]).flip(0)))
    angle += math.radians(28 if one_sided else 0)  # a little from the side: frusta seen from straight behind are flat
    return math.cos(angle) * east + math.sin(angle) * north, math.radians(22 if one_sided else 35)


def _box(middle: Subject) -> Tensor:
    """Corners (8, 3) of a cube about the subject."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 3)
    return middle.centre + 0.6 * middle.radius * signs
