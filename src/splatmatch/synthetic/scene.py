"""A scene of exact geometry: packed primitives, materials and lights, and the light baked from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.pose import Pose
from splatmatch.jobs.kernels import announce_compilation
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.synthetic.kernels import layout
from splatmatch.synthetic.kernels.baking import bake_bounce, bake_direct
from splatmatch.synthetic.kernels.rendering import BLOCK, render_samples

SceneKind = Literal["room", "table", "street"]

PANEL_SAMPLES = 16
"""Rays from each texel to each window or panel."""
LAMP_SAMPLES = 4
"""Rays from each texel to the sun and each lamp."""
DIM = 1e-3
"""Exposure at which nothing is cut off, to measure with."""
BOUNCE_RAYS = (24, 64)
"""Rays from each texel at each gathering of bounced light."""


@dataclass(frozen=True)
class Guide:
    """Where a walk through a scene goes: along an ellipse, looking at a point that moves on another one.

    The camera stands at centre + radii * (cos a, sin a) and looks at target + target_radii * (cos, sin)(a + lead),
    while a goes from ``start`` by ``sweep``.
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float]
    target: tuple[float, float, float]
    target_radii: tuple[float, float]
    lead: float
    """Radians by which the point looked at runs ahead."""
    start: float
    sweep: float
    low: tuple[float, float, float]
    """Lower corner of the space that other viewpoints are taken from."""
    high: tuple[float, float, float]
    horizontal_degrees: float = 65.0
    """Field of view that suits the scene."""

    def eye(self, angle: float) -> tuple[float, float, float]:
        """Where the camera stands at ``angle``."""
        x, y, z = self.centre
        return x + self.radii[0] * math.cos(angle), y + self.radii[1] * math.sin(angle), z

    def aim(self, angle: float) -> tuple[float, float, float]:
        """What it looks at."""
        x, y, z = self.target
        ahead = angle + self.lead
        return x + self.target_radii[0] * math.cos(ahead), y + self.target_radii[1] * math.sin(ahead), z


@dataclass(frozen=True, eq=False)
class SyntheticScene:
    """Immutable; equal kind and seed give equal arrays on every machine.

    Convention: world frame in metres, +z up. Row layouts are those of ``kernels.layout``.
    """

    kind: SceneKind
    seed: int
    names: tuple[str, ...]
    """What each instance number is."""
    nodes: NDArray[np.float64]
    """(M, NODE_COLUMNS) the tree of boxes."""
    primitives: NDArray[np.float64]
    """(N, PRIMITIVE_COLUMNS) in the order of the tree's leaves."""
    heights: NDArray[np.float64]
    """All height samples, row-major per field, in the local frames."""
    materials: NDArray[np.float64]
    """(K, MATERIAL_COLUMNS)."""
    marks: NDArray[np.float64]
    """(S, MARK_COLUMNS)."""
    lights: NDArray[np.float64]
    """(L, LIGHT_COLUMNS)."""
    sky: NDArray[np.float64]
    """(8,) linear radiance at the zenith and at the horizon, amount of cloud, seed."""
    sky_light: float
    """How much of the sky's radiance lights the scene (windows are panels of their own)."""
    texels: int
    """Samples of baked light."""
    brightness: float
    """Mean sRGB-encoded value that pictures are exposed for."""
    guide: Guide

    @cached_property
    def light(self) -> NDArray[np.float32]:
        """(T, 6) baked irradiance / pi, computed once: RGB of panels, sky, two bounces, then with sun and lamps."""
        announce_compilation(layout.__file__, "ray caster")
        use_torch_threads()
        columns = self.primitives
        order = np.argsort(columns[:, layout.CHART], kind="stable")
        starts = np.append(columns[order, layout.CHART], self.texels).astype(np.int64)
        owners = np.repeat(order, np.diff(starts))
        frames, glow = np.zeros((self.texels, 6)), np.zeros((self.texels, 6))
        panels, direct, indirect = (np.zeros((self.texels, 3)) for _ in range(3))
        bake_direct(
            owners, self.nodes, self.primitives, self.heights, self.materials, self.marks, self.lights,
            PANEL_SAMPLES, LAMP_SAMPLES, frames, glow, panels, direct,
        )  # fmt: skip
        indirect[:] = panels
        for rays in BOUNCE_RAYS:
            radiosity = glow[:, :3] * (direct + indirect) + glow[:, 3:]
            bake_bounce(
                frames, radiosity, panels, self.sky, self.sky_light, rays,
                self.nodes, self.primitives, self.heights, indirect,
            )  # fmt: skip
        return np.hstack([indirect, indirect + direct]).astype(np.float32)

    @cached_property
    def exposure(self) -> float:
        """Factor on radiance that gives pictures along the walk their mean ``brightness``. Computed once."""
        angles = self.guide.start + self.guide.sweep * np.arange(12) / 12
        radiance = np.stack([self._glance(angle) for angle in angles])
        low, high = -12.0, 12.0
        for _ in range(30):
            middle = 0.5 * (low + high)
            exposed = radiance * 2.0**middle
            encoded = np.where(exposed <= 0.0031308, 12.92 * exposed, 1.055 * exposed ** (1 / 2.4) - 0.055)
            low, high = (middle, high) if np.minimum(encoded, 1.0).mean() < self.brightness else (low, middle)
        return float(2.0**middle)

    def _glance(self, angle: float) -> NDArray[np.float32]:
        """Radiance (24, 32, 3) of a coarse picture from the guide's ellipse."""
        pose = Pose.looking_at(self.guide.eye(angle), self.guide.aim(angle))
        picture = np.empty((24, 32, 3), dtype=np.float32)
        use_torch_threads()
        render_samples(
            np.array([25.0, 25.0, 16.0, 12.0]), pose.rotation.numpy(), pose.centre.numpy(), 1, 0,
            self.nodes, self.primitives, self.heights, self.materials, self.marks, self.lights, self.sky, self.light,
            DIM, np.arange(-(-24 // BLOCK)), picture,
        )  # fmt: skip
        return picture / np.float32(DIM)
