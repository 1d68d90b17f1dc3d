"""The shell of a room and what stands along its walls."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from splatmatch.synthetic.building import SceneBuilder, turn_x
from splatmatch.synthetic.materials import Material, Palette
from splatmatch.synthetic.models import furniture
from splatmatch.synthetic.models.furniture import FACING


@dataclass(frozen=True)
class Opening:
    """A window or door in a wall: x from its left end, z from the floor, metres."""

    x0: float
    x1: float
    z0: float
    z1: float


@dataclass(frozen=True)
class Wall:
    """One wall seen from inside: its left end, the direction that x runs in, its length."""

    corner: tuple[float, float, float]
    yaw: float
    length: float


def walls_of(half_x: float, half_y: float) -> tuple[Wall, Wall, Wall, Wall]:
    """North, east, south, west."""
    return (
        Wall((-half_x, half_y, 0.0), 0.0, 2 * half_x),
        Wall((half_x, half_y, 0.0), -0.5 * math.pi, 2 * half_y),
        Wall((half_x, -half_y, 0.0), math.pi, 2 * half_x),
        Wall((-half_x, -half_y, 0.0), 0.5 * math.pi, 2 * half_y),
    )


def wall_covering(p: Palette) -> Material:
    """What a wall is made of."""
    kinds = (p.paper, p.paper, p.brick, p.plaster, p.boards, p.paper)
    return kinds[int(p.rng.integers(len(kinds)))]()


def floor_covering(p: Palette) -> Material:
    """What a floor is made of."""
    carpet = p.speckle(p.muted(0.3, 0.7), p.muted(0.2, 0.6), p.vivid(), 0.012)
    return p.pick(p.boards(), p.boards(), p.boards(), p.tiling(0.33), p.terrazzo(), carpet)


def raise_wall(b: SceneBuilder, p: Palette, length: float, height: float, opening: Opening | None) -> None:
    """A wall in its own frame (x along it, room at y < 0), with skirting, around an opening."""
    b.thing("wall")
    skin = wall_covering(p)
    parts = [(0.0, length, 0.0, height)]
    if opening is not None:
        parts = [
            (0.0, opening.x0, 0.0, height),
            (opening.x1, length, 0.0, height),
            (opening.x0, opening.x1, 0.0, opening.z0),
            (opening.x0, opening.x1, opening.z1, height),
        ]
    for x0, x1, z0, z1 in parts:
        if x1 - x0 > 1e-6 and z1 - z0 > 1e-6:
            x, z = 0.5 * (x0 + x1), 0.5 * (z0 + z1)
            b.sheet((x, 0, z), (x1 - x0, z1 - z0), skin, rotation=FACING, anchor=(x, z))
    b.thing("skirting")
    b.box((0.5 * length, -0.008, 0.05), (length, 0.016, 0.1), p.pick(p.wood(), p.paint(p.grey(0.7, 0.95))))


def window(b: SceneBuilder, p: Palette, at: Opening, sky: float) -> None:
    """Frame, bars, sill, curtains, and the soft light that comes in."""
    b.thing("window")
    white = p.pick(p.paint(p.grey(0.85, 0.97)), p.paint(p.grey(0.85, 0.97)), p.wood())
    x, z, w, h = 0.5 * (at.x0 + at.x1), 0.5 * (at.z0 + at.z1), at.x1 - at.x0, at.z1 - at.z0
    reveal = p.plaster(0.8, 0.95)
    for side in (-1, 1):
        b.box((x + side * (0.5 * w + 0.01), 0.13, z), (0.02, 0.26, h), reveal)
        b.box((x, 0.13, z + side * (0.5 * h + 0.01)), (w, 0.26, 0.02), reveal)
        b.box((x + side * (0.5 * w - 0.025), 0.12, z), (0.05, 0.05, h), white)
        b.box((x, 0.12, z + side * (0.5 * h - 0.025)), (w - 0.1, 0.05, 0.05), white)
    for k in range(1, int(p.rng.integers(2, 4))):
        b.box((at.x0 + k * w / 2, 0.12, z), (0.04, 0.04, h - 0.1), white)
    b.box((x, 0.12, z + 0.12 * h), (w - 0.1, 0.03, 0.03), white)
    b.box((x, -0.06, at.z0 - 0.02), (w + 0.2, 0.16, 0.035), white)
    b.panel((x, -0.01, z), (0.5 * w, 0, 0), (0, 0, 0.5 * h), (0.85, 0.93, 1.0), sky)
    with b.placed((x, -0.03, 0)):
        furniture.radiator(b, 0.7 * w)
    if p.rng.random() < 0.75:
        b.thing("curtain rod")
        b.rod((at.x0 - 0.45, -0.1, at.z1 + 0.1), (at.x1 + 0.45, -0.1, at.z1 + 0.1), 0.012, p.metal())
        for x0 in (at.x0 - 0.2, at.x1 + 0.2):
            with b.placed((x0, -0.1, at.z1 + 0.09)):
                furniture.curtain(b, p, p.uniform(0.4, 0.55), at.z1 + 0.05)


def door(b: SceneBuilder, p: Palette, x: float) -> None:
    """A panelled door with its frame, shut."""
    b.thing("door")
    leaf, trim = p.pick(p.wood(), p.paint(p.muted()), p.boards("across")), p.paint(p.grey(0.6, 0.95))
    b.box((x, -0.015, 1.0), (0.85, 0.03, 2.0), leaf)
    for z, h in ((0.45, 0.6), (1.35, 0.95)):
        for side in (-0.2, 0.2):
            b.box((x + side, -0.034, z), (0.26, 0.012, h), leaf)
    for side in (-0.47, 0.47):
        b.box((x + side, -0.02, 1.03), (0.09, 0.05, 2.1), trim)
    b.box((x, -0.02, 2.06), (0.85, 0.05, 0.09), trim)
    b.rod((x + 0.34, -0.03, 1.02), (x + 0.34, -0.09, 1.02), 0.012, p.metal())
    b.rod((x + 0.36, -0.085, 1.02), (x + 0.24, -0.085, 1.02), 0.01, p.metal())


def furnish(
    b: SceneBuilder, p: Palette, wall: Wall, opening: Opening | None, with_door: bool, lamps: list[bool]
) -> None:
    """Furniture from left to right along one wall, pictures and shelves above what is low."""
    x, end = 0.55, wall.length - 0.55
    if with_door:
        at = 0.9 if p.rng.random() < 0.5 else wall.length - 0.9
        door(b, p, at)
        x, end = (1.6, end) if at < 1 else (x, wall.length - 1.6)
    while end - x > 0.5:
        low = opening is not None and opening.x0 - 0.6 < x + 0.9 and x < opening.x1 + 0.6
        width, height = _piece(b, p, x, end - x, low, lamps)
        in_window = opening is not None and opening.x0 - 0.45 < x + width and x < opening.x1 + 0.45
        if height < 1.3 and not in_window:
            _decorate(b, p, x + 0.5 * width, width, height)
        x += width + p.uniform(0.08, 0.35)


LOW_PIECES = ("chest", "plant", "cartons", "desk", "nothing")
PIECES = ("shelves", "shelves", "chest", "wardrobe", "sofa", "sofa", "armchair", "television", "desk", "plant", "lamp")


def _piece(b: SceneBuilder, p: Palette, x: float, room: float, low: bool, lamps: list[bool]) -> tuple[float, float]:
    """One piece of furniture whose left end is at x; its width and height."""
    kinds = LOW_PIECES if low else PIECES
    sizes = {
        "shelves": (p.uniform(0.8, 1.5), p.uniform(1.5, 2.1)),
        "chest": (p.uniform(0.8, 1.4), p.uniform(0.7, 1.0)),
        "wardrobe": (p.uniform(1.0, 1.6), p.uniform(1.8, 2.1)),
        "sofa": (p.uniform(1.7, 2.3), 0.9),
        "armchair": (p.uniform(0.85, 1.0), 0.9),
        "television": (1.6, 1.15),
        "desk": (p.uniform(1.1, 1.6), 0.75),
        "plant": (0.6, p.uniform(0.6, 1.3)),
        "lamp": (0.5, 1.8),
        "cartons": (0.55, 0.8),
        "nothing": (0.5, 0.0),
    }
    fitting = [kind for kind in kinds if sizes[kind][0] <= room]
    if not fitting:
        return room, 0.0
    kind = fitting[int(p.rng.integers(len(fitting)))]
    width, height = sizes[kind]
    with b.placed((x + 0.5 * width, -0.03, 0)):
        if kind == "shelves":
            furniture.bookshelf(b, p, width, height)
        elif kind in {"chest", "wardrobe"}:
            furniture.cupboard(b, p, width, height)
        elif kind in {"sofa", "armchair"}:
            furniture.sofa(b, p, width)
        elif kind == "television":
            furniture.television(b, p)
        elif kind == "lamp":
            furniture.floor_lamp(b, p, lit=lamps[0])
            lamps[0] = False
        elif kind == "cartons":
            furniture.boxes(b, p)
        elif kind == "plant":
            with b.placed((0, -0.35, 0)):
                furniture.plant(b, p, height)
        elif kind == "desk":
            with b.placed((0, -0.36, 0)):
                furniture.table(b, p, (width, 0.62, height), 7)
            with b.placed((p.uniform(-0.2, 0.2), -0.95, 0), math.pi + p.uniform(-0.4, 0.4)):
                furniture.chair(b, p)
    return width, height


def _decorate(b: SceneBuilder, p: Palette, x: float, width: float, height: float) -> None:
    """A shelf, a clock or one to three pictures above a low piece."""
    choice = p.rng.random()
    if choice < 0.18 and width > 0.7:
        with b.placed((x, -0.005, max(1.45, height + 0.45))):
            furniture.shelf(b, p, min(1.2, 0.8 * width))
    elif choice < 0.26:
        with b.placed((x, -0.002, 1.85)):
            furniture.wall_clock(b, p)
    else:
        count = max(1, min(3, int(width / 0.6)))
        for k in range(count):
            w, h = p.uniform(0.3, 0.52), p.uniform(0.35, 0.62)
            z = max(1.62, height + 0.2 + 0.5 * h) + p.uniform(-0.03, 0.12)
            with b.placed((x + (k - 0.5 * (count - 1)) * width / count, -0.002, z)):
                furniture.hanging(b, p, w, h)


def ceiling(b: SceneBuilder, p: Palette, half_x: float, half_y: float, height: float) -> None:
    """Plain plaster, with beams half of the time."""
    b.thing("ceiling")
    b.sheet((0, 0, height), (2 * half_x, 2 * half_y), p.plaster(0.85, 0.96, 0.08), rotation=turn_x(math.pi))
    if p.rng.random() < 0.5:
        wood = p.wood()
        for k in range(3):
            b.thing("beam")
            x = (k - 1) * 0.62 * half_x
            b.box((x, 0, height - 0.08), (0.16, 2 * half_y, 0.16), wood)


def floor(b: SceneBuilder, p: Palette, half_x: float, half_y: float) -> None:
    """The floor around the origin."""
    b.thing("floor")
    b.sheet((0, 0, 0), (2 * half_x, 2 * half_y), floor_covering(p), rotation=np.eye(3))


def pendant(b: SceneBuilder, p: Palette, x: float, y: float, height: float, strength: float) -> None:
    """A lamp on a cord under the ceiling, lit."""
    b.thing("ceiling lamp")
    z = height - p.uniform(0.35, 0.55)
    b.rod((x, y, z), (x, y, height), 0.005, p.paint((0.1, 0.1, 0.1)))
    b.rod((x, y, z - 0.12), (x, y, z + 0.05), 0.22, p.paint(), top=0.06, open_ends=True)
    b.ball((x, y, z - 0.06), 0.04, Material("plain", (1.0, 0.93, 0.8), emission=8.0))
    b.lamp((x, y, z - 0.13), (1.0, 0.88, 0.7), strength, 0.05)


def gallery(b: SceneBuilder, p: Palette, length: float, low: float, high: float) -> None:
    """Pictures side by side over the whole length of a wall, in its frame."""
    x = 0.25
    while x < length - 0.5:
        width = p.uniform(0.3, 0.6)
        tall = min(width * p.uniform(0.8, 1.5), high - low)
        if x + width > length - 0.2:
            return
        with b.placed((x + 0.5 * width, -0.002, p.uniform(low + 0.5 * tall, high - 0.5 * tall))):
            furniture.hanging(b, p, width, tall)
        x += width + p.uniform(0.1, 0.25)
