"""Two-view geometry at a common size: independent of the photos' pixels, planes told apart, cameras checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from splatmatch.correspondence.two_view import common_size, two_view_geometry
from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import DistortedCamera
from tests.correspondence.dense_worlds import FOCAL, SIZE, cameras, semi_dense

POSES = cameras(3)
MATCHES = semi_dense(POSES[0], POSES[2], wrong=0.3, step=16)
CAMERA = Camera(*SIZE, FOCAL, FOCAL, SIZE[0] / 2, SIZE[1] / 2)


def enlarged(matches, factor_a, factor_b):
    """The same matches between photos of other sizes."""
    return replace(
        matches,
        points_a=matches.points_a * np.float32(factor_a),
        points_b=matches.points_b * np.float32(factor_b),
        size_a=tuple(round(factor_a * side) for side in matches.size_a),
        size_b=tuple(round(factor_b * side) for side in matches.size_b),
    )


@pytest.mark.parametrize("factors", [(1, 1), (5, 1), (0.25, 8)])
def test_fundamental_in_pixels_of_the_photos(factors):
    """x_b^T F x_a = 0 holds in each photo's own pixels; what is verified does not depend on its size."""
    matches = enlarged(MATCHES, *factors)
    found = two_view_geometry(matches)
    assert 0.6 < found.inliers.mean() < 0.8  # 70 % are right, and a few wrong ones lie near their line
    a, b = (
        np.column_stack([p[found.inliers], np.ones(found.inliers.sum())]) for p in (matches.points_a, matches.points_b)
    )
    lines = a @ found.fundamental.T
    distance = np.abs((lines * b).sum(1)) / np.linalg.norm(lines[:, :2], axis=1) / factors[1]
    assert np.median(distance) < 0.5
    assert np.linalg.norm(found.fundamental) == pytest.approx(1)
    assert not found.planar


@pytest.mark.parametrize("factors", [(1, 1), (3, 0.5)])
def test_relative_pose_with_cameras(factors):
    """Rotation and direction to half a degree, with cameras given in each photo's own pixels."""
    matches = enlarged(MATCHES, *factors)
    cams = [CAMERA.resized(*size) for size in (matches.size_a, matches.size_b)]
    found = two_view_geometry(matches, DistortedCamera.from_pinhole(cams[0]), cams[1])
    pose = found.pose.b_from_a
    turn = POSES[2][0] @ POSES[0][0].T
    shift = POSES[2][1] - turn @ POSES[0][1]
    error = np.degrees(np.arccos(np.clip((np.trace(pose.matrix.numpy()[:3, :3].T @ turn) - 1) / 2, -1, 1)))
    direction = np.degrees(np.arccos(pose.matrix.numpy()[:3, 3] @ shift / np.linalg.norm(shift)))
    assert error < 0.5 and direction < 1
    assert found.fundamental is None
    assert (found.pose.inliers == found.inliers).all()


def test_a_plane_and_equal_photos_are_told():
    """One homography explains everything: F is not determined."""
    flat = replace(MATCHES, points_b=MATCHES.points_a + np.float32(7))
    for matches in (flat, replace(MATCHES, points_b=MATCHES.points_a)):
        found = two_view_geometry(matches)
        assert found.planar and found.inliers.all()


def test_nothing_to_verify():
    """No matches, few matches, points in one place: a reason instead of a geometry."""
    for count in (0, 3, 7):
        found = two_view_geometry(MATCHES.chosen(np.arange(count)))
        assert not found.inliers.any() and found.fundamental is None and found.reason
    with pytest.raises(InputError, match="NaN"):
        two_view_geometry(replace(MATCHES, points_a=np.full_like(MATCHES.points_a, np.nan)))
    with pytest.raises(InputError, match="640 x 480"):
        two_view_geometry(MATCHES, CAMERA.resized(320, 240), CAMERA)


def test_common_size():
    """Long side 640 in any orientation; slivers keep a pixel."""
    assert common_size((1080, 1920)) == (360, 640)
    assert common_size((8, 8)) == (640, 640)
    assert common_size((6000, 2)) == (640, 1)
