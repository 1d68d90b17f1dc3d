"""Procedural surfaces of infinite resolution, anti-aliased by the footprint of each sample.

Every pattern returns three numbers that ``surface_colour`` turns into a colour: how much of colour B there is in A, how
much of C (joints, accents) lies over both, and a factor on the brightness. u and v are metres on the surface, ``w``
is the footprint in metres, ``m`` the row of the material and ``seed`` what makes this piece differ from its like.
"""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.layout import ASPECT, CONTRAST, JOINT, SCALE
from splatmatch.synthetic.kernels.noise import chance, clamp, cover, fractal, nearest_cells, noise


@kernel(__file__)
def plaster(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Stains of B in A and a fine relief lit from above."""
    scale = 1.0 / m[SCALE]
    stains = fractal(u * scale, v * scale, 5, w * scale, seed)
    f = 70.0
    relief = fractal(u * f, v * f, 2, w * f, seed + 9) - fractal(u * f, v * f + 0.5, 2, w * f, seed + 9)
    grain = fractal(u * 11.0, v * 11.0, 4, w * 11.0, seed + 17)
    return clamp(0.5 + 1.4 * m[CONTRAST] * stains), 0.0, 1.0 + m[JOINT] * relief + 0.18 * m[CONTRAST] * grain


@kernel(__file__)
def bricks(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Running bond; C is the mortar."""
    wobble = noise(u * 9.0, v * 9.0, seed + 3)
    v += 0.0018 * wobble
    u += 0.0018 * noise(u * 8.0, v * 8.0, seed + 4)
    length, height = m[SCALE], m[SCALE] * m[ASPECT]
    row = math.floor(v / height)
    u += 0.5 * length * (int(row) & 1)
    column = math.floor(u / length)
    du, dv = u - column * length, v - row * height
    edge = min(du, length - du, dv, height - dv) - 0.5 * m[JOINT]
    own = chance(int(column), int(row), seed)
    other = chance(int(column), int(row), seed + 1)
    rough = fractal(u * 35.0, v * 35.0, 4, w * 35.0, seed + 7)
    relief = cover(height - dv - 1.6 * m[JOINT], 1.5 * m[JOINT]) - cover(dv - 1.6 * m[JOINT], 1.5 * m[JOINT])
    dark = 1.0 if other > 0.12 else 0.55
    shade = dark * (1.0 + 0.5 * m[CONTRAST] * (other - 0.5) + 0.35 * rough + 0.14 * relief)
    return clamp(own * m[CONTRAST] + 0.3 * rough), cover(edge + 0.003 * rough, w + 0.0015), shade


@kernel(__file__)
def tiles(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Square tiles with joints of C; ASPECT picks what is on them: 0 chess, 1 random shades, 2 arcs, 3 diamonds."""
    size = m[SCALE]
    x, y = math.floor(u / size), math.floor(v / size)
    du, dv = u - x * size, v - y * size
    own = chance(int(x), int(y), seed)
    kind = int(m[ASPECT])
    mix = own
    if kind == 0:
        mix = float((int(x) + int(y)) & 1)
    elif kind == 2:
        if own < 0.5:
            du = size - du
        near = min(math.hypot(du, dv), math.hypot(size - du, size - dv))
        mix = cover(abs(near - 0.5 * size) - 0.13 * size, w)
    elif kind == 3:
        mix = cover(abs(du - 0.5 * size) + abs(dv - 0.5 * size) - (0.24 + 0.2 * own) * size, w)
    edge = min(du, size - du, dv, size - dv) - 0.5 * m[JOINT]
    clouds = fractal(u * 6.0 + 9.0 * own, v * 6.0, 5, w * 6.0, seed + 5)
    shade = 1.0 + 0.3 * (own - 0.5) + 0.4 * m[CONTRAST] * clouds
    return clamp(mix + 0.2 * m[CONTRAST] * clouds), cover(edge, w), shade


@kernel(__file__)
def planks(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Boards along u, SCALE wide and ASPECT times as long, with grain; JOINT 0 is one piece of wood."""
    width, length = m[SCALE], m[SCALE] * m[ASPECT]
    row = math.floor(v / width)
    u += length * chance(int(row), 11, seed)
    column = math.floor(u / length)
    du, dv = u - column * length, v - row * width
    own = chance(int(column), int(row), seed + 1)
    edge = min(du, length - du, dv, width - dv) - 0.5 * m[JOINT]
    a, b = u * 0.9 + 31.0 * own, v * 9.0 + 17.0 * own
    bend = fractal(a, b * 0.5, 3, w * 9.0, seed + 2)
    rings = math.sin(2.0 * math.pi * (3.0 * b + 5.0 * bend)) * clamp(1.5 - 60.0 * w)
    fibre = fractal(u * 7.0, v * 160.0, 3, w * 80.0, seed + 3)
    pores = fractal(u * 28.0, v * 420.0, 2, w * 260.0, seed + 4)
    grain = 0.5 + m[CONTRAST] * (0.16 * rings + 0.45 * bend + 0.6 * fibre)
    shade = 1.0 + 0.42 * (own - 0.5) + 0.22 * fibre + 0.2 * pores
    joint = cover(edge, w) if m[JOINT] > 0.0 else 0.0
    return clamp(grain), joint, shade


@kernel(__file__)
def marble(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Clouds of B in A, and veins of C."""
    f = 1.0 / m[SCALE]
    warp = fractal(u * f, v * f, 5, w * f, seed)
    clouds = fractal(u * f * 2.1 + warp, v * f * 2.1 - warp, 4, 2.1 * w * f, seed + 7)
    ridge = abs(fractal(u * f * 1.2 + 1.5 * warp, v * f * 1.2 + 1.1 * warp, 4, 1.2 * w * f, seed + 13))
    fine = abs(fractal(u * f * 4.0 + 2.0 * warp, v * f * 4.0, 3, 4.0 * w * f, seed + 19))
    vein = m[CONTRAST] * (cover(ridge - 0.02, 0.05 + w * f) + 0.5 * cover(fine - 0.015, 0.04 + 4.0 * w * f))
    return clamp(0.5 + 1.2 * clouds), clamp(vein), 1.0 + 0.15 * warp


@kernel(__file__)
def stones(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Irregular stones in joints of C; without joints a terrazzo."""
    f = 1.0 / m[SCALE]
    bent = 0.25 * noise(u * f * 1.7, v * f * 1.7, seed + 2)
    border, owner = nearest_cells(u * f + bent, v * f * m[ASPECT] - bent, seed)
    own = (owner & 0x3FF) / 1023.0
    tone = ((owner >> 12) & 0x3FF) / 1023.0
    rough = fractal(u * 22.0 + 9.0 * own, v * 22.0, 5, w * 22.0, seed + 5)
    edge = border * m[SCALE] - 0.5 * m[JOINT]
    rim = cover(edge - 1.2 * m[JOINT], 2.0 * m[JOINT] + w)
    shade = 1.0 + m[CONTRAST] * (tone - 0.5) + 0.5 * rough - 0.2 * rim
    joint = cover(edge + 0.15 * m[JOINT] * rough, w + 0.1 * m[JOINT]) if m[JOINT] > 0.0 else cover(tone - 0.2, 0.02)
    return clamp(own + 0.5 * rough), joint, shade


@kernel(__file__)
def wallpaper(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """A half-drop repeat of flowers (B) with tendrils and berries (C) on A; its shapes follow from the seed."""
    width, height = m[SCALE], m[SCALE] * m[ASPECT]
    column = math.floor(u / width)
    x = (u - (column + 0.5) * width) / width
    drop = v / height + 0.5 * (int(column) & 1)
    y = (drop - math.floor(drop) - 0.5) * m[ASPECT]
    f = w / width
    petals = 3 + int(5.0 * chance(1, 0, seed))
    around, radius = math.atan2(y, x), math.hypot(x, y)
    wave = math.cos(petals * around + 6.0 * chance(2, 0, seed))
    size = 0.13 + 0.13 * chance(3, 0, seed)
    flower = cover(radius - size * (0.66 + 0.34 * wave), f)
    heart = cover(radius - 0.32 * size, f)
    swing = 0.16 * math.sin(2.0 * math.pi * y / m[ASPECT]) + 0.3 * (chance(4, 0, seed) - 0.5)
    tendril = cover(abs(abs(x) - 0.27 - swing * 0.6) - 0.014, f)
    leaf_y = abs(abs(y) - 0.3 * m[ASPECT])
    leaf_x = abs(abs(x) - 0.33)
    leaves = cover(leaf_x + 2.0 * leaf_y * leaf_y / 0.1 - 0.07, f) if leaf_y < 0.1 else 0.0
    corner = math.hypot(abs(x) - 0.5, abs(y) - 0.5 * m[ASPECT])
    berries = cover(corner - 0.05 - 0.04 * chance(5, 0, seed), f)
    ring = cover(abs(radius - size * (1.25 + 0.4 * chance(6, 0, seed))) - 0.012, f) * (chance(7, 0, seed) > 0.5)
    stripe = 0.10 * m[CONTRAST] * (2.0 * cover(abs(x) - 0.25, f) - 1.0)
    paper = fractal(u * 60.0, v * 60.0, 3, w * 60.0, seed + 3)
    b = clamp(max(flower - heart, leaves, ring) * (0.85 + 0.3 * paper))
    return b, clamp(max(heart, tendril, berries)), 1.0 + stripe + 0.10 * paper


@kernel(__file__)
def fabric(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """A plaid of threads: bands of B along both directions, thin lines of C, a weave and some wear."""
    f = 1.0 / m[SCALE]
    x, y = u * f, v * f
    fx, fy = x - math.floor(x), y - math.floor(y)
    p, q = 0.15 + 0.35 * chance(1, 1, seed), 0.5 + 0.3 * chance(2, 1, seed)
    band_x, band_y = cover(abs(fx - 0.5) - 0.5 * p, w * f), cover(abs(fy - 0.5) - 0.5 * p, w * f)
    line = max(cover(abs(fx - q) - 0.02, w * f), cover(abs(fy - q) - 0.02, w * f))
    fine = clamp(1.5 - 600.0 * w)
    weave = math.sin(u * 2600.0) * math.sin(v * 2600.0) * fine
    fluff = fractal(u * 90.0, v * 90.0, 3, w * 90.0, seed + 5)
    folds = fractal(u * 5.0, v * 5.0, 3, w * 5.0, seed + 6)
    shade = 1.0 + 0.15 * weave + 0.35 * fluff + 0.22 * folds
    return clamp(m[CONTRAST] * 0.5 * (band_x + band_y)), m[CONTRAST] * line, shade


@kernel(__file__)
def dots(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Scattered dots of B and C, of any size, on A."""
    f = 1.0 / m[SCALE]
    x, y = u * f, v * f
    b, c = 0.0, 0.0
    for j in range(-1, 2):
        for i in range(-1, 2):
            cx, cy = int(math.floor(x)) + i, int(math.floor(y)) + j
            du = cx + 0.5 + m[CONTRAST] * (chance(cx, cy, seed) - 0.5) - x
            dv = cy + 0.5 + m[CONTRAST] * (chance(cx, cy, seed + 1) - 0.5) - y
            size = 0.16 + 0.26 * chance(cx, cy, seed + 2)
            spot = cover(math.hypot(du, dv) - size, w * f)
            if chance(cx, cy, seed + 3) < 0.4:
                c = max(c, spot)
            else:
                b = max(b, spot)
    fluff = fractal(u * 70.0, v * 70.0, 3, w * 70.0, seed + 5)
    return b, c, 1.0 + 0.3 * fluff


@kernel(__file__)
def stripes(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Parallel stripes along v in a repeat of eight random widths, in A, B and C."""
    f = 8.0 / m[SCALE]
    x = u * f
    cell = math.floor(x)
    b, c = 0.0, 0.0
    for i in range(-1, 2):
        at = int(cell) + i
        tone = chance(at % 8, 0, seed)
        width = 0.2 + 0.3 * chance(at % 8, 1, seed)
        band = cover(abs(x - at - 0.5) - width, w * f)
        if tone > 0.66:
            c = max(c, band)
        elif tone > 0.25:
            b = max(b, band)
    fluff = fractal(u * 50.0, v * 50.0, 4, w * 50.0, seed + 5)
    return b, c, 1.0 + 0.28 * m[CONTRAST] * fluff


@kernel(__file__)
def gravel(u: float, v: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """Speckle of all sizes: asphalt, soil, grass, carpet; C are the coarsest grains."""
    f = 1.0 / m[SCALE]
    fine = fractal(u * f, v * f, 4, w * f, seed)
    broad = fractal(u * 1.3, v * 1.3, 4, w * 1.3, seed + 5)
    border, owner = nearest_cells(u * f * 0.5, v * f * 0.5, seed + 9)
    grains = (owner & 0xFF) / 255.0
    keep = clamp(1.6 - 1.6 * w * f)
    c = keep * cover(0.12 - border, 0.1 + w * f) * (1.0 if grains < m[CONTRAST] else 0.0)
    return clamp(0.5 + 0.9 * broad + 0.6 * fine), c, 1.0 + 0.7 * fine + 0.3 * keep * (grains - 0.5)


@kernel(__file__)
def leaf(s: float, t: float, w: float, m: Any, seed: int) -> tuple[float, float, float]:
    """A leaf over its own 0..1 square: midrib and veins of C, blotches of B."""
    across, along = s - 0.5, t
    rib = cover(abs(across) - 0.03, w + 0.01)
    veins = abs(along * 7.0 - 5.0 * abs(across) - math.floor(along * 7.0 - 5.0 * abs(across)) - 0.5)
    vein = 0.6 * cover(0.44 - veins, 0.08 + 7.0 * w)
    own = chance(seed, 3, 5)
    blotch = fractal(s * 5.0, t * 5.0, 3, w * 5.0, seed)
    return clamp(own + 0.8 * blotch), max(rib, vein), 0.75 + 0.5 * chance(seed, 4, 5) + 0.3 * blotch
