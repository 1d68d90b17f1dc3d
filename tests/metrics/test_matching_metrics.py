"""Metrics of matches and relative poses: by value, by invariance, and against the public benchmark's numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3, skew
from splatmatch.metrics.correspondence import (
    apply_homography,
    corner_error,
    disparity_errors,
    share_within,
    shares_within,
    squared_epipolar_distances,
    transfer_errors,
)
from splatmatch.metrics.mapfree import precision_recall, quaternion_degrees, vcre, virtual_points
from splatmatch.metrics.relative_pose import recall_auc, rotation_degrees, translation_degrees
from tests.conftest import data_folder


def turned(degrees: float, translation=(0.0, 0.0, 1.0)) -> Pose:
    half = math.radians(degrees) / 2
    return Pose.from_quaternion([math.cos(half), 0, math.sin(half), 0], list(translation))


@given(st.floats(0, 180), st.floats(0, 180))
def test_pose_errors_are_the_angles_that_were_put_in(rotation, direction):
    truth = turned(0, (0.0, 0.0, 2.0))
    angle = math.radians(direction)
    estimate = turned(rotation, (math.sin(angle), 0.0, math.cos(angle)))
    assert rotation_degrees(estimate, truth) == pytest.approx(rotation, abs=1e-6)
    assert translation_degrees(estimate, truth, folded=False) == pytest.approx(direction, abs=1e-6)
    assert translation_degrees(estimate, truth) == pytest.approx(min(direction, 180 - direction), abs=1e-6)


def test_translation_errors_without_a_direction():
    assert translation_degrees(turned(3), turned(0, (0, 0, 0))) == 0
    assert translation_degrees(turned(3, (0, 0, 0)), turned(0)) == 90
    assert translation_degrees(turned(3, (0, 0, 0)), turned(0), folded=False) == 180


def test_auc_by_hand():
    """Errors 2, 6, 180 of three: recall rises to 1/3 at 2 and to 2/3 at 6, then stays."""
    expected_5 = (0.5 * 2 * (1 / 3) + 3 * (1 / 3)) / 5
    expected_10 = (0.5 * 2 * (1 / 3) + 4 * 0.5 * (1 / 3 + 2 / 3) + 4 * (2 / 3)) / 10
    np.testing.assert_allclose(recall_auc([180, 2, 6], [5, 10]), [expected_5, expected_10])
    assert recall_auc([math.inf, math.inf], [5])[0] == 0
    assert recall_auc([0.0, 0.0], [5])[0] == 1


@given(st.lists(st.floats(0, 180), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_auc_grows_with_the_threshold_of_reached_recall_and_ignores_order(errors, random):
    shuffled = list(errors)
    random.shuffle(shuffled)
    np.testing.assert_array_equal(recall_auc(errors, [5, 10, 20]), recall_auc(shuffled, [5, 10, 20]))
    areas = recall_auc(errors, [1e-3, 5, 180.001])
    assert (areas >= 0).all() and (areas <= 1).all()
    better = [0.5 * error for error in errors]
    assert (recall_auc(better, [5, 10, 20]) >= recall_auc(errors, [5, 10, 20]) - 1e-12).all()


def test_auc_refuses_what_is_no_error():
    for errors in ([], [math.nan], [-1.0]):
        with pytest.raises(ValueError, match="0 or more"):
            recall_auc(errors, [5])
    with pytest.raises(ValueError, match="above 0"):
        recall_auc([1.0], [0.0])


def test_squared_epipolar_distance_is_that_of_the_lines():
    """A sideways camera sees horizontal lines: a vertical offset v counts twice, once for each image."""
    essential = skew(torch.tensor([3.0, 0.0, 0.0], dtype=torch.float64)).numpy()
    a, b = np.array([[0.1, 0.2], [0.0, 0.0]]), np.array([[-0.3, 0.25], [0.4, 0.0]])
    np.testing.assert_allclose(squared_epipolar_distances(essential, a, b), [2 * 0.05**2, 0], atol=1e-15)


def test_shares_count_what_lies_within():
    assert share_within(np.array([0.5, 1.0, 2.0]), 1.0) == pytest.approx(1 / 3)
    assert share_within(np.array([0.5, 1.0, np.nan]), 1.0, inclusive=True) == pytest.approx(2 / 3)
    assert share_within(np.zeros(0), 1.0) == 0
    assert shares_within(np.array([0.5, np.nan, 4.0]), (1, 5)) == (0.5, 1.0)


def test_homography_errors_by_value():
    shift = np.array([[1.0, 0, 3.0], [0, 1, 4.0], [0, 0, 1]])
    points = np.array([[0.0, 0.0], [10, 20]])
    np.testing.assert_allclose(transfer_errors(shift, points, points), [5, 5])
    assert corner_error(shift, np.eye(3), (64, 48)) == pytest.approx(5)
    assert corner_error(-2 * shift, shift, (64, 48)) == pytest.approx(0, abs=1e-12)
    assert not np.isfinite(apply_homography(np.array([[1.0, 0, 0], [0, 1, 0], [1, 0, 0]]), np.array([[0.0, 1]]))).all()


def test_disparity_errors_by_value():
    disparity = np.full((4, 6), 2.0)
    disparity[1, 3] = np.inf
    left = np.array([[4.5, 0.5], [3.5, 1.5], [9.0, 1.0], [4.999, 2.0]])
    right = np.array([[2.5, 0.5], [1.5, 1.5], [0.0, 0.0], [2.999, 5.0]])
    np.testing.assert_allclose(disparity_errors(left, right, disparity), [0, np.nan, np.nan, 3])


@pytest.mark.data
def test_mapfree_metrics_equal_those_of_the_benchmark():
    v = np.load(data_folder("mast3r_vectors") / "mapfree_metrics.npz")
    np.testing.assert_allclose(virtual_points(), v["grid"], atol=1e-12)
    size = int(v["width"]), int(v["height"])
    errors, angles = [], []
    for row in range(len(v["vcre"])):
        truth = Pose.from_quaternion(v["q_gt"][row], v["t_gt"][row])
        estimate = Pose.from_quaternion(v["q_est"][row], v["t_est"][row])
        errors.append(vcre(estimate, truth, v["K"][row], size))
        angles.append(quaternion_degrees(estimate, truth))
        assert float((estimate.translation - truth.translation).norm()) == pytest.approx(v["translation"][row], 1e-6)
    np.testing.assert_allclose(errors, v["vcre"], rtol=1e-6)
    np.testing.assert_allclose(angles, v["rotation_deg"], rtol=1e-6)
    accepted = {"vcre90": v["vcre"] < 90, "pose": (v["translation"] < 0.25) & (v["rotation_deg"] < 5)}
    for name, good in accepted.items():
        for failures in (0, 7):
            found = precision_recall(v["confidence"], good, failures)
            key = f"{name}.failures{failures}"
            np.testing.assert_allclose(found.precision, v[f"{key}.precision"], rtol=1e-6)
            np.testing.assert_allclose(found.recall, v[f"{key}.recall"], rtol=1e-6)
            assert found.auc == pytest.approx(float(v[f"{key}.auc"]), rel=1e-6)


@given(st.integers(0, 1000))
def test_vcre_does_not_depend_on_the_world_frame(seed):
    rng = np.random.default_rng(seed)
    rotation, translation = exp_se3(torch.as_tensor(rng.normal(size=6)))
    world = Pose(rotation, translation)
    camera = Camera(540, 720, 590, 588, 270, 360)
    truth, estimate = turned(20, (0.3, 0, 0)), turned(21, (0.35, 0.1, 0))
    one = vcre(estimate, truth, camera.matrix.numpy(), (540, 720))
    assert vcre(world @ estimate, world @ truth, camera.matrix.numpy(), (540, 720)) == pytest.approx(one, abs=1e-6)
    assert one > 1
