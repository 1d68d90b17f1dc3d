"""Shrubs and trees: clouds of leaves on branches."""

from __future__ import annotations

import math

import numpy as np

from splatmatch.synthetic.building import SceneBuilder, basis_along
from splatmatch.synthetic.materials import Material, Palette, darker


def foliage(p: Palette) -> Material:
    """The leaves of one plant."""
    green = (p.uniform(0.16, 0.36), p.uniform(0.4, 0.56), p.uniform(0.1, 0.22))
    return Material("leaf", green, darker(green, 0.55), (0.55, 0.66, 0.3), seed=p.seed(), specular=0.03, roughness=0.45)


def leaves(b: SceneBuilder, p: Palette, radius: float, count: int, leaf: Material, size: float) -> None:
    """Leaves over a ball around the origin, facing outwards more or less."""
    for _ in range(count):
        way = p.rng.standard_normal(3)
        way /= np.linalg.norm(way)
        normal = way + 0.6 * p.rng.standard_normal(3) + np.array([0.0, 0.0, 0.4])
        at = radius * p.uniform(0.75, 1.05) * way
        long = size * p.uniform(0.7, 1.3)
        b.sheet(at, (0.55 * long, long), leaf, rotation=basis_along(normal), disc=True)


def shrub(b: SceneBuilder, p: Palette, radius: float, count: int) -> None:
    """A round bush with flowers, resting on the origin."""
    leaf = foliage(p)
    with b.placed((0, 0, 0.7 * radius)):
        b.ball((0, 0, 0), (0.8 * radius, 0.8 * radius, 0.75 * radius), leaf)
        leaves(b, p, radius, count, leaf, 0.45 * radius)
        bloom = p.paint()
        for _ in range(count // 3):
            way = p.rng.standard_normal(3)
            way /= np.linalg.norm(way)
            b.ball(radius * way, 0.09 * radius, bloom)


def tree(b: SceneBuilder, p: Palette, height: float) -> None:
    """A trunk that branches twice, with leaves at the ends."""
    b.thing("tree")
    light, dark = p.timber()
    light, dark = darker(light, 0.5), darker(dark, 0.4)
    bark = Material("planks", light, dark, scale=0.8, aspect=5.0, seed=p.seed(), turn="across")
    leaf = foliage(p)
    fork = np.array([p.uniform(-0.2, 0.2), p.uniform(-0.2, 0.2), 0.45 * height])
    b.rod((0, 0, -0.1), fork, 0.13, bark, top=0.09)
    for k in range(5):
        angle = 2 * math.pi * k / 5 + p.uniform(-0.3, 0.3)
        out = p.uniform(0.16, 0.24) * height
        tip = fork + np.array([out * math.cos(angle), out * math.sin(angle), p.uniform(0.15, 0.35) * height])
        b.rod(fork, tip, 0.06, bark, top=0.025)
        with b.placed(tip):
            leaves(b, p, 0.15 * height, 55, leaf, 0.16)
        twig = fork + 0.6 * (tip - fork) + np.array([0.0, 0.0, 0.2 * height])
        b.rod(fork + 0.4 * (tip - fork), twig, 0.03, bark, top=0.012)
        with b.placed(twig):
            leaves(b, p, 0.13 * height, 45, leaf, 0.16)
