"""Label uncertainty: pixels by finite differences, and signs of trouble that point the right way."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.pose import Pose
from splatmatch.pairs.uncertainty import LEAST_PIXELS, depth_uncertainty, disagreement_factor, label_sigma

from .splat_worlds import CAMERA

SHAPE = (CAMERA.height, CAMERA.width)
FULL = np.ones(SHAPE, bool)


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.5, 3.0))
def test_sigma_is_how_far_the_point_moves_when_its_depth_does(x, y, z, zoom):
    pose = Pose.from_quaternion([1, 0.1, -0.05, 0.2], [x, y, z])
    other = CAMERA.zoomed(zoom)
    depth = np.full(SHAPE, 3.0, np.float32)
    step = 1e-4
    sigma = label_sigma(depth, np.full(SHAPE, 0.01, np.float32), FULL, CAMERA, other, pose)
    ends = [
        other.project(pose.apply(CAMERA.unproject(CAMERA.pixel_centres(torch.float64), torch.full(SHAPE, d).double())))
        for d in (3.0 - step, 3.0 + step)
    ]
    moved = (ends[1] - ends[0]).norm(dim=2).numpy() / (2 * step) * 0.01
    np.testing.assert_allclose(sigma, np.hypot(moved, LEAST_PIXELS), rtol=2e-3)


def test_without_a_baseline_depth_does_not_matter_and_behind_the_camera_nothing_is_certain():
    depth, wild = np.full(SHAPE, 3.0, np.float32), np.full(SHAPE, 2.0, np.float32)
    turned = Pose.from_quaternion([1, 0.1, 0.1, 0], [0, 0, 0])
    np.testing.assert_allclose(label_sigma(depth, wild, FULL, CAMERA, CAMERA, turned), LEAST_PIXELS, rtol=1e-5)
    behind = Pose.from_quaternion([0, 0, 1, 0], [0, 0, 0])
    assert (label_sigma(depth, wild, FULL, CAMERA, CAMERA, behind) == 100).all()
    assert (label_sigma(depth, wild, ~FULL, CAMERA, CAMERA, turned) == 0).all()


def uncertainty(depth=3.0, spread=0.01, tilt=0.0, length=0.99):
    normal = np.zeros((*SHAPE, 3), np.float32)
    normal[..., 0], normal[..., 2] = np.sin(tilt), -np.cos(tilt)
    depth = np.broadcast_to(np.float32(depth), SHAPE)
    maps = (np.full(SHAPE, value, np.float32) for value in (spread, length))
    spread_map, length_map = maps
    return float(np.median(depth_uncertainty(depth, FULL, spread_map, normal, length_map, CAMERA)[8:-8, 8:-8]))


def test_each_sign_of_trouble_raises_the_uncertainty_and_it_scales_with_depth():
    base = uncertainty()
    assert uncertainty(spread=0.1) > base and uncertainty(tilt=1.2) > base and uncertainty(length=0.8) > base
    rough = 3.0 + 0.2 * np.random.default_rng(0).uniform(size=SHAPE)
    assert uncertainty(depth=rough) > 1.3 * base
    assert np.isclose(uncertainty(depth=300.0), 100 * base, rtol=1e-3)


def test_disagreement_of_the_other_view_raises_it_and_silence_leaves_it():
    np.testing.assert_allclose(disagreement_factor(np.full(SHAPE, np.nan, np.float32)), 1.0, rtol=1e-5)
    error = np.full(SHAPE, 0.0005, np.float32)
    error[:, 32:] = 0.03
    factor = disagreement_factor(error)
    assert factor[24, 8] < 0.6 and factor[24, 56] > 2.0
