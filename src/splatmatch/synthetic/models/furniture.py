"""Furniture: its back stands at y = 0 of the current frame, its front looks towards -y, x = 0 is its middle."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from splatmatch.synthetic.building import SceneBuilder, turn_x
from splatmatch.synthetic.materials import Material, Palette, darker
from splatmatch.synthetic.models import prints, small

FACING: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Frame of an upright sheet that looks towards -y."""


def clutter(
    b: SceneBuilder,
    p: Palette,
    size: tuple[float, float],
    tall: float,
    most: int,
    keep_off: tuple[tuple[float, float, float], ...] = (),
) -> None:
    """Small things of less than ``tall`` metres on a surface of ``size`` around the origin, apart from each other.

    ``keep_off`` holds circles (x, y, radius) that are taken already.
    """
    taken = list(keep_off)
    choices = [make for make in small.SMALL if tall > 0.5 or make in LOW]
    for _ in range(20 * most):
        if len(taken) >= most + len(keep_off):
            return
        radius = p.uniform(0.07, 0.13)
        x = p.uniform(-0.5, 0.5) * max(0.0, size[0] - 2 * radius)
        y = p.uniform(-0.5, 0.5) * max(0.0, size[1] - 2 * radius)
        if 2 * radius > size[1] + 0.06 or any(math.hypot(x - u, y - v) < radius + r for u, v, r in taken):
            continue
        taken.append((x, y, radius))
        with b.placed((x, y, 0), p.uniform(-math.pi, math.pi)):
            choices[int(p.rng.integers(len(choices)))](b, p)


LOW = (small.carton, small.tin, small.mug, small.toy_ball, small.pebble, small.blocks, small.car, small.stack)


def table(b: SceneBuilder, p: Palette, size: tuple[float, float, float], things: int) -> None:
    """A table around the origin (not at its back) with things on it."""
    x, y, z = size
    b.thing("table")
    top, thick = p.pick(p.wood(0.25), p.wood(0.2), p.marble()), p.uniform(0.025, 0.045)
    b.box((0, 0, z - 0.5 * thick), (x, y, thick), top)
    leg = p.pick(p.metal(), p.wood()) if p.rng.random() < 0.5 else top
    inset, width = 0.06, p.uniform(0.02, 0.04)
    for sx in (-1, 1):
        for sy in (-1, 1):
            foot = (sx * (0.5 * x - inset), sy * (0.5 * y - inset))
            b.rod((*foot, 0), (*foot, z - thick), 0.7 * width, leg, top=width)
        b.box((0, sx * (0.5 * y - inset), z - thick - 0.04), (x - 2 * inset, 0.02, 0.07), top)
    with b.placed((0, 0, z)):
        clutter(b, p, (x - 0.06, y - 0.06), 1.0, things)


def chair(b: SceneBuilder, p: Palette) -> None:
    """A wooden chair with a cushion."""
    b.thing("chair")
    wood, seat = p.wood(), p.uniform(0.43, 0.47)
    for x in (-0.19, 0.19):
        b.rod((x, -0.4, 0), (x, -0.38, seat), 0.018, wood)
        b.rod((x, 0, 0), (x, -0.03, seat), 0.018, wood)
        b.rod((x, -0.03, seat), (x, 0.03, seat + 0.45), 0.017, wood)
        b.rod((x, -0.39, 0.2), (x, -0.01, 0.2), 0.01, wood)
    b.box((0, -0.2, seat), (0.44, 0.44, 0.03), wood)
    style = int(p.rng.integers(3))
    if style == 0:
        for k in range(5):
            x = -0.14 + 0.07 * k
            b.rod((x, -0.03, seat), (x, 0.025, seat + 0.42), 0.008, wood)
    elif style == 1:
        for z in (0.15, 0.25, 0.35):
            b.box((0, -0.005 + 0.04 * z, seat + z), (0.38, 0.014, 0.06), wood)
    else:
        b.box((0, 0.0, seat + 0.25), (0.36, 0.014, 0.34), p.pick(wood, p.cloth()), rotation=turn_x(-0.13))
    b.box((0, 0.03, seat + 0.45), (0.42, 0.025, 0.07), wood)
    b.thing("cushion")
    b.ball((0, -0.21, seat + 0.03), (0.2, 0.19, 0.035), p.cloth())


def sofa(b: SceneBuilder, p: Palette, width: float) -> None:
    """A sofa, or an armchair where it is narrow, with cushions and a throw."""
    name = "sofa" if width > 1.2 else "armchair"
    b.thing(name)
    cloth, depth, arm = p.cloth(), p.uniform(0.8, 0.92), p.uniform(0.14, 0.22)
    inner = width - 2 * arm
    b.box((0, -0.5 * depth, 0.2), (width, depth, 0.22), cloth)
    b.box((0, -0.12, 0.5), (width - 0.04, 0.22, 0.52), cloth, rotation=turn_x(-0.12))
    b.rod((-0.5 * width + 0.02, -0.1, 0.78), (0.5 * width - 0.02, -0.1, 0.78), 0.11, cloth)
    for side in (-1, 1):
        x = side * (0.5 * width - 0.5 * arm)
        b.box((x, -0.5 * depth, 0.34), (arm, depth - 0.02, 0.42), cloth)
        b.rod((x, -depth + 0.01, 0.56), (x, -0.08, 0.56), 0.52 * arm, cloth)
        for y in (-0.07, -depth + 0.07):
            b.rod((x, y, 0), (x, y, 0.1), 0.02, p.wood())
    seats = max(1, round(inner / 0.65))
    for k in range(seats):
        x = -0.5 * inner + (k + 0.5) * inner / seats
        b.box((x, -0.56, 0.38), (inner / seats - 0.015, 0.6, 0.15), cloth)
        b.ball((x, -0.56, 0.45), (0.5 * inner / seats - 0.02, 0.29, 0.06), cloth)
    for k in range(int(p.rng.integers(1, 2 * seats + 1))):
        b.thing("pillow")
        x = p.uniform(-0.5, 0.5) * (inner - 0.3)
        with (
            b.placed((x, -0.36 - 0.02 * k, 0.66), p.uniform(-0.25, 0.25), None),
            b.placed((0, 0, 0), rotation=turn_x(1.25)),
        ):
            b.ball((0, 0, 0), (0.21, 0.2, 0.075), p.cloth())
    if p.rng.random() < 0.7:
        b.thing("throw")
        x = p.uniform(-0.3, 0.3) * inner
        grid = ripples(p, 24, 40, 0.02)
        b.heights((x, -0.52, 0.5), (0.5 * min(1.0, inner), 0.62), grid, p.cloth())


def ripples(p: Palette, columns: int, rows: int, height: float) -> NDArray[np.float64]:
    """A grid of soft folds, metres."""
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    total = np.zeros_like(x)
    for k in range(5):
        a, f, g = p.uniform(0, 6.28), p.uniform(4, 16), p.uniform(2, 12)
        total += np.sin(f * x + g * y + a) / (k + 2)
    folds: NDArray[np.float64] = height * total
    return folds


def bookshelf(b: SceneBuilder, p: Palette, width: float, height: float) -> None:
    """Open shelves full of books and things."""
    depth, wood = p.uniform(0.26, 0.32), p.wood()
    b.thing("bookshelf")
    for side in (-1, 1):
        b.box((side * (0.5 * width - 0.012), -0.5 * depth, 0.5 * height), (0.024, depth, height), wood)
    b.box((0, -0.006, 0.5 * height), (width, 0.012, height), wood)
    levels = max(2, round(height / 0.36))
    pitch = (height - 0.08) / levels
    for level in range(levels + 1):
        b.box((0, -0.5 * depth, 0.05 + level * pitch), (width - 0.05, depth - 0.005, 0.022), wood)
    for level in range(levels):
        z, x = 0.061 + level * pitch, -0.5 * width + 0.03
        while x < 0.5 * width - 0.08:
            room = 0.5 * width - 0.03 - x
            if p.rng.random() < 0.8:
                for _ in range(int(p.rng.integers(3, 12))):
                    thick, tall = p.uniform(0.016, 0.045), p.uniform(0.62, 0.9) * pitch
                    if x + thick > 0.5 * width - 0.03:
                        break
                    with b.placed((x + 0.5 * thick, -depth + 0.1 + p.uniform(0, 0.02), z)):
                        small.book(b, p, (thick - 0.001, 0.17, tall))
                    x += thick
                x += p.uniform(0.0, 0.05)
            else:
                span = min(room, 0.26)
                with b.placed((x + 0.5 * span, -0.5 * depth, z)):
                    LOW[int(p.rng.integers(len(LOW)))](b, p)
                x += span


def cupboard(b: SceneBuilder, p: Palette, width: float, height: float) -> None:
    """A chest or wardrobe: doors and drawers with handles, things on top of low ones."""
    depth, body = p.uniform(0.42, 0.55), p.pick(p.wood(), p.wood(), p.paint(p.muted()), p.boards("across"))
    front, knob = p.pick(body, p.wood(), p.paint()), p.metal()
    b.thing("wardrobe" if height > 1.4 else "chest")
    b.box((0, -0.5 * depth, 0.5 * height + 0.03), (width, depth, height - 0.06), body)
    b.box((0, -0.5 * depth + 0.01, 0.03), (width - 0.06, depth - 0.04, 0.06), p.paint(p.grey(0.05, 0.3)))
    b.box((0, -0.5 * depth, height), (width + 0.03, depth + 0.03, 0.03), body)
    columns, rows = max(1, round(width / 0.5)), max(1, round((height - 0.1) / p.uniform(0.22, 0.3)))
    if height > 1.4:
        rows = 1
    w, h = (width - 0.04) / columns, (height - 0.14) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = -0.5 * width + 0.02 + (i + 0.5) * w, 0.09 + (j + 0.5) * h
            b.box((x, -depth, z), (w - 0.012, 0.03, h - 0.012), front)
            b.box((x, -depth - 0.012, z), (w - 0.1, 0.012, h - 0.09), front)
            if rows > 1:
                b.rod((x - 0.06, -depth - 0.03, z), (x + 0.06, -depth - 0.03, z), 0.006, knob)
            else:
                b.rod((x + 0.4 * w, -depth - 0.03, z - 0.08), (x + 0.4 * w, -depth - 0.03, z + 0.08), 0.007, knob)
    if height < 1.3:
        with b.placed((0, -0.5 * depth, height + 0.015)):
            clutter(b, p, (width - 0.02, depth - 0.04), 1.0, int(2 + 3 * width))


def television(b: SceneBuilder, p: Palette) -> None:
    """A low board with a dark, shining screen and two loudspeakers."""
    cupboard(b, p, 1.5, 0.45)
    b.thing("television")
    black = p.paint((0.03, 0.03, 0.035)).glossy(0.05, 0.06)
    b.box((0, -0.2, 0.47), (0.4, 0.2, 0.02), black)
    b.box((0, -0.16, 0.86), (1.05, 0.04, 0.62), black)
    b.sheet((0, -0.1805, 0.86), (1.01, 0.58), p.paint((0.02, 0.02, 0.025)).glossy(0.07, 0.02), rotation=FACING)
    for x in (-0.66, 0.66):
        b.thing("loudspeaker")
        b.box((x, -0.2, 0.65), (0.16, 0.2, 0.34), p.wood())
        for z, r in ((0.58, 0.06), (0.74, 0.03)):
            b.rod((x, -0.295, z), (x, -0.31, z), r, p.paint((0.08, 0.08, 0.09)), top=0.8 * r)


def floor_lamp(b: SceneBuilder, p: Palette, lit: bool) -> None:
    """A standing lamp."""
    h = p.uniform(1.4, 1.65)
    b.thing("floor lamp")
    b.rod((0, -0.2, 0), (0, -0.2, 0.025), 0.14, p.metal())
    b.rod((0, -0.2, 0), (0, -0.2, h), 0.012, p.metal())
    shade = Material(
        "fabric", (0.95, 0.86, 0.66), (0.9, 0.7, 0.45), scale=0.1, contrast=0.3, seed=p.seed(), emission=0.25
    )
    b.rod((0, -0.2, h - 0.1), (0, -0.2, h + 0.2), 0.2, shade, top=0.13, open_ends=True)
    b.ball((0, -0.2, h + 0.03), 0.035, Material("plain", (1.0, 0.9, 0.7), emission=6.0))
    if lit:
        b.lamp((0, -0.2, h + 0.1), (1.0, 0.8, 0.55), 0.7, 0.05)


def plant(b: SceneBuilder, p: Palette, height: float) -> None:
    """A pot with leaves on stems."""
    r = 0.11 + 0.06 * height
    pot_high = 0.3 * min(1.0, height)
    b.thing("pot")
    b.rod((0, 0, 0), (0, 0, pot_high), 0.75 * r, p.pick(p.tiling(0.06), p.cloth(), p.paint(), p.terrazzo()), top=r)
    b.thing("plant")
    green = darker((0.22, 0.5, 0.16), p.uniform(0.6, 1.3))
    leaf = Material("leaf", green, darker(green, 0.6), (0.55, 0.7, 0.3), seed=p.seed(), specular=0.03, roughness=0.4)
    stem = p.paint(darker(green, 0.6))
    for _ in range(int(16 + 26 * height)):
        angle, lean, up = p.uniform(0, 6.28), p.uniform(0.1, 0.5) * (0.3 + 0.5 * height), p.uniform(0.35, 1.0)
        way = np.array([math.cos(angle), math.sin(angle), 0.0])
        root, tip = (
            np.array([0.0, 0.0, 0.95 * pot_high]),
            lean * way + np.array([0, 0, pot_high + up * (height - pot_high)]),
        )
        b.rod(root, tip, 0.004, stem, top=0.002)
        long = p.uniform(0.1, 0.2) * (0.6 + 0.5 * height)
        pitch = p.uniform(-0.7, 0.4)
        along = math.cos(pitch) * way + np.array([0, 0, math.sin(pitch)])
        across = np.cross(np.array([0, 0, 1.0]), way)
        b.sheet(
            tip + 0.45 * long * along, (0.36 * long, long), leaf,
            rotation=np.stack([across, along, np.cross(across, along)], axis=1), disc=True,
        )  # fmt: skip


def curtain(b: SceneBuilder, p: Palette, width: float, height: float) -> None:
    """Hanging folds, the middle of the upper edge at the origin."""
    b.thing("curtain")
    columns = 96
    x = np.linspace(0, 1, columns)
    folds = np.sin(2 * math.pi * x * width * p.uniform(6.0, 8.0) + 1.5 * np.sin(9 * x)) * 0.035
    drop = np.linspace(1.15, 0.85, 6)[:, None]
    b.heights((0, 0, -0.5 * height), (width, height), drop * folds[None, :], p.cloth(), rotation=FACING)


def rug(b: SceneBuilder, p: Palette, size: tuple[float, float], yaw: float) -> None:
    """A carpet around the origin."""
    b.thing("rug")
    wool = p.printed(prints.rug(p, size[0] / size[1]))
    b.box((0, 0, 0.006), (size[0], size[1], 0.012), wool, yaw=yaw)


def hanging(b: SceneBuilder, p: Palette, width: float, height: float) -> None:
    """A framed picture or a bare poster on the wall, centre at the origin."""
    b.thing("picture")
    art = prints.picture(p, width / height)
    if p.rng.random() < 0.7:
        wood = p.pick(p.wood(), p.paint(p.grey(0.03, 0.9)), p.metal())
        edge = p.uniform(0.02, 0.045)
        for side in (-1, 1):
            b.box((side * 0.5 * (width + edge), -0.012, 0), (edge, 0.024, height + 2 * edge), wood)
            b.box((0, -0.012, side * 0.5 * (height + edge)), (width, 0.024, edge), wood)
        b.sheet((0, -0.008, 0), (width, height), p.printed(art, 0.03 if p.rng.random() < 0.3 else 0.0), rotation=FACING)
    else:
        b.sheet((0, -0.003, 0), (width, height), p.printed(art), rotation=FACING)


def wall_clock(b: SceneBuilder, p: Palette) -> None:
    """A round clock on the wall, centre at the origin."""
    b.thing("clock")
    b.rod((0, 0, 0), (0, -0.035, 0), 0.16, p.paint())
    b.sheet((0, -0.0352, 0), (0.29, 0.29), p.printed(prints.clock(p), 0.03), rotation=FACING, disc=True)


def shelf(b: SceneBuilder, p: Palette, width: float) -> None:
    """A board on the wall with things on it, its upper side at the origin."""
    b.thing("shelf")
    b.box((0, -0.11, -0.012), (width, 0.22, 0.024), p.wood())
    for x in (-0.35 * width, 0.35 * width):
        b.rod((x, -0.01, -0.16), (x, -0.19, -0.03), 0.008, p.metal())
    with b.placed((0, -0.115, 0)):
        clutter(b, p, (width - 0.04, 0.24), 0.4, int(1 + 5 * width))


def radiator(b: SceneBuilder, width: float) -> None:
    """White ribs under a window."""
    b.thing("radiator")
    white = Material("plain", (0.88, 0.87, 0.84), specular=0.04, roughness=0.4, wear=0.08)
    for k in range(int(width / 0.07)):
        x = -0.5 * width + 0.07 * (k + 0.5)
        b.box((x, -0.1, 0.4), (0.045, 0.1, 0.5), white)
    for z in (0.2, 0.6):
        b.rod((-0.5 * width, -0.1, z), (0.5 * width, -0.1, z), 0.025, white)


def boxes(b: SceneBuilder, p: Palette) -> None:
    """Large cartons on the floor, piled up."""
    z = 0.0
    for _ in range(int(p.rng.integers(1, 4))):
        x, y, h = p.uniform(0.3, 0.5), p.uniform(0.28, 0.4), p.uniform(0.18, 0.34)
        b.thing("carton")
        b.box(
            (p.uniform(-0.04, 0.04), -0.26, z + 0.5 * h),
            (x, y, h),
            p.printed(prints.label(p, x / h)),
            yaw=p.uniform(-0.2, 0.2),
        )
        z += h
