"""Small scenes for the tests of the viewer: Gaussians on a sphere, photos taken from a ring around it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from splatmatch.formats.images import write_image
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, View

CAMERA = Camera(64, 48, 60.0, 60.0, 32.0, 24.0)


def ball(centre: tuple[float, float, float] = (0.0, 0.0, 0.0), radius: float = 1.0, count: int = 400) -> Gaussians:
    """Opaque Gaussians on a sphere, red towards +x, blue towards +z."""
    generator = torch.Generator().manual_seed(0)
    unit = torch.randn(count, 3, generator=generator)
    unit = unit / unit.norm(dim=1, keepdim=True)
    sh = (0.9 * (unit > 0).float() - 0.45)[:, None] / 0.2820948
    return Gaussians(
        radius * unit + torch.tensor(centre),
        torch.full((count, 3), math.log(0.1 * radius)),
        torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(count, 1),
        torch.full((count,), 3.0),
        sh,
    )


def arc_scene(
    folder: Path | None = None,
    degrees: float = 360.0,
    count: int = 9,
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
    unit: float = 1.0,
) -> Scene:
    """``count`` cameras on an arc of ``degrees`` around a ball, looking at it from 4 units away; every 4th held out."""
    views = []
    middle = np.array(centre)
    for i in range(count):
        angle = math.radians(degrees * (i / count if degrees == 360 else i / (count - 1) - 0.5))
        eye = middle + unit * np.array([4 * math.cos(angle), 4 * math.sin(angle), 1.0])
        path = None
        if folder is not None:
            path = folder / "images" / f"photo{i}.png"
            write_image(path, np.full((48, 64, 3), 20 * i, np.uint8))
        pose = Pose.looking_at(eye, middle)
        views.append(View(f"photo{i}.png", CAMERA, pose, path, None, "test" if i % 4 == 0 else "train"))
    points = SparsePoints(
        torch.from_numpy(middle + unit * np.eye(3)), torch.full((3, 3), 200, dtype=torch.uint8), torch.zeros(3).double()
    )
    return Scene(tuple(views), points, ball(centre, unit), up_known=True, folder=folder)
