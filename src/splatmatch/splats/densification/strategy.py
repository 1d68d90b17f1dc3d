"""The seam between *when* Gaussians are added, moved or removed and *how* that is done (``splats.parameters``)."""

from __future__ import annotations

from typing import Protocol

import torch

from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.parameters import Parameters


class Strategy(Protocol):
    """Decides about Gaussians between optimiser steps; holds no state of its own, so that a fit can resume anywhere."""

    def due(self, step: int) -> bool:
        """Whether ``edited`` is to be called after ``step`` (counted from 1)."""
        ...

    def edited(
        self, parameters: Parameters, statistics: ScreenStatistics, step: int, generator: torch.Generator
    ) -> Parameters:
        """The parameters after the edit; the caller starts new statistics.

        ``generator`` is seeded from the fit's seed and the step: an edit depends on nothing else.
        """
        ...

    def nudge(self, parameters: Parameters, step: int, means_rate: float, generator: torch.Generator) -> None:
        """Change the values in place after every optimiser step (exploration noise), or do nothing."""
        ...
