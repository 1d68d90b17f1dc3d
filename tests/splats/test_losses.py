"""The further losses: value by hand, gradient by finite differences, and what they must ignore."""

from __future__ import annotations

import math

import pytest
import torch

from splatmatch.splats import losses
from splatmatch.splats.ordered_sum import ordered_sum


def test_ordered_sum_is_the_float64_sum_with_gradient_one():
    values = torch.rand(1001, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    total = ordered_sum(values)
    total.backward()
    assert total.item() == pytest.approx(float(values.detach().double().sum()), rel=1e-7)
    assert (values.grad == 1).all()


def test_opacity_and_scale_losses_are_means():
    logits = torch.tensor([0.0, math.log(3)])
    assert losses.opacity_loss(logits).item() == pytest.approx((0.5 + 0.75) / 2)
    log_scales = torch.tensor([[2.0, 4.0, 6.0]]).log()
    assert losses.scale_loss(log_scales, extent=2.0).item() == pytest.approx(2.0)


def test_alpha_loss_counts_background_only():
    alpha = torch.full((2, 4), 0.5)
    foreground = torch.zeros(2, 4)
    foreground[:, 2:] = 1
    assert losses.alpha_loss(alpha, foreground).item() == pytest.approx(0.25)


def test_normal_loss_is_zero_for_equal_directions_and_two_for_opposite():
    target = torch.nn.functional.normalize(torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(2)), dim=-1)
    weight = torch.ones(4, 5)
    assert losses.normal_loss(0.3 * target, target, weight).item() == pytest.approx(0, abs=1e-6)
    assert losses.normal_loss(-0.3 * target, target, weight).item() == pytest.approx(2)
    assert losses.normal_loss(target, target.flip(0), torch.zeros(4, 5)).item() == 0


def test_gradients_of_the_normal_loss_by_finite_differences():
    """Towards both directions: a target may itself come from a rendered depth."""
    generator = torch.Generator().manual_seed(3)
    weight = torch.rand(3, 4, generator=generator, dtype=torch.float64)
    maps = [torch.randn(3, 4, 3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2)]
    assert torch.autograd.gradcheck(lambda n, m: losses.normal_loss(n, m, weight), maps)
