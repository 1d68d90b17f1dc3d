"""A small posed capture with photos on disk, rendered from a known splat."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, View
from splatmatch.splats.render import render


def true_splat(count: int = 300, seed: int = 0) -> Gaussians:
    """Coloured, mostly opaque blobs in the unit cube."""
    generator = torch.Generator().manual_seed(seed)
    quaternions = torch.randn(count, 4, generator=generator)
    return Gaussians(
        means=torch.rand(count, 3, generator=generator) * 2 - 1,
        log_scales=torch.randn(count, 3, generator=generator) * 0.3 - 2.3,
        quaternions=quaternions / quaternions.norm(dim=1, keepdim=True),
        logit_opacities=torch.full((count,), 2.0),
        sh=torch.randn(count, 1, 3, generator=generator),
    )


def small_capture(folder: Path, views: int = 6, width: int = 64, height: int = 48, points: int = 200) -> Scene:
    """``views`` photos (PNG) of ``true_splat`` around it, every third view from the second on held out."""
    splat = true_splat()
    camera = Camera.from_fov(width, height, 60)
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for index in range(views):
        angle = 2 * math.pi * index / views
        pose = Pose.looking_at((3 * math.cos(angle), 3 * math.sin(angle), 0.8), (0, 0, 0))
        with torch.no_grad():
            rgb = render(splat, camera, pose, ("rgb",), engine="cpu").rgb
        path = folder / f"{index:03d}.png"
        Image.fromarray((rgb.clamp(0, 1) * 255).round().to(torch.uint8).numpy()).save(path)
        split = "test" if index % 3 == 1 else "train"
        taken.append(View(path.name, camera, pose, path, split=split))
    generator = torch.Generator().manual_seed(1)
    chosen = torch.randperm(len(splat), generator=generator)[:points]
    colours = (splat.base_colours[chosen].clamp(0, 1) * 255).to(torch.uint8)
    sparse = SparsePoints(splat.means[chosen].double(), colours, torch.zeros(points).double())
    return Scene(tuple(taken), sparse)


def with_mask(scene: Scene, view: int, mask: np.ndarray, path: Path) -> Scene:
    """The scene with a mask (H, W) bool, written to ``path``, on one view."""
    from dataclasses import replace

    Image.fromarray((mask * 255).astype(np.uint8)).save(path)
    views = list(scene.views)
    views[view] = replace(views[view], mask_path=path)
    return replace(scene, views=tuple(views))
