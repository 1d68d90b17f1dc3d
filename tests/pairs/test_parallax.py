"""Matter that the photos show as infinitely far is told from matter that stands where the splat says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.parallax import without_parallax
from splatmatch.scene.gaussians import Gaussians, concatenate
from splatmatch.scene.views import View
from splatmatch.splats.render import render

CAMERA = Camera(120, 90, 100.0, 100.0, 60.0, 45.0)
WALL, CURTAIN = 3.0, 6.0


def _cards(depth: float, left: float, right: float, step: float, seed: int) -> Gaussians:
    """Coloured cards at z = ``depth`` that fill x from ``left`` to ``right``, slopes, seen from the origin."""
    x, y = torch.meshgrid(torch.arange(left, right, step), torch.arange(-0.7, 0.7, step), indexing="xy")
    generator = torch.Generator().manual_seed(seed)
    n = x.numel()
    return Gaussians(
        means=depth * torch.stack([x.flatten(), y.flatten(), torch.ones(n)], dim=1),
        log_scales=torch.tensor([0.5 * step * depth, 0.5 * step * depth, 0.01]).log().repeat(n, 1),
        quaternions=torch.tensor([1.0, 0, 0, 0]).repeat(n, 1),
        logit_opacities=torch.full((n,), 4.0),
        sh=1.5 * torch.rand(n, 1, 3, generator=generator) - 0.75,
    )


def _splat() -> tuple[Gaussians, Tensor]:
    """A wall to the left and a curtain behind it to the right, and which Gaussians are the curtain."""
    wall, curtain = _cards(WALL, -0.9, 0.0, 0.06, 1), _cards(CURTAIN, -0.1, 0.9, 0.08, 2)
    return concatenate([wall, curtain]), torch.arange(len(wall) + len(curtain)) >= len(wall)


def _photographed(folder: Path, splat: Gaussians, curtain: Tensor, infinite: bool) -> list[View]:
    """Photos of the splat from a path to the side; with ``infinite`` the curtain goes along with the camera."""
    views = []
    for number, x in enumerate(np.linspace(-0.4, 0.4, 6)):
        pose = Pose(torch.eye(3, dtype=torch.float64), torch.tensor([-x, 0.0, 0.0], dtype=torch.float64))
        shift = torch.tensor([float(x), 0.0, 0.0]) * (curtain & infinite)[:, None]
        drawn = render(replace(splat, means=splat.means + shift), CAMERA, pose)
        assert drawn.rgb is not None
        path = folder / f"{number}.png"
        Image.fromarray((255 * drawn.rgb.clamp(0, 1)).round().byte().numpy()).save(path)
        views.append(View(path.name, CAMERA, pose, image_path=path))
    return views


def test_a_curtain_that_goes_along_with_the_camera_has_no_parallax(tmp_path: Path) -> None:
    splat, curtain = _splat()
    far = without_parallax(splat, _photographed(tmp_path, splat, curtain, infinite=True))
    seen = curtain & (splat.means[:, 0] / CURTAIN > 0.05) & (splat.means[:, 0] / CURTAIN < 0.5)
    seen &= splat.means[:, 1].abs() / CURTAIN < 0.4
    assert far[seen].float().mean() > 0.95
    assert far[~curtain].float().mean() < 0.01


def test_a_curtain_that_stands_where_it_is_has_parallax(tmp_path: Path) -> None:
    splat, curtain = _splat()
    far = without_parallax(splat, _photographed(tmp_path, splat, curtain, infinite=False))
    assert far.float().mean() < 0.01


@pytest.mark.parametrize("scale", [1e-2, 1e2])
def test_units_do_not_matter(tmp_path: Path, scale: float) -> None:
    splat, curtain = _splat()
    views = _photographed(tmp_path, splat, curtain, infinite=True)
    scaled = replace(splat, means=splat.means * scale, log_scales=splat.log_scales + float(np.log(scale)))
    moved = [
        replace(v, camera_from_world=Pose(v.camera_from_world.rotation, scale * v.camera_from_world.translation))
        for v in views
    ]
    differing = without_parallax(scaled, moved) != without_parallax(splat, views)
    assert differing.float().mean() < 0.01


def test_nothing_is_judged_without_photos(tmp_path: Path) -> None:
    splat, curtain = _splat()
    views = _photographed(tmp_path, splat, curtain, infinite=True)
    assert not without_parallax(splat, ()).any()
    assert not without_parallax(splat, views[:1]).any()
    assert not without_parallax(splat, [replace(v, image_path=None) for v in views]).any()
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_bytes(b"no picture")
    assert without_parallax(splat, views).any()  # the others can be read
