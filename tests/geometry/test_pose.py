"""Poses: group axioms, the exponential against torch.matrix_exp, and what files may hold."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from splatmatch.geometry.pose import (
    Pose,
    exp_se3,
    multiply_quaternions,
    nearest_rotation,
    quaternion_from_rotation,
    rotation_angle_degrees,
    rotation_from_quaternion,
    skew,
)

numbers = st.floats(-10, 10, allow_nan=False)
tangents = st.lists(st.floats(-3, 3, allow_nan=False), min_size=6, max_size=6).map(
    lambda values: torch.tensor(values, dtype=torch.float64)
)
quaternions = (
    st.lists(st.floats(-1, 1, allow_nan=False), min_size=4, max_size=4)
    .map(lambda values: torch.tensor(values, dtype=torch.float64))
    .filter(lambda q: q.norm() > 1e-3)
)


@st.composite
def poses(draw):
    return Pose.from_quaternion(draw(quaternions), [draw(numbers) for _ in range(3)])


def equal(a, b, tolerance=1e-9):
    return bool((a.matrix - b.matrix).abs().max() < tolerance)


@given(poses(), poses(), poses())
def test_composition_is_associative_and_named_right(c_from_b, b_from_a, a_from_o):
    """(c b)(a) = c(b a), and composing maps a point through both, in that order."""
    assert equal((c_from_b @ b_from_a) @ a_from_o, c_from_b @ (b_from_a @ a_from_o), 1e-8)
    point = torch.tensor([[0.3, -2.0, 5.0]], dtype=torch.float64)
    torch.testing.assert_close((c_from_b @ b_from_a).apply(point), c_from_b.apply(b_from_a.apply(point)))


@given(poses())
def test_inverse_undoes_on_both_sides(pose):
    assert equal(pose @ pose.inverse(), Pose.identity())
    assert equal(pose.inverse() @ pose, Pose.identity())
    assert equal(pose.inverse().inverse(), pose)


@given(poses())
def test_centre_is_the_point_that_maps_to_the_origin(pose):
    assert pose.apply(pose.centre[None]).abs().max() < 1e-9
    torch.testing.assert_close(pose.inverse().translation, pose.centre)


@given(poses())
def test_matrix_and_quaternion_round_trips(pose):
    assert equal(Pose.from_matrix(pose.matrix), pose)
    assert equal(Pose.from_matrix(pose.matrix[:3].tolist()), pose)
    assert equal(Pose.from_quaternion(pose.quaternion, pose.translation), pose)
    assert pose.quaternion[0] >= 0
    assert abs(pose.quaternion.norm() - 1) < 1e-12


@given(tangents)
def test_exponential_is_the_matrix_exponential(tangent):
    """exp_se3 against torch.matrix_exp of the 4x4 twist."""
    twist = torch.zeros(4, 4, dtype=torch.float64)
    twist[:3, :3] = skew(tangent[3:])
    twist[:3, 3] = tangent[:3]
    expected = torch.linalg.matrix_exp(twist)
    rotation, translation = exp_se3(tangent)
    torch.testing.assert_close(rotation, expected[:3, :3], atol=1e-10, rtol=0)
    torch.testing.assert_close(translation, expected[:3, 3], atol=1e-10, rtol=0)


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-5, 0.99e-4, 1.01e-4, 1e-3])
def test_exponential_and_its_gradient_are_smooth_at_zero(size):
    """No NaN and no jump where the Taylor series takes over; gradcheck in float64 on both sides of the switch."""
    tangent = torch.tensor([0.1, -0.2, 0.3, size, -size / 2, size / 3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: exp_se3(t), (tangent,), eps=1e-6, atol=1e-6)


def test_left_retraction_by_value():
    """A rotation vector of 90 degrees about z, and a translation, applied after the pose."""
    pose = Pose.from_quaternion([1, 0, 0, 0], [1.0, 0, 0])
    turned = pose.retracted(torch.tensor([0, 0, 2.0, 0, 0, math.pi / 2]))
    torch.testing.assert_close(turned.translation, torch.tensor([0, 1, 2.0], dtype=torch.float64))


@given(quaternions, quaternions)
def test_quaternion_product_matches_matrix_product(a, b):
    torch.testing.assert_close(
        rotation_from_quaternion(multiply_quaternions(a, b)), rotation_from_quaternion(a) @ rotation_from_quaternion(b)
    )


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_have_a_quaternion(axis):
    """Trace -1, where the naive formula divides by zero."""
    diagonal = torch.full((3,), -1.0, dtype=torch.float64)
    diagonal[axis] = 1
    rotation = torch.diag(diagonal)
    torch.testing.assert_close(rotation_from_quaternion(quaternion_from_rotation(rotation)), rotation)


@given(st.floats(0, 180), quaternions)
def test_rotation_angle_is_that_of_axis_and_angle(degrees, axis_source):
    axis = axis_source[1:]
    if axis.norm() < 1e-3:
        axis = torch.tensor([1.0, 0, 0], dtype=torch.float64)
    rotation, _ = exp_se3(torch.cat([torch.zeros(3).double(), math.radians(degrees) * axis / axis.norm()]))
    assert rotation_angle_degrees(rotation).item() == pytest.approx(degrees, abs=1e-5)


def test_small_angles_do_not_vanish_in_rounding():
    rotation, _ = exp_se3(torch.tensor([0, 0, 0, 1e-9, 0, 0], dtype=torch.float64))
    assert rotation_angle_degrees(rotation).item() == pytest.approx(math.degrees(1e-9), rel=1e-6)


def test_looking_at_puts_the_target_on_the_axis_and_up_to_the_top():
    pose = Pose.looking_at([1.0, 2, 3], [4.0, -1, 3.5])
    target = pose.apply(torch.tensor([4.0, -1, 3.5], dtype=torch.float64))
    assert target[:2].abs().max() < 1e-12
    assert target[2] > 0
    torch.testing.assert_close(pose.centre, torch.tensor([1.0, 2, 3], dtype=torch.float64))
    above = pose.apply(torch.tensor([4.0, -1, 4.5], dtype=torch.float64))
    assert above[1] < target[1]  # y points down
    assert torch.linalg.det(pose.rotation).item() == pytest.approx(1)


def test_looking_straight_down_is_a_pose():
    assert torch.isfinite(Pose.looking_at([0, 0, 5.0], [0, 0, 0.0]).matrix).all()


def test_rounded_rotations_are_repaired_and_others_refused():
    rotation = rotation_from_quaternion(torch.tensor([0.3, 0.5, -0.2, 0.8], dtype=torch.float64))
    repaired = nearest_rotation((rotation * 1000).round() / 1000)
    torch.testing.assert_close(repaired @ repaired.T, torch.eye(3, dtype=torch.float64))
    assert (repaired - rotation).abs().max() < 1e-3
    for bad in (2 * rotation, -rotation, torch.zeros(3, 3).double(), rotation * math.nan):
        with pytest.raises(ValueError, match=r"rotation|NaN"):
            nearest_rotation(bad)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="not a pose"):
        Pose(torch.eye(4), torch.zeros(3))
    with pytest.raises(ValueError, match="3x4 or 4x4"):
        Pose.from_matrix(torch.eye(3))
