"""Samples of the lights, and the directions of a soft disk or hemisphere: fixed patterns, so light is free of noise.

All samples of one index meet the same point of a light in every pixel and view: shadows are sums of a few sharp ones
at fixed places in the world, never grain. Irradiance is divided by pi: a matt surface sends out albedo x irradiance.
"""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.layout import (
    FAR,
    LIGHT_AT,
    LIGHT_KIND,
    LIGHT_RADIUS,
    PANEL_U,
    PANEL_V,
    SUN,
)

GOLDEN = math.pi * (3.0 - math.sqrt(5.0))
LIFT = 1e-4
"""How far in metres a ray starts off the surface that it leaves."""


@kernel(__file__)
def frame(nx: float, ny: float, nz: float) -> tuple[float, float, float, float, float, float]:
    """Two unit vectors that make an orthonormal basis with n (Duff et al., 2017)."""
    sign = 1.0 if nz >= 0.0 else -1.0
    a = -1.0 / (sign + nz)
    b = nx * ny * a
    return 1.0 + sign * nx * nx * a, sign * b, -sign * nx, b, sign + ny * ny * a, -ny


@kernel(__file__)
def disk_point(k: int, count: int) -> tuple[float, float]:
    """Point ``k`` of ``count`` of a spiral over the unit disk (Vogel, 1979)."""
    r = math.sqrt((k + 0.5) / count)
    return r * math.cos(GOLDEN * k), r * math.sin(GOLDEN * k)


@kernel(__file__)
def around(nx: float, ny: float, nz: float, x: float, y: float) -> tuple[float, float, float]:
    """The unit vector n shifted by x and y along two directions across it."""
    ax, ay, az, bx, by, bz = frame(nx, ny, nz)
    return nx + x * ax + y * bx, ny + x * ay + y * by, nz + x * az + y * bz


@kernel(__file__)
def cosine_direction(nx: float, ny: float, nz: float, k: int, count: int) -> tuple[float, float, float]:
    """Unit direction ``k`` of ``count`` over the hemisphere around n, as dense as the cosine."""
    x, y = disk_point(k, count)
    px, py, pz = around(nx, ny, nz, x, y)
    rest = math.sqrt(max(0.0, 1.0 - x * x - y * y)) - 1.0
    return px + rest * nx, py + rest * ny, pz + rest * nz


@kernel(__file__)
def light_sample(
    lights: Any, light: int, px: float, py: float, pz: float, disk_x: float, disk_y: float
) -> tuple[float, float, float, float, float]:
    """The sun or a lamp as seen from point p, at a point of the unit disk that stands for its face.

    Returns:
        Unit direction to it, distance to it, and the factor on its colour that gives irradiance / pi at normal
        incidence.
    """
    x, y, z = lights[light, LIGHT_AT], lights[light, LIGHT_AT + 1], lights[light, LIGHT_AT + 2]
    radius, length = lights[light, LIGHT_RADIUS], 1.0
    sun = lights[light, LIGHT_KIND] == SUN
    if not sun:
        x, y, z = x - px, y - py, z - pz
        length = math.sqrt(x * x + y * y + z * z)
        x, y, z, radius = x / length, y / length, z / length, radius / length
    x, y, z = around(x, y, z, radius * disk_x, radius * disk_y)
    stretch = math.sqrt(x * x + y * y + z * z)
    distance = FAR if sun else length * stretch
    return x / stretch, y / stretch, z / stretch, distance, 1.0 if sun else 1.0 / max(length * length, 0.04)


@kernel(__file__)
def panel_sample(
    lights: Any, light: int, px: float, py: float, pz: float, k: int, count: int
) -> tuple[float, float, float, float, float]:
    """Point ``k`` of ``count`` of a panel as seen from point p; returns as ``light_sample`` does."""
    a, b = 2.0 * (k + 0.5) / count - 1.0, 2.0 * ((k * 0.6180339887498949 + 0.5) % 1.0) - 1.0
    ux, uy, uz = lights[light, PANEL_U], lights[light, PANEL_U + 1], lights[light, PANEL_U + 2]
    vx, vy, vz = lights[light, PANEL_V], lights[light, PANEL_V + 1], lights[light, PANEL_V + 2]
    x = lights[light, LIGHT_AT] + a * ux + b * vx - px
    y = lights[light, LIGHT_AT + 1] + a * uy + b * vy - py
    z = lights[light, LIGHT_AT + 2] + a * uz + b * vz - pz
    square = x * x + y * y + z * z
    length = math.sqrt(square)
    cx, cy, cz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    facing = max(0.0, -(x * cx + y * cy + z * cz) / length)
    return x / length, y / length, z / length, length, 4.0 * facing / (math.pi * max(square, 0.04))
