"""The second camera: a random motion whose strength is chosen by the overlap it leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3
from splatmatch.pairs.lift.config import LiftConfig

GRID = 40
"""Points along the width that overlap is estimated with."""
HALVINGS = 9


@dataclass(frozen=True, eq=False)
class Motion:
    """The second camera, and how it was drawn."""

    camera: Camera
    b_from_a: Pose
    strength: float
    """0..1."""
    zoom: float
    """Ratio of focal lengths, b over a."""
    expected_overlap: float
    """Estimated without occlusion."""


@dataclass(frozen=True, eq=False)
class _Full:
    """A motion at full strength."""

    step: NDArray[np.float64]
    """(3,) where the second camera stands in frame a."""
    pivot: NDArray[np.float64]
    """(3,) what it keeps looking at, in frame a."""
    follow: float
    """0..1, how far it turns to do so."""
    turn: NDArray[np.float64]
    """(3,) rotation vector of turning aside and rolling, radians."""
    zoom: float


def draw_motion(
    inverse: NDArray[np.float32], camera: Camera, config: LiftConfig, rng: np.random.Generator
) -> Motion | None:
    """A second camera for an image (H, W) with inverse depth (below or at 0: no part of the estimate).

    The camera steps aside by up to ``baseline`` median depths in a random direction, partly turns to keep a point of
    the middle in place, turns and rolls at random and zooms; all in proportion to one strength, which is found by
    halving for an overlap that is drawn too. How far things move in the picture is so bounded whatever the depths are.

    Returns:
        None where the image holds no depth.
    """
    step = max(1, camera.width // GRID)
    y, x = np.mgrid[step // 2 : camera.height : step, step // 2 : camera.width : step]
    w = inverse[y, x].astype(np.float64)
    x, y, w = x[w > 0] + 0.5, y[w > 0] + 0.5, w[w > 0]
    if not len(w):
        return None
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=1)
    points = rays / w[:, None]
    full = _draw_full(points, camera, config, rng)
    wanted = rng.uniform(*config.overlap)
    low, high = 0.0, 1.0
    if _overlap(points, full, 1.0, camera) < wanted:
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if _overlap(points, full, middle, camera) > wanted else (low, middle)
    strength = high
    second, b_from_a = _camera_at(full, strength, camera)
    return Motion(second, b_from_a, strength, full.zoom**strength, _overlap(points, full, strength, camera))


def _draw_full(points: NDArray[np.float64], camera: Camera, config: LiftConfig, rng: np.random.Generator) -> _Full:
    direction = rng.normal(size=3) * (1.0, 0.6, 0.8)
    direction /= max(float(np.linalg.norm(direction)), 1e-9)
    middle = np.abs(points[:, 0] / points[:, 2]) < 0.25 * camera.width / camera.fx
    candidates = points[middle] if middle.any() else points
    aside = rng.normal(size=2)
    aside *= math.radians(config.rotation) * rng.uniform() / max(float(np.linalg.norm(aside)), 1e-9)
    roll = math.radians(config.roll) * rng.uniform(-1, 1)
    return _Full(
        step=direction * config.baseline * float(np.median(points[:, 2])) * rng.uniform(0.3, 1.0),
        pivot=candidates[int(rng.integers(len(candidates)))],
        follow=rng.uniform(),
        turn=np.array([aside[0], aside[1], roll]),
        zoom=float(config.zoom ** rng.uniform(-1, 1)),
    )


def _camera_at(full: _Full, strength: float, camera: Camera) -> tuple[Camera, Pose]:
    centre = strength * full.step
    to_pivot = full.pivot - centre
    before, after = full.pivot / np.linalg.norm(full.pivot), to_pivot / np.linalg.norm(to_pivot)
    # The rotation that brings the pivot back to the direction in which the first camera saw it.
    axis = np.cross(after, before)
    sine = float(np.linalg.norm(axis))
    angle = math.atan2(sine, float(after @ before))
    follow = axis / sine * angle * full.follow if sine > 1e-12 else np.zeros(3)
    rotation = _rotation(strength * full.turn) @ _rotation(follow)
    pose = Pose(rotation, -rotation @ torch.from_numpy(centre))
    return camera.zoomed(full.zoom**strength), pose


def _rotation(vector: NDArray[np.float64]) -> torch.Tensor:
    tangent = torch.zeros(6, dtype=torch.float64)
    tangent[3:] = torch.from_numpy(vector)
    return exp_se3(tangent)[0]


def _overlap(points: NDArray[np.float64], full: _Full, strength: float, camera: Camera) -> float:
    """Share of the points that stay in view, times what a zoom in leaves of the second image: the mean of both ways."""
    second, pose = _camera_at(full, strength, camera)
    local = points @ pose.rotation.numpy().T + pose.translation.numpy()
    ahead = local[:, 2] > 0.1 * points[:, 2]
    z = np.where(ahead, local[:, 2], 1.0)
    u = second.fx * local[:, 0] / z + second.cx
    v = second.fy * local[:, 1] / z + second.cy
    inside = ahead & (u >= 0) & (v >= 0) & (u <= second.width) & (v <= second.height)
    forward = float(inside.mean())
    growth = np.median((points[:, 2] / z)[ahead]) * second.fx / camera.fx if ahead.any() else 1.0
    backward = min(1.0, forward * float(growth) ** 2)
    return 0.5 * (forward + backward)
