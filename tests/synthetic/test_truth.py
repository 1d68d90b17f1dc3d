"""The judge is judged: exact hits, truth that agrees between views, the same bits for any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from splatmatch.errors import InputError
from splatmatch.formats.posed import read_posed_capture
from splatmatch.geometry.camera import Camera
from splatmatch.synthetic import build_scene, camera_path, capture, cast_rays, ray_cast, save_capture
from splatmatch.synthetic.scene import SyntheticScene

KINDS = ("room", "table", "street")


@pytest.fixture(scope="module", params=KINDS)
def scene(request: pytest.FixtureRequest) -> SyntheticScene:
    return build_scene(request.param, 5)


def test_a_seed_is_one_scene_and_another_seed_another() -> None:
    """Endless by seed: the same numbers for the same seed only."""
    first, again, other = build_scene("room", 1), build_scene("room", 1), build_scene("room", 2)
    assert np.array_equal(first.primitives, again.primitives)
    assert first.primitives.shape != other.primitives.shape or not np.array_equal(first.primitives, other.primitives)


def test_hits_lie_where_the_next_ray_starts_again(scene: SyntheticScene) -> None:
    """A ray shot back from a hit towards its origin meets nothing in between; normals are unit and face the origin."""
    view = camera_path(scene, "walk", 1, 0, 64, 48)[0]
    origin = view.camera_from_world.centre
    directions = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hits = cast_rays(scene, origin, directions)
    met = torch.isfinite(hits.distance)
    assert met.double().mean() > 0.3
    points = origin + hits.distance[met, None] * directions[met]
    assert torch.allclose(hits.normal[met].norm(dim=1), torch.ones(int(met.sum()), dtype=torch.float64))
    facing = (hits.normal[met] * directions[met]).sum(1)
    assert (facing <= 1e-9).all()
    back = cast_rays(scene, points + 1e-6 * hits.normal[met], origin - points)
    assert (back.distance > 1 - 1e-4).double().mean() > 0.999


def test_distance_scales_with_the_length_of_the_direction(scene: SyntheticScene) -> None:
    """The same hit for a direction of any length."""
    origin = camera_path(scene, "walk", 1, 0, 64, 48)[0].camera_from_world.centre
    directions = torch.randn(500, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain, doubled = cast_rays(scene, origin, directions), cast_rays(scene, origin, 2 * directions)
    assert torch.equal(plain.instance, doubled.instance)
    met = plain.instance >= 0
    assert torch.allclose(plain.distance[met], 2 * doubled.distance[met], rtol=1e-9)


@settings(max_examples=8)
@given(pixel=st.tuples(st.integers(0, 63), st.integers(0, 47)), kind=st.sampled_from(KINDS))
def test_depth_is_z_depth_at_the_pixel_centre(pixel: tuple[int, int], kind: str) -> None:
    """The point behind a pixel centre at its depth is what a ray through that centre meets."""
    scene = build_scene(kind, 3)
    view = camera_path(scene, "walk", 2, 1, 64, 48)[1]
    seen = ray_cast(scene, view.camera, view.camera_from_world, samples=1)
    x, y = pixel
    if not seen.depth_valid[y, x]:
        return
    centre = torch.tensor([[x + 0.5, y + 0.5]], dtype=torch.float64)
    point = view.camera.unproject(centre, seen.depth[y, x].double()[None])
    world = view.camera_from_world.inverse().apply(point)[0]
    direction = world - view.camera_from_world.centre
    hit = cast_rays(scene, view.camera_from_world.centre, direction[None])
    assert abs(float(hit.distance) - 1) < 1e-5
    assert int(hit.instance) == int(seen.instance[y, x])


def test_two_views_agree_about_depth_and_instances(scene: SyntheticScene) -> None:
    """Points carried from one view to the next by depth and pose lie on the surface that the next view sees there."""
    first, second = camera_path(scene, "walk", 40, 0, 160, 120)[:2]
    a = ray_cast(scene, first.camera, first.camera_from_world, samples=1)
    centres = first.camera.pixel_centres(torch.float64)
    points = first.camera.unproject(centres, a.depth.double())[a.depth_valid]
    world = first.camera_from_world.inverse().apply(points)
    inside = second.camera_from_world.apply(world)
    pixels = second.camera.project(inside)
    size = torch.tensor([160.0, 120.0], dtype=torch.float64)
    shown = (inside[:, 2] > 0) & ((pixels >= 0) & (pixels < size)).all(1)
    rays = world[shown] - second.camera_from_world.centre
    hits = cast_rays(scene, second.camera_from_world.centre, rays)
    visible = hits.distance > 1 - 1e-4
    assert visible.double().mean() > 0.7
    assert (hits.distance[visible] - 1).abs().max() < 2e-5 or (
        hits.distance[visible] < 1 + 1e-4
    ).double().mean() > 0.999
    same = hits.instance[visible] == a.instance[a.depth_valid][shown][visible]
    assert same.double().mean() > 0.995


def test_pictures_have_the_same_bits_for_one_and_two_threads() -> None:
    """Colour and truth of a small view."""
    scene = build_scene("table", 2)
    view = camera_path(scene, "walk", 1, 0, 96, 72)[0]
    before = torch.get_num_threads()
    pictures = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            pictures.append(ray_cast(scene, view.camera, view.camera_from_world, samples=2))
    finally:
        torch.set_num_threads(before)
    for name in ("rgb", "depth", "normal", "instance"):
        assert torch.equal(getattr(pictures[0], name), getattr(pictures[1], name)), name


def test_more_samples_converge() -> None:
    """Supersampling: 4 x 4 is nearer to 6 x 6 than one sample is, so pictures are anti-aliased."""
    scene = build_scene("room", 4)
    view = camera_path(scene, "walk", 1, 0, 96, 72)[0]
    one, four, six = (ray_cast(scene, view.camera, view.camera_from_world, samples=n).rgb for n in (1, 4, 6))
    assert (four - six).abs().mean() < 0.5 * (one - six).abs().mean()


def test_a_capture_can_be_read_back(tmp_path: object) -> None:
    """Images, poses, points and split survive the folder; points project onto what their views show."""
    taken = capture("table", 7, views=4, extreme=1, width=80, height=60, samples=1, points=200)
    assert len(taken.points) > 20
    assert [view.split for view in taken.views] == ["train"] * 4 + ["test"]
    folder = tmp_path / "capture"  # type: ignore[operator]
    save_capture(taken, folder)
    read = read_posed_capture(folder / "transforms.json")
    views = {view.name.rsplit(".", 1)[0]: view for view in taken.views}
    assert len(read.images) == len(views)
    for image in read.images:
        stem = image.name.rsplit(".", 1)[0].rsplit("/", 1)[-1]
        assert image.split == views[stem].split
        assert torch.allclose(image.camera_from_world.matrix, views[stem].camera_from_world.matrix, atol=1e-9)
        assert np.load(folder / "depth" / f"{stem}.npy").shape == (60, 80)
    assert read.points is not None
    assert len(read.points) == len(taken.points)
    with pytest.raises(InputError):
        save_capture(taken, tmp_path / "other", suffix=".gif")  # type: ignore[operator]


def test_unusable_requests_are_refused() -> None:
    """NaN rays, zero directions, wrong shapes, no samples, an unknown kind."""
    scene = build_scene("table", 0)
    bad = torch.zeros(1, 3, dtype=torch.float64)
    for directions in (bad, bad + float("nan"), torch.zeros(2, 2, dtype=torch.float64)):
        with pytest.raises(ValueError, match="ray"):
            cast_rays(scene, torch.zeros(3, dtype=torch.float64), directions)
    view = camera_path(scene, "walk", 1, 0, 32, 24)[0]
    with pytest.raises(ValueError, match="sample"):
        ray_cast(scene, Camera.from_fov(8, 8, 60.0), view.camera_from_world, samples=0)
    with pytest.raises(ValueError, match=r"kind|cave"):
        build_scene("cave", 0)  # type: ignore[arg-type]
