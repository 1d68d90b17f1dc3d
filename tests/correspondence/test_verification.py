"""Two-view estimators on exact and disturbed geometry, and what they must refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from splatmatch.correspondence.verification import (
    ESTIMATORS,
    VerificationOptions,
    fundamental,
    homography,
    relative_pose,
    undistorted_points,
)
from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.epipolar import fundamental_matrix, symmetric_epipolar_distance
from splatmatch.geometry.pose import Pose, exp_se3, rotation_angle_degrees
from splatmatch.solvers.poselib import checked_options

A = Camera(640, 480, 500.0, 520.0, 310.0, 250.0)
B = Camera(800, 600, 700.0, 690.0, 410.0, 290.0)


def two_views(seed: int, count: int = 200, wrong: int = 0, noise: float = 0.0):
    """Matches of a random cloud in front of two cameras; the first ``wrong`` of them are arbitrary."""
    rng = np.random.default_rng(seed)
    rotation, _ = exp_se3(torch.as_tensor(np.r_[np.zeros(3), rng.uniform(-0.3, 0.3, 3)]))
    translation = torch.as_tensor(rng.normal(size=3))
    b_from_a = Pose(rotation, translation / translation.norm())
    points = torch.as_tensor(rng.uniform([-2, -1.5, 4], [2, 1.5, 9], (count, 3)))
    a, b = A.project(points).numpy(), B.project(b_from_a.apply(points)).numpy()
    a, b = a + rng.normal(0, noise, a.shape), b + rng.normal(0, noise, b.shape)
    b[:wrong] = rng.uniform(0, 600, (wrong, 2))
    return a, b, b_from_a


def degrees_apart(found: Pose, truth: Pose) -> float:
    rotation = rotation_angle_degrees(found.rotation @ truth.rotation.T)
    cosine = torch.dot(found.translation, truth.translation) / truth.translation.norm()
    return max(float(rotation), float(torch.rad2deg(torch.acos(cosine.clamp(-1, 1)))))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_every_estimator_finds_the_pose_among_outliers(estimator, seed):
    a, b, truth = two_views(seed, wrong=60, noise=0.2)
    found = relative_pose(a, b, A, B, VerificationOptions(estimator=estimator))
    assert found.b_from_a is not None
    assert degrees_apart(found.b_from_a, truth) < (5 if estimator == "opencv" else 1.5)  # opencv does not refine
    assert found.b_from_a.translation.norm() == pytest.approx(1)
    assert found.inliers[60:].mean() > 0.9
    assert found.inliers[:60].mean() < 0.1
    assert found.options.estimator == estimator
    assert any(character.isdigit() for character in found.solver)


@pytest.mark.parametrize("estimator", ["poselib", "pycolmap"])
def test_refining_estimators_are_exact_without_noise(estimator):
    a, b, truth = two_views(3)
    found = relative_pose(a, b, A, B, VerificationOptions(estimator=estimator))
    assert degrees_apart(found.b_from_a, truth) < 1e-3
    assert found.inliers.all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fundamental_matrix_leads_from_a_to_b(estimator):
    a, b, truth = two_views(5, wrong=40)
    found = fundamental(a, b, VerificationOptions(estimator=estimator))
    matrix = torch.as_tensor(found.matrix)
    distances = symmetric_epipolar_distance(matrix, torch.as_tensor(a[40:]), torch.as_tensor(b[40:]))
    assert distances.median() < 0.05
    assert found.inliers[40:].mean() > 0.9
    expected = fundamental_matrix(A, B, truth)
    assert min((matrix - expected).norm(), (matrix + expected).norm()) < 0.05


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_homography_leads_from_a_to_b(estimator):
    truth = np.array([[1.1, 0.05, -20.0], [-0.03, 0.95, 14.0], [1e-4, -5e-5, 1.0]])
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 480, (120, 2))
    projected = np.c_[a, np.ones(120)] @ truth.T
    b = projected[:, :2] / projected[:, 2:]
    b[:40] = rng.uniform(0, 480, (40, 2))
    found = homography(a, b, VerificationOptions(estimator=estimator))
    np.testing.assert_allclose(found.matrix / found.matrix[2, 2], truth, rtol=1e-3, atol=2e-4)
    assert found.inliers[40:].all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_seeds_give_equal_results(estimator):
    a, b, _ = two_views(1, wrong=120, noise=1.0)
    options = VerificationOptions(estimator=estimator, seed=2, max_iterations=500)
    one, other = (relative_pose(a, b, A, B, options) for _ in range(2))
    assert torch.equal(one.b_from_a.rotation, other.b_from_a.rotation)
    assert np.array_equal(one.inliers, other.inliers)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_seeds_change_the_samples(estimator):
    a, b, _ = two_views(1, count=60, wrong=45, noise=2.0)
    masks = {
        relative_pose(a, b, A, B, VerificationOptions(estimator, seed=seed, max_iterations=200)).inliers.tobytes()
        for seed in range(8)
    }
    assert len(masks) > 1


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_larger_threshold_accepts_more(estimator):
    a, b, _ = two_views(2, noise=2.0)
    counts = [
        int(relative_pose(a, b, A, B, VerificationOptions(estimator=estimator, threshold=pixels)).inliers.sum())
        for pixels in (1.0, 8.0)
    ]
    assert counts[0] < counts[1]
    assert counts[1] > 190


def test_the_threshold_counts_pixels_of_the_photos_as_given():
    """Photos at twice the size with twice the threshold have the same inliers."""
    a, b, _ = two_views(4, noise=0.7)
    one = relative_pose(a, b, A, B, VerificationOptions(threshold=1))
    cameras = A.resized(1280, 960), B.resized(1600, 1200)
    other = relative_pose(2 * a, 2 * b, *cameras, VerificationOptions(threshold=2))
    assert np.array_equal(one.inliers, other.inliers)
    assert 0 < one.inliers.sum() < len(a)


def test_the_typo_of_loftr_uses_other_focal_lengths():
    a, b, _ = two_views(4, noise=0.7)
    tall = Camera(640, 480, 500.0, 2000.0, 310.0, 250.0)
    a = (a - [A.cx, A.cy]) * [1, 2000 / 520] + [tall.cx, tall.cy]
    counts = [
        relative_pose(a, b, tall, B, VerificationOptions("opencv", dialect=dialect)).inliers.sum()
        for dialect in ("plain", "loftr")
    ]
    assert counts[0] < counts[1]  # loftr: fx of a and fy of b only, hence the larger angle
    with pytest.raises(InputError, match="belongs to opencv"):
        VerificationOptions(dialect="loftr")


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("count", [0, 3, 4])
def test_too_few_matches_are_no_pose(estimator, count):
    a, b, _ = two_views(0, count=count)
    found = relative_pose(a, b, A, B, VerificationOptions(estimator=estimator))
    assert found.b_from_a is None
    assert f"{count} matches" in found.reason
    assert found.inliers.shape == (count,)
    assert fundamental(a, b, VerificationOptions(estimator=estimator)).matrix is None


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_degenerate_matches_never_give_nonsense(estimator):
    """One point many times, and points that do not move: no pose or an orthonormal one, never NaN or a crash."""
    for a in (np.full((30, 2), 100.0), np.random.default_rng(0).uniform(0, 480, (30, 2))):
        found = relative_pose(a, a, A, A, VerificationOptions(estimator=estimator))
        if found.b_from_a is not None:
            assert torch.isfinite(found.b_from_a.matrix).all()
        matrix = fundamental(a, a, VerificationOptions(estimator=estimator)).matrix
        assert matrix is None or np.isfinite(matrix).all()


def test_few_inliers_are_no_pose():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 480, (40, 2)), rng.uniform(0, 480, (40, 2))
    found = relative_pose(a, b, A, B, VerificationOptions(threshold=0.1, min_inliers=20))
    assert found.b_from_a is None
    assert "20 must" in found.reason
    assert not found.inliers.any()


def test_distorted_points_are_undistorted_exactly():
    lens = DistortedCamera("OPENCV", 640, 480, (500.0, 520.0, 310.0, 250.0, -0.2, 0.05, 0.001, -0.002))
    x, y = np.meshgrid(np.linspace(0, 640, 9), np.linspace(0, 480, 7))
    pixels = np.c_[x.ravel(), y.ravel()]
    flat, pinhole = undistorted_points(pixels, lens)
    assert (pinhole.fx, pinhole.cy) == (500.0, 250.0)
    u, v = ((flat - [310, 250]) / [500, 520]).T
    r2 = u * u + v * v
    k1, k2, p1, p2 = lens.params[4:]
    radial = 1 + k1 * r2 + k2 * r2 * r2
    back = np.c_[
        500 * (u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)) + 310,
        520 * (v * radial + 2 * p2 * u * v + p1 * (r2 + 2 * v * v)) + 250,
    ]
    np.testing.assert_allclose(back, pixels, atol=1e-6)
    assert np.abs(flat - pixels).max() > 5


def test_a_distorted_pair_gives_the_pose_of_its_pinhole():
    lens = DistortedCamera("OPENCV", 640, 480, (500.0, 520.0, 310.0, 250.0, -0.2, 0.05, 0.0, 0.0))
    a, b, truth = two_views(7)
    u, v = ((a - [310, 250]) / [500, 520]).T
    radial = 1 - 0.2 * (u * u + v * v) + 0.05 * (u * u + v * v) ** 2
    bent = np.c_[500 * u * radial + 310, 520 * v * radial + 250]
    assert degrees_apart(relative_pose(bent, b, lens, B).b_from_a, truth) < 1e-3
    assert degrees_apart(relative_pose(bent, b, A, B).b_from_a, truth) > 0.1


def test_bad_input_is_refused():
    a, b, _ = two_views(0, count=10)
    for wrong, message in (((a, b[:5]), "10 points in a and 5"), ((a * np.nan, b), "NaN")):
        with pytest.raises(InputError, match=message):
            relative_pose(*wrong, A, B)
        with pytest.raises(InputError, match=message):
            homography(*wrong)
    for options in ({"threshold": 0.0}, {"threshold": float("nan")}, {"confidence": 1.0}, {"estimator": "magic"}):
        with pytest.raises(InputError):
            VerificationOptions(**options)


def test_an_option_that_poselib_would_ignore_is_an_error():
    assert checked_options({"seed": 1}, {"seed": 0, "max_error": 1.0}) == {"seed": 1}
    with pytest.raises(InputError, match="no option max_epipolar_error"):
        checked_options({"max_epipolar_error": 1.0}, {"seed": 0, "max_error": 1.0})
