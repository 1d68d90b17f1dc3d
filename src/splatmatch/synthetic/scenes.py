"""Whole scenes from a seed: a furnished room, things on a table, a street."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from splatmatch.synthetic.building import SceneBuilder
from splatmatch.synthetic.materials import Palette, Sky
from splatmatch.synthetic.models import facades, furniture, plants, rooms, small, streets
from splatmatch.synthetic.scene import Guide, SceneKind, SyntheticScene


def build_scene(kind: SceneKind, seed: int) -> SyntheticScene:
    """The scene of this kind and seed; the same arrays at every call.

    Args:
        kind: ``room`` (furnished), ``table`` (small things close by) or ``street`` (a corridor of facades).
        seed: any integer >= 0; layout, materials, colours and light all follow from it.

    Raises:
        ValueError: an unknown kind or a negative seed.
    """
    makers = {"room": room, "table": table, "street": street}
    if kind not in makers or seed < 0:
        raise ValueError(f"scenes are room, table or street with a seed >= 0, not {kind} {seed}")
    rng = np.random.default_rng((seed, sum(kind.encode())))
    return makers[kind](Palette(rng, float(rng.uniform())), seed)


def room(p: Palette, seed: int) -> SyntheticScene:
    """A room of 5 to 8 metres with a window or two, furniture along the walls, a table on a rug in the middle."""
    b = SceneBuilder(texel=0.08)
    half_x, half_y, height = p.uniform(3.0, 4.0), p.uniform(2.6, 3.4), p.uniform(2.5, 2.9)
    walls = rooms.walls_of(half_x, half_y)
    lit, doored = p.rng.permutation(4)[:2]
    sides = {int(lit)} | ({int((lit + 1) % 4)} if p.rng.random() < 0.3 else set())
    rooms.floor(b, p, half_x, half_y)
    rooms.ceiling(b, p, half_x, half_y, height)
    lamps = [True]
    for side, wall in enumerate(walls):
        opening = None
        if side in sides:
            width, middle = p.uniform(1.4, 2.2), wall.length * p.uniform(0.4, 0.6)
            opening = rooms.Opening(
                middle - 0.5 * width, middle + 0.5 * width, p.uniform(0.8, 0.95), p.uniform(2.0, 2.2)
            )
        with b.placed(wall.corner, wall.yaw):
            rooms.raise_wall(b, p, wall.length, height, opening)
            rooms.furnish(b, p, wall, opening, side == doored, lamps)
            if opening is not None:
                rooms.window(b, p, opening, sky=4.0)
    furniture.rug(b, p, (p.uniform(2.2, 3.0), p.uniform(1.5, 2.1)), 0.0)
    low = p.rng.random() < 0.5
    with b.placed((p.uniform(-0.2, 0.2), p.uniform(-0.2, 0.2), 0.012), p.uniform(-0.15, 0.15)):
        size = (p.uniform(1.0, 1.4), p.uniform(0.6, 0.85), p.uniform(0.4, 0.48) if low else p.uniform(0.7, 0.76))
        furniture.table(b, p, size, 8)
        if not low:
            for angle in (0.0, math.pi):
                for x in (-0.3, 0.3):
                    with b.placed((0, 0, 0), angle), b.placed((x, 0.5 * size[1] + 0.28, 0), p.uniform(-0.3, 0.3)):
                        furniture.chair(b, p)
    rooms.pendant(b, p, 0.0, 0.0, height, p.uniform(1.2, 2.2))
    turn = walls[int(lit)].yaw + p.uniform(-0.6, 0.6) + 0.5 * math.pi
    rise = p.uniform(0.35, 0.7)
    b.sun((math.cos(turn), math.sin(turn), math.tan(rise)), (1.0, 0.93, 0.8), p.uniform(5, 9), 0.012)
    sky = Sky((0.45, 0.65, 0.95), (0.85, 0.9, 0.97), p.uniform(0.3, 0.7), p.seed(), light=0.0)
    radii = (half_x - 1.25, half_y - 1.25)
    guide = Guide(
        centre=(0.0, 0.0, 1.5),
        radii=radii,
        target=(0.0, 0.0, 1.0),
        target_radii=(0.7 * half_x, 0.7 * half_y),
        lead=math.pi,
        start=p.uniform(0, 2 * math.pi),
        sweep=2 * math.pi,
        low=(0.3 - half_x, 0.3 - half_y, 0.25),
        high=(half_x - 0.3, half_y - 0.3, height - 0.2),
    )
    return b.finish("room", seed, sky, p.uniform(0.38, 0.46), guide)


def table(p: Palette, seed: int) -> SyntheticScene:
    """A table full of small things, in a room full of pictures."""
    b = SceneBuilder(texel=0.07)
    half_x, half_y, height = p.uniform(2.3, 2.8), p.uniform(2.2, 2.6), p.uniform(2.4, 2.7)
    walls = rooms.walls_of(half_x, half_y)
    lit = int(p.rng.integers(4))
    rooms.floor(b, p, half_x, half_y)
    rooms.ceiling(b, p, half_x, half_y, height)
    for side, wall in enumerate(walls):
        middle = 0.5 * wall.length
        opening = rooms.Opening(middle - 0.7, middle + 0.7, 0.9, 2.0) if side == lit else None
        with b.placed(wall.corner, wall.yaw):
            rooms.raise_wall(b, p, wall.length, height, opening)
            if opening is not None:
                rooms.window(b, p, opening, sky=4.0)
                continue
            with b.placed((middle, -0.02, 0)):
                make = furniture.bookshelf if p.rng.random() < 0.5 else furniture.cupboard
                make(b, p, p.uniform(1.0, 1.5), p.uniform(0.8, 1.15))
            rooms.gallery(b, p, wall.length, 1.35, height - 0.25)
    top = p.uniform(0.72, 0.77)
    size = (p.uniform(1.3, 1.6), p.uniform(0.85, 1.05), top)
    furniture.table(b, p, size, 0)
    with b.placed((0, 0, top)):
        for k in range(9):
            with b.placed((p.uniform(-0.4, 0.4) * size[0], p.uniform(-0.36, 0.36) * size[1], 0.0015 * k)):
                small.papers(b, p)
        centre = (-0.27 * size[0], 0.0)
        with b.placed((*centre, 0.0), p.uniform(-0.2, 0.2)):
            (small.chess if p.rng.random() < 0.6 else small.terrain)(b, p)
        count = int(p.rng.integers(24, 34))
        furniture.clutter(b, p, (size[0] - 0.04, size[1] - 0.04), 1.0, count, keep_off=((*centre, 0.24),))
    rooms.pendant(b, p, 0.0, 0.0, height, p.uniform(0.8, 1.4))
    turn = walls[lit].yaw + p.uniform(-0.5, 0.5) + 0.5 * math.pi
    b.sun((math.cos(turn), math.sin(turn), p.uniform(0.4, 0.8)), (1.0, 0.93, 0.8), p.uniform(4, 7), 0.012)
    sky = Sky((0.45, 0.65, 0.95), (0.85, 0.9, 0.97), p.uniform(0.3, 0.7), p.seed(), light=0.0)
    guide = Guide(
        centre=(0.0, 0.0, top + p.uniform(0.42, 0.6)),
        radii=(0.5 * size[0] + 0.42, 0.5 * size[1] + 0.55),
        target=(0.0, 0.0, top + 0.02),
        target_radii=(0.12, 0.12),
        lead=math.pi,
        start=p.uniform(0, 2 * math.pi),
        sweep=2 * math.pi,
        low=(-0.5 * size[0] - 0.7, -0.5 * size[1] - 0.7, top + 0.15),
        high=(0.5 * size[0] + 0.7, 0.5 * size[1] + 0.7, top + 0.9),
        horizontal_degrees=60.0,
    )
    return b.finish("table", seed, sky, p.uniform(0.38, 0.46), guide)


def street(p: Palette, seed: int) -> SyntheticScene:
    """A street of houses with shops, closed by walls at both ends."""
    b = SceneBuilder(texel=0.3)
    half_x, half_y = p.uniform(10.0, 13.0), p.uniform(4.9, 5.8)
    walk = 1.5
    b.thing("road")
    road = facades.cobbles(p, 2 * half_x, 2 * (half_y - walk))
    b.heights((0, 0, -0.02), (2 * half_x, 2 * (half_y - walk)), road, facades.pavement(p))
    for side in (0, 1):
        with b.placed((0, 0, 0), math.pi * side):
            _street_side(b, p, half_x, half_y, walk)
    for end, yaw in enumerate((0.0, math.pi)):
        with b.placed((0, 0, 0), yaw - 0.5 * math.pi), b.placed((-half_y, half_x, 0)):
            if end == 0:
                facades.gate(b, p, 2 * half_y)
            else:
                facades.house(b, p, 2 * half_y, 3)
            _row(b, p, 1.0, 2 * half_y - 1.0, -p.uniform(0.6, 1.0), 0.0)
    for side in range(int(p.rng.integers(1, 3))):
        at = (p.uniform(-0.8, 0.8) * half_x, (2 * side - 1) * (half_y - walk - 0.25), 0.0)
        with b.placed(at):
            plants.tree(b, p, p.uniform(3.6, 4.6))
    with b.placed((p.uniform(-0.5, 0.5) * half_x, half_y - walk - 0.75, 0.03), p.uniform(-0.05, 0.05)):
        streets.van(b, p)
    turn = p.uniform(0, 2 * math.pi)
    b.sun((math.cos(turn), math.sin(turn), p.uniform(0.9, 1.6)), (1.0, 0.94, 0.84), p.uniform(1.6, 2.6), 0.01)
    sky = Sky((0.32, 0.52, 0.88), (0.75, 0.84, 0.93), p.uniform(0.2, 0.8), p.seed(), light=2.0)
    guide = Guide(
        centre=(0.0, 0.0, 1.6),
        radii=(0.5 * half_x, half_y - walk - 2.3),
        target=(0.0, 0.0, 1.9),
        target_radii=(0.9 * half_x, half_y),
        lead=0.75,
        start=p.uniform(0, 2 * math.pi),
        sweep=2 * math.pi,
        low=(-0.8 * half_x, walk - half_y, 0.5),
        high=(0.8 * half_x, half_y - walk, 3.0),
        horizontal_degrees=70.0,
    )
    return b.finish("street", seed, sky, p.uniform(0.38, 0.46), guide)


def _street_side(b: SceneBuilder, p: Palette, half_x: float, half_y: float, walk: float) -> None:
    """Pavement, houses and what stands before them along y = half_y."""
    b.thing("pavement")
    gravel = p.speckle(p.grey(0.4, 0.6), p.grey(0.3, 0.5), p.grey(0.5, 0.7), 0.015)
    slabs = replace(p.pick(p.tiling(0.4), p.masonry(0.5), gravel), specular=0.0)
    b.box((0, half_y - 0.5 * walk, 0.04), (2 * half_x, walk, 0.16), slabs)
    b.box((0, half_y - walk - 0.06, 0.05), (2 * half_x, 0.14, 0.17), p.plaster(0.5, 0.7, 0.3))
    x = -half_x
    while x < half_x - 0.5:
        width = p.uniform(4.6, 7.5)
        if half_x - x - width < 4.0:
            width = half_x - x
        with b.placed((x, half_y, 0.1)):
            facades.house(b, p, width, int(p.rng.integers(2, 4)))
        x += width
    _row(b, p, 1.2 - half_x, half_x - 1.5, half_y - walk + 0.35, 0.12)


def _row(b: SceneBuilder, p: Palette, x: float, end: float, y: float, z: float) -> None:
    """Lamps, benches, tubs and the like along a line."""
    while x < end:
        make = streets.FURNITURE[int(p.rng.integers(len(streets.FURNITURE)))]
        with b.placed((x, y + p.uniform(-0.1, 0.15), z)):
            make(b, p)
        x += p.uniform(1.7, 3.0)
