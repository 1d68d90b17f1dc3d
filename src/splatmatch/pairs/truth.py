"""Exact correspondences of pairs whose scene has exact geometry: the judge of labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.opening import PREFIX
from splatmatch.pairs.sample import PairSample
from splatmatch.synthetic import SceneKind, SyntheticScene, build_scene, cast_rays

HIDDEN = 1e-4
"""A point is hidden where something is met before this share of the way to it is left."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true of N pixels of image a."""

    target: NDArray[np.float64]
    """(N, 2) corner pixels of b, also outside it; NaN where nothing is seen at the pixel of a, or behind camera b."""
    covisible: NDArray[np.bool_]
    """(N,) the point is inside b and not hidden there."""


def exact_scene(sample: PairSample, facts: dict[str, Any], named: str) -> SyntheticScene | None:
    """The exact geometry behind a sample, or None where there is none.

    Args:
        sample: any.
        facts: what ``index.json`` says of its scene; empty if nothing.
        named: ``synthetic:KIND:SEED`` where the user says what the scenes are of; empty if not.

    Raises:
        InputError: ``named`` is no synthetic scene with its seed.
        FormatError: the facts name a scene that does not exist.
    """
    if named:
        kind, _, digits = named.removeprefix(PREFIX).partition(":")
        if not named.startswith(PREFIX) or kind not in get_args(SceneKind) or not digits.isdecimal():
            raise InputError(f"--exact {named} is no synthetic scene", "give synthetic:room:7, kind and seed")
        return _built(kind, int(digits))
    if sample.provenance.source != "synthetic":
        return None
    name, seed = facts.get("scene"), facts.get("seed")
    if name not in get_args(SceneKind) or not isinstance(seed, int):
        raise FormatError(f"the scene {sample.scene} is called synthetic, but its kind and seed are not in index.json")
    return _built(str(name), seed)


def camera_from_scene(sample: PairSample) -> Pose:
    """Where camera a of a generated pair stands in its scene.

    Raises:
        FormatError: the sample does not say it.
    """
    record = sample.provenance.applied.get("a")
    matrix = record.get("camera_from_scene") if isinstance(record, dict) else None
    try:
        return Pose.from_matrix(matrix)
    except (ValueError, TypeError, RuntimeError) as error:
        raise FormatError(f"sample {sample.key} does not say where its first camera stands") from error


def exact_correspondences(
    scene: SyntheticScene, sample: PairSample, x: NDArray[np.int64], y: NDArray[np.int64]
) -> Truth:
    """Where the centres of pixels (x, y) of image a truly lie in image b, by two casts of rays.

    Raises:
        FormatError: the sample does not say where its first camera stands.
    """
    a_from_scene = camera_from_scene(sample)
    b_from_scene = sample.b_from_a @ a_from_scene
    camera_a, camera_b = sample.a.camera, sample.b.camera
    pixels = torch.from_numpy(np.stack([x, y], axis=1) + 0.5)
    ways = camera_a.unproject(pixels, torch.ones(len(pixels), dtype=torch.float64)) @ a_from_scene.rotation
    distance = cast_rays(scene, a_from_scene.centre, ways.contiguous()).distance
    met = torch.isfinite(distance)
    points = a_from_scene.centre + torch.where(met, distance, 0.0)[:, None] * ways
    local = b_from_scene.apply(points)
    ahead = met & (local[:, 2] > 0)
    target = torch.where(ahead[:, None], camera_b.project(local), torch.nan)
    inside = ahead & (target >= 0).all(1) & (target <= torch.tensor([camera_b.width, camera_b.height])).all(1)
    covisible = inside.clone()
    if inside.any():
        towards = (points - b_from_scene.centre)[inside].contiguous()
        covisible[inside] = cast_rays(scene, b_from_scene.centre, towards).distance > 1 - HIDDEN
    return Truth(target.numpy(), covisible.numpy())


@lru_cache(maxsize=4)
def _built(kind: str, seed: int) -> SyntheticScene:
    return build_scene(kind, seed)  # type: ignore[arg-type]
