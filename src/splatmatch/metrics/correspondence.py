"""How good correspondences are, without any estimator: distances from the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def squared_epipolar_distances(essential: Floats, rays_a: Floats, rays_b: Floats) -> Floats:
    """Squared symmetric epipolar distances (M,) in normalised coordinates, as SuperGlue reports them.

    d = (x_b^T E x_a)^2 (1 / |E x_a|^2 + 1 / |E^T x_b|^2), norms over the first two entries (Hartley and Zisserman,
    2004, eq. 11.10). It is lenient: 1e-4 is about 4 px at a focal length of 580 px.

    Args:
        essential: (3, 3) [t]x R of b_from_a, any scale.
        rays_a: (M, 2) x/z, y/z.
        rays_b: (M, 2).

    Returns:
        Infinite at an epipole, NaN without translation.
    """
    ones = np.ones((len(rays_a), 1))
    a, b = np.concatenate([rays_a, ones], 1), np.concatenate([rays_b, ones], 1)
    lines_b, lines_a = a @ essential.T, b @ essential
    product = (b * lines_b).sum(1) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(product * (1 / (lines_b[:, :2] ** 2).sum(1) + 1 / (lines_a[:, :2] ** 2).sum(1)))


def share_within(errors: Floats, threshold: float, inclusive: bool = False) -> float:
    """Share (0..1) of errors (M,) below ``threshold``; 0 where there are none; NaN counts as not within."""
    if len(errors) == 0:
        return 0.0
    within = errors <= threshold if inclusive else errors < threshold
    return float(within.mean())


def transfer_errors(homography: Floats, points_a: Floats, points_b: Floats) -> Floats:
    """Distances (M,) in pixels between points of b (M, 2) and where the homography (3, 3) takes their partners in a."""
    return np.asarray(np.linalg.norm(apply_homography(homography, points_a) - points_b, axis=1))


def apply_homography(homography: Floats, points: Floats) -> Floats:
    """Points (M, 2) under x_b ~ H x_a; infinite or NaN on the line that H takes to infinity."""
    mapped = np.concatenate([points, np.ones((len(points), 1))], 1) @ homography.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(mapped[:, :2] / mapped[:, 2:])


def corner_error(estimate: Floats, truth: Floats, size: tuple[int, int]) -> float:
    """Mean distance in pixels of b between the four corners of image a (width, height) under two homographies."""
    width, height = size
    corners = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    return float(transfer_errors(estimate, corners, apply_homography(truth, corners)).mean())


def disparity_errors(points_a: Floats, points_b: Floats, disparity: Floats) -> Floats:
    """End-point errors (M,) in pixels of matches in a rectified pair; NaN where the truth is unknown.

    The left pixel (x, y) is the right pixel (x - d, y). The truth at a position between pixel centres is that of the
    pixel that holds it, so that it never mixes the two sides of an edge.

    Args:
        points_a: (M, 2) corner pixels of the left image.
        points_b: (M, 2) of the right image.
        disparity: (H, W) of the left image, pixels; NaN or infinite = unknown.
    """
    height, width = disparity.shape
    columns, rows = np.floor(points_a).astype(np.int64).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    known = np.full(len(points_a), np.nan)
    known[inside] = disparity[rows[inside], columns[inside]]
    known[~np.isfinite(known)] = np.nan
    expected = points_a - np.stack([known, np.zeros(len(known))], 1)
    return np.asarray(np.linalg.norm(points_b - expected, axis=1))


def shares_within(errors: Floats, thresholds: Sequence[float]) -> tuple[float, ...]:
    """Shares (0..1) of the known errors within each threshold, inclusive."""
    known = errors[~np.isnan(errors)]
    return tuple(share_within(known, threshold, inclusive=True) for threshold in thresholds)
