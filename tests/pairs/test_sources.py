"""Sources: the same pictures at any scale and place, exact depth where it is known, and viewpoints in free space."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatmatch.errors import InputError
from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.exact_source import ExactSource
from splatmatch.pairs.free_space import up_axis
from splatmatch.pairs.occupancy import occupancy
from splatmatch.pairs.splat_source import splat_source, unit_frame
from splatmatch.scene.gaussians import concatenate
from splatmatch.scene.views import Scene, SparsePoints
from splatmatch.synthetic import build_scene, ray_cast

from .splat_worlds import CAMERA, ROOM, ball_splat, flat_gaussians, room_depth, room_scene, room_splat, room_views

EYE = torch.eye(3, dtype=torch.float64)


def bare(gaussians, name="bare", **options):
    return splat_source(Scene((), SparsePoints.empty(), gaussians), name, **options)


def test_depth_of_a_room_is_that_of_its_walls_and_its_uncertainty_is_no_boast():
    """Plane depth of flat Gaussians against exact depth, in scene units; most errors are below two sigmas."""
    source = splat_source(room_scene(), "room")
    for anchor in source.anchors((64, 48), 0)[:3]:
        shot = source.shoot(anchor.camera, anchor.camera_from_source, "plane", ids=True)
        pose = source.scene_from_source.apply_pose(anchor.camera_from_source)
        exact = room_depth(anchor.camera, pose)
        unit = source.scene_from_source.scale
        error = np.abs(unit * shot.depth - exact)[shot.valid]
        assert shot.valid.mean() > 0.95
        assert np.median(error / exact[shot.valid]) < 0.003
        assert (error < 2 * unit * shot.depth_sigma[shot.valid]).mean() > 0.7
        assert (shot.depth[~shot.valid] == 0).all() and (shot.depth_sigma[~shot.valid] == 0).all()
        ids = shot.gaussian_ids[shot.valid]
        hit = room_splat().means[ids.astype(int)].double().numpy()
        on_wall = np.abs(np.abs(hit) - ROOM).min(1)
        assert on_wall.max() < 1e-5, "ids are rows of the scene's own splat"


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_scenes_of_any_scale_and_place_look_the_same(scale, shift):
    """The near plane of the rasteriser is a length, and float32 has few digits: neither may show."""
    moved = Similarity(scale, EYE, shift * scale * torch.ones(3, dtype=torch.float64))
    source = bare(room_splat().transformed(moved))
    reference = bare(room_splat())
    assert source.scene_from_source.scale == pytest.approx(scale * reference.scene_from_source.scale, rel=1e-3)
    pose = room_views()[0].camera_from_world
    shots = [
        each.shoot(CAMERA, each.scene_from_source.inverse().apply_pose(frame.apply_pose(pose)), "plane", ids=False)
        for each, frame in ((source, moved), (reference, Similarity.identity()))
    ]
    assert np.abs(shots[0].rgb - shots[1].rgb).mean() < 2e-3
    depth = [shot.depth * each.scene_from_source.scale for shot, each in zip(shots, (source, reference), strict=True)]
    both = shots[0].valid & shots[1].valid
    assert both.mean() > 0.9
    assert np.median(np.abs(depth[0][both] / scale / depth[1][both] - 1)) < 1e-4


def test_outliers_do_not_shrink_the_scene():
    far = flat_gaussians(np.full((40, 3), 1e5), np.tile([1.0, 0, 0], (40, 1)), 1.0, np.random.default_rng(0))
    assert bare(concatenate([ball_splat(), far])).scene_from_source.scale == pytest.approx(1.0, rel=0.05)


def test_a_splat_without_opaque_matter_is_refused():
    glass = ball_splat()
    glass.logit_opacities.fill_(-6.0)
    with pytest.raises(InputError, match="glass: the splat has no opaque matter"):
        bare(glass, "glass")
    dot = ball_splat()
    dot.means.fill_(1.0)
    with pytest.raises(InputError, match="all of the splat lies in one point"):
        unit_frame(dot, "dot")
    with pytest.raises(InputError, match="empty: holds no splat"):
        splat_source(Scene((), SparsePoints.empty(), None), "empty")


def test_scale_statistics_follow_the_definition():
    """Mean and deviation of ln of the mean scale, in scene units, whatever the source frame."""
    gaussians = room_splat()
    logarithms = gaussians.scales.double().mean(1).log()
    facts = bare(gaussians).facts()
    assert facts["log_scale_mean"] == pytest.approx(float(logarithms.mean()), abs=1e-4)
    assert facts["log_scale_deviation"] == pytest.approx(float(logarithms.std(correction=0)), abs=1e-4)
    assert facts["gaussians"] == len(gaussians)


def test_an_object_is_looked_at_from_around():
    """Eyes outside the ball that face it and see it; never inside, though it is hollow."""
    source = bare(ball_splat(), look_from="around")
    anchors = source.anchors((64, 48), 0)
    assert len(anchors) >= 10
    for anchor in anchors:
        pose = source.scene_from_source.apply_pose(anchor.camera_from_source)
        assert float(pose.centre.norm()) > 1.15
        ahead = pose.apply(torch.zeros(3, dtype=torch.float64))
        assert ahead[2] > 0 and ahead[:2].norm() < ahead[2]
    assert len({anchor.name for anchor in anchors}) == len(anchors)


def test_what_surrounds_no_place_is_taken_for_an_object():
    """An upright board: every eye is off it, on both sides, and faces it."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (5000, 3)) * [1.0, 0.05, 1.0]
    board = flat_gaussians(points, np.tile([0.0, 1, 0], (5000, 1)), 0.05, rng)
    source = bare(board, up="z")
    poses = [source.scene_from_source.apply_pose(a.camera_from_source) for a in source.anchors((64, 48), 0)]
    sides = np.array([float(pose.centre[1]) for pose in poses])
    assert len(poses) >= 10 and (sides > 0.1).any() and (sides < -0.1).any()
    assert all(float(pose.apply(torch.zeros(3, dtype=torch.float64))[2]) > 0.5 for pose in poses)


def test_a_room_is_looked_at_from_within():
    source = bare(room_splat(spacing=0.06), up="z")
    anchors = source.anchors((64, 48), 0)
    eyes = np.stack([source.scene_from_source.apply_pose(a.camera_from_source).centre.numpy() for a in anchors])
    assert (np.abs(eyes) < ROOM).all() and len(anchors) >= 10
    shares = [source.glance(a.camera, a.camera_from_source).alpha.mean() for a in anchors]
    assert min(shares) > 0.8
    assert [a.name for a in anchors] == [a.name for a in source.anchors((64, 48), 0)]
    again = source.anchors((64, 48), 0)
    np.testing.assert_array_equal(anchors[3].camera_from_source.matrix, again[3].camera_from_source.matrix)


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (1, -1), (2, 1), (2, -1)])
def test_up_is_found_where_there_is_a_ground(axis, sign):
    """A ball on a wide plate, in every orientation; without a plate -y, as most files have it."""
    rng = np.random.default_rng(0)
    flat = rng.uniform(-3, 3, (4000, 3))
    flat[:, axis] = -sign * 1.05
    up = np.zeros(3)
    up[axis] = sign
    plate = flat_gaussians(flat, np.tile(up, (4000, 1)), 0.05, rng)
    np.testing.assert_array_equal(up_axis(concatenate([plate, ball_splat(6000)])), up)
    np.testing.assert_array_equal(up_axis(ball_splat()), [0, -1, 0])


def test_occupancy_knows_matter_room_and_the_first_hit():
    points = ball_splat(20000).means.double().numpy()
    space = occupancy(points, np.ones(len(points)))
    assert space.is_filled(points).mean() > 0.95 and not space.is_filled(np.zeros((1, 3))).any()
    assert space.room(np.zeros((1, 3)))[0] == pytest.approx(1.0, abs=3 * space.voxel)
    assert space.room(np.array([[5.0, 0, 0]]))[0] == pytest.approx(4.0, abs=0.4)
    hits = space.march(np.array([[3.0, 0, 0], [3.0, 0, 0]]), np.array([[-1.0, 0, 0], [0, 1.0, 0]]), 5.0)
    assert hits[0] == pytest.approx(2.0, abs=3 * space.voxel) and np.isinf(hits[1])


def test_synthetic_scenes_are_exact():
    """Depth and normals are those of the ray caster, the look agrees with the shot, the street's sky is no surface."""
    scene = build_scene("street", 0)
    source = ExactSource("street-0", scene)
    anchor = source.anchors((64, 48), 0)[0]
    shot = source.shoot(anchor.camera, anchor.camera_from_source, "exact", ids=False)
    view = ray_cast(scene, anchor.camera, anchor.camera_from_source, 2)
    np.testing.assert_array_equal(shot.depth, view.depth.numpy())
    np.testing.assert_array_equal(source.glance(anchor.camera, anchor.camera_from_source).depth, shot.depth)
    assert (shot.alpha == 1).all() and not shot.valid.all() and not source.closed
    np.testing.assert_allclose(np.linalg.norm(shot.normal[shot.valid], axis=1), 1, atol=1e-5)
    assert shot.depth_sigma.max() < 1e-3


def test_cameras_inside_matter_are_seen_to_be_so():
    """A camera in a dense cloud: the look says that nearly everything is near."""
    rng = np.random.default_rng(0)
    cloud = flat_gaussians(rng.normal(size=(3000, 3)) * 0.3, np.tile([0.0, 0, 1], (3000, 1)), 0.2, rng)
    source = bare(cloud)
    look = source.glance(Camera.from_fov(64, 48, 60), Pose.identity())
    assert np.median(look.depth[look.depth > 0]) < 0.3
