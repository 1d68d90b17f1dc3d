"""Labels against exact geometry: where pixels land, what is hidden, what lies at an edge, and in which coordinates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.labels import LabelConfig, both_correspondences, correspondences, scale_ratio, surface
from splatmatch.pairs.sample import PairImage, PairSample, Provenance
from splatmatch.synthetic import build_scene, camera_path, cast_rays
from splatmatch.synthetic.rays import pixel_directions

CAMERA = Camera(64, 48, 60.0, 62.0, 31.0, 25.0)


def image(depth, camera=CAMERA, valid=None):
    depth = np.asarray(depth, np.float32)
    valid = depth > 0 if valid is None else valid
    return PairImage(
        np.zeros((*depth.shape, 3), np.uint8), np.where(valid, depth, 0).astype(np.float32), valid,
        valid.astype(np.float32) * np.float32(0.1), camera,
    )  # fmt: skip


def plane_depth(camera, pose, normal, offset):
    """z-depth (H, W) of the plane n . x = offset in the world."""
    ways = pixel_directions(camera, pose).numpy()
    depth = (offset - normal @ pose.centre.numpy()) / (ways @ normal)
    return depth.reshape(camera.height, camera.width)


def pixels(camera):
    return camera.pixel_centres(torch.float64).numpy()


@given(
    st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(-0.25, 0.25), st.floats(-0.25, 0.25), st.floats(-0.3, 0.3),
    st.floats(0.6, 1.6),
)  # fmt: skip
def test_labels_on_a_slanted_plane_are_its_homography(nx, ny, tx, ty, tz, zoom):
    """End-point error against K_b (R + t n^T / d) K_a^-1; every pixel that lands inside is kept, however slanted."""
    normal = np.array([nx, ny, -1.0])
    pose_a = Pose.identity()
    pose_b = Pose.from_quaternion([1, 0.05 * ny, -0.05 * nx, 0.04], [tx, ty, tz])
    camera_b = CAMERA.zoomed(zoom)
    a = image(plane_depth(CAMERA, pose_a, normal, -3.0))
    b = image(plane_depth(camera_b, pose_b, normal, -3.0), camera_b)
    field = correspondences(a, b, pose_b, LabelConfig(edge_margin=0))
    homography = (
        camera_b.matrix.numpy()
        @ (pose_b.rotation.numpy() + np.outer(pose_b.translation.numpy(), normal) / -3.0)
        @ np.linalg.inv(CAMERA.matrix.numpy())
    )
    exact = np.concatenate([pixels(CAMERA), np.ones((48, 64, 1))], 2) @ homography.T
    exact = exact[..., :2] / exact[..., 2:]
    inside = ((exact > 1e-3) & (exact < [64 - 1e-3, 48 - 1e-3])).all(2)
    np.testing.assert_array_equal(field.covisible & inside, inside)
    assert not (field.covisible & ~((exact > -1e-3) & (exact < [64 + 1e-3, 48 + 1e-3])).all(2)).any()
    assert np.abs(field.target - exact)[inside].max(initial=0) < 2e-3
    assert field.cycle[inside].max(initial=0) < 5e-3


def test_the_origin_is_the_corner():
    """A camera shifted by exactly three pixels of parallax moves (x + 0.5) to (x + 3.5), row unchanged."""
    depth = np.full((48, 64), 2.0)
    field = correspondences(image(depth), image(depth), Pose.from_quaternion([1, 0, 0, 0], [0.1, 0, 0]))
    np.testing.assert_allclose(field.target[20, 10], [13.5, 20.5], atol=1e-5)


@pytest.fixture(scope="module")
def room():
    """Two views of a room; where each pixel of the first lies in the second, and whether it is seen there."""
    scene = build_scene("room", 0)
    camera = camera_path(scene, "walk", 40, 0, 160, 120)[0].camera
    guide = scene.guide
    poses = [Pose.looking_at(guide.eye(angle), guide.aim(angle)) for angle in (0.3, 0.5)]
    images = []
    for pose in poses:
        hits = cast_rays(scene, pose.centre, pixel_directions(camera, pose))
        seen = (hits.instance >= 0).numpy()
        images.append(image(np.where(seen, hits.distance.numpy(), 0).reshape(120, 160), camera))
    points = (
        poses[0]
        .inverse()
        .apply(camera.unproject(camera.pixel_centres(torch.float64), torch.from_numpy(images[0].depth).double()))
    )
    local = poses[1].apply(points)
    target = camera.project(local).numpy()
    ways = (points - poses[1].centre).reshape(-1, 3)
    first = cast_rays(scene, poses[1].centre, ways).distance.numpy().reshape(120, 160)
    inside = ((target > 0) & (target < [160, 120])).all(2) & (local[..., 2] > 0).numpy() & images[0].valid
    visible, hidden = inside & (np.abs(first - 1) < 1e-4), inside & (first < 0.97)
    return images, poses[1] @ poses[0].inverse(), target, visible, hidden


def test_labels_in_a_room_are_exact_and_nothing_hidden_is_labelled(room):
    """End-point error 0.001 px; what is clearly hidden does not pass; most visible points are kept."""
    (a, b), b_from_a, target, visible, hidden = room
    field = correspondences(a, b, b_from_a)
    assert hidden.sum() > 300, "the test has something to say about occlusion"
    assert (field.covisible & hidden).sum() < 6e-3 * hidden.sum(), "only what a cord thinner than a pixel hides"
    assert (field.covisible & ~visible).sum() < 2e-3 * field.covisible.sum(), "things that all but touch"
    assert (field.covisible & visible).sum() > 0.55 * visible.sum()
    assert np.abs(field.target - target)[field.covisible].max() < 1e-3
    assert field.depth_error[field.covisible].max() <= LabelConfig().max_depth_error
    assert np.isnan(field.target[~field.candidate]).all()


def test_both_directions_agree(room):
    """What a sees in b comes back from b to within a pixel, and overlap is a share of the candidates."""
    (a, b), b_from_a, *_ = room
    sample = PairSample("k", "s", a, b, b_from_a, 0, 0, 1, Provenance("synthetic", 0, ("", ""), "exact", "CC0-1.0"))
    forward, backward = both_correspondences(sample)
    at = forward.target[forward.covisible].astype(int)
    back = backward.target[at[:, 1], at[:, 0]]
    start = pixels(a.camera)[forward.covisible]
    labelled = backward.covisible[at[:, 1], at[:, 0]]
    assert labelled.mean() > 0.9
    assert np.median(np.abs(back - start)[labelled]) < 0.7
    assert forward.overlap == pytest.approx(forward.covisible.sum() / forward.candidate.sum())


def test_depth_is_not_interpolated_across_a_step():
    """A near strip before a far wall: no label starts or ends on a mixture of both depths, at any step direction."""
    depth = np.full((48, 64), 4.0)
    depth[:, 30:40] = 2.0
    depth[20:30, :] = 2.0
    b_from_a = Pose.from_quaternion([1, 0, 0, 0], [0.013, 0.007, 0])
    field = correspondences(image(depth), image(depth), b_from_a, LabelConfig(edge_margin=0, max_depth_error=1.0))
    shift = field.target - pixels(CAMERA)
    expected = np.stack([60 * 0.013 / depth, 62 * 0.007 / depth], 2)
    assert np.abs(shift - expected)[field.covisible].max() < 1e-4
    found = surface(np.asarray(depth, np.float32), depth > 0, LabelConfig(edge_margin=0))
    assert not found.right[10, 29] and not found.right[10, 39] and not found.below[19, 5] and not found.below[29, 5]
    assert found.right[10, 28] and found.right[10, 30] and found.below[18, 5] and found.below[20, 5]


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_labels_keep_the_margin_from_edges_and_from_invalid_pixels(margin):
    depth = np.full((48, 64), 4.0)
    depth[:, 30:] = 2.0
    depth[40, 10] = 0.0
    field = correspondences(image(depth), image(depth), Pose.identity(), LabelConfig(edge_margin=margin))
    np.testing.assert_array_equal(np.flatnonzero(~field.candidate[5]), np.arange(29 - margin, 31 + margin))
    lost = np.argwhere(~field.candidate[:, :20])
    assert np.abs(lost - [40, 10]).max() == margin + 1
    assert len(lost) == {0: 5, 1: 21, 3: 77}[margin], "the pixel, its four neighbours, and the margin around these"


def test_an_occluder_hides():
    """A plate in front of b's right half: nothing behind it is labelled, everything else is."""
    wall = np.full((48, 64), 4.0)
    plate = wall.copy()
    plate[:, 32:] = 1.0
    field = correspondences(image(wall), image(plate), Pose.identity(), LabelConfig(edge_margin=0))
    assert field.covisible[:, :31].all() and not field.covisible[:, 31:].any()


def test_wrong_depth_is_noticed():
    """Three per cent of error in b is above the limit of two, one per cent is not."""
    depth = np.full((48, 64), 4.0)
    pose = Pose.from_quaternion([1, 0, 0, 0], [0.02, 0, 0])
    assert not correspondences(image(depth), image(1.03 * depth), pose).covisible.any()
    assert correspondences(image(depth), image(1.01 * depth), pose).covisible.any()


def test_uncertain_pixels_can_be_left_out():
    depth = np.full((48, 64), 4.0)
    a = image(depth)
    a.sigma[:, :32] = 5.0
    field = correspondences(a, image(depth), Pose.identity(), LabelConfig(max_sigma=1.0))
    assert not field.candidate[:, :32].any() and field.candidate[5:-5, 33:].all()


def test_points_behind_the_other_camera_and_tiny_images_give_no_labels():
    depth = np.full((48, 64), 2.0)
    behind = Pose.from_quaternion([0, 0, 1, 0], [0, 0, -1.0])  # turned around
    assert not correspondences(image(depth), image(depth), behind).covisible.any()
    tiny = Camera(1, 1, 1, 1, 0.5, 0.5)
    field = correspondences(image([[1.0]], tiny), image([[1.0]], tiny), Pose.identity())
    assert not field.covisible.any() and field.overlap in (0.0, 1.0)
    nothing = np.zeros((48, 64))
    assert correspondences(image(nothing), image(depth), Pose.identity()).overlap == 0


def test_the_scale_ratio_is_the_apparent_zoom():
    """Half the distance and 1.5 times the focal length: three times as large."""
    depth = np.full((48, 64), 4.0)
    a, b = image(depth), image(0.5 * depth, CAMERA.zoomed(1.5))
    pose = Pose.from_quaternion([1, 0, 0, 0], [0, 0, -2.0])
    assert scale_ratio(a, b, pose, correspondences(a, b, pose)) == pytest.approx(3.0, rel=1e-6)


def test_samples_refuse_arrays_that_do_not_fit():
    good = image(np.ones((48, 64)))
    with pytest.raises(ValueError, match=r"depth is float32 \(4, 4\)"):
        PairImage(good.rgb, np.ones((4, 4), np.float32), good.valid, good.sigma, CAMERA)
    with pytest.raises(ValueError, match="key has letters"):
        PairSample("a.b", "s", good, good, Pose.identity(), 0, 0, 1, Provenance("", 0, ("", ""), "", ""))
