"""What stands in the 3D window of the live viewer: the splat, the sparse points, the cameras.

Everything is sent in viewer units = ``unit`` x scene units, because viser stores covariances as half floats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.drawing.cameras import TEST_COLOUR, frustum_size
from splatmatch.drawing.colours import sequence
from splatmatch.geometry.camera import Camera
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, View
from splatmatch.viewer.framing import Subject, scene_camera
from splatmatch.viewer.screenshot import overview_pose, thumbnails

EXTENT = 10.0
"""Size of the scene in viewer units: half floats hold its covariances well, and depth reaches to 16 times of it."""


def viewer_unit(scene: Scene, middle: Subject) -> float:
    """Viewer units per scene unit."""
    cameras = scene.camera_extent if len(scene.views) > 1 else 0.0
    return EXTENT / max(cameras, 2 * middle.radius)


def vertical_fov(camera: Camera) -> float:
    """Vertical field of view in radians."""
    return math.atan(camera.cy / camera.fy) + math.atan((camera.height - camera.cy) / camera.fy)


def set_first_look(server: Any, scene: Scene, middle: Subject, unit: float) -> None:
    """Where a new window looks from: at the first photo, or a good place for a bare splat."""
    camera = scene_camera(scene)
    pose, target = overview_pose(middle, None, camera), middle.centre
    if scene.views:
        pose = scene.views[0].camera_from_world
        depth = max(float(pose.apply(middle.centre)[2]), 0.1 * middle.radius)
        target = pose.centre + depth * pose.rotation[2]
    server.scene.set_up_direction(tuple(middle.up.tolist()))
    server.initial_camera.position = tuple((unit * pose.centre).tolist())
    server.initial_camera.look_at = tuple((unit * target).tolist())
    server.initial_camera.fov = vertical_fov(camera)


def add_splat(server: Any, gaussians: Gaussians, unit: float) -> Any:
    """The Gaussians, drawn by the browser in their base colours (viser knows no view-dependent ones); the handle."""
    plain = gaussians.detach().to("cpu").to(torch.float32)
    return server.scene.add_gaussian_splats(
        "/splat",
        centers=(unit * plain.means).numpy(),
        covariances=(unit**2 * plain.covariances).numpy(),
        rgbs=plain.base_colours.clamp(0, 1).numpy(),
        opacities=plain.opacities[:, None].numpy(),
    )


def add_points(server: Any, points: SparsePoints, unit: float, visible: bool) -> Any:
    """The sparse points in their own colours; the handle."""
    return server.scene.add_point_cloud(
        "/points",
        points=(unit * points.positions).numpy().astype(np.float32),
        colors=points.colours.numpy(),
        point_size=0.003 * EXTENT,
        point_shape="circle",
        precision="float32",
        visible=visible,
    )


class Cameras:
    """Frusta with their photos; a click on one looks through it. Those the eye is inside of are hidden."""

    def __init__(self, server: Any, views: tuple[View, ...], unit: float) -> None:
        self._size = frustum_size(views)
        self._centres = torch.stack([view.camera_from_world.centre for view in views])
        self._shown = True
        self._eye: Tensor | None = None
        self.nodes = []
        for view, picture, tint in zip(views, thumbnails(views, 160), sequence(len(views)), strict=True):
            world_from_camera = view.camera_from_world.inverse()
            frustum = server.scene.add_camera_frustum(
                f"/cameras/{view.name}",
                fov=vertical_fov(view.camera),
                aspect=view.camera.width / view.camera.height,
                scale=unit * self._size,
                color=TEST_COLOUR if view.split == "test" else tuple(int(c) for c in tint),
                thickness=1.5,
                thickness_units="screen",
                image=picture,
                wxyz=world_from_camera.quaternion.numpy(),
                position=unit * world_from_camera.translation.numpy(),
            )
            frustum.on_click(lambda event, view=view: look_through(event.client, view, unit))
            self.nodes.append(frustum)

    def show(self, shown: bool) -> None:
        """Show or hide all of them."""
        self._shown = shown
        self._update()

    def eye_moved(self, centre: Tensor) -> None:
        """Tell where the eye is now, (3,) in scene units: a photo right before it would hide everything."""
        self._eye = centre
        self._update()

    def _update(self) -> None:
        visible = torch.full((len(self.nodes),), self._shown)
        if self._eye is not None:
            visible &= (self._centres - self._eye).norm(dim=1) > 4 * self._size
        for node, wanted in zip(self.nodes, visible.tolist(), strict=True):
            if node.visible != wanted:
                node.visible = wanted


def look_through(client: Any, view: View, unit: float) -> None:
    """Put the camera of a window where ``view`` was taken."""
    world_from_camera = view.camera_from_world.inverse()
    with client.atomic():
        client.camera.wxyz = world_from_camera.quaternion.numpy()
        client.camera.position = unit * world_from_camera.translation.numpy()
        client.camera.fov = vertical_fov(view.camera)
