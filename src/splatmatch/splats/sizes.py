"""How large a Gaussian may be: one as large as its distance from the cameras wraps around them.

Where no photo sees its end, a Gaussian can grow into a needle across the whole scene that costs nothing in the training
views and hides everything in another. Rendering approximates perspective around the centre, so a Gaussian that subtends
more than some tens of degrees means nothing anyway.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LARGEST = 0.5
"""Largest standard deviation, as a share of the distance from the nearest training camera."""
EVERY = 50
"""Steps between two looks at the sizes."""


def largest_log_scales(means: Tensor, centres: Tensor) -> Tensor:
    """Upper limits (N,) of the log scales of Gaussians at ``means`` (N, 3), seen by cameras at ``centres`` (C, 3)."""
    nearest = torch.full((len(means),), torch.inf, dtype=means.dtype, device=means.device)
    for centre in centres.to(means):
        nearest = torch.minimum(nearest, (means - centre).square().sum(1))
    return 0.5 * nearest.clamp(min=torch.finfo(means.dtype).tiny).log() + math.log(LARGEST)
