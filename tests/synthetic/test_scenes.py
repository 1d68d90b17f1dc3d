"""Scenes from seeds, and paths through them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from splatmatch.synthetic import build_scene, camera_path, cast_rays, clearance, visible
from splatmatch.synthetic.kernels import layout
from splatmatch.synthetic.paths import CLEARANCE

TABLES = ("nodes", "primitives", "heights", "materials", "marks", "lights", "sky")


def test_a_seed_is_one_scene(scene):
    """Every table is the same at the second call, and other for the next seed."""
    again, other = build_scene(scene.kind, scene.seed), build_scene(scene.kind, scene.seed + 1)
    for name in TABLES:
        assert_array_equal(getattr(scene, name), getattr(again, name))
    assert scene.names == again.names
    assert scene.primitives.shape != other.primitives.shape or not np.array_equal(scene.primitives, other.primitives)


def test_scene_is_rich(scene):
    """Hundreds of primitives, dozens of things and materials, all kinds of shapes, shiny and plain surfaces."""
    kinds = set(scene.primitives[:, layout.KIND].astype(int).tolist())
    assert kinds >= {layout.RECTANGLE, layout.BOX, layout.SPHERE, layout.CYLINDER}
    assert len(scene.primitives) > 300
    assert len(set(scene.names)) > 15
    assert len(scene.materials) > 40
    assert len(set(scene.materials[:, layout.PATTERN].tolist())) >= 8
    assert (scene.materials[:, layout.SPECULAR] > 0.02).any()
    assert (scene.materials[:, layout.PATTERN] == layout.PLAIN).any()


@pytest.mark.parametrize("kind", ["room", "street", "table"])
def test_height_fields_occur(kind):
    """Displaced surfaces are part of every kind of scene (curtains, roads, relief models and throws)."""
    scenes = (build_scene(kind, seed) for seed in range(4))
    assert any((scene.primitives[:, layout.KIND] == layout.HEIGHTS).any() for scene in scenes)


def test_tables_are_consistent(scene):
    """Transforms are inverse to each other and keep right angles; indices point into their tables."""
    rows = scene.primitives
    local = rows[:, layout.LOCAL : layout.LOCAL + 12].reshape(-1, 3, 4)
    world = rows[:, layout.WORLD : layout.WORLD + 12].reshape(-1, 3, 4)
    assert_allclose(local[:, :, :3] @ world[:, :, :3], np.broadcast_to(np.eye(3), (len(rows), 3, 3)), atol=1e-9)
    axes = world[:, :, :3]
    gram = np.swapaxes(axes, 1, 2) @ axes
    off = gram[:, [0, 0, 1], [1, 2, 2]] / np.sqrt(gram[:, [0, 0, 1], [0, 0, 1]] * gram[:, [1, 2, 2], [1, 2, 2]])
    assert_allclose(off, 0, atol=1e-9)
    assert rows[:, layout.MATERIAL].max() < len(scene.materials)
    assert rows[:, layout.INSTANCE].max() < len(scene.names)
    fields = rows[rows[:, layout.KIND] == layout.HEIGHTS]
    if len(fields):
        ends = fields[:, layout.GRID] + fields[:, layout.GRID_X] * fields[:, layout.GRID_Y]
        assert ends.max() <= len(scene.heights)
        assert np.abs(scene.heights).max() <= 1 + 1e-12


def test_clearance_is_a_lower_bound(scene):
    """No ray in any direction meets a surface nearer than the clearance, and inside a solid there is none."""
    rng = np.random.default_rng(0)
    points = rng.uniform(scene.guide.low, scene.guide.high, (40, 3))
    free = clearance(scene, points)
    ways = rng.standard_normal((40, 300, 3))
    ways /= np.linalg.norm(ways, axis=2, keepdims=True)
    starts = torch.from_numpy(np.repeat(points, 300, axis=0))
    nearest = cast_rays(scene, starts, torch.from_numpy(ways.reshape(-1, 3))).distance.reshape(40, 300).amin(1)
    assert (nearest.numpy() >= free - 1e-9).all()
    boxes = scene.primitives[scene.primitives[:, layout.KIND] == layout.BOX]
    middles = boxes[:50, layout.WORLD : layout.WORLD + 12].reshape(-1, 3, 4)[:, :, 3]
    assert (clearance(scene, middles) == 0).all()


def test_walk_keeps_clear_and_sees_surfaces(scene):
    """Every viewpoint keeps its distance; neighbours overlap; surfaces fill most of each view; level but not rigid."""
    views = camera_path(scene, "walk", 12, 3, 64, 48)
    assert len(views) == 12
    assert len({view.camera for view in views}) == 1
    centres = torch.stack([view.camera_from_world.centre for view in views])
    assert clearance(scene, centres.numpy()).min() >= CLEARANCE[scene.kind]
    assert {view.split for view in views} == {"train"}
    steps = (centres - centres.roll(1, 0)).norm(dim=1)
    assert steps.min() > 0.05
    up = torch.stack([-view.camera_from_world.rotation[1] for view in views])
    assert (up[:, 2] > 0.7).all()
    again = camera_path(scene, "walk", 12, 3, 64, 48)
    assert torch.equal(again[5].camera_from_world.matrix, views[5].camera_from_world.matrix)
    other = camera_path(scene, "walk", 12, 4, 64, 48)
    assert not torch.equal(other[5].camera_from_world.matrix, views[5].camera_from_world.matrix)


def test_extreme_views_stand_off_but_overlap(scene):
    """Rolled and zoomed, clear of everything, of split test; what they look at is seen by some view of the walk."""
    walk = camera_path(scene, "walk", 40, 0, 64, 48)
    extreme = camera_path(scene, "extreme", 6, 0, 64, 48)
    zooms = np.array([view.camera.fx / walk[0].camera.fx for view in extreme])
    assert zooms.min() >= 0.7 - 1e-9
    assert zooms.max() <= 4 + 1e-9
    assert zooms.std() > 0.1
    rolls = [float(torch.atan2(*view.camera_from_world.rotation[:2, 2])) for view in extreme]
    assert np.std(rolls) > 0.5
    assert {view.split for view in extreme} == {"test"}
    for view in extreme:
        centre = view.camera_from_world.centre
        assert clearance(scene, centre.numpy()[None])[0] >= CLEARANCE[scene.kind]
        ways = _middle_rays(view)
        hits = cast_rays(scene, centre, ways).distance
        met = torch.isfinite(hits)
        points = centre + hits[met, None] * ways[met]
        seen = visible(scene, points, [(other.camera, other.camera_from_world) for other in walk])
        assert seen.any(0).double().mean() > 0.2


def _middle_rays(view):
    pixels = view.camera.pixel_centres(torch.float64)[::4, ::4].reshape(-1, 2)
    return view.camera.unproject(pixels, torch.ones(len(pixels), dtype=torch.float64)) @ view.camera_from_world.rotation


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["room", "table", "street"])
def test_many_seeds_have_room_for_paths(kind):
    """Twelve seeds of each kind give a walk and extreme views."""
    for seed in range(100, 112):
        scene = build_scene(kind, seed)
        assert len(camera_path(scene, "walk", 40, seed, 64, 48)) == 40
        assert len(camera_path(scene, "extreme", 4, seed, 64, 48)) == 4


def test_unknown_requests_are_refused():
    """An unknown kind, a negative seed, no views."""
    with pytest.raises(ValueError, match="cave"):
        build_scene("cave", 0)
    with pytest.raises(ValueError, match="seed"):
        build_scene("room", -1)
    with pytest.raises(ValueError, match="one view"):
        camera_path(build_scene("table", 0), "walk", 0)
