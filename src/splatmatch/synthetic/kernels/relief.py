"""The displaced height field: rays against a grid of heights, two triangles per cell, and its inverse lookups."""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.layout import FAR, GRID, GRID_X, GRID_Y, NEAR

SLACK = 1e-9
"""Overlap of neighbouring triangles in cells, so that no ray slips between them."""


@kernel(__file__)
def _plane(i: int, cell_x: int, cell_y: int, lower: bool, primitives: Any, heights: Any) -> tuple[float, float, float]:
    """Height at the cell's first corner and slopes per cell of one of its triangles (split from corner 00 to 11)."""
    row = int(primitives[i, GRID_X])
    at = int(primitives[i, GRID]) + cell_y * row + cell_x
    h00, h10, h01, h11 = heights[at], heights[at + 1], heights[at + row], heights[at + row + 1]
    if lower:
        return h00, h10 - h00, h11 - h10
    return h00, h11 - h01, h01 - h00


@kernel(__file__)
def hit_heights(
    i: int,
    x: float,
    y: float,
    z: float,
    u: float,
    v: float,
    w: float,
    t_max: float,
    primitives: Any,
    heights: Any,
) -> float:
    """The smallest t in (NEAR, t_max) where a local ray meets the surface, or FAR.

    The ray walks from cell to cell (Amanatides and Woo, 1987) and is intersected with the planes of both triangles.
    """
    near, far = NEAR, t_max
    for p, d in ((x, u), (y, v), (z, w)):
        if abs(d) < 1e-14:
            if abs(p) > 1.0:
                return FAR
        else:
            a, b = (-1.0 - p) / d, (1.0 - p) / d
            near, far = max(near, min(a, b)), min(far, max(a, b))
    if near > far:
        return FAR
    cells_x, cells_y = int(primitives[i, GRID_X]) - 1, int(primitives[i, GRID_Y]) - 1
    scale_x, scale_y = 0.5 * cells_x, 0.5 * cells_y
    gx, gy = (x + 1.0) * scale_x, (y + 1.0) * scale_y
    du, dv = u * scale_x, v * scale_y
    cell_x = min(cells_x - 1, max(0, int(math.floor(gx + near * du))))
    cell_y = min(cells_y - 1, max(0, int(math.floor(gy + near * dv))))
    step_x, step_y = (1 if du > 0 else -1), (1 if dv > 0 else -1)
    leave = near
    while leave <= far and 0 <= cell_x < cells_x and 0 <= cell_y < cells_y:
        enter = leave
        out_x = (cell_x + (1 if du > 0 else 0) - gx) / du if du != 0.0 else FAR
        out_y = (cell_y + (1 if dv > 0 else 0) - gy) / dv if dv != 0.0 else FAR
        leave = min(out_x, out_y)
        best = FAR
        for side in range(2):
            lower = side == 0
            h, slope_x, slope_y = _plane(i, cell_x, cell_y, lower, primitives, heights)
            fall = w - slope_x * du - slope_y * dv
            if fall == 0.0:
                continue
            t = (h + slope_x * (gx - cell_x) + slope_y * (gy - cell_y) - z) / fall
            if not (enter - SLACK <= t <= min(leave, far) + SLACK) or t <= NEAR or t >= best:
                continue
            beyond = (gx + t * du - cell_x) - (gy + t * dv - cell_y)
            if (beyond >= -SLACK) if lower else (beyond <= SLACK):
                best = t
        if best < FAR:
            return best
        if out_x < out_y:
            cell_x += step_x
        else:
            cell_y += step_y
    return FAR


@kernel(__file__)
def _cell(i: int, x: float, y: float, primitives: Any, heights: Any) -> tuple[int, int, float, float]:
    cells_x, cells_y = int(primitives[i, GRID_X]) - 1, int(primitives[i, GRID_Y]) - 1
    gx, gy = 0.5 * (x + 1.0) * cells_x, 0.5 * (y + 1.0) * cells_y
    cell_x = min(cells_x - 1, max(0, int(math.floor(gx))))
    cell_y = min(cells_y - 1, max(0, int(math.floor(gy))))
    return cell_x, cell_y, gx - cell_x, gy - cell_y


@kernel(__file__)
def slopes(i: int, x: float, y: float, primitives: Any, heights: Any) -> tuple[float, float]:
    """dz/dx and dz/dy of the triangle at local (x, y)."""
    cell_x, cell_y, fx, fy = _cell(i, x, y, primitives, heights)
    _, slope_x, slope_y = _plane(i, cell_x, cell_y, fx >= fy, primitives, heights)
    return slope_x * 0.5 * (int(primitives[i, GRID_X]) - 1), slope_y * 0.5 * (int(primitives[i, GRID_Y]) - 1)


@kernel(__file__)
def height_at(i: int, x: float, y: float, primitives: Any, heights: Any) -> float:
    """Local z of the surface at local (x, y)."""
    cell_x, cell_y, fx, fy = _cell(i, x, y, primitives, heights)
    h, slope_x, slope_y = _plane(i, cell_x, cell_y, fx >= fy, primitives, heights)
    height: float = h + slope_x * fx + slope_y * fy
    return height
