"""Examples against exact geometry: the place a pixel is said to lie at shows the same point, whatever was done."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.pose import Pose
from splatmatch.pairs.truth import camera_from_scene, exact_correspondences
from splatmatch.synthetic import build_scene
from splatmatch.training.batch import NOWHERE
from splatmatch.training.colours import PLAIN, ColourConfig, recoloured
from splatmatch.training.examples import UNCHANGED, ExampleConfig, make_example
from splatmatch.training.views import Change, changed_view, clamped, least_scale, mirrored, mirrored_pose

from .worlds import SEED, painted, room_pair

SAMPLE = room_pair()
SIZE = (96, 72)


AROUND = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]


def difference(example, way="ab", shift=(0, 0)):
    """Median difference of colours between pixels and the places they are said to lie at, moved by ``shift``."""
    here, there = (example.images_a, example.images_b) if way == "ab" else (example.images_b, example.images_a)
    labels = getattr(example, f"covisible_{way}")
    places = (getattr(example, f"target_{way}") - 0.5 + np.float32(shift))[labels][None]
    seen = cv2.remap(there.astype(np.float32), places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[0]
    return float(np.median(np.abs(seen - here[labels].astype(np.float32))))


@pytest.mark.parametrize("seed", range(12))
def test_labels_after_cut_zoom_roll_mirror_and_swap_join_what_is_the_same(seed):
    config = ExampleConfig(size=SIZE, zoom_share=0.7, roll=60.0, roll_share=0.7, colours=PLAIN)
    example = make_example(SAMPLE, config, np.random.default_rng(seed))
    assert example is not None
    for way in ("ab", "ba"):
        assert getattr(example, f"covisible_{way}").mean() > 0.02
        assert difference(example, way) < 5
        away = [difference(example, way, shift) for shift in AROUND]
        assert min(away) > difference(example, way)
        assert np.mean(away) > 3 * difference(example, way)


@pytest.mark.parametrize(
    ("scale", "roll", "x", "y"),
    [(0.5, 0.0, 0.5, 0.5), (1.5, 0.0, 0.4, 0.6), (0.8, 0.4, 0.55, 0.5), (1, -2.9, 0.5, 0.4)],
)
def test_a_changed_view_is_what_its_camera_sees(scale, roll, x, y):
    """Depth against rays cast for the new camera; exact on planes, and never invented across edges."""
    pose = camera_from_scene(SAMPLE)
    image, turn = changed_view(SAMPLE.a, Change(SIZE, scale, roll, (x, y)))
    cast = painted(image.camera, turn @ pose)
    assert image.valid.mean() > 0.2
    wrong = np.abs(image.depth[image.valid] / cast.depth[image.valid] - 1)
    assert np.median(wrong) < 1e-4  # planes
    assert np.quantile(wrong, 0.97) < 0.015  # curved things: a cell of four pixels is flat
    shown = np.abs(image.rgb.astype(float) - cast.rgb)[image.valid]
    assert np.median(shown) < 6 * max(1.0, scale)


def test_a_view_of_the_same_size_is_not_resampled():
    image, turn = changed_view(SAMPLE.a, Change((192, 144), 1.0))
    assert image.rgb is SAMPLE.a.rgb and image.depth is SAMPLE.a.depth and image.camera == SAMPLE.a.camera
    assert torch.equal(turn.matrix, Pose.identity().matrix)


def test_a_crop_copies_pixels_and_their_depth():
    image, _ = changed_view(SAMPLE.a, Change((64, 48), 1.0, 0.0, ((40 + 32) / 192, (20 + 24) / 144)))
    assert np.array_equal(image.rgb, SAMPLE.a.rgb[20:68, 40:104])
    assert (image.camera.cx, image.camera.cy) == pytest.approx((SAMPLE.a.camera.cx - 40, SAMPLE.a.camera.cy - 20))
    both = image.valid & SAMPLE.a.valid[20:68, 40:104]
    assert both.mean() > 0.5
    assert np.allclose(image.depth[both], SAMPLE.a.depth[20:68, 40:104][both], rtol=1e-5)


def test_uncertainty_counts_pixels_of_the_other_image():
    image, _ = changed_view(SAMPLE.a, Change(SIZE, 0.5), other_scale=0.5)
    assert np.allclose(image.sigma[image.valid], 0.125)


@given(st.floats(-3, 3), st.floats(1.0, 3.0), st.floats(0, 1), st.floats(0, 1))
def test_a_cut_that_fits_lies_inside(roll, zoom, x, y):
    camera = SAMPLE.a.camera
    change = clamped(camera, Change(SIZE, zoom * least_scale(camera, SIZE, roll), roll, (x, y)))
    corners = np.array([[0, 0], [SIZE[0], 0], [0, SIZE[1]], SIZE]) - np.array(SIZE) / 2
    turn = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
    places = corners @ turn.T / change.scale + np.array(change.centre) * [camera.width, camera.height]
    assert places.min() > -1e-6 and (places <= np.array([camera.width, camera.height]) + 1e-6).all()


def test_mirroring_twice_is_nothing_and_once_moves_labels_along():
    assert np.array_equal(mirrored(mirrored(SAMPLE.a)).rgb, SAMPLE.a.rgb)
    assert torch.allclose(mirrored_pose(mirrored_pose(SAMPLE.b_from_a)).matrix, SAMPLE.b_from_a.matrix)
    config = replace(UNCHANGED, size=(192, 144))
    plain = make_example(SAMPLE, config, np.random.default_rng(0))
    flipped = make_example(SAMPLE, replace(config, mirror_share=1.0), np.random.default_rng(0))
    labels = plain.covisible_ab
    assert np.array_equal(flipped.covisible_ab[:, ::-1], labels)
    moved = flipped.target_ab[:, ::-1][labels]
    assert np.allclose(192 - moved[:, 0], plain.target_ab[labels][:, 0], atol=1e-3)
    assert np.allclose(moved[:, 1], plain.target_ab[labels][:, 1], atol=1e-3)
    assert np.linalg.det(flipped.b_from_a[:3, :3]) == pytest.approx(1, abs=1e-5)


def test_labels_and_what_is_known_to_have_no_match_agree_with_ray_casting():
    example = make_example(SAMPLE, replace(UNCHANGED, size=(192, 144)), np.random.default_rng(0))
    y, x = np.nonzero(example.known_ab)
    truth = exact_correspondences(build_scene("room", SEED), SAMPLE, x, y)
    said = example.covisible_ab[y, x]
    assert example.known_ab.mean() > 0.6 and 0.2 < said.mean() < 0.95
    error = np.linalg.norm(example.target_ab[y, x] - truth.target, axis=1)[said]
    assert np.quantile(error, 0.99) < 0.05
    assert truth.covisible[said].mean() > 0.99
    assert not truth.covisible[~said].any() or truth.covisible[~said].mean() < 0.01


def test_arrays_are_finite_and_of_the_size_asked_for():
    example = make_example(SAMPLE, ExampleConfig(size=SIZE), np.random.default_rng(5))
    assert example.images_a.shape == (72, 96, 3) and example.target_ba.shape == (72, 96, 2)
    assert np.isfinite(example.target_ab).all() and (example.target_ab[~example.valid_a] == NOWHERE).all()
    assert not (example.covisible_ab & ~example.known_ab).any()


def test_pairs_that_share_nothing_are_no_examples():
    apart = replace(SAMPLE, b_from_a=Pose.from_quaternion([0, 0, 1, 0], [0, 0, 0]))
    assert make_example(apart, ExampleConfig(size=SIZE), np.random.default_rng(0)) is None


def test_the_same_draws_give_the_same_example():
    one, two = (make_example(SAMPLE, ExampleConfig(size=SIZE), np.random.default_rng([7, 3])) for _ in range(2))
    assert np.array_equal(one.images_b, two.images_b) and np.array_equal(one.target_ba, two.target_ba)
    other = make_example(SAMPLE, ExampleConfig(size=SIZE), np.random.default_rng([7, 4]))
    assert not np.array_equal(one.images_b, other.images_b)


def test_plain_colours_change_nothing_and_others_stay_close():
    rng = np.random.default_rng(0)
    assert np.array_equal(recoloured(SAMPLE.a.rgb, PLAIN, rng), SAMPLE.a.rgb)
    changed = [recoloured(SAMPLE.a.rgb, ColourConfig(), np.random.default_rng(seed)) for seed in range(40)]
    assert all(image.shape == SAMPLE.a.rgb.shape and image.dtype == np.uint8 for image in changed)
    alike = [np.corrcoef(image[..., 1].ravel(), SAMPLE.a.rgb[..., 1].ravel())[0, 1] for image in changed]
    assert np.median(alike) > 0.9 and len({image.tobytes() for image in changed}) == 40
