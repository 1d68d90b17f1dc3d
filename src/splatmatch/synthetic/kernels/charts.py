"""Where the baked light of a surface lies: a chart of texels for every face of every primitive."""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.layout import (
    BOX,
    CHART,
    CHART_X,
    CHART_Y,
    CHART_Z,
    CYLINDER,
    FOOT,
    HEIGHTS,
    KIND,
    SPHERE,
    TOP,
    WORLD,
)
from splatmatch.synthetic.kernels.relief import height_at

INDIRECT, TOTAL = 0, 3
"""First columns of baked light: without sharp light, and with it."""


@kernel(__file__)
def is_sheet(kind: int) -> bool:
    """Whether a primitive has two sides that are lit differently."""
    return kind not in {BOX, SPHERE, CYLINDER}


@kernel(__file__)
def chart(i: int, face: int, primitives: Any) -> tuple[int, int, int]:
    """First texel, width and height of the chart of one face.

    Sheets have two faces (0 = towards +z), boxes and spheres six, a cylinder its side and two caps.
    """
    first, nx, ny, nz = (
        int(primitives[i, CHART]),
        int(primitives[i, CHART_X]),
        int(primitives[i, CHART_Y]),
        int(primitives[i, CHART_Z]),
    )
    kind = primitives[i, KIND]
    if kind in {BOX, SPHERE}:
        if face < 2:
            return first + face * ny * nz, ny, nz
        if face < 4:
            return first + 2 * ny * nz + (face - 2) * nx * nz, nx, nz
        return first + 2 * (ny + nx) * nz + (face - 4) * nx * ny, nx, ny
    if kind == CYLINDER:
        if face == 0:
            return first, nx, nz
        return first + nx * nz + (face - 1) * ny * ny, ny, ny
    return first + face * nx * ny, nx, ny


@kernel(__file__)
def baked_light(
    i: int, face: int, s: float, t: float, layer: int, primitives: Any, light: Any
) -> tuple[float, float, float]:
    """Baked irradiance / pi at (s, t) of a face, bilinear between texels; ``layer`` is INDIRECT or TOTAL."""
    first, width, height = chart(i, face, primitives)
    x, y = s * width - 0.5, min(height - 1.0, max(0.0, t * height - 0.5))
    around = face == 0 and primitives[i, KIND] == CYLINDER
    if not around:
        x = min(width - 1.0, max(0.0, x))
    x0, y0 = int(math.floor(x)), int(y)
    fx, fy = x - x0, y - y0
    x1, y1 = x0 + 1, min(y0 + 1, height - 1)
    if around:
        x0, x1 = x0 % width, x1 % width
    else:
        x1 = min(x1, width - 1)
    a, b = first + y0 * width + x0, first + y0 * width + x1
    c, d = first + y1 * width + x0, first + y1 * width + x1
    wa, wb, wc, wd = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    return (
        wa * light[a, layer] + wb * light[b, layer] + wc * light[c, layer] + wd * light[d, layer],
        wa * light[a, layer + 1] + wb * light[b, layer + 1] + wc * light[c, layer + 1] + wd * light[d, layer + 1],
        wa * light[a, layer + 2] + wb * light[b, layer + 2] + wc * light[c, layer + 2] + wd * light[d, layer + 2],
    )


@kernel(__file__)
def texel_place(texel: int, i: int, primitives: Any) -> tuple[int, float, float]:
    """face, s, t at the centre of a texel of primitive ``i``."""
    face = 0
    first, width, height = chart(i, face, primitives)
    while texel >= first + width * height:
        face += 1
        first, width, height = chart(i, face, primitives)
    row = (texel - first) // width
    column = texel - first - row * width
    return face, (column + 0.5) / width, (row + 0.5) / height


@kernel(__file__)
def place_in_world(i: int, face: int, s: float, t: float, primitives: Any, heights: Any) -> tuple[float, float, float]:
    """The world point at (s, t) of a face: the inverse of ``intersection.surface``."""
    x, y, z = 2.0 * s - 1.0, 2.0 * t - 1.0, 0.0
    kind = primitives[i, KIND]
    if kind in {BOX, SPHERE}:
        if kind == SPHERE:
            x, y = math.tan(0.25 * math.pi * x), math.tan(0.25 * math.pi * y)
        sign = 1.0 - 2.0 * (face & 1)
        if face < 2:
            x, y, z = sign, sign * x, y
        elif face < 4:
            x, y, z = -sign * x, sign, y
        else:
            z = sign
        if kind == SPHERE:
            length = math.sqrt(x * x + y * y + z * z)
            x, y, z = x / length, y / length, z / length
    elif kind == CYLINDER:
        foot, top = primitives[i, FOOT], primitives[i, TOP]
        if face == 0:
            radius = 0.5 * (foot + top) + 0.5 * (top - foot) * y
            x, y, z = radius * math.cos(math.pi * x), radius * math.sin(math.pi * x), y
        else:
            radius = 0.7 * (top if face == 1 else foot)
            x, y, z = radius * x, radius * y, 1.0 if face == 1 else -1.0
    elif kind == HEIGHTS:
        z = height_at(i, x, y, primitives, heights)
    at = primitives[i, WORLD : WORLD + 12]
    return (
        at[0] * x + at[1] * y + at[2] * z + at[3],
        at[4] * x + at[5] * y + at[6] * z + at[7],
        at[8] * x + at[9] * y + at[10] * z + at[11],
    )
