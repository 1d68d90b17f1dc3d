"""Which views are compared: those that see the same points under a useful angle."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import Scene, SparsePoints, View
from splatmatch.splats.surfaces.neighbours import neighbouring_views, typical_depth

CAMERA = Camera.from_fov(64, 48, 50.0)


def ring(degrees: list[float]) -> Scene:
    """Cameras at these angles around a ball of points of radius 0.5 at the origin, 4 away from it."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(500, 3, generator=generator, dtype=torch.float64)
    points = 0.5 * points / points.norm(dim=1, keepdim=True)
    views = tuple(
        View(
            f"{k:02d}",
            CAMERA,
            Pose.looking_at((4 * math.cos(math.radians(d)), 4 * math.sin(math.radians(d)), 0.0), (0.0, 0.0, 0.0)),
        )
        for k, d in enumerate(degrees)
    )
    return Scene(views, SparsePoints(points, torch.zeros(500, 3, dtype=torch.uint8), torch.zeros(500).double()))


def test_neighbours_are_near_but_not_too_near():
    scene = ring([0.0, 1.0, 12.0, 30.0, 90.0])
    chosen = neighbouring_views(scene, 2)
    assert set(chosen[0]) == {2, 3}, "one degree says little about depth, ninety show something else"
    assert chosen[4] == ()


def test_views_that_are_held_out_are_nobodys_neighbours():
    scene = ring([0.0, 12.0, 24.0])
    views = (scene.views[0], replace(scene.views[1], split="test"), scene.views[2])
    assert neighbouring_views(replace(scene, views=views), 3) == ((1,), (0,))


def test_the_typical_depth_is_that_of_the_points_and_scales_with_the_scene():
    scene = ring([0.0, 120.0])
    assert abs(typical_depth(scene) - 4) < 0.1
    assert typical_depth(replace(scene, points=SparsePoints.empty())) == scene.camera_extent
