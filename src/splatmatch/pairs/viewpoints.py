"""New viewpoints: known ones, turned, moved and zoomed at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3
from splatmatch.pairs.sources import Anchor, Glance

LOOK = 96
"""Long side, in pixels, of the look that bounds a translation."""


@dataclass(frozen=True)
class ViewpointConfig:
    """How far a viewpoint is moved from the known one it starts at; every draw is uniform in its range."""

    kept_share: float = 0.25
    """Share of viewpoints that are left as they are."""
    yaw: float = 25.0
    """Degrees to either side."""
    pitch: float = 15.0
    """Degrees up or down."""
    roll: float = 15.0
    """Degrees to either side, of those that are rolled."""
    roll_share: float = 0.5
    """Share that is rolled."""
    translation: float = 0.3
    """Largest move, as a share of the median depth of the known view; never more than half of its near depth."""
    zoom_share: float = 0.5
    """Share that is zoomed."""
    least_zoom: float = 0.8
    """Smallest factor on the focal length; drawn log-uniform."""
    most_zoom: float = 4.0
    """Largest factor on the focal length."""

    def __post_init__(self) -> None:
        if not 0 < self.least_zoom <= self.most_zoom:
            raise ValueError(f"zoom from {self.least_zoom} to {self.most_zoom} is no range")


PRESETS = {
    "default": ViewpointConfig(),
    "extreme": ViewpointConfig(
        kept_share=0.15,
        yaw=40.0,
        pitch=25.0,
        roll=180.0,
        translation=0.5,
        zoom_share=0.7,
        least_zoom=0.6,
        most_zoom=8.0,
    ),
}
"""By the name of ``--preset``."""


@dataclass(frozen=True)
class Move:
    """What was done to a known viewpoint."""

    yaw: float = 0.0
    """Degrees, to the right."""
    pitch: float = 0.0
    """Degrees, down."""
    roll: float = 0.0
    """Degrees, clockwise."""
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In the camera's own axes, as a share of the view's median depth."""
    zoom: float = 1.0
    """Factor on both focal lengths."""


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """A candidate for one image of a pair."""

    name: str
    """Of the known viewpoint it was made from."""
    camera: Camera
    camera_from_source: Pose
    move: Move

    def record(self) -> dict[str, Any]:
        """What was done, as plain JSON."""
        return asdict(self.move) | {"translation": list(self.move.translation)}


def jittered(
    anchors: tuple[Anchor, ...],
    glance: Callable[[Camera, Pose], Glance],
    count: int,
    config: ViewpointConfig,
    rng: np.random.Generator,
) -> list[Viewpoint]:
    """``count`` viewpoints around the known ones, each of which is used as often as the others."""
    rows = np.concatenate([rng.permutation(len(anchors)) for _ in range(-(-count // len(anchors)))])[:count]
    depths: dict[int, tuple[float, float]] = {}
    viewpoints = []
    for row in rows:
        anchor = anchors[row]
        if rng.uniform() < config.kept_share:
            viewpoints.append(Viewpoint(anchor.name, anchor.camera, anchor.camera_from_source, Move()))
            continue
        if row not in depths:
            depths[row] = _depths(glance(anchor.camera.with_long_side(LOOK), anchor.camera_from_source))
        viewpoints.append(_moved(anchor, *depths[row], config, rng))
    return viewpoints


def _moved(anchor: Anchor, median: float, near: float, config: ViewpointConfig, rng: np.random.Generator) -> Viewpoint:
    reach = min(config.translation, 0.5 * near / median) if median > 0 else 0.0
    direction = rng.normal(size=3)
    direction *= reach * rng.uniform() / np.linalg.norm(direction)
    rolled, zoomed = rng.uniform() < config.roll_share, rng.uniform() < config.zoom_share
    zoom = math.exp(rng.uniform(math.log(config.least_zoom), math.log(config.most_zoom)))
    move = Move(
        yaw=rng.uniform(-config.yaw, config.yaw),
        pitch=rng.uniform(-config.pitch, config.pitch),
        roll=rng.uniform(-config.roll, config.roll) if rolled else 0.0,
        translation=(float(direction[0]), float(direction[1]), float(direction[2])),
        zoom=zoom if zoomed else 1.0,
    )
    pose = moved_pose(move, median) @ anchor.camera_from_source
    return Viewpoint(anchor.name, anchor.camera.zoomed(move.zoom), pose, move)


def moved_pose(move: Move, depth: float) -> Pose:
    """new_from_old of a camera that moves by ``translation`` x ``depth``, then turns by yaw, pitch and roll."""
    turn = torch.eye(3, dtype=torch.float64)
    for axis, degrees in ((1, move.yaw), (0, -move.pitch), (2, move.roll)):
        tangent = torch.zeros(6, dtype=torch.float64)
        tangent[3 + axis] = math.radians(degrees)
        turn = turn @ exp_se3(tangent)[0]
    rotation = turn.T.contiguous()
    return Pose(rotation, -rotation @ (depth * torch.tensor(move.translation, dtype=torch.float64)))


def _depths(seen: Glance) -> tuple[float, float]:
    """Median and near (5th percentile) depth; zeros where nothing is seen."""
    known = seen.depth[seen.depth > 0]
    return (float(np.median(known)), float(np.quantile(known, 0.05))) if len(known) else (0.0, 0.0)
