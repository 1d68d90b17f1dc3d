"""The Gaussians that a fit starts from: one per sparse point, or random ones where the cameras look."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.geometry.spherical_harmonics import SH_C0
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, View


@dataclass(frozen=True)
class InitialisationConfig:
    """How sparse points become Gaussians."""

    opacity: float = 0.5
    """Opacity of every Gaussian at the start."""
    scale: float = 1.0
    """Standard deviation in units of the mean distance to the three nearest points."""
    minimum: int = 1000
    """With fewer sparse points than this, random ones in the cameras' common field of view are added."""


def initial_gaussians(scene: Scene, config: InitialisationConfig, maximum: int, seed: int) -> Gaussians:
    """Isotropic Gaussians of degree 0 at the scene's sparse points (Kerbl et al., 2023, section 5.2).

    Deterministic: with more points than ``maximum`` a random but seeded choice of them is kept.

    Raises:
        InputError: the scene has no training views and no points.
    """
    generator = torch.Generator().manual_seed(seed)
    points = _finite(scene.points)
    if len(points) < config.minimum:
        points = _joined(points, _random_points(scene, config.minimum - len(points), points, generator))
    if len(points) > maximum:
        rows = torch.randperm(len(points), generator=generator)[:maximum].sort().values
        points = SparsePoints(points.positions[rows], points.colours[rows], points.errors[rows])
    n = len(points)
    spacing = neighbour_distance(points.positions)
    quaternions = torch.zeros(n, 4)
    quaternions[:, 0] = 1
    return Gaussians(
        means=points.positions.to(torch.float32).contiguous(),
        log_scales=(spacing * config.scale).log().to(torch.float32)[:, None].repeat(1, 3),
        quaternions=quaternions,
        logit_opacities=torch.full((n,), math.log(config.opacity / (1 - config.opacity))),
        sh=((points.colours.to(torch.float32) / 255 - 0.5) / SH_C0)[:, None].contiguous(),
        frame="z-up" if scene.up_known else "unknown",
    )


def neighbour_distance(positions: Tensor, neighbours: int = 3) -> Tensor:
    """Mean distance of each point (N, 3) to its nearest others, (N,) float64, clamped to a sane range.

    The range is 1/30 to 10 times the median, so that neither twins nor outliers start as a needle or a fog.
    """
    if len(positions) < 2:
        return torch.ones(len(positions), dtype=torch.float64)
    table = positions.to(torch.float64).numpy()
    count = min(neighbours, len(table) - 1)
    distances, _ = cKDTree(table).query(table, k=count + 1)
    mean = distances[:, 1:].mean(1)
    median = float(np.median(mean))
    if median == 0:
        median = float(mean.max()) or 1.0
    return torch.from_numpy(mean.clip(median / 30, median * 10))


def _finite(points: SparsePoints) -> SparsePoints:
    good = torch.isfinite(points.positions).all(1)
    return SparsePoints(points.positions[good], points.colours[good], points.errors[good])


def _joined(a: SparsePoints, b: SparsePoints) -> SparsePoints:
    return SparsePoints(
        torch.cat([a.positions, b.positions]), torch.cat([a.colours, b.colours]), torch.cat([a.errors, b.errors])
    )


def _random_points(scene: Scene, count: int, known: SparsePoints, generator: torch.Generator) -> SparsePoints:
    """Grey points at random pixels and depths of the training views, those that most views see first."""
    views = scene.train_views
    if not views:
        raise InputError("a scene without training views and with too few points cannot be fitted", "add photos")
    near, far = _depth_range(scene, known)
    drawn = 4 * count
    which = torch.randint(len(views), (drawn,), generator=generator)
    u, v, w = torch.rand(3, drawn, generator=generator, dtype=torch.float64)
    depth = 1 / (w / near + (1 - w) / far)  # uniform in inverse depth
    positions = torch.empty(drawn, 3, dtype=torch.float64)
    for index, view in enumerate(views):
        rows = which == index
        camera = view.camera
        pixels = torch.stack([u[rows] * camera.width, v[rows] * camera.height], dim=1)
        positions[rows] = view.camera_from_world.inverse().apply(camera.unproject(pixels, depth[rows]))
    seen = torch.stack([_sees(view, positions) for view in views]).sum(0)
    chosen = seen.argsort(descending=True, stable=True)[:count]
    return SparsePoints(
        positions[chosen], torch.full((count, 3), 128, dtype=torch.uint8), torch.full((count,), torch.nan).double()
    )


def _depth_range(scene: Scene, known: SparsePoints) -> tuple[float, float]:
    """Near and far of the known points in the training views, or a guess from the distances between cameras."""
    if len(known) >= 10:
        depths = torch.cat([view.camera_from_world.apply(known.positions)[:, 2] for view in scene.train_views])
        depths = depths[depths > 0]
        if len(depths) >= 10:
            quantiles = torch.quantile(depths[:100_000], torch.tensor([0.02, 0.98], dtype=torch.float64))
            return float(quantiles[0]), float(quantiles[1])
    extent = scene.camera_extent
    return 0.3 * extent, 5 * extent


def _sees(view: View, positions: Tensor) -> Tensor:
    local = view.camera_from_world.apply(positions)
    pixels = view.camera.project(local)
    inside = (pixels >= 0).all(1) & (pixels[:, 0] < view.camera.width) & (pixels[:, 1] < view.camera.height)
    return inside & (local[:, 2] > 0)
