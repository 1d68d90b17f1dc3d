"""Pairs of a synthetic scene with depth that is exact, or wrong in a known way; colours are noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3
from splatmatch.pairs.sample import PairImage, PairSample, Provenance
from splatmatch.pairs.shards import ShardWriter, encode
from splatmatch.synthetic import SyntheticScene, build_scene, camera_path, cast_rays
from splatmatch.synthetic.rays import pixel_directions

SIZE = (96, 72)
SEED = 3


def scene() -> SyntheticScene:
    return build_scene("room", SEED)


def image(world: SyntheticScene, camera: Camera, pose: Pose, noise: float = 0.0, seed: int = 0) -> PairImage:
    """Depth with relative errors of standard deviation noise * s, s = 0.1..1 by column; sigma tells it."""
    distance = cast_rays(world, pose.centre, pixel_directions(camera, pose)).distance
    depth = distance.reshape(camera.height, camera.width).numpy()
    valid = np.isfinite(depth)
    rng = np.random.default_rng(seed)
    spread = noise * np.tile(np.geomspace(0.1, 1.0, camera.width), (camera.height, 1))
    depth = np.where(valid, depth * (1 + spread * rng.standard_normal(depth.shape)), 0).astype(np.float32)
    sigma = np.where(valid, np.maximum(100 * spread, 0.01), 0).astype(np.float32)
    rgb = rng.integers(0, 255, (camera.height, camera.width, 3), dtype=np.uint8)
    return PairImage(rgb, depth, valid, sigma, camera)


def pair(
    key: str = "k0", step: float = 0.3, zoom: float = 1.0, scale: float = 1.0, noise: float = 0.0, name: str = "room-3"
) -> PairSample:
    """Two views of the room, ``step`` metres and 6 degrees apart; all depths of a and b times ``scale``."""
    world = scene()
    view = camera_path(world, "walk", 8, SEED, *SIZE)[2]
    motion = Pose(*exp_se3(torch.tensor([step, 0.05, 0.0, 0.02, 0.1, 0.03], dtype=torch.float64)))
    second = view.camera.zoomed(zoom)
    a = image(world, view.camera, view.camera_from_world, noise, 1)
    b = image(world, second, motion @ view.camera_from_world, noise, 2)
    a, b = (PairImage(one.rgb, one.depth * np.float32(scale), one.valid, one.sigma, one.camera) for one in (a, b))
    record = {"camera_from_scene": view.camera_from_world.matrix[:3].tolist()}
    provenance = Provenance("synthetic", 0, ("x", "y"), "exact", "CC0-1.0", {"a": record})
    return PairSample(key, name, a, b, motion, 0.5, 0.6, zoom, provenance)


def write_pairs(folder: Path, samples: list[PairSample], scene_name: str = "room-3") -> Path:
    """A data set whose index says what the scene is."""
    with ShardWriter(folder, {"verb": "test"}) as writer:
        for sample in samples:
            writer.add(sample.key, encode(sample))
        writer.finish({"scenes": {scene_name: {"kind": "synthetic", "scene": "room", "seed": SEED}}})
    return folder
