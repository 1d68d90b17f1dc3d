"""The check before rendering: views that show little, or that differ from the rest, are left out and counted.

Four indicators of each candidate (Chen et al., MatchGS, 2025, section 3.2): the number of contributing Gaussians, mean
opacity, the share of opaque pixels, the share of near pixels. A view is left out if one of them is below an absolute
floor, or more than two standard deviations from the mean over the scene's candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.pairs.sources import Glance


@dataclass(frozen=True)
class CheckConfig:
    """When a view is left out."""

    opaque: float = 0.5
    """Opacity from which a pixel counts as opaque."""
    near_share: float = 0.1
    """Depth below which a pixel is near, as a share of the scene's median depth."""
    most_near: float = 0.05
    """Largest share of near pixels."""
    least_opaque_closed: float = 0.9
    """Smallest share of opaque pixels where photos filled their frames."""
    least_opaque_open: float = 0.25
    """Smallest share of opaque pixels of bare splats and under a sky."""
    most_grain: float = 4.0
    """Largest grain, as a multiple of the candidates' median: coarser views would be a blur."""
    deviations: float = 2.0
    """Standard deviations from the mean of the candidates."""


@dataclass(frozen=True)
class Indicators:
    """What a view is judged by."""

    contributing: float
    """Gaussians in the image."""
    alpha: float
    """Mean accumulated opacity."""
    valid_share: float
    """Share of opaque pixels."""
    near_share: float
    """Share of near pixels."""


def indicators(glance: Glance, near: float, opaque: float = 0.5) -> Indicators:
    """The indicators of a view; ``near`` is a depth in source units."""
    solid = (glance.alpha >= opaque) & (glance.depth > 0)
    close = solid & (glance.depth < near)
    return Indicators(float(glance.contributing), float(glance.alpha.mean()), float(solid.mean()), float(close.mean()))


def median_depth(glances: Sequence[Glance]) -> float:
    """Median over the views of their median depths; 0 where nothing is seen."""
    medians = [float(np.median(glance.depth[glance.depth > 0])) for glance in glances if (glance.depth > 0).any()]
    return float(np.median(medians)) if medians else 0.0


def floor_reason(seen: Indicators, config: CheckConfig, closed: bool) -> str:
    """Why a view is below the absolute floors; '' if it is not."""
    if seen.valid_share < (config.least_opaque_closed if closed else config.least_opaque_open):
        return "mostly empty"
    if seen.near_share > config.most_near:
        return "too close to matter"
    return ""


def check(glances: Sequence[Glance], closed: bool, config: CheckConfig) -> list[str]:
    """For each candidate view of one scene why it is left out; '' = it is kept.

    The statistics are those of the candidates above the floors, since a bad scene has a bad mean.
    """
    near = config.near_share * median_depth(glances)
    seen = [indicators(glance, near, config.opaque) for glance in glances]
    reasons = [floor_reason(one, config, closed) for one in seen]
    grain = config.most_grain * float(np.median([glance.grain for glance in glances])) if glances else 0.0
    for row, glance in enumerate(glances):
        if not reasons[row] and glance.grain > grain:
            reasons[row] = "too coarse"
    kept = [row for row, reason in enumerate(reasons) if not reason]
    for name, title in _OUTLIERS.items():
        values = np.array([getattr(seen[row], name) for row in kept])
        for row, outlier in zip(kept, _outliers(values, config.deviations), strict=True):
            if outlier and not reasons[row]:
                reasons[row] = f"unusual {title}"
    return reasons


_OUTLIERS = {
    "contributing": "number of Gaussians",
    "alpha": "mean opacity",
    "valid_share": "share of opaque pixels",
    "near_share": "share of near pixels",
}


def _outliers(values: NDArray[np.float64], deviations: float) -> NDArray[np.bool_]:
    """Which of (N,) are further from the mean than so many standard deviations; none where all are equal."""
    if not len(values):
        return np.zeros(0, np.bool_)
    away = np.abs(values - values.mean())
    outlier: NDArray[np.bool_] = away > np.maximum(deviations * values.std(), 1e-6 * (1 + np.abs(values.mean())))
    return outlier
