"""Depth and pose errors by value and by invariance."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.pose import Pose, rotation_from_quaternion
from splatmatch.metrics.depth import depth_errors
from splatmatch.metrics.pose import pose_errors


def test_depth_errors_by_value():
    truth = torch.tensor([[1.0, 2.0, 4.0, 5.0]])
    errors = depth_errors(torch.tensor([[1.1, 2.0, 6.0, 5.0]]), truth)
    assert errors.abs_rel == pytest.approx((0.1 + 0.5) / 4)
    assert errors.median_relative == pytest.approx(0.0)
    assert errors.delta_1 == pytest.approx(0.75)
    assert errors.delta_2 == pytest.approx(1.0)
    assert (errors.completeness, errors.pixels) == (1.0, 4)


def test_invalid_pixels_count_for_completeness_only():
    truth = torch.tensor([[1.0, 2.0, 0.0, math.nan]])
    depth = torch.tensor([[2.0, 2.0, 9.0, 9.0]])
    errors = depth_errors(depth, truth, valid=torch.tensor([[False, True, True, True]]))
    assert (errors.abs_rel, errors.pixels, errors.completeness) == (0.0, 1, 0.5)


def test_no_common_pixel_gives_nan_not_zero():
    errors = depth_errors(torch.zeros(2, 2), torch.ones(2, 2))
    assert math.isnan(errors.abs_rel)
    assert errors.completeness == 0.0


@given(st.floats(0.01, 100))
def test_relative_depth_errors_do_not_depend_on_the_unit(unit):
    generator = torch.Generator().manual_seed(0)
    truth, depth = (1 + torch.rand(9, 9, generator=generator, dtype=torch.float64) for _ in range(2))
    one, other = depth_errors(depth, truth), depth_errors(depth * unit, truth * unit)
    assert other.abs_rel == pytest.approx(one.abs_rel)
    assert other.delta_1 == one.delta_1
    assert other.median_absolute == pytest.approx(one.median_absolute * unit)


def cameras() -> list[Pose]:
    eyes = [(3.0, 0.0, 1.0), (0.0, 3.0, 1.2), (-3.0, 0.5, 0.8), (0.2, -3.0, 1.4)]
    return [Pose.looking_at(eye, (0.0, 0.0, 0.0)) for eye in eyes]


@given(st.integers(0, 1000), st.floats(0.05, 20))
def test_pose_errors_vanish_under_any_similarity(seed, scale):
    generator = torch.Generator().manual_seed(seed)
    rotation = rotation_from_quaternion(torch.randn(4, generator=generator, dtype=torch.float64))
    moved_from_true = Similarity(scale, rotation, torch.randn(3, generator=generator, dtype=torch.float64))
    errors = pose_errors([moved_from_true.apply_pose(pose) for pose in cameras()], cameras())
    assert errors.median_centre < 1e-9
    assert errors.degrees.max() < 1e-6


def test_a_common_rotation_of_the_cameras_is_seen():
    """Turning every camera about its own centre leaves the centres alone; the alignment must not swallow it."""
    half = math.radians(2.0) / 2
    turn = Pose.from_quaternion([math.cos(half), 0, math.sin(half), 0], [0, 0, 0])
    errors = pose_errors([turn @ pose for pose in cameras()], cameras())
    assert errors.median_degrees == pytest.approx(2.0, abs=1e-9)
    assert errors.median_centre < 1e-9


def test_centres_on_one_line_are_refused():
    line = [Pose.looking_at((float(i), 0.0, 0.0), (0.0, 5.0, 1.0)) for i in range(4)]
    with pytest.raises(ValueError, match="one line"):
        pose_errors(line, line)
    with pytest.raises(ValueError, match="three or more"):
        pose_errors(cameras()[:2], cameras()[:2])
