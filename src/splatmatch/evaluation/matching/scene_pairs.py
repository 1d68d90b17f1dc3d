"""A pair list from the user's own posed scene."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.formats.pair_list import PairList, PosedPair
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.pose import rotation_angle_degrees

LARGEST_ANGLE = 60.0
"""Degrees: points seen from directions farther apart do not count as seen by both; nor do views without points."""


@dataclass(frozen=True)
class ScenePairsConfig:
    """Which pairs of a scene are taken."""

    pairs: int = 60
    """Most pairs; they are spread evenly over the overlaps."""
    least_overlap: float = 0.1
    """0..1."""


def scene_pairs(capture: PosedCapture, name: str, config: ScenePairsConfig = ScenePairsConfig()) -> PairList:
    """Pairs of photos of a posed scene, spread evenly over their overlap, with the scene's poses as truth.

    Overlap is the smaller of the two shares of one view's sparse points that the other view has in its image, from a
    direction less than 60 degrees away. A view's points are those of its tracks, or all in its image where there are
    no tracks. Without points, pairs are spread over the angle between the views.

    Args:
        capture: see ``formats.posed``.
        name: of the list.
        config: see ``ScenePairsConfig``.

    Raises:
        InputError: a setting without meaning, fewer than two photos, photos that EXIF turns, or no pair with enough
            overlap.
    """
    if config.pairs < 1 or not 0 <= config.least_overlap <= 1:
        raise InputError(f"{config.pairs} pairs of overlap {config.least_overlap}", "give 1 or more, and 0 to 1")
    images = capture.with_photos
    if len(images) < 2:
        raise InputError(f"{name}: a pair list needs two posed photos, here are {len(images)}")
    turned = [image.name for image in images if image.turned]
    if turned:
        raise InputError(f"{name}: EXIF turns {turned[0]}", "reconstruct the photos, and give that scene")
    candidates = _by_points(capture, images, config.least_overlap) if len(capture.points) else _by_angle(images)
    if not candidates:
        raise InputError(f"{name}: no two photos have an overlap of {config.least_overlap:g}", "ask for less overlap")
    candidates.sort(key=lambda found: found[0])
    count = min(config.pairs, len(candidates))
    chosen = [candidates[(2 * i + 1) * len(candidates) // (2 * count)] for i in range(count)]
    paths = [path for image in images if (path := image.image_path) is not None]
    folder = Path(os.path.commonpath([path.absolute().parent for path in paths]))
    pairs = [_pair(images[a], images[b], folder, order if len(capture.points) else None) for order, a, b in chosen]
    return PairList(name, folder, tuple(pairs), "poses of the scene itself")


def _by_points(capture: PosedCapture, images: Sequence[PosedImage], least: float) -> list[tuple[float, int, int]]:
    """(overlap, row, row) of all pairs that overlap enough and have a baseline."""
    positions = capture.points.positions
    inside = torch.stack([_sees(image, positions) for image in images])
    seen = inside
    tracks = capture.points.tracks
    if tracks is not None and len(tracks.point_index):
        rows = {id(image): row for row, image in enumerate(capture.images)}
        own = torch.zeros(len(capture.images), len(positions), dtype=torch.bool)
        own[tracks.view_index, tracks.point_index] = True
        seen = own[[rows[id(image)] for image in images]]
    rays = torch.stack([_directions(image, positions) for image in images])
    found = []
    for a, b in itertools.combinations(range(len(images)), 2):
        near = (rays[a] * rays[b]).sum(1) > math.cos(math.radians(LARGEST_ANGLE))
        shares = [
            float((seen[one] & inside[other] & near).sum()) / max(int(seen[one].sum()), 1)
            for one, other in ((a, b), (b, a))
        ]
        if min(shares) >= least and min(shares) > 0 and _baseline(images[a], images[b]) > 0:
            found.append((min(shares), a, b))
    return found


def _by_angle(images: Sequence[PosedImage]) -> list[tuple[float, int, int]]:
    """(degrees, row, row) of all pairs that look the same way and have a baseline."""
    found = []
    for a, b in itertools.combinations(range(len(images)), 2):
        turn = images[b].camera_from_world.rotation @ images[a].camera_from_world.rotation.T
        angle = float(rotation_angle_degrees(turn))
        if angle < LARGEST_ANGLE and _baseline(images[a], images[b]) > 0:
            found.append((angle, a, b))
    return found


def _sees(image: PosedImage, positions: Tensor) -> Tensor:
    """(P,) the points lie in the image, distortion not counted."""
    camera = image.camera.without_distortion()
    points = image.camera_from_world.apply(positions)
    pixels = camera.project(points)
    size = torch.tensor([camera.width, camera.height])
    return (points[:, 2] > 0) & (pixels >= 0).all(1) & (pixels <= size).all(1)


def _directions(image: PosedImage, positions: Tensor) -> Tensor:
    """(P, 3) unit vectors from the camera to the points."""
    return torch.nn.functional.normalize(positions - image.camera_from_world.centre, dim=1)


def _baseline(a: PosedImage, b: PosedImage) -> float:
    return float((a.camera_from_world.centre - b.camera_from_world.centre).norm())


def _pair(a: PosedImage, b: PosedImage, folder: Path, overlap: float | None) -> PosedPair:
    names = [Path(os.path.relpath(i.image_path.absolute(), folder)).as_posix() for i in (a, b) if i.image_path]
    b_from_a = b.camera_from_world @ a.camera_from_world.inverse()
    return PosedPair(names[0], names[1], a.camera, b.camera, b_from_a, overlap)
