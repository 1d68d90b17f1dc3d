"""Gravity from cameras, the move to it, and metres."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import InputError
from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3, rotation_angle_degrees
from splatmatch.reconstruction.orientation import metric_scale, moved, rotation_to_z, scaling, up_direction, upright
from splatmatch.scene.views import SparsePoints, View

Z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)


def orbit(count=12, pitch=20.0, arc=360.0, roll=()):
    """Level cameras on a circle that look inwards and down; ``roll`` in degrees by index."""
    result = []
    for index in range(count):
        angle = math.radians(arc * index / count)
        eye = torch.tensor([4 * math.cos(angle), 4 * math.sin(angle), 4 * math.tan(math.radians(pitch))]).double()
        pose = Pose.looking_at(eye, (0.0, 0.0, 0.0))
        turn = math.radians(dict(enumerate(roll)).get(index, 0.0))
        spin = Pose(exp_se3(torch.tensor([0, 0, 0, 0, 0, turn]).double())[0], torch.zeros(3).double())
        result.append(spin @ pose)
    return result


def angle_to_z(direction):
    return math.degrees(math.acos(min(1.0, float(direction @ Z))))


@pytest.mark.parametrize("pitch", [-30.0, 0.0, 20.0, 60.0])
@pytest.mark.parametrize("arc", [360.0, 90.0])
def test_level_cameras_give_gravity_at_any_pitch(pitch, arc):
    """The x axes are horizontal however far the cameras look up or down, also where they all look one way."""
    assert angle_to_z(up_direction(orbit(pitch=pitch, arc=arc))) < 0.6


def test_rolled_photos_do_not_matter():
    """Three of twelve photos taken with the camera on its side or askew."""
    assert angle_to_z(up_direction(orbit(roll=(90.0, 0.0, 0.0, -25.0, 0.0, 0.0, 14.0)))) < 1.5


def test_cameras_that_all_look_one_way_fall_back_on_their_own_up():
    """Parallel x axes leave the tilt open: then up in the photos is up."""
    up = up_direction([Pose.looking_at((x, 0.0, 0.0), (x, 1.0, 0.0)) for x in (0.0, 1.0, 2.0)])
    assert angle_to_z(up) < 1e-3


@given(st.tuples(*[st.floats(-3, 3)] * 3))
def test_gravity_turns_with_the_world(rotation_vector):
    """up(poses in a turned world) = turned up(poses)."""
    turn = exp_se3(torch.tensor([0.0, 0.0, 0.0, *rotation_vector], dtype=torch.float64))[0]
    world = Similarity(1.0, turn, torch.zeros(3).double())
    poses = orbit(roll=(3.0, -4.0, 30.0))
    found = up_direction([world.apply_pose(pose) for pose in poses])
    assert torch.allclose(found, turn @ up_direction(poses), atol=1e-6)


@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: sum(x * x for x in v) > 1e-3))
def test_rotation_to_z_is_the_smallest(direction):
    """A rotation, takes the direction to +z, and turns by no more than the angle between them; -z included."""
    unit = torch.tensor(direction, dtype=torch.float64)
    unit = unit / unit.norm()
    for one in (unit, -unit, -Z):
        rotation = rotation_to_z(one)
        assert torch.allclose(rotation @ rotation.T, torch.eye(3).double(), atol=1e-9)
        assert float(torch.linalg.det(rotation)) == pytest.approx(1)
        assert torch.allclose(rotation @ one, Z, atol=1e-7)
        assert float(rotation_angle_degrees(rotation)) == pytest.approx(angle_to_z(one), abs=1e-3)


def views(poses):
    camera = Camera(400, 300, 380.0, 380.0, 200.0, 150.0)
    return tuple(View(f"{index}.jpg", camera, pose) for index, pose in enumerate(poses))


def test_a_moved_scene_looks_the_same_to_its_cameras():
    """Projections do not change; afterwards gravity is -z and the median point the origin."""
    tilt = exp_se3(torch.tensor([0.0, 0.0, 0.0, 0.7, -0.3, 0.2], dtype=torch.float64))[0]
    world = Similarity(2.5, tilt, torch.tensor([3.0, -1.0, 2.0]).double())
    old_views = views([world.apply_pose(pose) for pose in orbit()])
    points = 3 * torch.rand(31, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    old_points = SparsePoints(points, torch.zeros(31, 3, dtype=torch.uint8), torch.zeros(31).double())
    new_from_old = upright([view.camera_from_world for view in old_views], old_points.positions)
    new_views, new_points = moved(old_views, old_points, scaling(3.0) @ new_from_old)
    for old, new in zip(old_views, new_views, strict=True):
        before = old.camera.project(old.camera_from_world.apply(old_points.positions))
        after = new.camera.project(new.camera_from_world.apply(new_points.positions))
        assert torch.allclose(before, after, atol=1e-6)
    assert angle_to_z(up_direction([view.camera_from_world for view in new_views])) < 1e-4
    assert torch.allclose(new_points.positions.median(0).values, torch.zeros(3).double(), atol=1e-9)


def test_scale_by_the_distance_of_two_cameras():
    """The factor makes it what the user measured."""
    placed = views(orbit(4))
    scale = metric_scale(placed, "0.jpg", "2.jpg", 2.0)
    new, _ = moved(placed, SparsePoints.empty(), scaling(scale))
    distance = (new[0].camera_from_world.centre - new[2].camera_from_world.centre).norm()
    assert float(distance) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("second", "words"),
    [("9.jpg", r"9\.jpg is not among the photos with a pose"), ("4.jpg", "taken from one place")],
)
def test_impossible_scales(second, words):
    """A photo without a pose, no baseline."""
    poses = orbit(4)
    with pytest.raises(InputError, match=words):
        metric_scale(views([*poses, poses[0]]), "0.jpg", second, 1.0)
