"""Bringing relative inverse depth to the scale of a scene by means of its sparse points."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.depth_prior import InverseDepth

MIN_POINTS = 11
"""Fewer than that many usable points fit nothing."""
HUBER = 1.345
"""Residuals up to so many standard deviations count in full (95 % efficiency for normal errors; Huber, 1981)."""
ROUNDS = 20


@dataclass(frozen=True)
class ScaleOffset:
    """1 / z = scale * prior + offset, in 1 / scene units."""

    scale: float
    """Above zero."""
    offset: float
    points: int
    """How many sparse points it rests on."""
    relative_error: float
    """Median |scale * prior + offset - 1 / z| z over them: what a typical point is off by."""

    def inverse_depth(self, prior: InverseDepth) -> InverseDepth:
        """The prior in 1 / scene units; not valid where that is not above zero."""
        values = self.scale * prior.values + self.offset
        valid = prior.valid & (values > 0)
        return InverseDepth(torch.where(valid, values, torch.zeros_like(values)), valid)


def fit_scale_offset(prior: Tensor, inverse_depth: Tensor) -> ScaleOffset | None:
    """Robust scale and offset of prior values (P,) against true inverse depths (P,).

    It starts from medians and mean absolute deviations about them (as 3D Gaussian Splatting aligns depth; the ratio of
    spreads overrates the scale of a noisy prior) and goes on to the minimum of the Huber loss by reweighted least
    squares.

    Returns:
        None for fewer than 11 points, a prior or truth without spread, or a scale that is not above zero (the prior
        takes near for far).
    """
    x, y = prior.double(), inverse_depth.double()
    usable = torch.isfinite(x) & torch.isfinite(y) & (y > 0)
    x, y = x[usable], y[usable]
    if len(x) < MIN_POINTS:
        return None
    spread_x, spread_y = (x - x.median()).abs().mean(), (y - y.median()).abs().mean()
    if spread_x <= 1e-9 * x.abs().max() or spread_y <= 1e-9 * y.max():
        return None
    centre_x, centre_y = x.median(), y.median()
    u, v = (x - centre_x) / spread_x, (y - centre_y) / spread_y  # well scaled, whatever the scene's units
    scale, offset = torch.ones(()).double(), torch.zeros(()).double()
    for _ in range(ROUNDS):
        residual = (scale * u + offset - v).abs()
        limit = HUBER * 1.4826 * residual.median() + 1e-12
        weight = (limit / residual.clamp(min=1e-300)).clamp(max=1.0)
        mean_u, mean_v = (weight * u).sum() / weight.sum(), (weight * v).sum() / weight.sum()
        variance = (weight * (u - mean_u).square()).sum()
        if variance <= 0:
            return None
        scale = (weight * (u - mean_u) * (v - mean_v)).sum() / variance
        offset = mean_v - scale * mean_u
    if scale <= 0:
        return None
    slope = scale * spread_y / spread_x
    intercept = centre_y + offset * spread_y - slope * centre_x
    error = ((slope * x + intercept - y).abs() / y).median()
    return ScaleOffset(float(slope), float(intercept), len(x), float(error))


def align_to_points(prior: InverseDepth, camera: Camera, camera_from_world: Pose, points: Tensor) -> ScaleOffset | None:
    """Robust scale and offset of ``prior`` on the sparse points that this view sees.

    Args:
        prior: of the view's photo, at the size of ``camera``.
        camera: of the view.
        camera_from_world: of the view.
        points: (P, 3) world positions of points this view observes (occluded ones would mislead the fit).

    Returns:
        None where ``fit_scale_offset`` finds nothing: skip the view, and count it.
    """
    local = camera_from_world.apply(points.double())
    ahead = local[local[:, 2] > 0]
    pixels = camera.project(ahead)
    column, row = pixels.floor().long().unbind(1)
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    column, row, depth = column[inside], row[inside], ahead[inside, 2]
    valid = prior.valid[row, column]
    return fit_scale_offset(prior.values[row, column][valid], 1 / depth[valid])
