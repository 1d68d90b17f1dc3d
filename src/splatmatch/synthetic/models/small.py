"""Small things that stand on tables, shelves and floors, each with its foot at the origin of the current frame."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from splatmatch.synthetic.building import SceneBuilder, turn_z
from splatmatch.synthetic.materials import Material, Palette, darker
from splatmatch.synthetic.models import prints


def book(b: SceneBuilder, p: Palette, size: tuple[float, float, float]) -> None:
    """An upright book (thickness, depth, height) whose back looks towards -y."""
    x, y, z = size
    b.thing("book")
    cover = p.printed(prints.spine(p))
    paper = Material("stripes", (0.9, 0.88, 0.8), (0.8, 0.77, 0.68), (0.95, 0.93, 0.88), scale=0.02, seed=p.seed())
    b.box((0, 0, 0.5 * z), (x, y, z), cover)
    b.box((0, 0.004, 0.5 * z + 0.001), (0.8 * x, y, z - 0.004), paper)


def stack(b: SceneBuilder, p: Palette) -> float:
    """Lying books; returns the height of the pile."""
    top = 0.0
    for _ in range(int(p.rng.integers(2, 6))):
        x, y, z = p.uniform(0.13, 0.2), p.uniform(0.19, 0.27), p.uniform(0.015, 0.04)
        b.thing("book")
        cover = p.printed(prints.label(p, x / y))
        with b.placed((p.uniform(-0.015, 0.015), p.uniform(-0.015, 0.015), top), p.uniform(-0.3, 0.3)):
            b.box((0, 0, 0.5 * z), (x, y, z), cover)
            b.box((0.003, 0, 0.5 * z), (x, y - 0.008, z - 0.006), p.paint(p.grey(0.8, 0.95)))
        top += z
    return top


def carton(b: SceneBuilder, p: Palette) -> float:
    """A printed box; returns its height."""
    x, y, z = p.uniform(0.06, 0.17), p.uniform(0.05, 0.12), p.uniform(0.07, 0.24)
    b.thing("box")
    b.box((0, 0, 0.5 * z), (x, y, z), p.printed(prints.label(p, x / z)))
    return z


def tin(b: SceneBuilder, p: Palette) -> float:
    """A tin with a label; returns its height."""
    radius, height = p.uniform(0.032, 0.05), p.uniform(0.08, 0.15)
    b.thing("tin")
    steel = Material("plain", (0.8, 0.8, 0.82), specular=0.6, roughness=0.25)
    b.rod((0, 0, 0), (0, 0, height), radius, p.printed(prints.label(p, 2 * math.pi * radius / height), 0.04))
    for z in (0.0, height):
        b.rod((0, 0, z - 0.003 if z else 0), (0, 0, z + 0.003), 1.04 * radius, steel)
    return height


def bottle(b: SceneBuilder, p: Palette) -> float:
    """A bottle of coloured glass (opaque) with a label."""
    r, h = p.uniform(0.03, 0.042), p.uniform(0.2, 0.3)
    b.thing("bottle")
    glass = p.paint(darker(p.vivid(), 0.5)).glossy(0.06, 0.1)
    b.lathe((0, 0, 0), [(0, r), (0.62 * h, r), (0.74 * h, 0.38 * r), (0.97 * h, 0.34 * r)], glass)
    b.rod((0, 0, 0.97 * h), (0, 0, h), 0.4 * r, p.metal())
    b.rod((0, 0, 0.15 * h), (0, 0, 0.5 * h), 1.02 * r, p.printed(prints.label(p, 2.4)), open_ends=True)
    return h


def vase(b: SceneBuilder, p: Palette) -> float:
    """A turned vase with a pattern, often with twigs."""
    r, h = p.uniform(0.04, 0.08), p.uniform(0.16, 0.3)
    b.thing("vase")
    skin = p.pick(p.tiling(0.05), p.marble(), p.cloth(), p.masonry(0.05), p.terrazzo()).glossy(0.05, 0.2)
    wide = p.uniform(1.1, 1.6)
    profile = [(0.0, 0.6 * r), (0.3 * h, wide * r), (0.55 * h, wide * 0.95 * r), (0.85 * h, 0.5 * r), (h, 0.7 * r)]
    b.lathe((0, 0, 0), profile, skin)
    if p.rng.random() < 0.6:
        b.thing("twigs")
        bark, bud = p.paint((0.3, 0.2, 0.12)), p.paint()
        for _ in range(int(p.rng.integers(4, 9))):
            angle, lean = p.uniform(0, 6.28), p.uniform(0.05, 0.16)
            tip = (lean * math.cos(angle), lean * math.sin(angle), h + p.uniform(0.12, 0.3))
            b.rod((0, 0, 0.9 * h), tip, 0.003, bark, top=0.002)
            for k in range(4):
                f = 0.4 + 0.2 * k
                at = [f * tip[0], f * tip[1], 0.9 * h + f * (tip[2] - 0.9 * h)]
                b.ball([at[0] + p.uniform(-0.012, 0.012), at[1], at[2]], p.uniform(0.006, 0.014), bud)
    return h


def mug(b: SceneBuilder, p: Palette) -> float:
    """A mug with a print and a handle."""
    r, h = p.uniform(0.036, 0.046), p.uniform(0.08, 0.1)
    b.thing("mug")
    glaze = p.printed(prints.label(p, 2 * math.pi * r / h), 0.05)
    plain = p.paint().glossy()
    b.rod((0, 0, 0), (0, 0, h), r, glaze, open_ends=True)
    b.rod((0, 0, 0), (0, 0, 0.8 * h), 0.94 * r, p.paint((0.25, 0.14, 0.06)))
    for z0, z1, x0, x1 in ((0.2, 0.3, 1.0, 1.6), (0.3, 0.7, 1.6, 1.6), (0.7, 0.8, 1.6, 1.0)):
        b.rod((x0 * r, 0, z0 * h), (x1 * r, 0, z1 * h), 0.006, plain)
    return h


def bowl(b: SceneBuilder, p: Palette) -> float:
    """A bowl of fruit."""
    r = p.uniform(0.11, 0.15)
    b.thing("bowl")
    b.rod((0, 0, 0), (0, 0, 0.08), 0.5 * r, p.pick(p.paint(), p.tiling(0.04), p.wood()).glossy(), top=r, open_ends=True)
    b.rod((0, 0, 0), (0, 0, 0.02), 0.52 * r, p.paint(), top=0.62 * r)
    b.thing("fruit")
    for k in range(7):
        angle, out = k * 1.05, 0.5 * r if k < 6 else 0.0
        skin = Material(
            "plaster", p.vivid(), p.vivid(), scale=0.08, contrast=0.7, seed=p.seed(), specular=0.04, roughness=0.3
        )
        b.ball((out * math.cos(angle), out * math.sin(angle), 0.075 if k < 6 else 0.12), p.uniform(0.03, 0.04), skin)
    return 0.15


def toy_ball(b: SceneBuilder, p: Palette) -> float:
    """A patterned ball."""
    r = p.uniform(0.04, 0.11)
    b.thing("ball")
    skin = p.pick(p.cloth(), p.tiling(0.07), p.marble(), p.terrazzo(), p.paint(), p.wood(), p.metal())
    b.ball((0, 0, r), r, skin, yaw=p.uniform(0, 6))
    return 2 * r


def blocks(b: SceneBuilder, p: Palette) -> float:
    """A few toy blocks, some on top of others."""
    for k in range(int(p.rng.integers(3, 8))):
        side = p.uniform(0.03, 0.05)
        b.thing("block")
        level = side if k % 3 == 2 else 0.0
        at = (0.05 * math.cos(2.1 * (k // 3)), 0.05 * math.sin(2.1 * (k // 3)), level + 0.5 * side)
        if k % 3 == 1:
            at = (at[0] + 0.09, at[1], at[2])
        face = p.printed(prints.label(p, 1.0)) if k % 2 else p.paint()
        b.box(at, (side, side, side), face, yaw=p.uniform(0, 3))
    return 0.08


def candle(b: SceneBuilder, p: Palette) -> float:
    """A candle in a metal stick."""
    h = p.uniform(0.12, 0.25)
    b.thing("candle")
    brass = p.metal()
    b.lathe((0, 0, 0), [(0, 0.045), (0.012, 0.04), (0.02, 0.012), (0.06, 0.01), (0.07, 0.022), (0.08, 0.02)], brass)
    b.rod((0, 0, 0.08), (0, 0, 0.08 + h), 0.011, p.paint(p.muted(0.6, 1.0)))
    return 0.08 + h


def frame(b: SceneBuilder, p: Palette) -> float:
    """A small picture that leans back."""
    w, h = p.uniform(0.12, 0.2), p.uniform(0.14, 0.24)
    b.thing("photo frame")
    lean = np.array([[1.0, 0.0, 0.0], [0.0, math.sin(0.2), -math.cos(0.2)], [0.0, math.cos(0.2), math.sin(0.2)]])
    with b.placed((0, 0, 0.01), rotation=lean):
        b.box((0, 0.5 * h, -0.008), (w, h, 0.016), p.wood())
        b.sheet(
            (0, 0.5 * h, 0.0015), (w - 0.03, h - 0.03), p.printed(prints.picture(p, w / h), 0.04), rotation=np.eye(3)
        )
    return h


def globe(b: SceneBuilder, p: Palette) -> float:
    """A ball on a foot with a ring around it."""
    r = p.uniform(0.08, 0.12)
    b.thing("globe")
    brass = p.metal()
    b.lathe((0, 0, 0), [(0, 0.08), (0.02, 0.07), (0.03, 0.012), (0.08, 0.012)], brass)
    land = Material(
        "plaster",
        p.vivid(),
        p.vivid(),
        scale=0.12,
        contrast=2.2,
        joint=0.1,
        seed=p.seed(),
        specular=0.04,
        roughness=0.2,
    )
    b.ball((0, 0, 0.08 + r), r, land)
    for k in range(16):
        a0, a1 = math.pi * (k - 8) / 16, math.pi * (k - 7) / 16
        start = (1.1 * r * math.cos(a0), 0, 0.08 + r + 1.1 * r * math.sin(a0))
        b.rod(start, (1.1 * r * math.cos(a1), 0, 0.08 + r + 1.1 * r * math.sin(a1)), 0.004, brass)
    return 0.08 + 2.2 * r


def papers(b: SceneBuilder, p: Palette) -> float:
    """Loose printed sheets, one on the other."""
    for k in range(int(p.rng.integers(1, 4))):
        b.thing("paper")
        h = p.uniform(0.2, 0.3)
        picture = prints.page(p, 0.7) if p.rng.random() < 0.5 else prints.picture(p, 0.7)
        at = (p.uniform(-0.05, 0.05), p.uniform(-0.05, 0.05), 0.0012 * (k + 1))
        b.sheet(at, (0.7 * h, h), p.printed(picture), rotation=turn_z(p.uniform(0, 6.28)))
    return 0.01


def pebble(b: SceneBuilder, p: Palette) -> float:
    """A stone or a wooden egg."""
    r = p.uniform(0.025, 0.06)
    b.thing("stone")
    b.ball(
        (0, 0, 0.7 * r), (1.2 * r, 0.9 * r, 0.7 * r), p.pick(p.marble(), p.terrazzo(), p.wood()), yaw=p.uniform(0, 3)
    )
    return 1.4 * r


def pencils(b: SceneBuilder, p: Palette) -> float:
    """A cup of pencils."""
    b.thing("pencil cup")
    b.rod((0, 0, 0), (0, 0, 0.1), 0.04, p.pick(p.cloth(), p.printed(prints.label(p, 2.5)), p.metal()), open_ends=True)
    b.rod((0, 0, 0), (0, 0, 0.01), 0.039, p.paint())
    b.thing("pencils")
    for k in range(9):
        angle, lean = 0.7 * k, p.uniform(0.02, 0.05)
        x, y = math.cos(angle), math.sin(angle)
        foot, tip = np.array([-0.02 * x, -0.02 * y, 0.012]), np.array([lean * x, lean * y, p.uniform(0.15, 0.2)])
        b.rod(foot, tip, 0.0038, p.paint())
        b.rod(tip, tip + 0.1 * (tip - foot), 0.0038, p.paint((0.85, 0.7, 0.5)), top=0.0006)
    return 0.2


def desk_lamp(b: SceneBuilder, p: Palette) -> float:
    """A lamp with a shade, unlit."""
    h = p.uniform(0.3, 0.42)
    b.thing("table lamp")
    foot = p.pick(p.tiling(0.06), p.metal(), p.wood(), p.marble())
    profile = [(0, 0.07), (0.02, 0.065), (0.04, 0.025), (0.2 * h, 0.045), (0.5 * h, 0.015), (h, 0.01)]
    b.lathe((0, 0, 0), profile, foot)
    b.rod((0, 0, 0.72 * h), (0, 0, 1.15 * h), 0.13, p.cloth(), top=0.08, open_ends=True)
    return 1.15 * h


def chess(b: SceneBuilder, p: Palette) -> float:
    """A chess board with some turned men."""
    light, dark = p.timber()
    b.thing("chess board")
    cell = 0.045
    board = Material(
        "tiles", light, dark, darker(dark, 0.6), scale=cell, contrast=0.6, seed=p.seed(), specular=0.04, roughness=0.2
    )
    b.box((0, 0, 0.008), (8 * cell, 8 * cell, 0.016), board)
    b.box((0, 0, 0.007), (8.8 * cell, 8.8 * cell, 0.014), p.wood())
    colours = (p.paint(light), p.paint(darker(dark, 0.5)))
    for k, place in enumerate(p.rng.choice(64, size=16, replace=False)):
        b.thing("chess man")
        at = ((place % 8 - 3.5) * cell, (place // 8 - 3.5) * cell, 0.016)
        tall = p.uniform(0.035, 0.07)
        outline = ((0, 0.016), (0.15, 0.014), (0.3, 0.007), (0.75, 0.005), (0.8, 0.011), (0.85, 0.009))
        b.lathe(at, [(part * tall, radius) for part, radius in outline], colours[k % 2])
        b.ball((at[0], at[1], at[2] + tall), 0.011, colours[k % 2])
    return 0.09


def terrain(b: SceneBuilder, p: Palette) -> float:
    """A relief model of a landscape on a board."""
    b.thing("relief model")
    b.box((0, 0, 0.008), (0.42, 0.42, 0.016), p.wood())
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    grid = np.zeros_like(x)
    for k in range(40):
        a, f, turn = p.uniform(0, 6.28), 1.5 * 1.08**k * p.uniform(0.8, 1.25), p.uniform(0, math.pi)
        grid += 1.075**-k * np.abs(np.sin(f * (x * math.cos(turn) + y * math.sin(turn)) + a))
    grid += 5.0 * np.exp(-5 * (x - p.uniform(-0.4, 0.4)) ** 2 - 5 * (y - p.uniform(-0.4, 0.4)) ** 2)
    grid = (grid - grid.min()) / (grid.max() - grid.min()) * np.clip(4 * (1 - np.maximum(abs(x), abs(y))), 0, 1)
    grid *= p.uniform(0.08, 0.13)
    skin = Material("plaster", p.vivid(), p.vivid(), scale=0.03, contrast=1.8, joint=0.2, wear=0.6, seed=p.seed())
    b.heights((0, 0, 0.017), (0.4, 0.4), grid, skin)
    return 0.2


def car(b: SceneBuilder, p: Palette) -> float:
    """A toy car."""
    b.thing("toy car")
    body, black = p.paint().glossy(), p.paint((0.06, 0.06, 0.07))
    b.box((0, 0, 0.032), (0.17, 0.075, 0.034), body)
    b.box((-0.012, 0, 0.062), (0.09, 0.066, 0.03), p.paint((0.12, 0.16, 0.2)).glossy(0.06, 0.1))
    b.box((-0.012, 0, 0.078), (0.086, 0.064, 0.004), body)
    for x in (-0.05, 0.05):
        for y in (-0.038, 0.038):
            b.rod((x, y - 0.008, 0.019), (x, y + 0.008, 0.019), 0.019, black)
            b.rod((x, y - 0.009, 0.019), (x, y + 0.009, 0.019), 0.009, p.metal())
    return 0.08


def chain(b: SceneBuilder, p: Palette) -> float:
    """A ring of beads."""
    b.thing("beads")
    count, r = int(p.rng.integers(12, 22)), p.uniform(0.05, 0.09)
    skins = (p.paint().glossy(), p.wood(), p.metal())
    for k in range(count):
        angle = 2 * math.pi * k / count
        size = math.pi * r / count
        wobble = 1.0 + 0.25 * math.sin(3 * angle)
        b.ball((wobble * r * math.cos(angle), wobble * r * math.sin(angle), size), size, skins[k % 3])
    return 0.03


SMALL: tuple[Callable[[SceneBuilder, Palette], float], ...] = (
    stack, carton, tin, bottle, vase, mug, bowl, toy_ball, blocks, candle, frame, globe, pebble, pencils, desk_lamp,
    car, chain, carton, toy_ball, tin,
)  # fmt: skip
"""Things that fit on any shelf or table; what is named twice comes twice as often."""
