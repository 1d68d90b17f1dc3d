"""Where a splat has matter and where it leaves room: a grid of voxels, made from its opaque Gaussians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

SOLID = 0.1
"""Opacity from which a Gaussian counts as matter."""
CELLS = (16, 112)
"""Fewest and most voxels along the longest side of the box; between them, so many that surfaces have no holes."""
PER_CELL = 2.0
"""Gaussians for each voxel on the faces of the box."""
TAIL = 0.005
"""Share of the matter that is left out at each side of the box: outliers."""
MARGIN = 0.1
"""Room around the box, as a share of its longest side."""
FILLED = 0.5
"""Sum of opacities from which a voxel is filled."""


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Voxels over the box of the matter, outliers left out; everything outside is free."""

    low: Points
    """(3,) corner of the first voxel."""
    voxel: float
    """Side of a voxel."""
    filled: NDArray[np.bool_]
    """(X, Y, Z)."""
    clearance: NDArray[np.float64]
    """(X, Y, Z) distance to the nearest filled voxel."""
    box: tuple[Points, Points]
    """Corners (3,) of the matter."""

    def cells(self, points: Points) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Voxel indices (N, 3) of points (N, 3), clamped to the grid, and whether they lie in it."""
        at = np.floor((points - self.low) / self.voxel).astype(np.int64)
        last = np.array(self.filled.shape) - 1
        return np.clip(at, 0, last), np.asarray(((at >= 0) & (at <= last)).all(-1))

    def is_filled(self, points: Points) -> NDArray[np.bool_]:
        """(...,) of points (..., 3)."""
        flat = points.reshape(-1, 3)
        at, inside = self.cells(flat)
        found: NDArray[np.bool_] = (self.filled[tuple(at.T)] & inside).reshape(points.shape[:-1])
        return found

    def room(self, points: Points) -> NDArray[np.float64]:
        """Distance (N,) from points (N, 3) to matter, at least; outside the grid, to the grid added."""
        at, _ = self.cells(points)
        nearest = self.low + (at + 0.5) * self.voxel
        away = np.maximum(np.linalg.norm(points - nearest, axis=1) - self.voxel, 0.0)
        return np.asarray(np.maximum(self.clearance[tuple(at.T)] - self.voxel, 0.0) + away)

    def march(self, origins: Points, directions: Points, reach: float) -> NDArray[np.float64]:
        """Distance (N,) along unit ``directions`` (N, 3) to the first filled voxel; infinity if beyond ``reach``."""
        steps = np.arange(1, max(2, int(np.ceil(reach / self.voxel)) + 1)) * self.voxel
        hit = self.is_filled(origins[:, None] + steps[:, None] * directions[:, None])
        return np.where(hit.any(1), steps[hit.argmax(1)], np.inf)


def occupancy(means: Points, opacities: NDArray[np.float64]) -> Occupancy:
    """The grid of Gaussians with centres (N, 3) and opacities (N,), N >= 1."""
    from scipy.ndimage import distance_transform_edt

    low, high = np.quantile(means, [TAIL, 1 - TAIL], axis=0)
    side = max(float((high - low).max()), 1e-9)
    voxel = side / min(max(int(np.sqrt(len(means) / (6 * PER_CELL))), CELLS[0]), CELLS[1])
    start = low - MARGIN * side
    shape = tuple(np.ceil((high - low + 2 * MARGIN * side) / voxel).astype(int) + 1)
    at = np.floor((means - start) / voxel).astype(np.int64)
    inside = ((at >= 0) & (at < shape)).all(1)
    mass = np.bincount(np.ravel_multi_index(tuple(at[inside].T), shape), opacities[inside], int(np.prod(shape)))
    filled = mass.reshape(shape) >= FILLED
    if not filled.any():
        filled = mass.reshape(shape) >= mass.max()
    return Occupancy(start, voxel, filled, distance_transform_edt(~filled, sampling=voxel), (low, high))
