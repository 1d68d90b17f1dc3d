"""Which depth to measure labels with, where nothing says how the splat was fitted: the one that views agree on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splatmatch.pairs.labels import LabelConfig, correspondences
from splatmatch.pairs.sample import PairImage
from splatmatch.pairs.selection import ChosenPair
from splatmatch.pairs.sources import Shot, Source, SourceDepth
from splatmatch.pairs.viewpoints import Viewpoint

MODES: tuple[SourceDepth, ...] = ("plane", "median")
"""Those that are compared; the first wins a draw."""
PAIRS = 8
"""Pairs that they are compared on."""
LONG_SIDE = 320
"""Size of the images, pixels."""
LOOSE = LabelConfig(
    max_cycle=float("inf"), max_depth_error=0.1, edge_tolerance=0.05, edge_margin=1, max_sigma=float("inf")
)
"""What counts as the same surface: differences above that are occlusions."""


@dataclass(frozen=True)
class DepthChoice:
    """A depth mode, and why."""

    mode: SourceDepth
    cross_view_error: dict[str, float]
    """By mode: the median over pairs of the median relative difference between a point's depth and the other view's
    depth map. Empty where nothing was compared."""


def choose_depth(source: Source, views: list[Viewpoint], pairs: list[ChosenPair]) -> DepthChoice:
    """The mode of ``MODES`` with the lower cross-view error over the pairs that overlap most."""
    best = sorted(pairs, key=lambda pair: -pair.overlap)[:PAIRS]
    errors = {}
    for mode in MODES:
        found = [error for pair in best for error in _errors(source, views[pair.a], views[pair.b], mode)]
        errors[mode] = float(np.median(found)) if found else float("inf")
    chosen = min(MODES, key=lambda mode: errors[mode])
    return DepthChoice(chosen, {mode: error for mode, error in errors.items() if np.isfinite(error)})


def _errors(source: Source, a: Viewpoint, b: Viewpoint, mode: SourceDepth) -> list[float]:
    images = [
        _image(source.shoot(view.camera.with_long_side(LONG_SIDE), view.camera_from_source, mode, ids=False))
        for view in (a, b)
    ]
    field = correspondences(images[0], images[1], b.camera_from_source @ a.camera_from_source.inverse(), LOOSE)
    return [float(np.median(field.depth_error[field.covisible]))] if field.covisible.any() else []


def _image(shot: Shot) -> PairImage:
    return PairImage(np.zeros((*shot.depth.shape, 3), np.uint8), shot.depth, shot.valid, shot.depth_sigma, shot.camera)
