"""New Gaussians from old ones: pure formulas, no decisions."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from splatmatch.geometry.pose import rotation_from_quaternion
from splatmatch.scene.gaussians import Gaussians

MAX_COPIES = 51
"""Copies beyond this number are treated as this number in ``relocated`` (its sum alternates)."""


def halves(parents: Gaussians, offset: float, shrink: float, narrow: float, keep: float) -> tuple[Gaussians, Gaussians]:
    """Two children on either side of each parent's centre along its longest axis; no randomness.

    Children stand ``offset`` standard deviations from the centre, the long axis is multiplied by ``shrink``, the two
    others by ``narrow`` and the opacity by ``keep``.
    """
    scales = parents.scales
    longest = scales.argmax(dim=1)
    rows = torch.arange(len(parents), device=longest.device)
    axes = rotation_from_quaternion(parents.quaternions)
    shift = offset * scales[rows, longest, None] * axes[rows, :, longest]
    log_scales = parents.log_scales + math.log(narrow)
    log_scales[rows, longest] = parents.log_scales[rows, longest] + math.log(shrink)
    child = replace(parents, log_scales=log_scales, logit_opacities=torch.logit(parents.opacities * keep, eps=1e-6))
    return replace(child, means=parents.means + shift), replace(child, means=parents.means - shift)


def relocated(parents: Gaussians, copies: Tensor) -> Gaussians:
    """The parents as they must be if ``copies`` (N,) >= 1 of each stand in the same place and the image stays the same.

    k copies of opacity p = 1 - (1 - o)^(1/k) have the parent's opacity at the centre, and their total alpha on screen
    is the parent's if the scales are multiplied by sqrt(o / sum_{j=1..k} C(k, j) (-1)^(j+1) p^j / j): the integral of
    1 - (1 - p g)^k over the plane, g^j being a Gaussian of 1/j the area. (Kheradmand et al., 3D Gaussian Splatting as
    Markov Chain Monte Carlo, 2024, eq. 9, keep the integral along a line instead, which darkens.)
    """
    opacity = parents.opacities.double()
    k = copies.clamp(1, MAX_COPIES).double()
    new = 1 - (1 - opacity) ** (1 / k)
    total = torch.zeros_like(new)
    combinations = torch.ones_like(new)
    for j in range(1, int(k.max()) + 1 if len(k) else 1):
        combinations = combinations * (k - j + 1) / j
        total += (-1) ** (j + 1) * combinations * new**j / j
    return replace(
        parents,
        log_scales=parents.log_scales + 0.5 * (opacity / total).log().to(torch.float32)[:, None],
        logit_opacities=torch.logit(new, eps=1e-6).to(torch.float32),
    )
