"""Gaussians as data: transforming moves covariance and colour together; selecting and joining lose nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given

from splatmatch.geometry.pose import rotation_from_quaternion
from splatmatch.geometry.spherical_harmonics import SH_C0, sh_basis
from splatmatch.scene.gaussians import Gaussians, concatenate
from tests.geometry.test_alignment import similarities


def example(count=6, degree=2, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def randn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return Gaussians(
        randn(count, 3), randn(count, 3), 3 * randn(count, 4), randn(count), randn(count, (degree + 1) ** 2, 3)
    )


@given(similarities())
def test_transforming_rotates_and_scales_covariances(b_from_a):
    gaussians = example()
    moved = gaussians.transformed(b_from_a)
    linear = b_from_a.scale * b_from_a.rotation
    scale = max(1.0, b_from_a.scale**2)
    torch.testing.assert_close(
        moved.covariances, linear @ gaussians.covariances @ linear.T, rtol=1e-6, atol=1e-8 * scale
    )
    torch.testing.assert_close(moved.means, b_from_a.apply(gaussians.means))


@given(similarities())
def test_transforming_keeps_the_colour_seen_from_a_moved_viewpoint(b_from_a):
    gaussians = example(degree=3)
    moved = gaussians.transformed(b_from_a)
    eye = torch.tensor([4.0, -3.0, 2.0], dtype=torch.float64)

    def colours(splat, viewpoint):
        view = splat.means - viewpoint
        return torch.einsum("nk,nkc->nc", sh_basis(view / view.norm(dim=1, keepdim=True), 3), splat.sh)

    torch.testing.assert_close(colours(moved, b_from_a.apply(eye)), colours(gaussians, eye), rtol=1e-6, atol=1e-6)


@given(similarities())
def test_transforming_back_restores_means_covariances_and_colours(b_from_a):
    gaussians = example()
    back = gaussians.transformed(b_from_a, frame="z-up").transformed(b_from_a.inverse())
    torch.testing.assert_close(back.means, gaussians.means, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(back.covariances, gaussians.covariances, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(back.sh, gaussians.sh, rtol=1e-6, atol=1e-8)
    assert back.frame == "z-up"


def test_covariance_by_value_and_any_quaternion_length():
    """Axes (1, 2, 3) turned by 90 degrees about z: the first axis becomes y."""
    splat = Gaussians(
        torch.zeros(1, 3), torch.tensor([[1.0, 2.0, 3.0]]).log(), torch.tensor([[5.0, 0, 0, 5.0]]), torch.zeros(1),
        torch.zeros(1, 1, 3),
    )  # fmt: skip
    torch.testing.assert_close(splat.covariances[0], torch.diag(torch.tensor([4.0, 1.0, 9.0])), atol=1e-5, rtol=0)
    assert splat.opacities.item() == pytest.approx(0.5)
    assert splat.base_colours.tolist() == [[0.5, 0.5, 0.5]]


def test_covariances_are_those_of_the_rotation_matrix():
    gaussians = example()
    rotation = rotation_from_quaternion(gaussians.quaternions)
    expected = rotation @ torch.diag_embed(gaussians.scales.square()) @ rotation.transpose(1, 2)
    torch.testing.assert_close(gaussians.covariances, expected)


def test_selecting_cropping_and_joining():
    gaussians = example(20)
    low, high = torch.tensor([-1.0, -1, -1]), torch.tensor([1.0, 1, 1])
    inside = gaussians.cropped(low, high)
    mask = (gaussians.means.abs() <= 1).all(1)
    assert torch.equal(inside.means, gaussians.means[mask])
    both = concatenate([inside, gaussians.select(~mask)])
    assert len(both) == 20
    assert sorted(both.means[:, 0].tolist()) == sorted(gaussians.means[:, 0].tolist())


def test_joining_fills_bands_and_refuses_mixed_tags():
    low, high = example(degree=0), example(degree=3, seed=1)
    joined = concatenate([low, high])
    assert joined.sh_degree == 3
    assert joined.sh[: len(low), 1:].abs().max() == 0
    assert torch.equal(joined.sh[len(low) :], high.sh)
    assert joined.with_sh_degree(0).base_colours.shape == (12, 3)
    torch.testing.assert_close(joined.base_colours[: len(low)], 0.5 + SH_C0 * low.sh[:, 0])
    for other in (replace(high, antialiased=True), replace(high, frame="z-up")):
        with pytest.raises(ValueError, match="differ"):
            concatenate([low, other])
    with pytest.raises(ValueError, match="nothing"):
        concatenate([])


@pytest.mark.parametrize("name", ["means", "log_scales", "quaternions", "logit_opacities", "sh"])
def test_wrong_shapes_are_named(name):
    gaussians = example()
    with pytest.raises(ValueError, match=rf"Gaussians.{name}" if name != "means" else "Gaussians"):
        replace(gaussians, **{name: torch.zeros(6, 7)})
    with pytest.raises(ValueError, match="sh"):
        replace(gaussians, sh=torch.zeros(6, 5, 3))
