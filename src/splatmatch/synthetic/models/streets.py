"""Things that stand in a street, each with its foot at the origin of the current frame."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from splatmatch.synthetic.building import SceneBuilder, turn_x
from splatmatch.synthetic.materials import Material, Palette
from splatmatch.synthetic.models import furniture, prints, small
from splatmatch.synthetic.models.furniture import FACING
from splatmatch.synthetic.models.plants import shrub


def lantern(b: SceneBuilder, p: Palette) -> None:
    """A street lamp, unlit."""
    b.thing("street lamp")
    iron = p.paint(p.grey(0.05, 0.2))
    b.lathe((0, 0, 0), [(0, 0.12), (0.2, 0.11), (0.3, 0.06), (2.9, 0.04), (3.0, 0.09), (3.05, 0.06)], iron)
    b.rod((0, 0, 3.05), (0, 0, 3.4), 0.1, Material("plain", (0.85, 0.85, 0.75), specular=0.06, roughness=0.1), top=0.16)
    b.rod((0, 0, 3.4), (0, 0, 3.55), 0.2, iron, top=0.03)


def bollards(b: SceneBuilder, p: Palette) -> None:
    """Three posts with bands."""
    iron, band = p.paint(p.grey(0.05, 0.3)), p.paint()
    for x in (-0.9, 0.0, 0.9):
        b.thing("bollard")
        b.rod((x, 0, 0), (x, 0, 0.75), 0.07, iron, top=0.06)
        b.rod((x, 0, 0.6), (x, 0, 0.66), 0.069, band)
        b.ball((x, 0, 0.77), 0.07, iron)


def bench(b: SceneBuilder, p: Palette) -> None:
    """A bench of slats."""
    b.thing("bench")
    wood, iron = p.wood(), p.paint(p.grey(0.05, 0.2))
    for k in range(4):
        b.box((0, -0.06 - 0.11 * k, 0.44), (1.6, 0.09, 0.03), wood)
    for k in range(3):
        b.box((0, 0.03 + 0.03 * k, 0.56 + 0.12 * k), (1.6, 0.025, 0.09), wood, rotation=turn_x(-0.2))
    for x in (-0.65, 0.65):
        b.box((x, -0.2, 0.21), (0.05, 0.42, 0.42), iron)
        b.rod((x, 0.02, 0.42), (x, 0.11, 0.88), 0.02, iron)


def planter(b: SceneBuilder, p: Palette) -> None:
    """A tub with a bush."""
    b.thing("planter")
    skin = p.pick(p.boards(), p.masonry(0.12), p.terrazzo(), p.brick())
    size = p.uniform(0.5, 0.7)
    b.box((0, 0, 0.25), (size, size, 0.5), skin)
    b.box((0, 0, 0.5), (size + 0.06, size + 0.06, 0.04), p.plaster(0.5, 0.8))
    with b.placed((0, 0, 0.5)):
        shrub(b, p, 0.42 * size + 0.05, 90)


def crates(b: SceneBuilder, p: Palette) -> None:
    """Piled crates, some with fruit."""
    z = 0.0
    for k in range(int(p.rng.integers(2, 4))):
        b.thing("crate")
        w, d, h = p.uniform(0.5, 0.6), p.uniform(0.35, 0.45), p.uniform(0.22, 0.3)
        turn = p.uniform(-0.25, 0.25)
        b.box((0, 0, z + 0.5 * h), (w, d, h), p.printed(prints.label(p, w / h)) if k % 2 else p.boards(), yaw=turn)
        z += h
    skin = p.paint()
    b.thing("fruit")
    for i in range(-2, 3):
        for j in range(-1, 2):
            b.ball((0.09 * i, 0.1 * j, z + 0.04), p.uniform(0.035, 0.045), skin)


def board(b: SceneBuilder, p: Palette) -> None:
    """A folding sign with a print on both sides."""
    b.thing("folding sign")
    for side in (-1, 1):
        with b.placed((0, side * 0.1, 0.5), 0.0 if side < 0 else math.pi), b.placed((0, 0, 0), rotation=turn_x(-0.2)):
            b.box((0, 0.012, 0), (0.62, 0.02, 1.0), p.wood())
            b.sheet((0, 0, 0), (0.55, 0.9), p.printed(prints.poster(p, 0.61)), rotation=FACING)


def bin_(b: SceneBuilder, p: Palette) -> None:
    """A litter bin."""
    b.thing("bin")
    b.rod((0, 0, 0.08), (0, 0, 0.85), 0.24, p.pick(p.printed(prints.label(p, 2.0)), p.paint(), p.boards()), top=0.28)
    b.rod((0, 0, 0.85), (0, 0, 0.98), 0.3, p.metal(), top=0.12)


def cafe(b: SceneBuilder, p: Palette) -> None:
    """A small table with two chairs."""
    b.thing("cafe table")
    b.rod((0, 0, 0), (0, 0, 0.03), 0.22, p.metal())
    b.rod((0, 0, 0), (0, 0, 0.72), 0.03, p.metal())
    b.rod((0, 0, 0.72), (0, 0, 0.75), 0.36, p.pick(p.marble(), p.wood(), p.tiling(0.1)))
    with b.placed((0.1, 0.05, 0.75)):
        small.vase(b, p)
    with b.placed((-0.15, -0.1, 0.75)):
        small.mug(b, p)
    for side in (-1, 1):
        with b.placed((side * 0.35, 0, 0), -side * 0.5 * math.pi), b.placed((0, 0.45, 0)):
            furniture.chair(b, p)


def van(b: SceneBuilder, p: Palette) -> None:
    """A parked van, long along x, its middle at the origin."""
    b.thing("van")
    body, dark = p.paint().glossy(0.05, 0.12), p.paint((0.05, 0.05, 0.06))
    glass = Material("plain", (0.06, 0.08, 0.1), specular=0.08, roughness=0.04)
    b.box((-0.4, 0, 1.15), (3.0, 1.7, 1.6), body)
    b.box((1.5, 0, 0.75), (1.0, 1.66, 0.8), body)
    b.box((1.28, 0, 1.45), (0.55, 1.56, 0.75), glass, rotation=tilt_y(-0.45))
    b.box((0, 0, 0.35), (4.0, 1.6, 0.2), dark)
    for side in (-1, 1):
        with b.placed((0, 0, 0), 0.0 if side < 0 else math.pi):
            b.sheet((side * 0.55, -0.853, 1.2), (1.9, 1.1), p.printed(prints.poster(p, 1.73)), rotation=FACING)
            b.sheet((-side * 0.75, -0.853, 1.5), (0.6, 0.5), glass, rotation=FACING)
        for x in (-1.25, 1.3):
            b.rod((x, side * 0.66, 0.34), (x, side * 0.86, 0.34), 0.34, dark)
            b.rod((x, side * 0.66, 0.34), (x, side * 0.87, 0.34), 0.18, p.metal())
        b.ball((2.0, side * 0.6, 0.8), (0.03, 0.12, 0.1), p.metal())


def tilt_y(angle: float) -> np.ndarray:
    """Rotation (3, 3) about y."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


FURNITURE: tuple[Callable[[SceneBuilder, Palette], None], ...] = (
    lantern, bollards, bench, planter, planter, crates, board, bin_, cafe, planter, crates,
)  # fmt: skip
"""What may stand along the houses."""
