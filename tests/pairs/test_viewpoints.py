"""Viewpoints: each draw stays in its range, moves mean what they say, and matter is never reached."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatmatch.geometry.pose import Pose, rotation_angle_degrees
from splatmatch.pairs.sources import Anchor, Glance, fitted_camera
from splatmatch.pairs.viewpoints import PRESETS, Move, ViewpointConfig, jittered, moved_pose

from .splat_worlds import CAMERA

POSE = Pose.looking_at([1.0, 2.0, 3.0], [0.0, 0.5, 0.2])


def glance(depth):
    return lambda camera, pose: Glance(
        camera, np.full((camera.height, camera.width), depth, np.float32), np.ones((camera.height, camera.width)), 100
    )


def draw(config, count=400, look=None, anchors=None):
    anchors = anchors or (Anchor("one", CAMERA, POSE),)
    return jittered(anchors, look or glance(2.0), count, config, np.random.default_rng(1))


@pytest.mark.parametrize("preset", ["default", "extreme"])
def test_all_draws_stay_in_their_ranges_and_fill_them(preset):
    config = PRESETS[preset]
    moves = [view.move for view in draw(config) if view.move != Move()]
    for name in ("yaw", "pitch", "roll"):
        values = np.array([getattr(move, name) for move in moves])
        limit = getattr(config, name)
        assert np.abs(values).max() <= limit and values.max() > 0.9 * limit and values.min() < -0.9 * limit
    zooms = np.log([move.zoom for move in moves if move.zoom != 1])
    low, high = np.log([config.least_zoom, config.most_zoom])
    assert zooms.min() >= low and zooms.max() <= high
    np.testing.assert_allclose(zooms.mean(), 0.5 * (low + high), atol=0.15), "log-uniform"
    lengths = [np.linalg.norm(move.translation) for move in moves]
    assert max(lengths) <= config.translation + 1e-9


def test_what_is_recorded_is_what_was_done():
    """Turning back, moving back and zooming back by the record gives the known camera."""
    for view in draw(ViewpointConfig(kept_share=0.0), 50):
        back = moved_pose(view.move, 2.0).inverse() @ view.camera_from_source
        np.testing.assert_allclose(back.matrix, POSE.matrix, atol=1e-12)
        assert view.camera.fx == pytest.approx(CAMERA.fx * view.move.zoom)
        assert (view.camera.width, view.camera.height) == (CAMERA.width, CAMERA.height)
        assert view.record()["zoom"] == view.move.zoom and view.record()["translation"] == list(view.move.translation)


def test_signs_of_yaw_pitch_roll_and_move():
    """Yaw to the right moves what is ahead to the left; pitch down moves it up; a move to the right, to the left."""
    ahead = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    assert moved_pose(Move(yaw=10), 1.0).apply(ahead)[0] == pytest.approx(-np.sin(np.radians(10)))
    assert moved_pose(Move(pitch=10), 1.0).apply(ahead)[1] == pytest.approx(-np.sin(np.radians(10)))
    assert moved_pose(Move(translation=(0.1, 0, 0)), 5.0).apply(ahead)[0] == pytest.approx(-0.5)
    rolled = moved_pose(Move(roll=90), 1.0).apply(torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64))
    np.testing.assert_allclose(rolled, [0, -1, 1], atol=1e-12)  # clockwise: what was right is now on top
    assert float(rotation_angle_degrees(moved_pose(Move(yaw=10), 1.0).rotation)) == pytest.approx(10)


def test_a_move_never_reaches_what_is_near():
    """Half the near depth at most, though the median is far away."""

    def near_left(camera, pose):
        depth = np.full((camera.height, camera.width), 10.0, np.float32)
        depth[:, :10] = 0.4
        return Glance(camera, depth, np.ones_like(depth), 1)

    views = draw(ViewpointConfig(kept_share=0.0), 200, near_left)
    moved = [float((view.camera_from_source.centre - POSE.centre).norm()) for view in views]
    assert 0.1 < max(moved) <= 0.2 + 1e-9


def test_where_nothing_is_seen_nothing_moves():
    views = draw(ViewpointConfig(kept_share=0.0), 20, glance(0.0))
    assert all(view.move.translation == (0, 0, 0) for view in views)


def test_known_viewpoints_are_used_alike_and_some_are_kept():
    anchors = tuple(Anchor(f"n{i}", CAMERA, POSE) for i in range(7))
    views = draw(ViewpointConfig(), 70, anchors=anchors)
    assert {name: [view.name for view in views].count(name) for name in {view.name for view in views}} == {
        anchor.name: 10 for anchor in anchors
    }
    kept = sum(view.move == Move() for view in views)
    assert 8 <= kept <= 28


def test_no_zoom_is_no_zoom():
    views = draw(ViewpointConfig(least_zoom=1.0, most_zoom=1.0), 50)
    assert {view.camera.fx for view in views} == {CAMERA.fx}
    with pytest.raises(ValueError, match="no range"):
        ViewpointConfig(least_zoom=2.0, most_zoom=1.0)


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (100, 100)])
def test_a_fitted_camera_sees_no_more_than_the_photo(size):
    camera = CAMERA.resized(1920, 1080)
    fitted = fitted_camera(camera, size)
    assert (fitted.width, fitted.height) == size
    assert fitted.width / fitted.fx <= camera.width / camera.fx + 1e-12
    assert fitted.height / fitted.fy <= camera.height / camera.fy + 1e-12
