"""Small splats with known geometry: flat Gaussians on the walls of a room, and on a ball."""

from __future__ import annotations

import numpy as np
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, quaternion_from_rotation
from splatmatch.geometry.spherical_harmonics import SH_C0
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, View

ROOM = np.array([2.0, 1.5, 1.2])
"""Half sides of the room, which is centred at the origin."""
CAMERA = Camera.from_fov(64, 48, 70.0)


def flat_gaussians(points, normals, size, rng, opacity=0.98):
    """Discs of standard deviation ``size`` with random colours, 50 times thinner along their normals."""
    normals = np.asarray(normals, float)
    helper = np.where(np.abs(normals[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    first = np.cross(normals, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    axes = np.stack([first, np.cross(normals, first), normals], axis=2)
    count = len(points)
    scales = np.tile([size, size, size / 50], (count, 1))
    smooth = 0.5 + 0.35 * np.sin(np.asarray(points) * 3.0 + rng.uniform(0, 6, 3))
    colours = np.clip(smooth + rng.uniform(-0.25, 0.25, (count, 3)), 0.02, 0.98)
    return Gaussians(
        means=torch.tensor(np.asarray(points), dtype=torch.float32),
        log_scales=torch.tensor(scales, dtype=torch.float32).log(),
        quaternions=quaternion_from_rotation(torch.tensor(axes)).float(),
        logit_opacities=torch.full((count,), float(np.log(opacity / (1 - opacity)))),
        sh=torch.tensor((colours - 0.5) / SH_C0, dtype=torch.float32)[:, None],
    )


def room_splat(seed=0, spacing=0.08):
    """The six walls of the room, normals inwards."""
    rng = np.random.default_rng(seed)
    points, normals = [], []
    for axis in range(3):
        u, v = [other for other in range(3) if other != axis]
        grid = np.stack(
            np.meshgrid(np.arange(-ROOM[u], ROOM[u], spacing), np.arange(-ROOM[v], ROOM[v], spacing)), -1
        ).reshape(-1, 2)
        for side in (-1.0, 1.0):
            wall = np.zeros((len(grid), 3))
            wall[:, [u, v]] = grid + rng.uniform(-0.2, 0.2, grid.shape) * spacing
            wall[:, axis] = side * ROOM[axis]
            points.append(wall)
            normals.append(np.tile(-side * np.eye(3)[axis], (len(grid), 1)))
    return flat_gaussians(np.concatenate(points), np.concatenate(normals), 0.6 * spacing, rng)


def ball_splat(count=3000, seed=0):
    """A unit ball."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return flat_gaussians(normals, normals, 0.05, rng)


def room_depth(camera, camera_from_world):
    """Exact z-depth (H, W) of the room's walls from inside it."""
    rays = camera.unproject(camera.pixel_centres(torch.float64), torch.ones(camera.height, camera.width).double())
    ways = (rays.reshape(-1, 3) @ camera_from_world.rotation).numpy()
    centre = camera_from_world.centre.numpy()
    with np.errstate(divide="ignore"):
        hits = np.where(ways > 0, (ROOM - centre) / ways, (-ROOM - centre) / ways)
    return hits.min(1).reshape(camera.height, camera.width)


def room_views(count=8):
    """Cameras on a small circle inside the room, looking across it."""
    views = []
    for number in range(count):
        angle = 2 * np.pi * number / count
        eye = np.array([0.8 * np.cos(angle), 0.6 * np.sin(angle), 0.1 * np.sin(3 * angle)])
        pose = Pose.looking_at(eye, -eye * np.array([1.0, 1.0, 0.5]))
        views.append(View(f"view_{number:02d}.png", CAMERA, pose))
    return tuple(views)


def room_scene(faithful=True, seed=0):
    """The room with its views, as ``reconstruct`` would leave it."""
    provenance = {"config": {"geometry": "faithful" if faithful else "vanilla"}}
    return Scene(room_views(), SparsePoints.empty(), room_splat(seed), up_known=True, provenance=provenance)
