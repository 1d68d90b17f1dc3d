"""Where a ray meets one primitive, and the surface there: kernels in double precision."""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.layout import (
    BOX,
    CAPS,
    CYLINDER,
    DISC,
    FAR,
    FOOT,
    HALF_X,
    HALF_Y,
    HALF_Z,
    HEIGHTS,
    KIND,
    LOCAL,
    NEAR,
    RECTANGLE,
    SPHERE,
    TOP,
)
from splatmatch.synthetic.kernels.relief import hit_heights, slopes


@kernel(__file__)
def to_local(i: int, x: float, y: float, z: float, w: float, primitives: Any) -> tuple[float, float, float]:
    """A world point (w = 1) or vector (w = 0) in the frame of primitive ``i``."""
    a = (
        primitives[i, LOCAL] * x
        + primitives[i, LOCAL + 1] * y
        + primitives[i, LOCAL + 2] * z
        + primitives[i, LOCAL + 3] * w
    )
    b = (
        primitives[i, LOCAL + 4] * x
        + primitives[i, LOCAL + 5] * y
        + primitives[i, LOCAL + 6] * z
        + primitives[i, LOCAL + 7] * w
    )
    c = (
        primitives[i, LOCAL + 8] * x
        + primitives[i, LOCAL + 9] * y
        + primitives[i, LOCAL + 10] * z
        + primitives[i, LOCAL + 11] * w
    )
    return a, b, c


@kernel(__file__)
def hit_primitive(
    i: int,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    t_max: float,
    primitives: Any,
    heights: Any,
) -> float:
    """The smallest t with NEAR < t <= t_max and o + t d on primitive ``i``, or FAR; d may have any length."""
    kind = primitives[i, KIND]
    if kind <= DISC:
        a, b, c = primitives[i, LOCAL + 8], primitives[i, LOCAL + 9], primitives[i, LOCAL + 10]
        w = a * dx + b * dy + c * dz
        if w == 0.0:
            return FAR
        t = -(a * ox + b * oy + c * oz + primitives[i, LOCAL + 11]) / w
        if t <= NEAR or t > t_max:
            return FAR
        px, py, _ = to_local(i, ox + t * dx, oy + t * dy, oz + t * dz, 1.0, primitives)
        inside = max(abs(px), abs(py)) <= 1.0 if kind == RECTANGLE else px * px + py * py <= 1.0
        return t if inside else FAR
    x, y, z = to_local(i, ox, oy, oz, 1.0, primitives)
    u, v, w = to_local(i, dx, dy, dz, 0.0, primitives)
    if kind == BOX:
        t = _hit_box(x, y, z, u, v, w)
    elif kind == CYLINDER:
        t = _hit_cylinder(x, y, z, u, v, w, primitives[i, FOOT], primitives[i, TOP], primitives[i, CAPS])
    elif kind == SPHERE:
        t = _hit_sphere(x, y, z, u, v, w)
    else:
        t = hit_heights(i, x, y, z, u, v, w, t_max, primitives, heights)
    return t if NEAR < t <= t_max else FAR


@kernel(__file__)
def _hit_box(x: float, y: float, z: float, u: float, v: float, w: float) -> float:
    """First crossing of the cube's surface beyond NEAR (the far face from inside)."""
    near, far = -FAR, FAR
    for p, d in ((x, u), (y, v), (z, w)):
        if abs(d) < 1e-14:
            if abs(p) > 1.0:
                return FAR
        else:
            a, b = -p / d, abs(1.0 / d)
            near, far = max(near, a - b), min(far, a + b)
    if near > far:
        return FAR
    return near if near > NEAR else far


@kernel(__file__)
def _hit_sphere(x: float, y: float, z: float, u: float, v: float, w: float) -> float:
    """First crossing of the unit sphere beyond NEAR.

    The discriminant is taken from the point of the ray nearest to the centre, not from b^2 - ac, which cancels.
    """
    a = u * u + v * v + w * w
    b = (x * u + y * v + z * w) / a
    cx, cy, cz = x - b * u, y - b * v, z - b * w
    rest = 1.0 - (cx * cx + cy * cy + cz * cz)
    if rest < 0.0:
        return FAR
    half = math.sqrt(rest / a)
    t = -b - half
    return t if t > NEAR else -b + half


@kernel(__file__)
def _hit_cylinder(
    x: float, y: float, z: float, u: float, v: float, w: float, foot: float, top: float, caps: float
) -> float:
    """First crossing of a frustum beyond NEAR; x^2 + y^2 = (m + n z)^2 on the side."""
    m, n = 0.5 * (foot + top), 0.5 * (top - foot)
    r, s = m + n * z, n * w
    a = u * u + v * v - s * s
    b = x * u + y * v - r * s
    c = x * x + y * y - r * r
    best = FAR
    rest = b * b - a * c
    if rest >= 0.0 and a != 0.0:
        root = math.sqrt(rest)
        q = -b - root if b > 0.0 else -b + root
        for t in (q / a, c / q if q != 0.0 else FAR):
            if NEAR < t < best and abs(z + t * w) <= 1.0 and r + t * s >= 0.0:
                best = t
    if caps == 1.0 and w != 0.0:
        for end, radius in ((-1.0, foot), (1.0, top)):
            t = (end - z) / w
            if NEAR < t < best:
                px, py = x + t * u, y + t * v
                if px * px + py * py <= radius * radius:
                    best = t
    return best


@kernel(__file__)
def surface(
    i: int, px: float, py: float, pz: float, primitives: Any, heights: Any
) -> tuple[int, float, float, float, float, float, float, float]:
    """The surface of primitive ``i`` at a world point on it.

    Returns:
        face, s, t, size_s, size_t, nx, ny, nz: which side, position on it in 0..1, its extent in metres, and the unit
        outward normal in the world frame (of a sheet: of its +z side).
    """
    x, y, z = to_local(i, px, py, pz, 1.0, primitives)
    hx, hy, hz = primitives[i, HALF_X], primitives[i, HALF_Y], primitives[i, HALF_Z]
    kind = primitives[i, KIND]
    face, s, t = 0, 0.5 * (x + 1.0), 0.5 * (y + 1.0)
    size_s, size_t = 2.0 * hx, 2.0 * hy
    a, b, c = 0.0, 0.0, 1.0
    if kind in {BOX, SPHERE}:
        ax, ay, az = abs(x), abs(y), abs(z)
        if az >= ax and az >= ay:
            face, c, depth = (4, 1.0, az) if z > 0 else (5, -1.0, az)
            across, up = x, y
        elif ax >= ay:
            face, a, c, depth = (0, 1.0, 0.0, ax) if x > 0 else (1, -1.0, 0.0, ax)
            across, up, size_s, size_t = a * y, z, 2.0 * hy, 2.0 * hz
        else:
            face, b, c, depth = (2, 1.0, 0.0, ay) if y > 0 else (3, -1.0, 0.0, ay)
            across, up, size_t = -b * x, z, 2.0 * hz
        if kind == SPHERE:  # a cube blown up, equal angles apart
            across, up = math.atan(across / depth) * 4.0 / math.pi, math.atan(up / depth) * 4.0 / math.pi
            size_s, size_t = 0.25 * math.pi * size_s, 0.25 * math.pi * size_t
            a, b, c = x, y, z
        s, t = 0.5 * (across + 1.0), 0.5 * (up + 1.0)
    elif kind == CYLINDER:
        m, n = 0.5 * (primitives[i, FOOT] + primitives[i, TOP]), 0.5 * (primitives[i, TOP] - primitives[i, FOOT])
        radius = m + n * z
        off_side = abs(x * x + y * y - radius * radius)
        if primitives[i, CAPS] == 1.0 and abs(abs(z) - 1.0) < min(1e-9, off_side):
            face, c = (1, 1.0) if z > 0 else (2, -1.0)
        else:
            a, b, c = x, y, -radius * n
            s, t = 0.5 + math.atan2(y, x) / (2.0 * math.pi), 0.5 * (z + 1.0)
            size_s, size_t = 2.0 * math.pi * hx * m, 2.0 * hz
    elif kind == HEIGHTS:
        a, b = slopes(i, x, y, primitives, heights)
        a, b = -a, -b
    # Normals map with the transpose of local_from_world.
    nx = primitives[i, LOCAL] * a + primitives[i, LOCAL + 4] * b + primitives[i, LOCAL + 8] * c
    ny = primitives[i, LOCAL + 1] * a + primitives[i, LOCAL + 5] * b + primitives[i, LOCAL + 9] * c
    nz = primitives[i, LOCAL + 2] * a + primitives[i, LOCAL + 6] * b + primitives[i, LOCAL + 10] * c
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    return face, s, t, size_s, size_t, nx / length, ny / length, nz / length
