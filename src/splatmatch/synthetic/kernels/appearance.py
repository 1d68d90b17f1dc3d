"""Colour of surfaces and of the sky."""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.layout import (
    ANCHOR,
    ASPECT,
    BOX,
    BRICKS,
    COLOUR_A,
    COLOUR_B,
    COLOUR_C,
    DOTS,
    FABRIC,
    GRAVEL,
    KIND,
    LEAF,
    MARBLE,
    MARK_COUNT,
    MARKS,
    MATERIAL,
    PATTERN,
    PLAIN,
    PLANKS,
    PLASTER,
    PRINT,
    SEED,
    SPHERE,
    STONES,
    STRIPES,
    TILES,
    TURN,
    VARIANT,
    WEAR,
)
from splatmatch.synthetic.kernels.marks import print_colour
from splatmatch.synthetic.kernels.noise import clamp, fractal
from splatmatch.synthetic.kernels.patterns import (
    bricks,
    dots,
    fabric,
    gravel,
    leaf,
    marble,
    planks,
    plaster,
    stones,
    stripes,
    tiles,
    wallpaper,
)


@kernel(__file__)
def surface_colour(
    i: int,
    face: int,
    s: float,
    t: float,
    size_s: float,
    size_t: float,
    width: float,
    primitives: Any,
    materials: Any,
    marks: Any,
) -> tuple[float, float, float]:
    """Linear albedo of primitive ``i`` at (s, t) of a face of size_s x size_t metres; ``width`` = footprint, metres."""
    m = materials[int(primitives[i, MATERIAL])]
    variant = int(primitives[i, VARIANT])
    pattern = int(m[PATTERN])
    seed = int(m[SEED]) + 7919 * variant
    u, v = (s - 0.5) * size_s, (t - 0.5) * size_t
    if primitives[i, KIND] in {BOX, SPHERE} and face < 4:
        sign = 1.0 - 2.0 * (face & 1)
        u += sign * (primitives[i, ANCHOR + 1] if face < 2 else -primitives[i, ANCHOR])
        v += primitives[i, ANCHOR + 2]
    else:
        u, v = u + primitives[i, ANCHOR], v + primitives[i, ANCHOR + 1]
    wear = 1.0
    if m[WEAR] > 0.0:
        wear += m[WEAR] * fractal(1.4 * u + 3.1 * variant, 1.4 * v, 3, 1.4 * width, seed + 77)
    if pattern == PRINT:
        high = 1.0 / size_t
        r, g, b = print_colour(s * m[ASPECT], t, width * high, int(m[MARKS]), int(m[MARK_COUNT]), marks)
        return clamp(r * wear), clamp(g * wear), clamp(b * wear)
    if m[TURN] == 2.0 or (m[TURN] == 1.0 and size_t > size_s):
        u, v = v, u
    mix, accent, shade = 0.0, 0.0, 1.0
    if pattern == PLAIN:
        shade = 1.0 + 0.1 * fractal(u * 4.0, v * 4.0, 3, width * 4.0, seed)
    elif pattern == PLASTER:
        mix, accent, shade = plaster(u, v, width, m, seed)
    elif pattern == BRICKS:
        mix, accent, shade = bricks(u, v, width, m, seed)
    elif pattern == TILES:
        mix, accent, shade = tiles(u, v, width, m, seed)
    elif pattern == PLANKS:
        mix, accent, shade = planks(u, v, width, m, seed)
    elif pattern == MARBLE:
        mix, accent, shade = marble(u, v, width, m, seed)
    elif pattern == STONES:
        mix, accent, shade = stones(u, v, width, m, seed)
    elif pattern == FABRIC:
        mix, accent, shade = fabric(u, v, width, m, seed)
    elif pattern == DOTS:
        mix, accent, shade = dots(u, v, width, m, seed)
    elif pattern == STRIPES:
        mix, accent, shade = stripes(u, v, width, m, seed)
    elif pattern == GRAVEL:
        mix, accent, shade = gravel(u, v, width, m, seed)
    elif pattern == LEAF:
        mix, accent, shade = leaf(s, t, width / size_t, m, seed)
    else:
        mix, accent, shade = wallpaper(u, v, width, m, seed)
    shade *= wear
    r = m[COLOUR_A] + mix * (m[COLOUR_B] - m[COLOUR_A])
    g = m[COLOUR_A + 1] + mix * (m[COLOUR_B + 1] - m[COLOUR_A + 1])
    b = m[COLOUR_A + 2] + mix * (m[COLOUR_B + 2] - m[COLOUR_A + 2])
    joint = 0.5 + 0.5 * shade
    r = r * shade + accent * (m[COLOUR_C] * joint - r * shade)
    g = g * shade + accent * (m[COLOUR_C + 1] * joint - g * shade)
    b = b * shade + accent * (m[COLOUR_C + 2] * joint - b * shade)
    return clamp(r), clamp(g), clamp(b)


@kernel(__file__)
def sky_colour(dx: float, dy: float, dz: float, width: float, sky: Any) -> tuple[float, float, float]:
    """Radiance from direction d (any length): a gradient from horizon to zenith, with clouds.

    ``sky`` (8,): zenith RGB, horizon RGB, amount of cloud, seed; ``width`` is the footprint in radians.
    """
    up = dz / math.sqrt(dx * dx + dy * dy + dz * dz)
    high = clamp(up * 1.6)
    r = sky[3] + high * (sky[0] - sky[3])
    g = sky[4] + high * (sky[1] - sky[4])
    b = sky[5] + high * (sky[2] - sky[5])
    if up > 0.01:
        f = 1.6 / (up + 0.25) / math.sqrt(dx * dx + dy * dy + dz * dz)
        cloud = fractal(dx * f, dy * f, 6, width * 1.6 / (up + 0.25), int(sky[7]))
        amount = clamp((cloud + sky[6] - 0.5) * 2.5) * clamp(up * 8.0)
        white = 1.15 * max(sky[3], sky[4], sky[5]) * (0.85 + 0.3 * clamp(cloud))
        r, g, b = r + amount * (white - r), g + amount * (white - g), b + amount * (white - b)
    return r, g, b
