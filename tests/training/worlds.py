"""Pairs of a synthetic room that is painted by position, so that equal colours mean equal points."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3
from splatmatch.pairs.sample import PairImage, PairSample, Provenance
from splatmatch.scene.views import View
from splatmatch.synthetic import SyntheticScene, build_scene, camera_path, cast_rays
from splatmatch.synthetic.rays import pixel_directions

SEED = 3
WAVE = 0.6
"""Metres after which colours repeat."""


@lru_cache
def _room(width: int, height: int) -> tuple[SyntheticScene, View]:
    """The room, and a view of it."""
    room = build_scene("room", SEED)
    return room, camera_path(room, "walk", 8, SEED, width, height)[2]


def painted(camera: Camera, camera_from_world: Pose) -> PairImage:
    """The room with colours that are waves over the place in it."""
    world, _ = _room(96, 72)
    ways = pixel_directions(camera, camera_from_world)
    distance = cast_rays(world, camera_from_world.centre, ways).distance
    depth = distance.reshape(camera.height, camera.width).numpy()
    valid = np.isfinite(depth)
    distance = distance.nan_to_num(posinf=0.0)
    points = (camera_from_world.centre + distance[:, None] * ways).reshape(camera.height, camera.width, 3).numpy()
    rgb = np.where(valid[..., None], 127.5 + 120 * np.sin(2 * np.pi / WAVE * points), 0)
    depth = np.where(valid, depth, 0).astype(np.float32)
    sigma = np.where(valid, 0.25, 0).astype(np.float32)
    return PairImage(np.rint(rgb).astype(np.uint8), depth, valid, sigma, camera)


def room_pair(size: tuple[int, int] = (192, 144), step: float = 0.3, zoom: float = 1.0, key: str = "k0") -> PairSample:
    """Two views of the room, ``step`` metres and 6 degrees apart; the world is that of ``painted``."""
    view = _room(*size)[1]
    motion = Pose(*exp_se3(torch.tensor([step, 0.05, 0.0, 0.02, 0.1, 0.03], dtype=torch.float64)))
    a = painted(view.camera, view.camera_from_world)
    b = painted(replace(view.camera.zoomed(zoom), cx=view.camera.cx + 3), motion @ view.camera_from_world)
    record = {"camera_from_scene": view.camera_from_world.matrix[:3].tolist()}
    provenance = Provenance("synthetic", 0, ("x", "y"), "exact", "CC0-1.0", {"a": record})
    return PairSample(key, "room-3", a, b, motion, 0.6, 0.6, zoom, provenance)
