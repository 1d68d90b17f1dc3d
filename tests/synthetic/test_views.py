"""Pictures and their truth: depth, normals and instances agree between views, and the bits never change."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.synthetic import SyntheticScene, build_scene, camera_path, cast_rays, ray_cast
from splatmatch.synthetic.building import SceneBuilder
from tests.synthetic.one import GREY, finished


def test_depth_of_a_wall_is_its_distance():
    """A wall across the axis has one z-depth in every pixel, whatever the principal point; its normal faces back."""
    builder = SceneBuilder()
    builder.thing("floor")
    builder.sheet((0, 0, -5), (0.1, 0.1), GREY, rotation=np.eye(3))
    builder.thing("wall")
    builder.box((4.5, 0, 0), (1, 30, 30), GREY)
    camera = Camera(40, 30, 35.0, 33.0, 12.3, 17.7)
    view = ray_cast(finished(builder), camera, Pose.looking_at((0, 0, 0), (1, 0, 0)), samples=1)
    assert view.depth_valid.all()
    torch.testing.assert_close(view.depth, torch.full((30, 40), 4.0))
    torch.testing.assert_close(view.normal, torch.tensor([-1.0, 0.0, 0.0]).expand(30, 40, 3))
    assert (view.instance == 1).all()


def test_sky_is_not_valid():
    """Where nothing is hit: mask False, depth and normal 0, instance -1, but a colour."""
    builder = SceneBuilder()
    builder.ball((3, 0, 0), 0.3, GREY)
    view = ray_cast(finished(builder), Camera.from_fov(32, 24, 70), Pose.looking_at((0, 0, 0), (1, 0, 0)))
    sky = ~view.depth_valid
    assert 0.5 < sky.double().mean() < 1
    assert (view.depth[sky] == 0).all()
    assert (view.normal[sky] == 0).all()
    assert (view.instance[sky] == -1).all()
    assert (view.rgb[sky] > 0.2).all()


@settings(max_examples=20)
@given(
    at=st.tuples(*[st.floats(-1.5, 1.5)] * 3),
    look=st.tuples(*[st.floats(-1, 1)] * 3),
    degrees=st.floats(15, 110),
    centre=st.tuples(st.floats(-10, 80), st.floats(-10, 60)),
)
def test_any_camera_sees_what_rays_meet(at, look, degrees, centre):
    """Depth times the ray through the pixel centre, by the camera's own projection, is a point that a ray finds."""
    if max(map(abs, look)) < 0.1:
        return
    scene, (focal, eye) = _boxes(), (Camera.from_fov(64, 48, degrees), torch.tensor(at, dtype=torch.float64))
    camera = Camera(64, 48, focal.fx, 1.1 * focal.fy, *centre)
    pose = Pose.looking_at(at, (eye + torch.tensor(look, dtype=torch.float64)).tolist())
    view = ray_cast(scene, camera, pose, samples=1, exposure=1.0)
    valid = view.depth_valid
    if not valid.any():
        return
    points = camera.unproject(camera.pixel_centres(torch.float64), view.depth.double())[valid]
    ways = pose.inverse().apply(points) - eye
    hits = cast_rays(scene, eye, ways)
    torch.testing.assert_close(hits.distance, torch.ones_like(hits.distance), atol=1e-5, rtol=0)
    assert (hits.instance == view.instance[valid]).double().mean() > 0.999
    torch.testing.assert_close(hits.normal.float(), view.normal[valid], atol=1e-3, rtol=0)
    assert ((view.normal[valid].double() * ways).sum(1) <= 0).all()
    torch.testing.assert_close(view.normal[valid].norm(dim=1), torch.ones(int(valid.sum())))


_SCENES: dict[int, SyntheticScene] = {}


def _boxes() -> SyntheticScene:
    """A few dozen things around the origin, made once."""
    if not _SCENES:
        rng, builder = np.random.default_rng(4), SceneBuilder()
        for _ in range(30):
            builder.thing("thing")
            at = rng.uniform(1.8, 4, 3) * rng.choice((-1, 1), 3)
            builder.box(at, rng.uniform(0.2, 2, 3), GREY, yaw=float(rng.uniform(0, 3)))
            builder.ball(rng.uniform(1.8, 4, 3) * rng.choice((-1, 1), 3), float(rng.uniform(0.2, 1)), GREY)
        _SCENES[0] = finished(builder)
    return _SCENES[0]


def test_two_views_agree(scene):
    """Pixels warped by exact depth and pose land on the surface that the other view meets there, within 1e-5 m."""
    first, second = camera_path(scene, "walk", 40, 0, 160, 120)[:2]
    ways = _through_pixels(first)
    hits = cast_rays(scene, first.camera_from_world.centre, ways)
    met = torch.isfinite(hits.distance)
    world = first.camera_from_world.centre + hits.distance[met, None] * ways[met]
    there = second.camera_from_world.apply(world)
    pixels = second.camera.project(there)
    shown = (there[:, 2] > 0) & ((pixels >= 0) & (pixels < torch.tensor([160.0, 120.0]))).all(1)
    rays = world[shown] - second.camera_from_world.centre
    other = cast_rays(scene, second.camera_from_world.centre, rays)
    beyond = (other.distance - 1) * rays.norm(dim=1)
    assert beyond.max() < 1e-9  # the surface is there: no ray goes past it
    visible = beyond > -1e-5
    assert visible.double().mean() > 0.7
    assert (other.instance == hits.instance[met][shown])[visible].double().mean() > 0.999


def _through_pixels(view):
    ones = torch.ones(view.camera.height, view.camera.width, dtype=torch.float64)
    points = view.camera.unproject(view.camera.pixel_centres(torch.float64), ones).reshape(-1, 3)
    return points @ view.camera_from_world.rotation


def test_a_crop_is_a_part_of_the_picture(table):
    """A cropped camera gives the same pixels: light, filter and truth do not depend on where a block of rays starts."""
    view = camera_path(table, "walk", 1, 0, 96, 72)[0]
    whole = ray_cast(table, view.camera, view.camera_from_world)
    part = ray_cast(table, view.camera.cropped(17, 9, 40, 31), view.camera_from_world)
    torch.testing.assert_close(part.rgb, whole.rgb[9:40, 17:57], atol=2e-3, rtol=0)
    torch.testing.assert_close(part.depth, whole.depth[9:40, 17:57])
    assert torch.equal(part.instance, whole.instance[9:40, 17:57])


def test_more_samples_converge(table):
    """Supersampling: 3 x 3 is much nearer to 6 x 6 than one sample is, so pictures are anti-aliased."""
    view = camera_path(table, "walk", 1, 0, 96, 72)[0]
    one, three, six = (ray_cast(table, view.camera, view.camera_from_world, samples=n).rgb for n in (1, 3, 6))
    assert (three - six).square().mean() < 0.1 * (one - six).square().mean()


PICTURE = """
import sys, hashlib, torch
torch.set_num_threads(int(sys.argv[1]))
from splatmatch.synthetic import build_scene, camera_path, ray_cast
scene = build_scene("table", 2)
view = camera_path(scene, "walk", 1, 0, 64, 48)[0]
seen = ray_cast(scene, view.camera, view.camera_from_world, samples=2)
parts = (seen.rgb, seen.depth, seen.normal, seen.instance)
print(hashlib.sha256(b"".join([scene.light.tobytes(), *(part.numpy().tobytes() for part in parts)])).hexdigest())
"""


def test_same_bits_for_any_number_of_threads_and_process(table):
    """Geometry, baked light and picture of two new processes, of one and of two threads, and of this one are equal."""
    view = camera_path(table, "walk", 1, 0, 64, 48)[0]
    seen = ray_cast(table, view.camera, view.camera_from_world, samples=2)
    parts = (seen.rgb, seen.depth, seen.normal, seen.instance)
    here = hashlib.sha256(b"".join([table.light.tobytes(), *(part.numpy().tobytes() for part in parts)])).hexdigest()
    for threads in ("1", "2"):
        run = subprocess.run([sys.executable, "-c", PICTURE, threads], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == here


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="sample"):
        ray_cast(build_scene("table", 0), Camera.from_fov(8, 8, 60.0), Pose.identity(), samples=0)
