"""House fronts in their own frame: x along the street, front at y = 0 looking towards -y, z up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.synthetic.building import SceneBuilder, turn_x
from splatmatch.synthetic.materials import Material, Palette, darker
from splatmatch.synthetic.models import prints
from splatmatch.synthetic.models.furniture import FACING
from splatmatch.synthetic.models.plants import shrub

DEPTH = 0.32
"""Thickness of outer walls in metres."""


@dataclass(frozen=True)
class Trim:
    """What the parts of one house are made of."""

    wall: Material
    base: Material
    frame: Material
    glass: Material
    shutter: Material | None
    stone: Material


def trim_of(p: Palette) -> Trim:
    """The materials of a house."""
    walls = (
        p.brick,
        p.brick,
        lambda: p.plaster(0.5, 0.85, 0.22),
        lambda: p.plaster(0.5, 0.85, 0.22),
        lambda: p.masonry(0.35),
    )
    return Trim(
        wall=walls[int(p.rng.integers(len(walls)))](),
        base=p.pick(p.masonry(0.4), p.plaster(0.3, 0.55), p.brick()),
        frame=p.pick(p.paint(p.grey(0.75, 0.95)), p.paint(), p.wood()),
        glass=Material(
            "plaster",
            (0.05, 0.07, 0.09),
            (0.16, 0.17, 0.17),
            scale=0.5,
            contrast=1.0,
            seed=p.seed(),
            specular=0.07,
            roughness=0.05,
        ),
        shutter=p.boards("across") if p.rng.random() < 0.25 else (p.paint() if p.rng.random() < 0.5 else None),
        stone=Material(
            "plaster", p.grey(0.55, 0.85), p.grey(0.4, 0.7), scale=0.4, contrast=0.8, joint=0.3, wear=0.3, seed=p.seed()
        ),
    )


def house(b: SceneBuilder, p: Palette, width: float, floors: int) -> float:
    """A house front from x = 0 to ``width``; returns its height."""
    trim = trim_of(p)
    ground, storey = p.uniform(3.0, 3.4), p.uniform(2.7, 3.0)
    height = ground + storey * (floors - 1) + 0.35
    b.thing("house")
    _ground_floor(b, p, trim, width, ground)
    count = max(2, round(width / p.uniform(1.6, 2.1)))
    glass_w, glass_h = p.uniform(0.8, 1.0), p.uniform(1.3, 1.6)
    sill = 0.75
    for level in range(floors - 1):
        z = ground + level * storey
        b.thing("house")
        _block(b, trim.wall, 0, width, z, z + sill)
        _block(b, trim.wall, 0, width, z + sill + glass_h, z + storey)
        centres = [(k + 0.5) * width / count for k in range(count)]
        edges = [0.0, *(x for c in centres for x in (c - 0.5 * glass_w, c + 0.5 * glass_w)), width]
        for x0, x1 in zip(edges[::2], edges[1::2], strict=True):
            _block(b, trim.wall, x0, x1, z + sill, z + sill + glass_h)
        style = int(p.rng.integers(4))
        for c in centres:
            with b.placed((c, 0, z + sill)):
                _window(b, p, trim, glass_w, glass_h, style)
    b.thing("house")
    _block(b, trim.wall, 0, width, height - 0.35, height)
    b.box((0.5 * width, -0.1, height - 0.1), (width, 0.3, 0.2), trim.stone)
    b.box((0.5 * width, -0.03, ground - 0.05), (width, 0.1, 0.12), trim.stone)
    slope = Material(
        "bricks", p.muted(0.3, 0.5), p.muted(0.25, 0.45), (0.1, 0.09, 0.08),
        scale=0.24, aspect=0.9, joint=0.012, wear=0.3, seed=p.seed(),
    )  # fmt: skip
    b.thing("roof")
    b.box((0.5 * width, 1.2, height + 0.9), (width, 3.2, 0.08), slope, rotation=turn_x(0.62))
    b.thing("drainpipe")
    b.rod((0.12, -0.07, 0.0), (0.12, -0.07, height - 0.2), 0.045, p.paint(p.grey(0.2, 0.6)))
    return height


def _block(b: SceneBuilder, material: Material, x0: float, x1: float, z0: float, z1: float) -> None:
    """A piece of wall whose pattern runs on from its neighbours."""
    centre = (0.5 * (x0 + x1), 0.5 * DEPTH, 0.5 * (z0 + z1))
    b.box(centre, (x1 - x0, DEPTH, z1 - z0), material, continuous=True)


def _window(b: SceneBuilder, p: Palette, trim: Trim, w: float, h: float, style: int) -> None:
    """A window whose opening stands on the origin: pane, bars, sill, shutters or a balcony."""
    b.thing("window")
    b.sheet((0, 0.2, 0.5 * h), (w, h), trim.glass, rotation=FACING)
    if p.rng.random() < 0.6:
        drape = p.cloth()
        for side in (-1, 1):
            b.sheet((side * 0.33 * w, 0.195, 0.5 * h), (0.34 * w, h), drape, rotation=FACING)
    for x in (-0.5 * w + 0.03, 0.0, 0.5 * w - 0.03):
        b.box((x, 0.17, 0.5 * h), (0.06, 0.05, h), trim.frame)
    for z in (0.03, 0.62 * h, h - 0.03):
        b.box((0, 0.168, z), (w, 0.05, 0.055), trim.frame)
    b.box((0, -0.02, -0.04), (w + 0.2, 0.2, 0.08), trim.stone)
    b.box((0, -0.012, h + 0.09), (w + 0.16, 0.07, 0.18), trim.stone)
    if trim.shutter is not None:
        for side in (-1, 1):
            x = side * (0.5 * w + 0.27)
            b.box((x, -0.025, 0.5 * h), (0.46, 0.035, h + 0.06), trim.shutter)
            for z in (0.28 * h, 0.72 * h):
                b.box((x, -0.045, z), (0.36, 0.012, 0.36 * h), trim.shutter)
    if style == 0:
        b.thing("flower box")
        b.box((0, -0.16, 0.07), (w, 0.16, 0.15), p.pick(p.wood(), p.paint()))
        for k in range(3):
            with b.placed(((k - 1) * 0.3 * w, -0.16, 0.17)):
                shrub(b, p, 0.13, 22)
    elif style == 1:
        b.thing("balcony")
        b.box((0, -0.3, -0.12), (w + 0.5, 0.6, 0.1), trim.stone)
        iron = p.paint(p.grey(0.03, 0.15))
        b.rod((-0.5 * w - 0.22, -0.57, 0.85), (0.5 * w + 0.22, -0.57, 0.85), 0.018, iron)
        bars = int((w + 0.44) / 0.12)
        for k in range(bars + 1):
            x = -0.5 * w - 0.22 + k * (w + 0.44) / bars
            b.rod((x, -0.57, -0.07), (x, -0.57, 0.85), 0.009, iron)


def _ground_floor(b: SceneBuilder, p: Palette, trim: Trim, width: float, height: float) -> None:
    """A door and a shop window or two, with signs, awning and posters."""
    door = 0.8 + 0.5 * (p.rng.random() < 0.5)
    sides = (door + 0.55, width - 0.35) if p.rng.random() < 0.7 else (door + 1.2, width - 1.2)
    top, sill = 2.35, 0.55
    shop_low, shop_high = sides
    for x0, x1, z0, z1 in (
        (0.0, door - 0.5, 0.0, height),
        (door - 0.5, door + 0.5, top, height),
        (door + 0.5, shop_low, 0.0, height),
        (shop_low, shop_high, top, height),
        (shop_high, width, 0.0, height),
        (shop_low, shop_high, 0.0, sill),
    ):
        if x1 - x0 > 0.02:
            _block(b, trim.base if z0 == 0.0 and z1 < height else trim.wall, x0, x1, z0, z1)
    b.box((0.5 * (shop_low + shop_high), -0.02, sill), (shop_high - shop_low + 0.1, 0.14, 0.07), trim.stone)
    b.thing("door")
    leaf = p.pick(p.wood(), p.paint(), p.boards("across"))
    b.box((door, 0.2, 0.5 * top), (1.0, 0.06, top), leaf)
    for z in (0.55, 1.4):
        for x in (-0.23, 0.23):
            b.box((door + x, 0.165, z), (0.34, 0.02, 0.65), leaf)
    b.ball((door + 0.38, 0.12, 1.05), 0.035, p.metal())
    b.box((door, -0.25, 0.06), (1.2, 0.5, 0.12), trim.stone)
    b.thing("shop window")
    w, x = shop_high - shop_low, 0.5 * (shop_low + shop_high)
    b.sheet((x, 0.26, 0.5 * (sill + top)), (w, top - sill), trim.glass, rotation=FACING)
    panes = max(2, round(w / 1.1))
    for k in range(panes + 1):
        b.box((shop_low + k * w / panes, 0.2, 0.5 * (sill + top)), (0.07, 0.08, top - sill), trim.frame)
    for k in range(panes):
        if p.rng.random() < 0.7:
            b.thing("display")
            across, tall = p.uniform(0.4, 0.8), p.uniform(0.5, 1.1)
            at = (shop_low + (k + 0.5) * w / panes, 0.245, sill + 0.1 + 0.5 * tall + p.uniform(0, 0.3))
            b.sheet(at, (across, tall), p.printed(prints.picture(p, across / tall)), rotation=FACING)
    b.thing("shop sign")
    board = min(w, 3.6)
    b.box((x, -0.05, top + 0.32), (board, 0.08, 0.46), p.paint())
    b.sheet(
        (x, -0.0915, top + 0.32),
        (board - 0.06, 0.42),
        p.printed(prints.sign(p, (board - 0.06) / 0.42)),
        rotation=FACING,
    )
    if p.rng.random() < 0.5:
        b.thing("awning")
        stripes = Material("stripes", p.vivid(), (0.93, 0.92, 0.88), p.vivid(), scale=1.2, seed=p.seed())
        b.box((x, -0.5, top - 0.12), (w + 0.1, 1.05, 0.02), stripes, rotation=turn_x(0.35))
    if shop_low - door > 0.9:
        b.thing("poster")
        across = p.uniform(0.3, 0.45)
        tall, place = across * p.uniform(1.2, 1.5), 0.5 * (door + 0.5 + shop_low)
        art = p.printed(prints.picture(p, across / tall))
        b.sheet((place, -0.004, p.uniform(1.2, 1.8)), (across, tall), art, rotation=FACING)


def gate(b: SceneBuilder, p: Palette, width: float) -> None:
    """A wall that closes a street, with a gate, a mural and posters; x from 0 to ``width``."""
    b.thing("end wall")
    wall, height = p.pick(p.masonry(0.5), p.brick()), p.uniform(3.2, 4.2)
    middle, half = 0.5 * width + p.uniform(-1, 1), 1.1
    _block(b, wall, 0, middle - half, -0.3, height)
    _block(b, wall, middle + half, width, -0.3, height)
    _block(b, wall, middle - half, middle + half, 2.6, height)
    b.box((0.5 * width, 0.5 * DEPTH, height + 0.05), (width, DEPTH + 0.14, 0.12), p.plaster(0.5, 0.8, 0.3))
    b.thing("gate")
    wood = p.boards("across")
    for side in (-1, 1):
        b.box((middle + side * 0.5 * half, 0.22, 1.2), (half, 0.07, 2.8), wood)
        for z in (0.5, 2.1):
            b.box((middle + side * 0.5 * half, 0.175, z), (half - 0.1, 0.02, 0.07), p.metal())
    for x in (0.5 * (middle - half), 0.5 * (middle + half + width)):
        b.thing("mural")
        across, tall = min(2.4, 0.8 * 2 * min(x, width - x)), p.uniform(1.4, 2.0)
        if across > 0.8:
            art = prints.abstract(p, across / tall) if p.rng.random() < 0.6 else prints.poster(p, across / tall)
            b.sheet((x, -0.004, 1.6), (across, tall), p.printed(art), rotation=FACING)


def cobbles(p: Palette, length: float, width: float) -> NDArray[np.float64]:
    """Heights of a road (rows across, columns along): crowned in the middle, worn and uneven."""
    columns, rows = int(length / 0.12), int(width / 0.12)
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    total: NDArray[np.float64] = 0.05 * (1 - (2 * y - 1) ** 2)
    for k in range(12):
        a, f = p.uniform(0, 6.28), p.uniform(0.6, 5.0) * (1 + k / 4)
        turn = p.uniform(0, math.pi)
        total += 0.012 / (1 + k / 3) * np.sin(f * (x * length * math.cos(turn) + y * width * math.sin(turn)) + a)
    total += 0.006 * p.rng.standard_normal(total.shape)
    return total


def pavement(p: Palette) -> Material:
    """What a road is paved with."""
    a, b, joint, seed = p.grey(0.3, 0.5), p.muted(0.25, 0.5), p.grey(0.1, 0.28), p.seed()
    return p.pick(
        Material("stones", a, b, joint, scale=0.16, aspect=1.4, contrast=0.8, joint=0.014, wear=0.4, seed=seed),
        Material("bricks", a, b, joint, scale=0.2, aspect=0.5, contrast=0.9, joint=0.01, wear=0.4, seed=seed),
        p.speckle(a, darker(a, 0.8), p.grey(0.5, 0.7), 0.02, 0.35),
    )
