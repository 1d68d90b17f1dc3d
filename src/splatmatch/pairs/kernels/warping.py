"""Warping pixels by depth and pose, with bilinear depth that never reaches across a depth edge.

Inverse depth is linear in the pixel on every plane, so its second difference is zero on planes however steep they are,
and differs from zero at steps. Two neighbours lie on one surface where inverse depth runs on linearly from at least one
side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from splatmatch.jobs.kernels import kernel


@kernel(__file__, parallel=True)
def join_pixels(depth: Any, valid: Any, tolerance: Any, inverse: Any, right: Any, below: Any) -> None:
    """Inverse depth (0 where not valid), and whether each pixel lies on one surface with its right and lower neighbour.

    Shapes: depth, inverse (H, W) float32; valid, right, below (H, W) bool. ``tolerance`` is that of the second
    difference of inverse depth, relative to inverse depth.
    """
    height, width = depth.shape
    for y in prange(height):
        for x in range(width):
            usable = valid[y, x] and depth[y, x] > 0.0
            inverse[y, x] = np.float32(1.0) / depth[y, x] if usable else np.float32(0.0)
    for y in prange(height):
        for x in range(width):
            here = inverse[y, x]
            right[y, x] = False
            below[y, x] = False
            if here <= 0.0:
                continue
            if x + 1 < width and inverse[y, x + 1] > 0.0:
                before = inverse[y, x - 1] if x > 0 else np.float32(0.0)
                after = inverse[y, x + 2] if x + 2 < width else np.float32(0.0)
                right[y, x] = _joined(before, here, inverse[y, x + 1], after, tolerance)
            if y + 1 < height and inverse[y + 1, x] > 0.0:
                before = inverse[y - 1, x] if y > 0 else np.float32(0.0)
                after = inverse[y + 2, x] if y + 2 < height else np.float32(0.0)
                below[y, x] = _joined(before, here, inverse[y + 1, x], after, tolerance)


@kernel(__file__, inline=True)
def _joined(before: Any, first: Any, second: Any, after: Any, tolerance: Any) -> bool:
    bend = np.inf
    if before > 0.0:
        bend = abs(before - 2.0 * first + second)
    if after > 0.0:
        bend = min(bend, abs(first - 2.0 * second + after))
    if before <= 0.0 and after <= 0.0:
        bend = abs(second - first)
    joined: bool = bend <= tolerance * max(first, second)
    return joined


@kernel(__file__, parallel=True)
def mark_edges(valid: Any, right: Any, below: Any, edge: Any) -> None:
    """1 where a valid pixel is not joined to one of its four neighbours inside the image, or is not valid; else 0."""
    height, width = valid.shape
    for y in prange(height):
        for x in range(width):
            cut = not valid[y, x]
            cut = cut or (x + 1 < width and not right[y, x]) or (x > 0 and not right[y, x - 1])
            cut = cut or (y + 1 < height and not below[y, x]) or (y > 0 and not below[y - 1, x])
            edge[y, x] = 1 if cut else 0


@kernel(__file__, inline=True)
def inverse_depth_at(inverse: Any, right: Any, below: Any, u: Any, v: Any) -> float:
    """Inverse depth at corner pixel (u, v), linear in its cell of four pixel centres; 0 where that is not one surface.

    The outer half pixel of the image is extrapolated from the outermost cell.
    """
    height, width = inverse.shape
    if width < 2 or height < 2:
        return 0.0
    x = min(max(int(np.floor(u - 0.5)), 0), width - 2)
    y = min(max(int(np.floor(v - 0.5)), 0), height - 2)
    if not (right[y, x] and right[y + 1, x] and below[y, x] and below[y, x + 1]):
        return 0.0
    s, t = u - 0.5 - x, v - 0.5 - y
    top = (1.0 - s) * inverse[y, x] + s * inverse[y, x + 1]
    bottom = (1.0 - s) * inverse[y + 1, x] + s * inverse[y + 1, x + 1]
    inverse_depth: float = (1.0 - t) * top + t * bottom
    return inverse_depth


@kernel(__file__, parallel=True)
def warp_pixels(
    inverse_a: Any, clear_a: Any, inverse_b: Any, right_b: Any, below_b: Any, clear_b: Any, camera_a: Any, camera_b:
    Any, rotation: Any, translation: Any, size_b: Any, max_cycle: Any, max_depth_error: Any, target: Any, covisible:
    Any, cycle: Any, depth_error: Any,
) -> None:  # fmt: skip
    """Where each clear pixel of a lies in b, and whether it is seen there.

    Shapes: arrays (H, W) of a and b, cameras (4,) = fx fy cx cy, rotation (3, 3) and translation (3,) of b_from_a,
    size_b = (width, height). Written: target (H, W, 2) corner pixels of b (NaN where behind it or not clear),
    covisible, cycle (H, W) pixels in a (NaN where not compared), depth_error (H, W) relative (NaN likewise).
    """
    height, width = inverse_a.shape
    width_b, height_b = size_b
    for y in prange(height):
        for x in range(width):
            target[y, x, 0] = np.nan
            target[y, x, 1] = np.nan
            cycle[y, x] = np.nan
            depth_error[y, x] = np.nan
            covisible[y, x] = False
            if not clear_a[y, x]:
                continue
            z = 1.0 / inverse_a[y, x]
            px, py = (x + 0.5 - camera_a[2]) / camera_a[0] * z, (y + 0.5 - camera_a[3]) / camera_a[1] * z
            qx = rotation[0, 0] * px + rotation[0, 1] * py + rotation[0, 2] * z + translation[0]
            qy = rotation[1, 0] * px + rotation[1, 1] * py + rotation[1, 2] * z + translation[1]
            qz = rotation[2, 0] * px + rotation[2, 1] * py + rotation[2, 2] * z + translation[2]
            if qz <= 1e-9 * z:
                continue
            u = camera_b[0] * qx / qz + camera_b[2]
            v = camera_b[1] * qy / qz + camera_b[3]
            target[y, x, 0] = u
            target[y, x, 1] = v
            if not (u >= 0.0 and v >= 0.0 and u <= width_b and v <= height_b):
                continue
            if not clear_b[min(int(v), height_b - 1), min(int(u), width_b - 1)]:
                continue
            seen = inverse_depth_at(inverse_b, right_b, below_b, u, v)
            if seen <= 0.0:
                continue
            there = 1.0 / seen
            error = abs(qz - there) * seen
            depth_error[y, x] = error
            # Back from the surface that b sees at (u, v).
            rx = (u - camera_b[2]) / camera_b[0] * there - translation[0]
            ry = (v - camera_b[3]) / camera_b[1] * there - translation[1]
            rz = there - translation[2]
            bx = rotation[0, 0] * rx + rotation[1, 0] * ry + rotation[2, 0] * rz
            by = rotation[0, 1] * rx + rotation[1, 1] * ry + rotation[2, 1] * rz
            bz = rotation[0, 2] * rx + rotation[1, 2] * ry + rotation[2, 2] * rz
            if bz <= 1e-9 * there:
                continue
            du = camera_a[0] * bx / bz + camera_a[2] - (x + 0.5)
            dv = camera_a[1] * by / bz + camera_a[3] - (y + 0.5)
            away = np.sqrt(du * du + dv * dv)
            cycle[y, x] = away
            covisible[y, x] = away <= max_cycle and error <= max_depth_error
