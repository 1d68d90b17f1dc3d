"""New light on a photo, from the normals of its depth: appearance changes, geometry and labels do not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.pairs.lift.kernels.light import shine

REDUCTION = 4
"""Light varies slowly: it is computed at a quarter of the resolution."""
GAIN = (0.4, 2.0)
"""Limits of the factor on light."""
NORMAL_BLUR = 4.0
"""Pixels of the reduced map (standard deviation) over which normals are averaged: predicted edges are seldom where the
photo's are, and a lit rim beside an object would give that away."""
LAMPS = (1, 4)
"""Fewest and most."""
STEPS = 4096
"""Of the table from linear light to codes."""


@dataclass(frozen=True)
class Lamp:
    """A point light in camera frame a."""

    position: tuple[float, float, float]
    """In scene units."""
    colour: tuple[float, float, float]
    """Relative power of red, green, blue."""


@dataclass(frozen=True)
class Lighting:
    """The light that is put on a photo."""

    lamps: tuple[Lamp, ...]
    share: float
    """0..1 of the light that comes from the lamps; the rest comes from everywhere."""


def draw_lighting(median_depth: float, share: tuple[float, float], rng: np.random.Generator) -> Lighting:
    """One to four lamps around and in front of the camera, each of a slightly different white."""
    lamps = []
    for _ in range(int(rng.integers(LAMPS[0], LAMPS[1] + 1))):
        angle = rng.uniform(0, 2 * math.pi)
        side = median_depth * rng.uniform(0.3, 2.0)
        place = (side * math.cos(angle), side * math.sin(angle), median_depth * rng.uniform(-0.5, 0.8))
        warm = rng.uniform(-0.25, 0.25)
        power = rng.uniform(0.5, 1.5)
        lamps.append(Lamp(place, (power * (1 + warm), power, power * (1 - warm))))
    return Lighting(tuple(lamps), rng.uniform(*share))


def normals(inverse: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Unit normals (H, W, 3), turned to the camera, of the surface with this inverse depth.

    On the plane n . X = d inverse depth w = (n . ray) / d is linear in the pixel, so n is proportional to
    (fx w_x, fy w_y, w - (x - cx) w_x - (y - cy) w_y): exact on planes. Of the differences to both neighbours the
    smaller one is taken, so that depth edges have the normals of their sides and not of a step.
    """
    height, width = inverse.shape
    across, down = _smaller_difference(inverse, 1), _smaller_difference(inverse, 0)
    x, y = np.arange(width) + 0.5 - camera.cx, (np.arange(height) + 0.5 - camera.cy)[:, None]
    stacked = np.stack([camera.fx * across, camera.fy * down, inverse - x * across - y * down], axis=-1)
    length = np.linalg.norm(stacked, axis=-1, keepdims=True)
    return np.asarray(-stacked / np.maximum(length, 1e-12), np.float32)


def light_map(lighting: Lighting, inverse: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Factor on the light of each colour (h, w, 3), at a quarter of the resolution; 1 where there is no surface.

    Lambert's law with the inverse square of the distance; the whole is divided by its mean, so that the photo keeps its
    exposure. The light that was there before stays: shading is changed, not replaced.
    """
    height, width = inverse.shape
    size = (max(2, width // REDUCTION), max(2, height // REDUCTION))
    small = cv2.resize(inverse, size, interpolation=cv2.INTER_NEAREST)  # means would turn steps into slopes
    solid = small > 0
    if not solid.any():
        return np.ones((size[1], size[0], 3), np.float32)
    small = np.where(solid, small, np.median(small[solid])).astype(np.float32)
    reduced = camera.resized(*size)
    facing = cv2.GaussianBlur(normals(small, reduced), (0, 0), NORMAL_BLUR)
    facing /= np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-6)
    rays = np.ones((size[1], size[0], 3), np.float32)
    rays[..., 0] = (np.arange(size[0]) + 0.5 - reduced.cx) / reduced.fx
    rays[..., 1] = ((np.arange(size[1]) + 0.5 - reduced.cy) / reduced.fy)[:, None]
    points = rays / np.maximum(small, 1e-6)[..., None]
    shading = np.zeros_like(points)
    for lamp in lighting.lamps:
        towards = np.asarray(lamp.position, np.float32) - points
        square = np.maximum((towards * towards).sum(-1), 1e-6)
        cosine = np.maximum((towards * facing).sum(-1), 0) / np.sqrt(square)
        lambert = cosine / square
        mean = float(lambert[solid].mean())
        if mean > 0:
            shading += (lambert / mean)[..., None] * np.asarray(lamp.colour, np.float32)
    mean = float(shading[solid].mean())
    lit = shading / mean if mean > 0 else np.ones_like(shading)
    gain = np.where(solid[..., None], 1 + lighting.share * (lit - 1), 1)
    return np.asarray(np.clip(cv2.GaussianBlur(gain.astype(np.float32), (0, 0), 1.0), *GAIN), np.float32)


def _smaller_difference(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Per pixel the difference to the neighbour before or after it along ``axis``, whichever is smaller in size."""
    steps = np.diff(values, axis=axis)
    first, last = np.take(steps, [0], axis), np.take(steps, [-1], axis)
    before, after = np.concatenate([first, steps], axis), np.concatenate([steps, last], axis)
    return np.where(np.abs(before) < np.abs(after), before, after)


def relit(rgb: NDArray[np.uint8], gain: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with its light multiplied by ``gain`` (h, w, 3), in linear light."""
    codes = np.arange(256) / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4).astype(np.float32)
    light = np.arange(STEPS + 1) / STEPS
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    result = np.empty_like(rgb)
    use_torch_threads()
    shine(np.ascontiguousarray(rgb), gain, linear, np.rint(255 * encoded).astype(np.uint8), 1.0, result)
    return result
