"""Scenes of a few primitives, and a plain second opinion about where rays meet them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.synthetic import SyntheticScene, cast_rays
from splatmatch.synthetic.building import SceneBuilder
from splatmatch.synthetic.materials import Material, Sky
from splatmatch.synthetic.scene import Guide

GREY = Material("plain", (0.7, 0.7, 0.7))
GUIDE = Guide((0, 0, 1), (1, 1), (0, 0, 0), (0, 0), 0.0, 0.0, 6.28, (-1, -1, 0), (1, 1, 2))
DULL = Sky((0.6, 0.7, 0.8), (0.6, 0.7, 0.8), clouds=0.0, seed=1, light=1.0)


def finished(builder: SceneBuilder, sky: Sky = DULL) -> SyntheticScene:
    return builder.finish("room", 0, sky, 0.4, GUIDE)


def cast(scene: SyntheticScene, origins: NDArray, directions: NDArray):
    hits = cast_rays(scene, torch.from_numpy(np.ascontiguousarray(origins)), torch.from_numpy(directions))
    return hits.distance.numpy(), hits.normal.numpy(), hits.instance.numpy()


def random_rays(seed: int, count: int, reach: float = 3.0) -> tuple[NDArray, NDArray]:
    """Rays from a shell of radius ``reach`` towards the middle half of it, of random length."""
    rng = np.random.default_rng(seed)
    origins = rng.standard_normal((count, 3))
    origins *= reach / np.linalg.norm(origins, axis=1, keepdims=True)
    ways = rng.uniform(-0.45 * reach, 0.45 * reach, (count, 3)) - origins
    return origins, ways * rng.uniform(0.1, 2.0, (count, 1))


def rotation(seed: int) -> NDArray:
    """A random rotation matrix."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q
