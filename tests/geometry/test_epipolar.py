"""Epipolar geometry: points carried over by depth and pose lie on their lines, for any depth."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.epipolar import fundamental_matrix, symmetric_epipolar_distance
from splatmatch.geometry.pose import Pose, exp_se3

CAMERA_A = Camera(160, 120, 150.0, 160.0, 83.0, 57.0)
CAMERA_B = Camera(200, 100, 210.0, 190.0, 95.0, 52.0)


def carried(pixels: torch.Tensor, depth: torch.Tensor, b_from_a: Pose) -> torch.Tensor:
    return CAMERA_B.project(b_from_a.apply(CAMERA_A.unproject(pixels, depth)))


@given(
    tangent=st.tuples(*[st.floats(-0.3, 0.3)] * 6).filter(lambda t: math.hypot(*t[:3]) > 0.02),
    factor=st.floats(0.5, 2.0),
)
def test_the_distance_is_zero_for_the_true_depth_and_for_any_other(tangent, factor):
    """Which is why it proves nothing about depth."""
    b_from_a = Pose(*exp_se3(torch.tensor(tangent, dtype=torch.float64)))
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(50, 2, generator=generator).double() * torch.tensor([160.0, 120.0])
    depth = 1 + torch.rand(50, generator=generator).double()
    fundamental = fundamental_matrix(CAMERA_A, CAMERA_B, b_from_a)
    for z in (depth, factor * depth):
        distance = symmetric_epipolar_distance(fundamental, pixels, carried(pixels, z, b_from_a))
        assert distance.nan_to_num().max() < 1e-6


def test_the_distance_is_that_to_the_lines_in_both_images():
    """Rectified stereo: lines are rows, so a shift by 3 rows is a distance of 3 pixels in both images."""
    camera = Camera(100, 100, 120.0, 120.0, 50.0, 50.0)
    pose = Pose(torch.eye(3).double(), torch.tensor([-0.5, 0.0, 0.0]).double())
    fundamental = fundamental_matrix(camera, camera, pose)
    a = torch.tensor([[30.0, 40.0], [60.0, 20.0]])
    b = torch.tensor([[20.0, 43.0], [10.0, 20.0]])
    assert symmetric_epipolar_distance(fundamental, a, b).tolist() == pytest.approx([3.0, 0.0], abs=1e-9)
    assert float(fundamental.norm()) == pytest.approx(1.0)
    back = fundamental_matrix(camera, camera, pose.inverse())
    assert symmetric_epipolar_distance(back, b, a).tolist() == pytest.approx([3.0, 0.0], abs=1e-9)


def test_without_translation_there_are_no_lines():
    turn = Pose(*exp_se3(torch.tensor([0.0, 0, 0, 0.1, 0.2, 0.3]).double()))
    fundamental = fundamental_matrix(CAMERA_A, CAMERA_B, turn)
    assert (fundamental == 0).all()
    assert symmetric_epipolar_distance(fundamental, torch.zeros(2, 2), torch.ones(2, 2)).isnan().all()
