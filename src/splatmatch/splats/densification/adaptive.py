"""Adaptive density control: split what the image gradient pulls at, prune what does not show, under a budget.

After Kerbl et al. (2023), section 5.2, with bounded growth under a budget, splits along the longest axis instead of
random samples, and no opacity reset.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from splatmatch.splats.densification.children import halves
from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.parameters import Parameters


@dataclass(frozen=True)
class AdaptiveConfig:
    """When and how much the adaptive strategy edits."""

    interval: int = 100
    """Steps between edits."""
    start: int = 100
    """First edit after this many steps."""
    stop: float = 0.6
    """No more edits after this share of all steps."""
    threshold: float = 1e-4
    """Gaussians whose mean screen gradient (centres in half image sides) is below this are never split."""
    growth: float = 0.5
    """Largest growth per edit, as a share of the present number."""
    minimum_opacity: float = 0.005
    """Gaussians below this opacity are removed."""
    offset: float = 0.6
    """Distance of split children from the parent's centre, in its largest standard deviation."""
    shrink: float = 0.5
    """Factor of the children's largest standard deviation."""
    narrow: float = 0.85
    """Factor of the children's other standard deviations."""
    keep: float = 0.6
    """Factor of the children's opacity."""


@dataclass(frozen=True)
class Adaptive:
    """Splits by gradient, prunes by opacity."""

    config: AdaptiveConfig
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
        alive = parameters.values.opacities >= c.minimum_opacity
        score = torch.where(alive, statistics.mean_gradient, 0)
        count = int(alive.sum())
        room = min(self.maximum - count, int(c.growth * count))
        wanted = min(max(room, 0), int((score >= c.threshold).sum()))
        parents = score.argsort(descending=True, stable=True)[:wanted]
        children = halves(parameters.values.select(parents), c.offset, c.shrink, c.narrow, c.keep)
        alive[parents] = False
        edited = parameters.kept(alive)
        for child in children:
            edited = edited.appended(child)
        return edited

    def nudge(self, parameters: Parameters, step: int, means_rate: float, generator: torch.Generator) -> None:
        """See ``Strategy``: nothing to do."""
