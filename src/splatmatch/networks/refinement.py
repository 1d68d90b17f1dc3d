"""Matches made precise to a fraction of a pixel, in two stages: a search at half size, a correction at full size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from splatmatch.networks.sampling import sampled, windows

HALF = 2
"""Pixels per cell of the half-size map."""


@dataclass(frozen=True)
class RefinerConfig:
    """Sizes of the network."""

    half_width: int = 32
    """Channels at half size."""
    full_width: int = 16
    """Channels at full size."""
    search: int = 4
    """Cells of two pixels that are searched to each side."""
    correction: int = 3
    """Pixels that are compared to each side for the correction."""
    hidden: int = 64
    """Width of the layer that reads the comparison."""


@dataclass(frozen=True, eq=False)
class FineMaps:
    """Features of B images."""

    half: Tensor
    """(B, C, H / 2, W / 2)."""
    full: Tensor
    """(B, C', H, W)."""


@dataclass(frozen=True, eq=False)
class Refined:
    """Matches after refinement."""

    points: Tensor
    """(B, M, 2) corner pixels of b."""
    log_sigma: Tensor
    """(B, M) logarithm of the expected error in pixels."""
    searched: Tensor
    """(B, M, 2) after the search alone."""
    search_logits: Tensor
    """(B, M, K) of the cells that were searched, around the points given."""


class Refiner(nn.Module):
    """Moves points of b to where the points of a truly lie; points of a stay."""

    def __init__(self, config: RefinerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RefinerConfig()
        half, full = config.half_width, config.full_width
        self.stem = nn.Sequential(nn.Conv2d(3, full, 3, padding=1), nn.ReLU(inplace=True))
        self.down = nn.Sequential(
            nn.Conv2d(full, half, 3, 2, 1), nn.ReLU(inplace=True),
            nn.Conv2d(half, half, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(half, half, 3, padding=1),
        )  # fmt: skip
        self.fine = nn.Conv2d(full, full, 3, padding=1)
        self.mixed = nn.Conv2d(half, full, 1)
        cells = (2 * config.correction + 1) ** 2
        last = nn.Linear(config.hidden, 3)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.reader = nn.Sequential(nn.Linear(cells, config.hidden), nn.ReLU(), last)
        self.search_sharpness = nn.Parameter(torch.tensor(10.0))
        self.correction_sharpness = nn.Parameter(torch.tensor(10.0))

    def maps(self, images: Tensor) -> FineMaps:
        """Features of ``images`` (B, 3, H, W), RGB in 0..1, both sides even."""
        stem = self.stem(functional.instance_norm(images, eps=1e-5))
        half = self.down(stem)
        wide = functional.interpolate(self.mixed(half), stem.shape[-2:], mode="bilinear", align_corners=False)
        return FineMaps(functional.normalize(half, dim=1), functional.normalize(self.fine(stem) + wide, dim=1))

    def forward(self, a: FineMaps, b: FineMaps, points_a: Tensor, points_b: Tensor) -> Refined:
        """Refine ``points_b`` (B, M, 2), partners of ``points_a`` (B, M, 2), corner pixels."""
        config = self.config
        likeness, places = _likeness(a.half, b.half, points_a, points_b, config.search, HALF)
        logits = self.search_sharpness * likeness
        searched = points_b + _centre_of_mass(logits, places, 2 * config.search + 1)
        start = searched.detach()
        compared, places = _likeness(a.full, b.full, points_a, start, config.correction, 1)
        shift = _centre_of_mass(self.correction_sharpness * compared, places, 2 * config.correction + 1)
        read = self.reader(compared)
        return Refined(start + shift + read[..., :2].float(), read[..., 2].float(), searched, logits)


def _likeness(
    a: Tensor, b: Tensor, points_a: Tensor, points_b: Tensor, reach: int, stride: int
) -> tuple[Tensor, Tensor]:
    """Cosines (B, M, K) of the feature at each point of a with those around its partner, and the places (K, 2)."""
    own = functional.normalize(sampled(a, points_a, stride), dim=-1)
    others, places = windows(b, points_b, reach, stride)
    return (own[:, :, None] * functional.normalize(others, dim=-1)).sum(-1).float(), places


def _centre_of_mass(logits: Tensor, places: Tensor, side: int) -> Tensor:
    """Mean place (B, M, 2) within one cell of the most likely one, so that a second peak does not pull."""
    best = logits.argmax(-1, keepdim=True)
    cells = torch.arange(side * side, device=logits.device)
    near = ((cells % side - best % side).abs() <= 1) & ((cells // side - best // side).abs() <= 1)
    weights = logits.masked_fill(~near, float("-inf")).softmax(-1)
    return weights @ places.to(weights.dtype)
