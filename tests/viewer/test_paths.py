"""Camera paths and framing: where they look, what they keep clear of, how they scale."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import InputError
from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, rotation_angle_degrees, rotation_from_quaternion
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, View
from splatmatch.viewer.framing import focus, scene_camera, splat_middle, subject, up_direction, weighted_quantile
from splatmatch.viewer.paths import PathConfig, camera_path
from tests.viewer.scenes import CAMERA, arc_scene, ball


def bare(gaussians: Gaussians | None = None) -> Scene:
    return Scene((), SparsePoints.empty(), gaussians or ball(), up_known=True)


def moved(scene: Scene, b_from_a: Similarity) -> Scene:
    views = tuple(replace(v, camera_from_world=b_from_a.apply_pose(v.camera_from_world)) for v in scene.views)
    gaussians = scene.gaussians.transformed(b_from_a) if scene.gaussians else None
    return replace(scene, views=views, gaussians=gaussians, up_known=False)


def test_focus_is_where_the_axes_meet():
    scene = arc_scene(centre=(3.0, -2.0, 1.0))
    torch.testing.assert_close(focus(scene.views), torch.tensor([3.0, -2.0, 1.0]).double(), atol=1e-9, rtol=0)


def test_cameras_that_share_no_target_have_no_focus():
    outward = [Pose.looking_at((0.1 * math.cos(a), 0.1 * math.sin(a), 0), (9 * math.cos(a), 9 * math.sin(a), 0))
               for a in (0, 1, 2, 3, 4, 5)]  # fmt: skip
    parallel = [Pose.looking_at((x, 0.0, 0.0), (x, 5.0, 0.0)) for x in (0.0, 1.0, 2.0)]
    for poses in (outward, parallel):
        assert focus(tuple(View(str(i), CAMERA, pose) for i, pose in enumerate(poses))) is None


def test_splat_middle_ignores_far_faint_and_few_gaussians():
    good = ball((1.0, 2.0, 3.0))
    far = replace(ball((500.0, 0.0, 0.0), count=50), logit_opacities=torch.full((50,), -8.0))
    both = Gaussians(*(torch.cat([good.tensors()[n], far.tensors()[n]]) for n in good.tensors()))
    centre, radius = splat_middle(both)
    torch.testing.assert_close(centre, torch.tensor([1.0, 2.0, 3.0]).double(), atol=0.15, rtol=0)
    assert radius == pytest.approx(3**0.5, abs=0.1)


def test_splat_middle_of_an_object_in_a_wide_background_is_the_object():
    wide = ball((0.0, 0.0, 0.0), 50.0, 60)
    both = Gaussians(*(torch.cat([ball().tensors()[n], wide.tensors()[n]]) for n in wide.tensors()))
    centre, radius = splat_middle(both)
    assert centre.norm() < 0.2
    assert radius < 1.5


def test_weighted_quantile_by_hand():
    assert weighted_quantile(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 5.0]), 0.5) == 2.0
    assert weighted_quantile(torch.tensor([1.0, 9.0]), torch.tensor([0.1, 0.9]), 0.5) == 9.0
    assert weighted_quantile(torch.tensor([1.0, 9.0]), torch.tensor([0.1, 0.9]), 0.05) == 1.0


def test_up_comes_from_the_scene_then_the_photos_then_the_habit_of_splat_files():
    scene = arc_scene()
    assert up_direction(scene).tolist() == [0, 0, 1]
    assert up_direction(replace(scene, up_known=False))[2] > 0.99
    assert up_direction(replace(bare(), up_known=False)).tolist() == [0, -1, 0]
    z_up = replace(bare(replace(ball(), frame="z-up")), up_known=False)
    assert up_direction(z_up).tolist() == [0, 0, 1]
    assert up_direction(scene, "-x").tolist() == [-1, 0, 0]


def test_orbit_of_a_bare_splat_keeps_all_of_it_in_view():
    for view in camera_path("orbit", bare(ball((5.0, 0.0, 0.0), 2.0)), PathConfig(12)):
        local = view.camera_from_world.apply(ball((5.0, 0.0, 0.0), 2.0).means.double())
        pixels = view.camera.project(local)
        assert (local[:, 2] > 0).all()
        assert pixels.min() >= 0
        assert (pixels <= torch.tensor([view.camera.width, view.camera.height])).all()


def test_orbit_of_an_all_round_capture_is_a_full_circle_at_the_height_of_the_cameras():
    path = camera_path("orbit", arc_scene(), PathConfig(24))
    centres = torch.stack([view.camera_from_world.centre for view in path])
    assert (centres[:, 2] - 1).abs().max() < 1e-6
    assert (centres[:, :2].norm(dim=1) - 4).abs().max() < 1e-6
    assert len({round(math.degrees(math.atan2(y, x)) / 15) % 24 for x, y, _ in centres.tolist()}) == 24


def test_orbit_of_a_one_sided_capture_stays_on_that_side():
    """A forward-facing splat is undefined behind the cameras' arc."""
    path = camera_path("orbit", arc_scene(degrees=60), PathConfig(24))
    centres = torch.stack([view.camera_from_world.centre for view in path])
    angles = torch.rad2deg(torch.atan2(centres[:, 1], centres[:, 0]))
    assert angles.abs().max() < 30
    assert angles.max() - angles.min() > 30


@given(st.integers(0, 50), st.floats(0.1, 10), st.sampled_from(["orbit", "between"]))
def test_paths_move_with_the_scene(seed, scale, kind):
    """Any similarity of the world moves the path alike: no hidden unit, axis or origin."""
    generator = torch.Generator().manual_seed(seed)
    rotation = rotation_from_quaternion(torch.randn(4, generator=generator, dtype=torch.float64))
    b_from_a = Similarity(scale, rotation, torch.randn(3, generator=generator, dtype=torch.float64))
    scene = replace(arc_scene(degrees=90), up_known=False)
    one, other = camera_path(kind, scene, PathConfig(5)), camera_path(kind, moved(scene, b_from_a), PathConfig(5))
    for a, b in zip(one, other, strict=True):
        expected = b_from_a.apply_pose(a.camera_from_world)
        torch.testing.assert_close(b.camera_from_world.centre, expected.centre, atol=1e-5 * scale, rtol=1e-5)
        assert rotation_angle_degrees(b.camera_from_world.rotation @ expected.rotation.T) < 1e-3


def test_between_starts_and_ends_at_photos_and_passes_near_all():
    scene = arc_scene(degrees=120)
    path = camera_path("between", scene, PathConfig(200))
    centres = torch.stack([view.camera_from_world.centre for view in path])
    for view in scene.train_views:
        assert (centres - view.camera_from_world.centre).norm(dim=1).min() < 0.05
    torch.testing.assert_close(centres[0], scene.train_views[0].camera_from_world.centre)
    torch.testing.assert_close(centres[-1], scene.train_views[-1].camera_from_world.centre)


def test_between_moves_at_even_speed_and_without_jerks():
    path = camera_path("between", arc_scene(degrees=120), PathConfig(100))
    centres = torch.stack([view.camera_from_world.centre for view in path])
    steps = (centres[1:] - centres[:-1]).norm(dim=1)
    assert steps.max() / steps.min() < 1.5
    rotations = torch.stack([view.camera_from_world.rotation for view in path])
    turns = rotation_angle_degrees(rotations[1:] @ rotations[:-1].transpose(1, 2))
    assert turns.max() < 3 * turns.median()


def test_paths_take_the_size_of_the_scene_or_the_one_asked_for():
    assert scene_camera(arc_scene()) == CAMERA
    assert camera_path("orbit", arc_scene(), PathConfig(2, size=32))[0].camera.width == 32
    assert scene_camera(bare()).width == 1280
    portrait = View("p", Camera(48, 64, 60.0, 60.0, 24.0, 32.0), Pose.identity())
    mixed = replace(arc_scene(), views=(portrait, *arc_scene().views))
    assert scene_camera(mixed) == CAMERA


def test_names_are_sorted_and_unique():
    names = [view.name for view in camera_path("orbit", bare(), PathConfig(11))]
    assert names == sorted(set(names))
    assert names[0] == "0000.png"


def test_impossible_paths_get_one_clear_line():
    with pytest.raises(InputError, match="two or more posed photos"):
        camera_path("between", bare())
    with pytest.raises(InputError, match="two or more"):
        camera_path("orbit", bare(), PathConfig(1))
    with pytest.raises(InputError, match="nothing to look at"):
        subject(Scene((), SparsePoints.empty()))
    single = Scene((View("a", CAMERA, Pose.identity()),), SparsePoints.empty())
    assert subject(single).centre.tolist() == [0, 0, 1]
