"""Densification as Markov chain Monte Carlo (Kheradmand et al., 2024): dead Gaussians move to where opaque ones are.

The number grows by a fixed share per edit up to the budget; noise on the centres explores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from splatmatch.geometry.pose import rotation_from_quaternion
from splatmatch.splats.densification.children import relocated
from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.parameters import Parameters


@dataclass(frozen=True)
class McmcConfig:
    """When and how much the relocation strategy edits."""

    interval: int = 100
    """Steps between edits."""
    start: int = 100
    """First edit after this many steps."""
    stop: float = 0.8
    """No more edits after this share of all steps."""
    growth: float = 0.05
    """New Gaussians per edit, as a share of the present number."""
    minimum_opacity: float = 0.005
    """Gaussians below this opacity are dead and moved."""
    noise: float = 5e5
    """Noise on the centres, in units of learning rate times covariance."""


@dataclass(frozen=True)
class Mcmc:
    """Relocates dead Gaussians and adds new ones by drawing opaque ones."""

    config: McmcConfig
    steps: int
    """Of the whole fit."""
    maximum: int
    """Budget of Gaussians."""

    def due(self, step: int) -> bool:
        """See ``Strategy``."""
        c = self.config
        return c.start <= step <= c.stop * self.steps and step % c.interval == 0

    def edited(
        self, parameters: Parameters, statistics: ScreenStatistics, step: int, generator: torch.Generator
    ) -> Parameters:
        """See ``Strategy``."""
        c = self.config
        opacity = parameters.values.opacities
        dead = (opacity <= c.minimum_opacity).nonzero()[:, 0]
        alive = (opacity > c.minimum_opacity).nonzero()[:, 0]
        if not len(alive):
            return parameters
        extra = max(0, min(self.maximum - len(opacity), int(c.growth * len(opacity))))
        drawn = alive[_draw(opacity[alive], len(dead) + extra, generator)]
        sources, copies = drawn.unique(return_counts=True)  # type: ignore[no-untyped-call]
        place = torch.searchsorted(sources, drawn)
        moved = relocated(parameters.values.select(sources), copies + 1)
        edited = parameters.replaced(sources, moved)
        edited = edited.replaced(dead, moved.select(place[: len(dead)]))
        return edited.appended(moved.select(place[len(dead) :]))

    def nudge(self, parameters: Parameters, step: int, means_rate: float, generator: torch.Generator) -> None:
        """Noise of the covariance's shape on the centres of nearly transparent Gaussians (eq. 8)."""
        values = parameters.values
        rows = (values.logit_opacities < LOGIT_OF_NOISE).nonzero()[:, 0]
        some = values.select(rows)
        gate = torch.sigmoid(-100 * (some.opacities - 0.005))
        local = torch.randn(len(rows), 3, generator=generator).to(some.means) * some.scales.square()
        world = (rotation_from_quaternion(some.quaternions) * local[:, None]).sum(-1)
        values.means[rows] += world * (gate * self.config.noise * means_rate)[:, None]


LOGIT_OF_NOISE = -2.0
"""Above this logit (opacity 0.12) the gate of the noise is below 1e-5."""


def _draw(weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """``count`` indices drawn with replacement in proportion to ``weights`` (N,), in a fixed order of summation."""
    cumulative = np.cumsum(weights.cpu().double().numpy())
    draws = torch.rand(count, generator=generator, dtype=torch.float64).numpy() * cumulative[-1]
    drawn = np.searchsorted(cumulative, draws, side="right").clip(max=len(weights) - 1)
    return torch.from_numpy(drawn).to(weights.device)
