"""Normals of depth maps, edges of photos, and pixels carried between views, against planes that are known exactly."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.splats.surfaces.maps import carry, normal_agreement, normals_of_depth, sample, seen_from
from splatmatch.splats.training_images import TrainingImage, evenness

CAMERA = Camera(40, 30, 50.0, 45.0, 21.0, 14.0)


def plane_depth(camera: Camera, normal: torch.Tensor, distance: float) -> torch.Tensor:
    """z-depth of the plane n . x = -distance; n is turned to the camera."""
    rays = camera.unproject(camera.pixel_centres(torch.float64), torch.ones(camera.height, camera.width).double())
    return -distance / (rays @ normal)


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.5, 20.0))
def test_normals_of_a_plane_are_its_normal(x, y, distance):
    normal = torch.nn.functional.normalize(torch.tensor([x, y, -1.0], dtype=torch.float64), dim=0)
    depth = plane_depth(CAMERA, normal, distance)
    found, defined = normals_of_depth(depth, depth > 0, CAMERA)
    assert defined[1:-1, 1:-1].all() and not defined[0].any() and not defined[:, -1].any()
    assert torch.allclose(found[defined], normal.expand_as(found[defined]), atol=1e-9)


def test_normals_stop_at_invalid_pixels():
    depth = torch.full((30, 40), 2.0)
    valid = torch.ones(30, 40, dtype=torch.bool)
    valid[10, 20] = False
    _, defined = normals_of_depth(depth, valid, CAMERA)
    assert not defined[10, 19:22].any() and not defined[9:12, 20].any()
    assert defined[9, 19] and defined[11, 21]


def test_edges_of_a_photo_have_no_weight_and_even_areas_have_full_weight():
    photo = torch.zeros(20, 30, 3, dtype=torch.uint8)
    photo[:, 15:] = 200
    weight = evenness(photo)
    assert (weight[:, 14:16] == 0).all()
    assert (weight[:, :13] == 1).all() and (weight[:, 17:] == 1).all()
    assert torch.equal(evenness(photo.float() / 255), weight)


def test_a_carried_plane_lands_where_projection_puts_it_and_returns():
    """Into another camera with other intrinsics and back, by the exact depth of the plane in both views."""
    other = Camera(36, 44, 40.0, 41.0, 17.0, 22.5)
    normal = torch.nn.functional.normalize(torch.tensor([0.2, -0.1, -1.0], dtype=torch.float64), dim=0)
    motion = Pose.from_quaternion([0.99, 0.05, -0.08, 0.03], [0.2, -0.1, 0.15])
    depth = plane_depth(CAMERA, normal, 3.0)
    there = carry(depth, depth > 0, CAMERA, other, motion)
    points = CAMERA.unproject(CAMERA.pixel_centres(torch.float64), depth)
    assert torch.allclose(there.pixels, other.project(motion.apply(points.reshape(-1, 3))).reshape(30, 40, 2))
    turned = motion.rotation @ normal
    elsewhere = plane_depth(other, turned, 3.0 - float(turned @ motion.translation))
    found = sample(elsewhere[..., None], there.pixels)[..., 0]
    assert there.inside.float().mean() > 0.3
    assert ((found / there.depth - 1).abs()[there.inside] < 1e-3).all()


def test_points_behind_the_other_camera_or_outside_its_image_are_not_inside():
    depth = torch.full((30, 40), 2.0, dtype=torch.float64)
    behind = carry(depth, depth > 0, CAMERA, CAMERA, Pose.from_quaternion([1, 0, 0, 0], [0, 0, -3.0]))
    assert not behind.inside.any() and torch.isfinite(behind.pixels).all()
    beside = carry(depth, depth > 0, CAMERA, CAMERA, Pose.from_quaternion([1, 0, 0, 0], [10.0, 0, 0]))
    assert not beside.inside.any()


def test_sampling_at_pixel_centres_returns_the_pixels_and_is_linear_between():
    table = torch.randn(6, 7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    centres = Camera(7, 6, 1.0, 1.0, 0.0, 0.0).pixel_centres(torch.float64)
    assert torch.allclose(sample(table, centres), table)
    between = sample(table, centres[:, :-1] + torch.tensor([0.25, 0.0]))
    assert torch.allclose(between, 0.75 * table[:, :-1] + 0.25 * table[:, 1:])


def test_depth_is_pulled_by_the_picture_of_a_neighbour():
    """Descent on the warped neighbour alone finds the depth of a textured wall: the term does what it is for."""
    camera = Camera(48, 36, 40.0, 40.0, 24.0, 18.0)
    motion = Pose.from_quaternion([1, 0, 0, 0], [-0.3, 0.0, 0.0])
    xs = camera.pixel_centres(torch.float64)[..., 0]

    def wall(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([0.5 + 0.4 * torch.sin(0.35 * x + phase) for phase in (0.0, 2.0, 4.0)], -1)

    photo, neighbour = wall(xs), wall(xs + 40 * 0.3 / 2.0)  # truth: depth 2
    depth = torch.full((36, 48), 2.3, dtype=torch.float64)
    for _ in range(60):
        leaf = depth.clone().requires_grad_()
        there = carry(leaf, leaf.detach() > 0, camera, camera, motion)
        error = (sample(neighbour, there.pixels) - photo).square()[there.inside].sum()
        error.backward()
        depth = depth - 0.01 * leaf.grad.sign()
    assert depth[:, 10:].median().item() == pytest.approx(2.0, abs=0.02)


def rough_surface(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random depth (30, 40) and some holes."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 5, 6, generator=generator, dtype=torch.float64)
    depth = 2 + torch.nn.functional.interpolate(coarse, (30, 40), mode="bicubic")[0, 0]
    return depth, torch.rand(30, 40, generator=generator) > 0.05


def test_fused_normal_agreement_is_the_one_of_torch():
    """Value, and gradients to depth and to blended normals, against float64 autograd."""
    depth, valid = rough_surface(1)
    generator = torch.Generator().manual_seed(2)
    blended = torch.randn(30, 40, 3, generator=generator, dtype=torch.float64)
    blended[3:6] *= 1e-5  # where hardly anything is blended
    weight = torch.rand(30, 40, generator=generator)
    results = []
    for dtype in (torch.float64, torch.float32):
        leaves = [t.detach().to(dtype, copy=True).requires_grad_() for t in (depth, blended)]
        loss = normal_agreement(*leaves, valid, weight.to(dtype), CAMERA)
        (3 * loss).backward()
        results.append((loss.detach().double(), *(leaf.grad.double() for leaf in leaves)))
    (truth, *wanted), (value, *got) = results
    assert value.item() == pytest.approx(truth.item(), rel=1e-5)
    for ours, theirs in zip(got, wanted, strict=True):
        assert theirs.norm() > 0
        assert (ours - theirs).norm() <= 1e-4 * theirs.norm()


@pytest.mark.parametrize("masked", [False, True])
def test_fused_warp_is_the_one_of_torch(masked):
    """The other view's photo, the depth difference, who sees what, and the gradient of both to depth."""
    depth, valid = rough_surface(3)
    generator = torch.Generator().manual_seed(4)
    other = Camera(36, 32, 40.0, 42.0, 18.5, 15.5)
    pixels = (255 * torch.rand(3, 32, 36, generator=generator)).to(torch.uint8).permute(1, 2, 0)
    mask = torch.rand(32, 36, generator=generator) if masked else None
    photo = TrainingImage(other, pixels, mask)
    motion = Pose.from_quaternion([0.995, 0.03, -0.05, 0.02], [0.1, -0.05, 0.1])
    found = 2.6 + 0.3 * torch.rand(32, 36, generator=generator, dtype=torch.float64)
    found_valid = torch.rand(32, 36, generator=generator) > 0.05
    pull = torch.randn(30, 40, 4, generator=generator, dtype=torch.float64)
    results = []
    for dtype in (torch.float64, torch.float32):
        leaf = depth.detach().to(dtype, copy=True).requires_grad_()
        seen = seen_from(leaf, valid, CAMERA, photo, motion, found.to(dtype), found_valid, 0.15)
        stacked = torch.cat([seen.warped, seen.relative[..., None]], -1)
        (stacked * pull.to(dtype)).sum().backward()
        results.append((seen, leaf.grad.double()))
    (truth, wanted), (ours, got) = results
    same = (truth.weight > 0) == (ours.weight > 0)  # a point may lie within rounding of the gate
    assert same.float().mean() > 0.998 and 0.1 < (ours.weight > 0).float().mean() < 0.9
    for name, tolerance in (("warped", 1e-4), ("relative", 1e-5), ("weight", 1e-4)):
        a, b = getattr(truth, name)[same], getattr(ours, name)[same].double()
        assert torch.allclose(a.double(), b, atol=tolerance), name
    assert (got - wanted)[same].norm() <= 1e-3 * wanted[same].norm()
