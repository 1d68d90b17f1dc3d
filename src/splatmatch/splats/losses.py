"""Further losses of a fit: pure functions of named maps. Every sum is ordered, so values do not depend on threads."""

from __future__ import annotations

import torch
from torch import Tensor

from splatmatch.splats.ordered_sum import ordered_sum


def opacity_loss(logit_opacities: Tensor) -> Tensor:
    """Mean opacity of (N,) logits: lets Gaussians that do nothing die (Kheradmand et al., 2024, eq. 10)."""
    return ordered_sum(torch.sigmoid(logit_opacities)) / max(1, len(logit_opacities))


def scale_loss(log_scales: Tensor, extent: float) -> Tensor:
    """Mean standard deviation of (N, 3) log scales in units of ``extent`` (Kheradmand et al., 2024, eq. 10)."""
    return ordered_sum(log_scales.exp()) / (max(1, log_scales.numel()) * extent)


def alpha_loss(alpha: Tensor, foreground: Tensor) -> Tensor:
    """Mean accumulated opacity where there is nothing: alpha (H, W), foreground (H, W) in 0..1."""
    return ordered_sum(alpha * (1 - foreground)) / alpha.numel()


def normal_loss(normal: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of alpha - cosine: the blended normal (length <= alpha) against unit targets.

    sum w (1 - n . n*), with ``normal`` scaled to unit length where it is longer than 1e-3.

    Shapes: normal, target (H, W, 3), weight (H, W).
    Convention: camera frame, turned to the camera; weight 0 = no target there.
    """
    length = normal.square().sum(-1).clamp(min=1e-6).sqrt()
    cosine = (normal * target).sum(-1) / length
    return ordered_sum((1 - cosine) * weight) / weight.numel()
