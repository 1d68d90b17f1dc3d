"""Where a fit starts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import Scene, SparsePoints, View
from splatmatch.splats.initialisation import InitialisationConfig, initial_gaussians, neighbour_distance

CAMERA = Camera.from_fov(64, 48, 60)


def scene_with(points: torch.Tensor, views: int = 4) -> Scene:
    poses = [Pose.looking_at((3 * math.cos(a), 3 * math.sin(a), 0.5), (0, 0, 0)) for a in range(views)]
    colours = torch.full((len(points), 3), 255, dtype=torch.uint8)
    sparse = SparsePoints(points.double(), colours, torch.zeros(len(points)).double())
    return Scene(tuple(View(f"{i}.png", CAMERA, pose) for i, pose in enumerate(poses)), sparse, up_known=True)


def test_a_grid_gets_its_spacing_as_scale():
    axis = torch.arange(6.0) * 0.2
    grid = torch.cartesian_prod(axis, axis, axis)
    splat = initial_gaussians(scene_with(grid), InitialisationConfig(minimum=0, opacity=0.1), 1000, 0)
    assert len(splat) == 216
    torch.testing.assert_close(splat.scales, torch.full((216, 3), 0.2))
    torch.testing.assert_close(splat.opacities, torch.full((216,), 0.1))
    torch.testing.assert_close(splat.base_colours, torch.ones(216, 3))
    assert torch.equal(splat.means.double(), grid.double().float().double())
    assert splat.frame == "z-up"
    assert splat.sh_degree == 0


@given(count=st.integers(0, 30), seed=st.integers(0, 5))
def test_neighbour_distance_equals_brute_force(count, seed):
    points = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    ours = neighbour_distance(points)
    assert ours.shape == (count,)
    if count >= 2:
        table = torch.cdist(points, points).sort(dim=1).values[:, 1:4].mean(1)
        median = float(np.median(table))
        torch.testing.assert_close(ours, table.clamp(median / 30, median * 10))


@pytest.mark.parametrize("points", [torch.zeros(1, 3), torch.zeros(8, 3), torch.tensor([[0.0] * 3, [1.0] * 3] * 4)])
def test_twins_and_loners_get_a_scale_above_zero(points):
    assert (neighbour_distance(points) > 0).all()


def test_the_budget_is_kept_and_the_choice_is_seeded():
    points = torch.rand(500, 3)
    config = InitialisationConfig(minimum=0)
    few = [initial_gaussians(scene_with(points), config, 100, seed) for seed in (0, 0, 1)]
    assert len(few[0]) == 100
    assert torch.equal(few[0].means, few[1].means)
    assert not torch.equal(few[0].means, few[2].means)


@pytest.mark.parametrize("known", [0, 40])
def test_random_points_fill_up_where_the_cameras_look(known):
    points = torch.rand(known, 3) * 0.2
    scene = scene_with(points)
    splat = initial_gaussians(scene, InitialisationConfig(minimum=300), 1000, 0)
    assert len(splat) == 300
    seen = torch.zeros(300)
    for view in scene.views:
        local = view.camera_from_world.apply(splat.means)
        pixels = CAMERA.project(local)
        seen += (local[:, 2] > 0) & (pixels >= 0).all(1) & (pixels < torch.tensor([64.0, 48.0])).all(1)
    assert (seen[known:] >= 2).float().mean() > 0.9


def test_points_that_are_not_finite_are_left_out():
    points = torch.rand(50, 3)
    points[7, 1] = torch.nan
    assert len(initial_gaussians(scene_with(points), InitialisationConfig(minimum=0), 1000, 0)) == 49


def test_neither_points_nor_views_is_refused():
    with pytest.raises(InputError, match="training views"):
        initial_gaussians(replace(scene_with(torch.zeros(0, 3)), views=()), InitialisationConfig(), 100, 0)
