"""A depth map as a mesh of two triangles per cell of four pixel centres, drawn into another view with a depth buffer.

Everything is in homogeneous form, so that inverse depth 0 (the sky) is a point at infinity: with the ray r of a source
pixel, q = R r + w t has the direction of the point in the other view and q_z = z_b / z_a. On a plane, w / q_z (inverse
depth there) and (x, y, 1) / q_z (the source pixel, homogeneous) are linear in the pixel of the other view, so linear
interpolation inside a triangle and one division are perspective-correct.

Each band of rows of the picture is filled by one thread, which takes the triangles in the order of the source: the
result does not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from splatmatch.jobs.kernels import kernel

BAND = 64
"""Rows of the picture that one thread fills at a time."""
NEAR = 0.05
"""Triangles with a corner nearer than this share of its source depth are not drawn (nor is anything behind the eye)."""
SLIVER = 1e-9
"""Triangles of smaller area in pixels cover no pixel centre."""
LAP = 1e-7
"""Triangles reach this share of their height beyond their sides, so that no crack opens between neighbours."""


@kernel(__file__, parallel=True)
def join_vertices(inverse: Any, jump: Any, right: Any, below: Any) -> None:
    """Whether each vertex is joined with its right and its lower neighbour: their depths differ by ``jump`` at most.

    Shapes: inverse (H, W) float32, below 0 = no vertex; right, below (H, W) bool. The difference is relative to the
    farther depth.
    """
    height, width = inverse.shape
    for y in prange(height):
        for x in range(width):
            here = inverse[y, x]
            right[y, x] = False
            below[y, x] = False
            if x + 1 < width:
                there = inverse[y, x + 1]
                right[y, x] = min(here, there) >= 0.0 and abs(here - there) <= jump * max(here, there)
            if y + 1 < height:
                there = inverse[y + 1, x]
                below[y, x] = min(here, there) >= 0.0 and abs(here - there) <= jump * max(here, there)


@kernel(__file__, parallel=True)
def project_vertices(
    inverse: Any, camera_a: Any, camera_b: Any, rotation: Any, translation: Any, corners: Any, top: Any, bottom: Any
) -> None:
    """Where vertices lie in the other view.

    Shapes: inverse (H, W), below 0 = no vertex; cameras (4,) = fx fy cx cy; rotation (3, 3), translation (3,) of
    b_from_a. Written: corners (4, H, W) float64 = pixel u, v, inverse depth there and 1 / q_z (0 = not to be drawn);
    top, bottom (H,) smallest and largest v of each row.
    """
    height, width = inverse.shape
    for y in prange(height):
        low, high = np.inf, -np.inf
        ry = (y + 0.5 - camera_a[3]) / camera_a[1]
        for x in range(width):
            corners[3, y, x] = 0.0
            w = inverse[y, x]
            if w < 0.0:
                continue
            rx = (x + 0.5 - camera_a[2]) / camera_a[0]
            qz = rotation[2, 0] * rx + rotation[2, 1] * ry + rotation[2, 2] + w * translation[2]
            if qz <= NEAR:
                continue
            qx = rotation[0, 0] * rx + rotation[0, 1] * ry + rotation[0, 2] + w * translation[0]
            qy = rotation[1, 0] * rx + rotation[1, 1] * ry + rotation[1, 2] + w * translation[1]
            v = camera_b[1] * qy / qz + camera_b[3]
            corners[0, y, x] = camera_b[0] * qx / qz + camera_b[2]
            corners[1, y, x] = v
            corners[2, y, x] = w / qz
            corners[3, y, x] = 1.0 / qz
            low, high = min(low, v), max(high, v)
        top[y] = low
        bottom[y] = high


@kernel(__file__, inline=True)
def _draw(
    u1: Any, v1: Any, w1: Any, g1: Any, u2: Any, v2: Any, w2: Any, g2: Any, u3: Any, v3: Any, w3: Any, g3: Any,
    x: Any, y: Any, lower: Any, begin: Any, end: Any, inverse: Any, source: Any,
) -> None:  # fmt: skip
    """One triangle into rows begin..end: pixel u, v, inverse depth w and 1 / q_z = g of its three corners.

    The corners are the source pixels (x + 1, y), (x, y + 1) and between them, clockwise on the screen (y down), either
    (x, y), coming first, or (x + 1, y + 1), coming second, where ``lower``. They run clockwise in the other view too
    where the surface is seen from its front.
    """
    width = inverse.shape[1]
    row, last_row = max(begin, int(np.ceil(min(v1, v2, v3) - 0.5))), min(end - 1, int(np.floor(max(v1, v2, v3) - 0.5)))
    column = max(0, int(np.ceil(min(u1, u2, u3) - 0.5)))
    last_column = min(width - 1, int(np.floor(max(u1, u2, u3) - 0.5)))
    if row > last_row or column > last_column:
        return
    area = (u2 - u1) * (v3 - v1) - (v2 - v1) * (u3 - u1)
    if abs(area) < SLIVER:
        return
    scale = 1.0 / area
    for j in range(row, last_row + 1):
        down = j + 0.5 - v1
        for i in range(column, last_column + 1):
            across = i + 0.5 - u1
            share2 = (across * (v3 - v1) - down * (u3 - u1)) * scale
            share3 = ((u2 - u1) * down - (v2 - v1) * across) * scale
            share1 = 1.0 - share2 - share3
            if share1 < -LAP or share2 < -LAP or share3 < -LAP:
                continue
            w = np.float32(share1 * w1 + share2 * w2 + share3 * w3)
            if w <= inverse[j, i]:
                continue
            inverse[j, i] = w
            if area > 0.0:
                part1, part2, part3 = share1 * g1, share2 * g2, share3 * g3
                total = part1 + part2 + part3
                right, below = (part1 + part2, part2 + part3) if lower else (part2, part3)
                source[j, i, 0] = np.float32(x + 0.5 + right / total)
                source[j, i, 1] = np.float32(y + 0.5 + below / total)
            else:
                source[j, i, 0] = np.float32(np.nan)
                source[j, i, 1] = np.float32(np.nan)


@kernel(__file__, parallel=True)
def draw_mesh(corners: Any, right: Any, below: Any, top: Any, bottom: Any, inverse: Any, source: Any) -> None:
    """Fill the picture.

    Shapes: corners (4, h, w), right and below (h, w), top and bottom (h,) of the source; written: inverse (H, W)
    float32 inverse depth, -1 where there is nothing, and source (H, W, 2) float32 corner pixels of the source, NaN
    where there is nothing or the back of a surface.
    """
    rows, columns = right.shape
    height = inverse.shape[0]
    u, v, w, g = corners[0], corners[1], corners[2], corners[3]
    for band in prange((height + BAND - 1) // BAND):
        begin, end = band * BAND, min((band + 1) * BAND, height)
        inverse[begin:end] = -1.0
        source[begin:end] = np.nan
        for y in range(rows - 1):
            if min(top[y], top[y + 1]) > end or max(bottom[y], bottom[y + 1]) < begin:
                continue
            for x in range(columns - 1):
                z = y + 1
                r = x + 1
                vb, vc = v[y, r], v[z, x]
                if g[y, r] == 0.0 or g[z, x] == 0.0:
                    continue
                if right[y, x] and below[y, x] and g[y, x] > 0.0:
                    _draw(
                        u[y, x], v[y, x], w[y, x], g[y, x], u[y, r], vb, w[y, r], g[y, r], u[z, x], vc, w[z, x],
                        g[z, x], x, y, False, begin, end, inverse, source,
                    )  # fmt: skip
                if right[z, x] and below[y, r] and g[z, r] > 0.0:
                    _draw(
                        u[y, r], vb, w[y, r], g[y, r], u[z, r], v[z, r], w[z, r], g[z, r], u[z, x], vc, w[z, x],
                        g[z, x], x, y, True, begin, end, inverse, source,
                    )  # fmt: skip


@kernel(__file__, parallel=True)
def sample_picture(picture: Any, source: Any, scale: Any, offset: Any, rgb: Any) -> None:
    """Bilinear colours of ``picture`` (h, w, 3) uint8 at corner pixels source * scale + offset; 0 where NaN.

    Shapes: source (H, W, 2), scale and offset (2,) for x and y; written: rgb (H, W, 3) uint8.
    """
    height, width = rgb.shape[:2]
    rows, columns = picture.shape[:2]
    for y in prange(height):
        for x in range(width):
            if np.isnan(source[y, x, 0]):
                rgb[y, x, 0] = rgb[y, x, 1] = rgb[y, x, 2] = 0
                continue
            u = min(max(source[y, x, 0] * scale[0] + offset[0] - 0.5, 0.0), columns - 1.0)
            v = min(max(source[y, x, 1] * scale[1] + offset[1] - 0.5, 0.0), rows - 1.0)
            i, j = min(int(u), columns - 2), min(int(v), rows - 2)
            s, t = u - i, v - j
            for k in range(3):
                upper = (1.0 - s) * picture[j, i, k] + s * picture[j, i + 1, k]
                lower = (1.0 - s) * picture[j + 1, i, k] + s * picture[j + 1, i + 1, k]
                rgb[y, x, k] = np.uint8((1.0 - t) * upper + t * lower + 0.5)
