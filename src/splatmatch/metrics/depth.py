"""Errors of a depth map against the truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class DepthErrors:
    """Errors over the pixels that are valid in both maps; every figure is NaN where there are none."""

    abs_rel: float
    """Mean |z - z*| / z*."""
    median_relative: float
    """Median |z - z*| / z*: what a typical pixel is off by, untouched by edges."""
    median_absolute: float
    """Median |z - z*| in scene units."""
    delta_1: float
    """Share of pixels with max(z / z*, z* / z) < 1.25."""
    delta_2: float
    """Share below 1.25^2."""
    delta_3: float
    """Share below 1.25^3."""
    completeness: float
    """Share of the true pixels that the estimate has a depth for."""
    pixels: int
    """How many pixels were compared."""


def depth_errors(
    depth: Tensor, reference: Tensor, *, valid: Tensor | None = None, reference_valid: Tensor | None = None
) -> DepthErrors:
    """Compare z-depths (H, W) in the same units; no scale is fitted.

    Args:
        depth: (H, W) estimate.
        reference: (H, W) truth.
        valid: (H, W) bool, where the estimate means something; None = wherever it is finite and positive.
        reference_valid: (H, W) bool, the same of the truth.

    Raises:
        ValueError: the shapes differ.
    """
    if depth.shape != reference.shape:
        raise ValueError(f"depth maps of different shapes: {tuple(depth.shape)} and {tuple(reference.shape)}")
    true = _usable(reference, reference_valid)
    both = true & _usable(depth, valid)
    count = int(both.sum())
    if count == 0:
        nan = float("nan")
        return DepthErrors(nan, nan, nan, nan, nan, nan, 0.0 if true.any() else nan, 0)
    z, truth = depth[both].to(torch.float64), reference[both].to(torch.float64)
    error = (z - truth).abs()
    ratio = torch.maximum(z / truth, truth / z)
    delta_1, delta_2, delta_3 = (float((ratio < 1.25**power).double().mean()) for power in (1, 2, 3))
    return DepthErrors(
        abs_rel=float((error / truth).mean()),
        median_relative=float((error / truth).median()),
        median_absolute=float(error.median()),
        delta_1=delta_1,
        delta_2=delta_2,
        delta_3=delta_3,
        completeness=count / int(true.sum()),
        pixels=count,
    )


def _usable(depth: Tensor, valid: Tensor | None) -> Tensor:
    positive = torch.isfinite(depth) & (depth > 0)
    return positive if valid is None else positive & valid


def depth_edges(depth: Tensor, valid: Tensor | None = None, threshold: float = 0.02, reach: int = 2) -> Tensor:
    """Pixels within ``reach`` of a depth edge, (H, W) bool.

    Inverse depth is linear over a plane seen at any angle, so an edge is where its second difference along a row or
    column exceeds ``threshold`` times itself; borders of what is valid are edges too.

    Shapes: depth (H, W) z-depth, valid (H, W) bool.
    """
    usable = _usable(depth, valid)
    inverse = torch.where(usable, 1 / torch.where(usable, depth, 1.0), 0.0)
    edge = ~usable
    for line, marked in ((inverse, edge), (inverse.T, edge.T)):
        bend = (line[:, 2:] - 2 * line[:, 1:-1] + line[:, :-2]).abs()
        marked[:, 1:-1] |= bend > threshold * line[:, 1:-1]
    window = 2 * reach + 1
    return functional.max_pool2d(edge.float()[None, None], window, 1, reach)[0, 0] > 0
