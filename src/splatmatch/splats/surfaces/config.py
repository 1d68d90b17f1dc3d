"""How much a fit cares for geometry, and from when on."""

from __future__ import annotations

from dataclasses import dataclass

from splatmatch.errors import InputError


@dataclass(frozen=True)
class SurfaceConfig:
    """Weights of the geometric terms of a fit; a term of weight zero is not computed."""

    flatness: float = 0.0
    """Mean length of the shortest axis of the Gaussians, in units of the camera extent."""
    opaqueness: float = 0.0
    """Mean of 1 - alpha: without it dark surfaces stay half transparent before the black behind them."""
    spread: float = 0.0
    """Relative standard deviation of depth along the rays."""
    normals: float = 0.0
    """Disagreement between blended normals and the normals of the plane depth, where the photo has no edge."""
    reprojection: float = 0.0
    """Relative difference between depth carried into a neighbouring view and the depth there."""
    warping: float = 0.0
    """Photometric difference between a photo and its neighbour warped into it by depth."""
    prior: float = 0.1
    """Difference of inverse depth from depth targets, where there are any; decays to ``prior_final`` of it."""
    prior_final: float = 0.01
    """Share of the weight of the prior that is left at the end (exponential decay)."""
    start: float = 0.25
    """Share of the steps after which the terms that need surfaces begin: all but flatness, opaqueness and prior."""
    ease: float = 1.0
    """Share of the steps from which on all weights fall, in a straight line, to ``eased`` of them: colours settle."""
    eased: float = 0.2
    """Share of the weights that is left at the end."""
    gate: float = 0.05
    """Relative difference of depth beyond which a neighbouring view is taken to see another surface."""
    neighbours: int = 6
    """Views per view that terms of two views choose from."""

    def __post_init__(self) -> None:
        weights = (
            self.flatness,
            self.opaqueness,
            self.spread,
            self.normals,
            self.reprojection,
            self.warping,
            self.prior,
        )
        if (
            min(weights) < 0
            or not 0 <= self.start <= 1
            or not 0 <= self.ease <= 1
            or self.gate <= 0
            or self.neighbours < 1
        ):
            raise InputError("weights of geometric terms are 0 or more, their start is a share of the steps")

    @property
    def needs_neighbours(self) -> bool:
        """Whether any term compares two views."""
        return self.reprojection > 0 or self.warping > 0

    @property
    def needs_plane(self) -> bool:
        """Whether any term that begins at ``start`` looks at plane depth."""
        return self.normals > 0 or self.needs_neighbours


GEOMETRY = {
    "vanilla": SurfaceConfig(),
    "faithful": SurfaceConfig(
        opaqueness=0.01, spread=0.03, normals=0.03, warping=0.3, reprojection=0.1, ease=0.7, eased=0.1
    ),
}
"""Named instances: photometric fit alone, and surfaces whose depth can be trusted."""
