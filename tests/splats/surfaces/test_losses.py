"""The geometric terms: value by hand, gradient by finite differences, and what they must ignore."""

from __future__ import annotations

import pytest
import torch

from splatmatch.splats.surfaces import losses


def maps(count: int, seed: int, shape=(3, 4)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [1 + torch.rand(*shape, generator=generator, dtype=torch.float64) for _ in range(count)]


def test_flatness_is_the_mean_shortest_axis_in_units_of_the_scene():
    log_scales = torch.tensor([[1.0, 2.0, 3.0], [8.0, 5.0, 6.0]]).log()
    assert losses.flatness_loss(log_scales, 2.0).item() == pytest.approx((1 + 5) / 2 / 2)


def test_opaqueness_counts_what_is_seen_through_and_not_masked():
    alpha = torch.tensor([[0.25, 1.0], [0.5, 0.0]])
    assert losses.opaqueness_loss(alpha, None).item() == pytest.approx((0.75 + 0.5 + 1) / 4)
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert losses.opaqueness_loss(alpha, mask).item() == pytest.approx((0.75 + 0.5) / 4)


def test_spread_of_two_surfaces_is_their_relative_standard_deviation():
    """Half of the light from depth 1, half from depth 3: mean 2, deviation 1. One surface has none at any alpha."""
    weights = torch.tensor([0.4, 0.4], dtype=torch.float64)
    depths = torch.tensor([1.0, 3.0], dtype=torch.float64)
    alpha, first, second = (torch.full((2, 2), float((weights * depths**k).sum())).double() for k in range(3))
    assert losses.spread_loss(alpha, first, second).item() == pytest.approx(0.8 * 0.5, abs=2e-3)
    single = [torch.full((2, 2), 0.7 * 5.0**k, dtype=torch.float64) for k in range(3)]
    assert losses.spread_loss(*single).item() == pytest.approx(0, abs=1e-9)
    scaled = losses.spread_loss(alpha, 100 * first, 1e4 * second)
    assert scaled.item() == pytest.approx(losses.spread_loss(alpha, first, second).item())


def test_inverse_depth_loss_ignores_what_has_no_target_and_is_free_of_the_unit():
    depth, target = maps(2, 1, (6, 5))
    weight = (torch.rand(6, 5, generator=torch.Generator().manual_seed(2)) > 0.5).double()
    valid = torch.ones(6, 5, dtype=torch.bool)
    valid[0] = False
    value = losses.inverse_depth_loss(depth, valid, target, weight, 2.0)
    assert value.item() == pytest.approx(float(((2 / depth - 2 / target).abs() * weight * valid).mean()))
    assert losses.inverse_depth_loss(7 * depth, valid, 7 * target, weight, 14.0).item() == pytest.approx(value.item())
    poisoned = torch.where((weight > 0) & valid, target, torch.nan)
    leaf = torch.where(valid, depth, torch.nan).requires_grad_()
    losses.inverse_depth_loss(leaf, valid, poisoned, weight, 1.0).backward()
    assert torch.isfinite(leaf.grad).all()
    assert not leaf.grad[(weight == 0) | ~valid].any()


@pytest.mark.parametrize("name", ["spread", "inverse_depth"])
def test_gradients_by_finite_differences(name):
    first, second, weight = maps(3, 5)
    everywhere = torch.ones(3, 4, dtype=torch.bool)
    functions = {
        "spread": lambda m: losses.spread_loss(torch.full_like(m, 0.9), m, 5 + second),
        "inverse_depth": lambda m: losses.inverse_depth_loss(m, everywhere, second, weight, 2.0),
    }
    assert torch.autograd.gradcheck(functions[name], first.requires_grad_())
