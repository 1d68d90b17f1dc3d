"""Small splats, scenes and photos that the format tests write and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from splatmatch.formats.images import write_image
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, Tracks, View

CAMERA = Camera(64, 48, 70.0, 72.0, 31.0, 25.0)
DOT = torch.tensor([0.3, -0.2, 0.4], dtype=torch.float64)
"""A world point."""


def splat(count=40, degree=2, seed=0, antialiased=False, frame="unknown"):
    """Float32 Gaussians of ordinary size; quaternions not normalised, as in real files."""
    generator = torch.Generator().manual_seed(seed)

    def randn(*shape):
        return torch.randn(*shape, generator=generator)

    return Gaussians(
        means=3 * randn(count, 3),
        log_scales=randn(count, 3) - 4,
        quaternions=2 * randn(count, 4),
        logit_opacities=2 * randn(count),
        sh=0.2 * randn(count, (degree + 1) ** 2, 3),
        antialiased=antialiased,
        frame=frame,
    )


def assert_same_splat(a, b):
    """Bit by bit."""
    for name, tensor in a.tensors().items():
        assert torch.equal(tensor, b.tensors()[name]), name
    assert (a.antialiased, a.frame) == (b.antialiased, b.frame)


def pose_with_dot_at(pixel, camera=CAMERA, depth=2.5, turn=(0.9, 0.1, -0.3, 0.2)):
    """camera_from_world under which DOT falls on ``pixel`` (corner coordinates)."""
    rotation = Pose.from_quaternion(turn, [0.0, 0, 0]).rotation
    target = camera.unproject(torch.tensor(pixel, dtype=torch.float64), torch.tensor(depth, dtype=torch.float64))
    return Pose(rotation, target - rotation @ DOT)


def dot_pixel(pose, camera=CAMERA):
    """Where DOT falls."""
    return camera.project(pose.apply(DOT)).tolist()


def photo(path: Path, width=64, height=48, seed=0):
    """A photo of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    write_image(path, pixels)
    return pixels


def scene(folder: Path, gaussians=None):
    """Three views with photos in ``folder`` (one of them a level deeper), one held out, and points with tracks."""
    pixels = {"a.png": (10.5, 20.5), "b.png": (33.5, 7.5), "more/c.png": (50.5, 40.5)}
    views = []
    for index, (name, pixel) in enumerate(pixels.items()):
        photo(folder / name, seed=index)
        camera = CAMERA if index < 2 else CAMERA.zoomed(1.25)
        views.append(
            View(name, camera, pose_with_dot_at(pixel, camera), folder / name, split="test" if index == 1 else "train")
        )
    points = SparsePoints(
        positions=torch.stack([DOT, DOT + 0.1, DOT - 0.25]),
        colours=torch.tensor([[255, 0, 9], [1, 2, 3], [0, 128, 255]], dtype=torch.uint8),
        errors=torch.tensor([0.25, float("nan"), 1.5], dtype=torch.float64),
        tracks=Tracks(
            point_index=torch.tensor([0, 0, 0, 2, 2]),
            view_index=torch.tensor([0, 1, 2, 0, 2]),
            pixels=torch.tensor([*pixels.values(), (1.25, 2.5), (60.0, 3.0)], dtype=torch.float64),
        ),
    )
    return Scene(tuple(views), points, gaussians)
