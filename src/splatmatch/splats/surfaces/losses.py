"""The geometric terms: pure functions of maps. Every sum is ordered, so values do not depend on threads."""

from __future__ import annotations

import torch
from torch import Tensor

from splatmatch.splats.ordered_sum import ordered_sum


def flatness_loss(log_scales: Tensor, extent: float) -> Tensor:
    """Mean shortest standard deviation of (N, 3) log scales in units of ``extent``: ellipsoids become discs (PGSR)."""
    return ordered_sum(log_scales.amin(dim=1).exp()) / (max(1, len(log_scales)) * extent)


def opaqueness_loss(alpha: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of 1 - alpha over all pixels, weighted by ``weight`` (H, W) in 0..1 where there is one; alpha (H, W)."""
    open_share = 1 - alpha if weight is None else (1 - alpha) * weight.to(alpha)
    return ordered_sum(open_share) / alpha.numel()


def spread_loss(alpha: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Mean relative standard deviation of the depths that are blended along a ray, weighted by alpha.

    With the moments s_k = sum w z^k: sqrt(s_2 / s_0 - (s_1 / s_0)^2) / (s_1 / s_0).

    Shapes: alpha = s_0, first = s_1, second = s_2 (H, W).
    Convention: z-depth; pixels of alpha below 0.1 count nothing; the mean divides by all pixels.
    """
    use = (alpha > 0.1) & (first > 0)
    one = torch.ones_like(alpha)
    total, mean = torch.where(use, alpha, one), torch.where(use, first / torch.where(use, alpha, one), one)
    relative = torch.where(use, second, one) / (total * mean.square()) - 1
    deviation = (relative.clamp(min=0) + 1e-6).sqrt() - 1e-3
    return ordered_sum(torch.where(use, deviation * alpha.detach(), torch.zeros_like(alpha))) / alpha.numel()


def inverse_depth_loss(depth: Tensor, valid: Tensor, target: Tensor, weight: Tensor, unit: float) -> Tensor:
    """Weighted mean of |1 / depth - 1 / target| times ``unit``, a typical depth of the scene.

    Shapes: depth, target, weight (H, W), valid (H, W) bool.
    Convention: z-depth in scene units; weight 0 = no target there; the mean divides by all pixels.
    """
    use = valid & (weight > 0) & (depth > 0) & (target > 0)
    one = torch.ones_like(depth)
    difference = unit / torch.where(use, depth, one) - unit / torch.where(use, target, one)
    return ordered_sum(difference.abs() * torch.where(use, weight, torch.zeros_like(weight))) / depth.numel()
