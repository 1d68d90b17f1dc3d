"""Surface patterns: rich where they are near, calm where they are far, and never out of range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.synthetic import ray_cast
from splatmatch.synthetic.building import SceneBuilder
from splatmatch.synthetic.materials import Material, Palette
from splatmatch.synthetic.models import prints
from tests.synthetic.one import finished

PALETTE = Palette(np.random.default_rng(3), 0.1)
MATERIALS = {
    "plaster": PALETTE.plaster(),
    "bricks": PALETTE.brick(),
    "tiles": Material("tiles", (0.9, 0.9, 0.9), (0.1, 0.1, 0.1), scale=0.1),
    "arcs": Material("tiles", (0.9, 0.9, 0.9), (0.1, 0.1, 0.1), scale=0.1, aspect=2.0),
    "diamonds": Material("tiles", (0.9, 0.9, 0.9), (0.1, 0.1, 0.1), scale=0.1, aspect=3.0),
    "boards": PALETTE.boards(),
    "wood": PALETTE.wood(),
    "marble": PALETTE.marble(),
    "masonry": PALETTE.masonry(),
    "terrazzo": PALETTE.terrazzo(),
    "wallpaper": PALETTE.paper(),
    "fabric": Material("fabric", (0.8, 0.2, 0.2), (0.2, 0.2, 0.8), (0.9, 0.9, 0.9), scale=0.1),
    "dots": Material("dots", (0.8, 0.8, 0.2), (0.2, 0.2, 0.8), (0.9, 0.1, 0.1), scale=0.06),
    "stripes": Material("stripes", (0.8, 0.8, 0.2), (0.2, 0.2, 0.8), (0.9, 0.1, 0.1), scale=0.3),
    "gravel": PALETTE.speckle((0.5, 0.5, 0.5), (0.3, 0.3, 0.3), (0.8, 0.8, 0.8), 0.02),
    "print": PALETTE.printed(prints.poster(PALETTE, 1.0)),
    "rug": PALETTE.printed(prints.rug(PALETTE, 1.0)),
    "page": PALETTE.printed(prints.page(PALETTE, 1.0)),
    "chart": PALETTE.printed(prints.chart(PALETTE, 1.0)),
    "landscape": PALETTE.printed(prints.landscape(PALETTE, 1.0)),
}


def seen(material: Material, samples: int, size: int, shift: float = 0.0, metres: float = 1.0) -> torch.Tensor:
    """``metres`` of a material on ``size`` pixels, under an even sky, seen from above, sRGB."""
    builder = SceneBuilder()
    plain = replace(material, specular=0.0, wear=0.0)
    builder.sheet((0, 0, 0), (1.5 * metres, 1.5 * metres), plain, rotation=np.eye(3))
    camera = Camera(size, size, size, size, size / 2 + shift, size / 2 + shift)
    pose = Pose.looking_at((0, 0, metres), (0, 0, 0))
    return ray_cast(finished(builder), camera, pose, samples, exposure=0.9).rgb


@pytest.mark.parametrize("name", MATERIALS)
def test_pattern_has_detail_in_range(name):
    """Finite values in 0..1, and something to see: a contrast of one percent over a metre."""
    picture = seen(MATERIALS[name], 2, 48)
    assert torch.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture.mean(2).std() > 0.01


@pytest.mark.parametrize("name", ["tiles", "arcs", "dots", "stripes", "wallpaper", "print", "page", "rug", "chart"])
def test_pattern_is_anti_aliased(name):
    """A shift by half a pixel, undone by interpolation, changes little, and 3 x 3 samples no more than one."""
    errors = []
    for samples in (1, 3):
        a, b, c = (seen(MATERIALS[name], samples, 48, shift) for shift in (0.0, 0.5, 1.0))
        errors.append(float((b - 0.5 * (a + c))[2:-2, 2:-2].square().mean()))
    assert errors[1] < 1.05 * errors[0]
    assert errors[1] < 0.006


@pytest.mark.parametrize("name", ["tiles", "bricks", "dots", "gravel", "boards"])
def test_far_patterns_turn_into_their_mean(name):
    """Seen with pixels of two metres, a pattern is nearly even, and as bright as with pixels of three centimetres."""
    near, far = (seen(MATERIALS[name], 3, size, metres=12.0) for size in (384, 6))
    assert far.mean(2).std() < 0.5 * near.mean(2).std()
    assert abs(float((far**2.2).mean() - (near**2.2).mean())) < 0.03
