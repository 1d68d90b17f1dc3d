"""Materials: what a surface is made of, in the terms of the compiled patterns, and colours to make them from."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from splatmatch.synthetic.kernels import layout

Colour = tuple[float, float, float]
"""sRGB-encoded red, green, blue in 0..1."""

Pattern = Literal[
    "plain", "plaster", "bricks", "tiles", "planks", "marble", "stones", "wallpaper", "fabric", "dots", "stripes",
    "print", "gravel", "leaf",
]  # fmt: skip

NUMBER_OF_PATTERN: dict[Pattern, int] = {
    "plain": layout.PLAIN,
    "plaster": layout.PLASTER,
    "bricks": layout.BRICKS,
    "tiles": layout.TILES,
    "planks": layout.PLANKS,
    "marble": layout.MARBLE,
    "stones": layout.STONES,
    "wallpaper": layout.WALLPAPER,
    "fabric": layout.FABRIC,
    "dots": layout.DOTS,
    "stripes": layout.STRIPES,
    "print": layout.PRINT,
    "gravel": layout.GRAVEL,
    "leaf": layout.LEAF,
}


@dataclass(frozen=True)
class Mark:
    """One shape of a print; later marks lie on top. Lengths are in heights of the print."""

    shape: int
    """``layout.BAR`` and its like."""
    x: float
    """Centre, from the left."""
    y: float
    """Centre, from below."""
    half_width: float
    half_height: float
    colour: Colour
    angle: float = 0.0
    """Radians."""
    extra: float = 0.0
    """Outline (bar, ring; 0 = filled bar), lines of text (glyphs), frequency (hills), number of points (star)."""
    seed: int = 0


@dataclass(frozen=True)
class Print:
    """A picture made of marks."""

    aspect: float
    """Width over height."""
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Material:
    """What a surface looks like. Lengths are metres."""

    pattern: Pattern
    a: Colour
    b: Colour = (0.5, 0.5, 0.5)
    c: Colour = (0.5, 0.5, 0.5)
    scale: float = 0.1
    """Size of the repeat."""
    aspect: float = 1.0
    """Shape of the repeat, or which variety of the pattern."""
    contrast: float = 1.0
    joint: float = 0.0
    """Width of joints; of plaster: depth of the relief."""
    wear: float = 0.0
    """Strength of large stains, 0..1."""
    seed: int = 0
    specular: float = 0.0
    """Reflectance at normal incidence; above 0.4 a metal of colour ``a``."""
    roughness: float = 0.5
    emission: float = 0.0
    """Radiance per unit of colour ``a``."""
    turn: Literal["no", "along", "across"] = "no"
    """``along``: the pattern runs along the longer side of each face; ``across``: turned by a right angle."""
    print: Print | None = None

    def glossy(self, specular: float = 0.04, roughness: float = 0.2) -> Material:
        """The same under varnish."""
        return replace(self, specular=specular, roughness=roughness)


@dataclass(frozen=True)
class Sky:
    """What is seen where there is nothing."""

    zenith: Colour
    horizon: Colour
    clouds: float
    """Amount, 0..1."""
    seed: int
    light: float
    """How much of its radiance lights the scene; 0 where it only shines in through windows, which are panels."""


def linear(colour: Colour) -> tuple[float, float, float]:
    """Linear RGB of an sRGB-encoded colour (IEC 61966-2-1)."""
    encoded = np.clip(np.array(colour), 0.0, 1.0)
    r, g, b = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return float(r), float(g), float(b)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour by hue (0..1, wraps), saturation and value."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(1.0, max(0.0, saturation)), min(1.0, max(0.0, value)))


def darker(colour: Colour, factor: float) -> Colour:
    """A colour with all channels scaled (and kept in 0..1)."""
    r, g, b = (min(1.0, channel * factor) for channel in colour)
    return r, g, b


@dataclass(frozen=True, eq=False)
class Palette:
    """Seeded colours and materials of one scene."""

    rng: np.random.Generator
    hue: float
    """The scene's main hue."""

    def seed(self) -> int:
        """A new seed for a pattern."""
        return int(self.rng.integers(1, 1_000_000))

    def uniform(self, low: float, high: float) -> float:
        """A number in low..high."""
        return float(self.rng.uniform(low, high))

    def pick(self, *choices: Material) -> Material:
        """One of several."""
        return choices[int(self.rng.integers(len(choices)))]

    def muted(self, low: float = 0.55, high: float = 0.85) -> Colour:
        """A quiet colour for large surfaces, of value low..high."""
        families = ((self.hue, 0.04), (0.09, 0.03), (0.3, 0.06), (0.58, 0.05), (0.98, 0.04))
        centre, spread = families[int(self.rng.choice(5, p=(0.3, 0.35, 0.13, 0.15, 0.07)))]
        return hsv(self.rng.normal(centre, spread), self.uniform(0.05, 0.32), self.uniform(low, high))

    def vivid(self) -> Colour:
        """A strong colour for small things: more often red to yellow or blue than green or violet."""
        families = ((0.06, 0.05), (0.58, 0.05), (0.3, 0.1), (0.85, 0.15))
        centre, spread = families[int(self.rng.choice(4, p=(0.48, 0.27, 0.14, 0.11)))]
        return hsv(self.rng.normal(centre, spread), self.uniform(0.25, 0.8), self.uniform(0.3, 0.92))

    def grey(self, low: float, high: float) -> Colour:
        """A warm or cool grey of value low..high."""
        return hsv(self.uniform(0, 1), self.uniform(0.02, 0.1), self.uniform(low, high))

    def timber(self) -> tuple[Colour, Colour]:
        """Light and dark of one kind of wood."""
        hue, value = self.uniform(0.05, 0.10), self.uniform(0.3, 0.78)
        saturation = self.uniform(0.35, 0.68)
        return hsv(hue, saturation, value), hsv(hue - 0.015, saturation + 0.12, value * self.uniform(0.55, 0.75))

    def wood(self, roughness: float = 0.35) -> Material:
        """Furniture wood: one piece, grain along the longer side."""
        light, dark = self.timber()
        return Material(
            "planks", light, dark, scale=0.9, aspect=4.0, contrast=0.9, wear=0.15, seed=self.seed(),
            specular=0.03, roughness=roughness, turn="along",
        )  # fmt: skip

    def boards(self, turn: Literal["no", "across"] = "no") -> Material:
        """A floor or wall of boards."""
        light, dark = self.timber()
        return Material(
            "planks", light, dark, darker(dark, 0.3), scale=self.uniform(0.08, 0.19), aspect=self.uniform(7, 14),
            contrast=1.0, joint=self.uniform(0.002, 0.004), wear=0.25, seed=self.seed(),
            specular=0.04, roughness=self.uniform(0.18, 0.4), turn=turn,
        )  # fmt: skip

    def brick(self) -> Material:
        """A brick wall."""
        hue, value = self.uniform(0.0, 0.07), self.uniform(0.4, 0.62)
        a, b = hsv(hue, 0.6, value), hsv(hue + 0.02, 0.45, value * 0.7)
        return Material(
            "bricks", a, b, self.grey(0.35, 0.7), scale=self.uniform(0.2, 0.26), aspect=self.uniform(0.28, 0.36),
            contrast=self.uniform(0.6, 1.0), joint=self.uniform(0.008, 0.013), wear=0.35, seed=self.seed(),
        )  # fmt: skip

    def plaster(self, low: float = 0.6, high: float = 0.88, relief: float = 0.16) -> Material:
        """A painted wall with stains and a little relief."""
        colour = self.muted(low, high)
        return Material(
            "plaster", colour, darker(colour, self.uniform(0.78, 0.92)), scale=self.uniform(0.5, 1.2),
            contrast=self.uniform(0.4, 0.9), joint=relief, wear=0.12, seed=self.seed(),
        )  # fmt: skip

    def paper(self) -> Material:
        """A patterned wallpaper."""
        ground = self.muted(0.55, 0.9)
        other = self.vivid() if self.rng.random() < 0.4 else self.muted(0.25, 0.7)
        return Material(
            "wallpaper", ground, other, self.muted(0.25, 0.7), scale=self.uniform(0.16, 0.34),
            aspect=self.uniform(1.0, 1.7), contrast=self.uniform(0, 1), wear=0.22, seed=self.seed(),
        )  # fmt: skip

    def tiling(self, size: float | None = None) -> Material:
        """Glazed tiles: chess, shades, arcs or diamonds."""
        a = self.muted(0.6, 0.95)
        b = self.muted(0.15, 0.5) if self.rng.random() < 0.6 else self.vivid()
        return Material(
            "tiles", a, b, self.grey(0.3, 0.7), scale=size or self.uniform(0.14, 0.4),
            aspect=float(self.rng.integers(4)), contrast=self.uniform(0.5, 1.0), joint=self.uniform(0.003, 0.007),
            wear=0.2, seed=self.seed(), specular=0.04, roughness=self.uniform(0.15, 0.35),
        )  # fmt: skip

    def marble(self) -> Material:
        """Polished stone with veins."""
        a = self.grey(0.6, 0.95) if self.rng.random() < 0.6 else self.muted(0.2, 0.6)
        return Material(
            "marble", a, darker(a, 0.75), self.grey(0.15, 0.9), scale=self.uniform(0.2, 0.6),
            contrast=self.uniform(0.5, 1.0), seed=self.seed(), specular=0.04, roughness=0.15,
        )  # fmt: skip

    def masonry(self, size: float = 0.28) -> Material:
        """Irregular stones in mortar."""
        a, b = self.muted(0.4, 0.7), self.muted(0.3, 0.6)
        return Material(
            "stones", a, b, self.grey(0.2, 0.55), scale=size, aspect=self.uniform(1.0, 1.9),
            contrast=self.uniform(0.5, 0.9), joint=0.07 * size, wear=0.35, seed=self.seed(),
        )  # fmt: skip

    def terrazzo(self) -> Material:
        """Chips of stone in cement."""
        a = self.muted(0.5, 0.85)
        return Material(
            "stones", a, self.muted(0.2, 0.7), self.vivid(), scale=self.uniform(0.02, 0.05), contrast=0.9, wear=0.15,
            seed=self.seed(), specular=0.04, roughness=0.25,
        )  # fmt: skip

    def cloth(self) -> Material:
        """Woven, dotted or striped cloth."""
        a, b, c = self.vivid(), self.vivid(), self.muted(0.5, 0.95)
        a = a if self.rng.random() < 0.5 else self.muted(0.3, 0.8)
        seed = self.seed()
        return self.pick(
            Material("fabric", a, b, c, scale=self.uniform(0.06, 0.25), contrast=0.9, wear=0.2, seed=seed),
            Material("fabric", a, b, c, scale=0.2, contrast=0.1, wear=0.25, seed=seed),
            Material(
                "dots", a, b, c, scale=self.uniform(0.03, 0.12), contrast=self.uniform(0, 0.8), wear=0.2, seed=seed
            ),
            Material("stripes", a, b, c, scale=self.uniform(0.08, 0.4), wear=0.2, seed=seed),
        )  # fmt: skip

    def speckle(self, a: Colour, b: Colour, c: Colour, scale: float, coarse: float = 0.3) -> Material:
        """Asphalt, soil, carpet: grains of any size."""
        return Material("gravel", a, b, c, scale=scale, contrast=coarse, wear=0.3, seed=self.seed())

    def paint(self, colour: Colour | None = None) -> Material:
        """Smooth paint or plastic with a soft shine."""
        return Material(
            "plain", colour or self.vivid(), wear=0.1, seed=self.seed(), specular=0.04, roughness=self.uniform(0.2, 0.5)
        )

    def metal(self) -> Material:
        """Chrome, brass or dark steel."""
        colours: tuple[Colour, ...] = ((0.86, 0.86, 0.88), (0.83, 0.68, 0.38), (0.45, 0.46, 0.5))
        colour = colours[int(self.rng.integers(3))]
        return Material("plain", colour, specular=0.6, roughness=self.uniform(0.12, 0.45), seed=self.seed())

    def printed(self, picture: Print, shine: float = 0.0) -> Material:
        """A print, matt or under glass."""
        return Material("print", (0.5, 0.5, 0.5), aspect=picture.aspect, specular=shine, roughness=0.1, print=picture)
