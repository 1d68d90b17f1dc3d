"""Terms on depth maps with their derivatives: each pixel's value and slope in one pass, gathered, never scattered."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from splatmatch.jobs.kernels import kernel


@kernel(__file__)
def _normal_at(depth: Any, row: int, column: int, camera: Any) -> tuple[float, ...]:
    """Cross product of the central differences (down x across) at a pixel, and the two differences."""
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    right, left = depth[row, column + 1], depth[row, column - 1]
    below, above = depth[row + 1, column], depth[row - 1, column]
    x0, x1, x2 = (column - 0.5 - cx) / fx, (column + 0.5 - cx) / fx, (column + 1.5 - cx) / fx
    y0, y1, y2 = (row - 0.5 - cy) / fy, (row + 0.5 - cy) / fy, (row + 1.5 - cy) / fy
    ax, ay, az = x2 * right - x0 * left, y1 * (right - left), right - left
    dx, dy, dz = x1 * (below - above), y2 * below - y0 * above, below - above
    return dy * az - dz * ay, dz * ax - dx * az, dx * ay - dy * ax, ax, ay, az, dx, dy, dz


@kernel(__file__, parallel=True)
def normal_agreement(
    depth: Any,
    valid: Any,
    blended: Any,
    weight: Any,
    camera: Any,
    sums: Any,
    blended_gradient: Any,
    across_gradient: Any,
    down_gradient: Any,
) -> None:
    """Sum of w (1 - cosine) between blended normals and those of a depth map, row by row, and its derivatives.

    Shapes: depth, weight (H, W), valid (H, W) bool, blended (H, W, 3), camera (4,) = fx fy cx cy; filled: sums (H,),
    blended_gradient, across_gradient, down_gradient (H, W, 3), the last two towards the central differences.
    """
    height, width = depth.shape
    for row in numba.prange(height):
        total = 0.0
        for column in range(width):
            for c in range(3):
                blended_gradient[row, column, c] = 0.0
                across_gradient[row, column, c] = 0.0
                down_gradient[row, column, c] = 0.0
            w = weight[row, column]
            if row == 0 or column == 0 or row == height - 1 or column == width - 1 or w <= 0.0:
                continue
            if not (
                valid[row, column]
                and valid[row, column - 1]
                and valid[row, column + 1]
                and valid[row - 1, column]
                and valid[row + 1, column]
            ):
                continue
            nx, ny, nz, ax, ay, az, dx, dy, dz = _normal_at(depth, row, column, camera)
            bx, by, bz = blended[row, column, 0], blended[row, column, 1], blended[row, column, 2]
            size, length = math.sqrt(max(nx * nx + ny * ny + nz * nz, 1e-24)), 1e-3
            square = bx * bx + by * by + bz * bz
            if square > 1e-6:
                length = math.sqrt(square)
            nx, ny, nz = nx / size, ny / size, nz / size
            cosine = (bx * nx + by * ny + bz * nz) / length
            total += w * (1.0 - cosine)
            back = cosine / length if square > 1e-6 else 0.0
            blended_gradient[row, column, 0] = -w * (nx / length - back * bx / length)
            blended_gradient[row, column, 1] = -w * (ny / length - back * by / length)
            blended_gradient[row, column, 2] = -w * (nz / length - back * bz / length)
            gx = -w * (bx / length - cosine * nx) / size
            gy = -w * (by / length - cosine * ny) / size
            gz = -w * (bz / length - cosine * nz) / size
            # n = d x a: the derivative along a is g x d, the one along d is a x g.
            across_gradient[row, column, 0] = gy * dz - gz * dy
            across_gradient[row, column, 1] = gz * dx - gx * dz
            across_gradient[row, column, 2] = gx * dy - gy * dx
            down_gradient[row, column, 0] = ay * gz - az * gy
            down_gradient[row, column, 1] = az * gx - ax * gz
            down_gradient[row, column, 2] = ax * gy - ay * gx
        sums[row] = total


@kernel(__file__, parallel=True)
def depth_gradient(across_gradient: Any, down_gradient: Any, camera: Any, gradient: Any) -> None:
    """What the derivatives towards central differences mean for each depth, gathered from four neighbours."""
    height, width = gradient.shape
    for row in numba.prange(height):
        y = (row + 0.5 - camera[3]) / camera[1]
        for column in range(width):
            x = (column + 0.5 - camera[2]) / camera[0]
            total = 0.0
            for c in range(3):
                g = 0.0
                if column > 0:
                    g += across_gradient[row, column - 1, c]
                if column < width - 1:
                    g -= across_gradient[row, column + 1, c]
                if row > 0:
                    g += down_gradient[row - 1, column, c]
                if row < height - 1:
                    g -= down_gradient[row + 1, column, c]
                total += g * (x if c == 0 else (y if c == 1 else 1.0))
            gradient[row, column] = total


@kernel(__file__, parallel=True)
def warp(
    depth: Any,
    valid: Any,
    camera: Any,
    motion: Any,
    other: Any,
    photo: Any,
    photo_weight: Any,
    found: Any,
    found_valid: Any,
    gate: float,
    warped: Any,
    slope: Any,
    weight: Any,
    relative: Any,
    relative_slope: Any,
) -> None:
    """Another view's photo as seen through a depth map, and how it changes with the depth of each pixel.

    Shapes: depth (H, W), valid (H, W) bool, camera, other (4,), motion (3, 4) other_from_this, photo (3, h, w) uint8,
    photo_weight (h, w) or (0, 0), found (h, w) depth of the other view, found_valid (h, w) bool. Filled: warped, slope
    (3, H, W), weight, relative, relative_slope (H, W): 0 where the other view does not see the point within ``gate``;
    relative = |z' / found - 1|.
    """
    height, width = depth.shape
    far_x, far_y = found.shape[1], found.shape[0]
    for row in numba.prange(height):
        ray_y = (row + 0.5 - camera[3]) / camera[1]
        for column in range(width):
            weight[row, column], relative[row, column], relative_slope[row, column] = 0.0, 0.0, 0.0
            for c in range(3):
                warped[c, row, column], slope[c, row, column] = 0.0, 0.0
            if not valid[row, column]:
                continue
            ray_x, z = (column + 0.5 - camera[2]) / camera[0], depth[row, column]
            qx = motion[0, 0] * ray_x + motion[0, 1] * ray_y + motion[0, 2]
            qy = motion[1, 0] * ray_x + motion[1, 1] * ray_y + motion[1, 2]
            qz = motion[2, 0] * ray_x + motion[2, 1] * ray_y + motion[2, 2]
            mx, my, mz = z * qx + motion[0, 3], z * qy + motion[1, 3], z * qz + motion[2, 3]
            if mz <= 1e-6:
                continue
            u, v = other[0] * mx / mz + other[2], other[1] * my / mz + other[3]
            if not (u > 1.0 and v > 1.0 and u < far_x - 1.0 and v < far_y - 1.0):
                continue
            x, y = int(u - 0.5), int(v - 0.5)
            if not (
                found_valid[y, x] and found_valid[y, x + 1] and found_valid[y + 1, x] and found_valid[y + 1, x + 1]
            ):
                continue
            a, b = u - 0.5 - x, v - 0.5 - y
            wa, wb, wc, wd = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
            there = wa * found[y, x] + wb * found[y, x + 1] + wc * found[y + 1, x] + wd * found[y + 1, x + 1]
            if there <= 0.0:
                continue
            difference = mz / there - 1.0
            if abs(difference) >= gate:
                continue
            seen = 1.0
            if photo_weight.shape[0] > 0:
                seen = wa * photo_weight[y, x] + wb * photo_weight[y, x + 1]
                seen += wc * photo_weight[y + 1, x] + wd * photo_weight[y + 1, x + 1]
            weight[row, column] = seen
            relative[row, column] = abs(difference)
            relative_slope[row, column] = (1.0 if difference >= 0.0 else -1.0) * qz / there
            du = other[0] * (qx * mz - mx * qz) / (mz * mz)
            dv = other[1] * (qy * mz - my * qz) / (mz * mz)
            for c in range(3):
                p, q = np.float32(photo[c, y, x]), np.float32(photo[c, y, x + 1])
                r, s = np.float32(photo[c, y + 1, x]), np.float32(photo[c, y + 1, x + 1])
                warped[c, row, column] = (wa * p + wb * q + wc * r + wd * s) / 255.0
                along = ((1 - b) * (q - p) + b * (s - r)) * du + ((1 - a) * (r - p) + a * (s - q)) * dv
                slope[c, row, column] = along / 255.0
