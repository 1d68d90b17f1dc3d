"""Where any point of photo a lies in photo b by the matches around it: a dense or semi-dense field, read in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
_NEIGHBOURS = 12
_REACH = 2.0
"""Neighbours are taken within this many times the spacing of the matches."""
_ROUNDS, _WORST_CONDITION = 5, 1e3
_EXACT = 1e-3
"""Pixels: a query on a match is that match."""
CHI2_99 = 9.21
"""99 % of squared Mahalanobis distances in two dimensions are smaller."""


@dataclass(frozen=True, eq=False)
class Transferred:
    """Points of a in b."""

    points: Floats
    """(Q, 2) in b; NaN where the matches around a point do not tell."""
    covariance: Floats
    """(Q, 2, 2) pixels of b squared."""
    scores: Floats
    """(Q,) of the nearest match."""
    nearest: NDArray[np.int64]
    """(Q,) row of the nearest match."""


def transfer(
    queries: NDArray[np.floating],
    points_a: NDArray[np.floating],
    points_b: NDArray[np.floating],
    scores: NDArray[np.floating],
    covariance: NDArray[np.floating],
) -> Transferred:
    """Read the field of matches at ``queries``.

    Between matches it is the affine map that fits the twelve nearest ones best, leaving out single ones that do not
    belong. Where fewer than half agree within their covariance (a depth edge), or there are too few, only a query that
    lies on a match is answered.

    Args:
        queries: (Q, 2) in a.
        points_a: (M, 2).
        points_b: (M, 2).
        scores: (M,).
        covariance: (M, 2, 2) of ``points_b``.
    """
    count = len(queries)
    result = Transferred(
        np.full((count, 2), np.nan), np.zeros((count, 2, 2)), np.zeros(count), np.zeros(count, np.int64)
    )
    if count == 0 or len(points_a) == 0:
        return result
    from_a, points_b = np.asarray(points_a, np.float64), np.asarray(points_b, np.float64)
    tree = cKDTree(from_a)
    wanted = min(_NEIGHBOURS, len(points_a))
    distance, rows = tree.query(queries, k=wanted)
    distance, rows = distance.reshape(count, wanted), rows.reshape(count, wanted)
    result.nearest[:], result.scores[:] = rows[:, 0], np.asarray(scores, np.float64)[rows[:, 0]]
    reach = _REACH * _spacing(tree, from_a)
    near = (distance <= reach).astype(np.float64)
    smooth = near.sum(axis=1) >= 4
    points, spread = _affine(
        np.asarray(queries, np.float64)[smooth],
        from_a[rows[smooth]],
        points_b[rows[smooth]],
        near[smooth],
        np.asarray(covariance, np.float64)[rows[smooth]],
    )
    result.points[smooth], result.covariance[smooth] = points, spread
    exact = np.isnan(result.points[:, 0]) & (distance[:, 0] <= _EXACT)
    result.points[exact] = points_b[rows[exact, 0]]
    result.covariance[exact] = np.asarray(covariance, np.float64)[rows[exact, 0]]
    return result


def _affine(queries: Floats, a: Floats, b: Floats, near: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Positions (Q, 2) and covariance (Q, 2, 2) from neighbours (Q, K, 2); NaN where no affine map fits most of them.

    Iteratively reweighted least squares with weights 1 / (1 + d^2 / 9.21)^2 (Geman and McClure), d^2 the squared
    Mahalanobis distance of a residual.
    """
    design = np.concatenate([np.ones((*a.shape[:2], 1)), a - queries[:, None]], axis=2)
    design[..., 1:] /= np.maximum(np.abs(design[..., 1:]).max(axis=(1, 2), keepdims=True), 1e-9)
    precision = np.linalg.inv(covariance + 1e-9 * np.eye(2))
    weights, distance = near, np.zeros(near.shape)
    for _ in range(_ROUNDS):
        weighted = design * weights[..., None]
        normal = np.einsum("qki,qkj->qij", weighted, design)
        well = np.linalg.cond(normal) < _WORST_CONDITION if len(normal) else np.zeros(0, bool)
        solver = np.linalg.inv(np.where(well[:, None, None], normal, np.eye(3))) @ weighted.transpose(0, 2, 1)
        solution = solver @ b
        residuals = b - design @ solution
        distance = np.einsum("qki,qkij,qkj->qk", residuals, precision, residuals)
        weights = near / (1 + distance / CHI2_99) ** 2
    fitting = ((distance <= CHI2_99) & (near > 0)).sum(axis=1)
    agree = well & (fitting >= 4) & (fitting > 0.5 * near.sum(axis=1))
    points = np.where(agree[:, None], solution[:, 0], np.nan)
    # The query is the origin, so the first row of the solver holds the share of each neighbour in the result.
    return points, np.einsum("qk,qkij->qij", solver[:, 0] ** 2, covariance)


def field_spacing(points: Floats) -> float:
    """Median distance of a point (M, 2) to its nearest neighbour, at least 1."""
    return _spacing(cKDTree(points), points)


def _spacing(tree: cKDTree, points: Floats) -> float:
    if len(points) < 2:
        return 1.0
    sample = points[:: max(1, len(points) // 2000)]
    return float(max(np.median(tree.query(sample, k=2)[0][:, 1]), 1.0))
