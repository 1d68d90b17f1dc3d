"""Viewpoints for a splat without cameras: eyes in free space that look at well-covered surfaces.

A scene is looked at from within if, from free places in it, most level rays meet matter (a garden, a room); else from
around (an object, also one on a piece of ground). Heights are kept near the ground, where photos are taken. A large
closed object cannot be told from a room: for these the user says from where to look.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, rotation_from_quaternion
from splatmatch.pairs.check import CheckConfig, floor_reason, indicators, median_depth
from splatmatch.pairs.occupancy import SOLID, Occupancy, Points, occupancy
from splatmatch.pairs.sources import Anchor, Glance
from splatmatch.scene.gaussians import Gaussians

UpAxis = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]
LookFrom = Literal["auto", "within", "around"]

FIELD_OF_VIEW = 65.0
"""Horizontal, degrees."""
PROPOSALS = 240
"""Viewpoints that are looked from."""
FINE_SHARE = 0.5
"""Share of those that show enough which are kept: those that show the finest detail for their distance."""
KEPT = 48
"""Viewpoints that are kept, the most different ones."""
LOOK = 128
"""Long side of a look, pixels."""
LEVEL_RAYS = 12
"""Rays that tell whether a place is surrounded."""
SURROUNDED = 0.6
"""Share of level rays that meet matter around a place inside a scene."""
INSIDE_SHARE = 0.1
"""Share of the free places near surfaces that are surrounded in a scene that is looked at from within."""
FEWEST_INSIDE = 20
"""Such places that there must be at least: the gaps inside a wall are none."""
FACING = 0.85
"""Cosine from which a flat Gaussian faces along an axis."""
CLEARLY = 1.4
"""How much more matter the ground has than the thickest slab across another axis."""
TRIES = 24
"""Random places per proposal."""


@dataclass(frozen=True, eq=False)
class _Ground:
    """What proposals are drawn from; source frame."""

    space: Occupancy
    up: Points
    across: tuple[Points, Points]
    targets: Points
    """(N, 3) centres of opaque Gaussians inside the box."""
    weights: NDArray[np.float64]
    """(N,) how much surface each stands for; sums to one."""


def survey(
    gaussians: Gaussians,
    glance: Callable[[Camera, Pose], Glance],
    size: tuple[int, int],
    up: UpAxis,
    z_up: bool,
    look_from: LookFrom,
    name: str,
    seed: int,
) -> tuple[Anchor, ...]:
    """Viewpoints that see the splat well, at most ``KEPT``.

    Args:
        gaussians: the splat, about one unit large.
        glance: what looks.
        size: width and height of the images.
        up: axis that points up, or ``auto``.
        z_up: +z is known to be up.
        look_from: from within the scene, from around it, or as its shape suggests.
        name: of the scene, for names and errors.
        seed: of the random choices.

    Raises:
        InputError: nothing is seen well from anywhere.
    """
    rng = np.random.default_rng((seed, 71))
    ground = _ground(gaussians, up, z_up)
    eyes, targets = _from_within(ground, rng, 0.0 if look_from == "within" else INSIDE_SHARE)
    if look_from == "around" or (look_from == "auto" and not len(eyes)):
        eyes, targets = _from_around(ground, rng)
    camera = Camera.from_fov(*size, FIELD_OF_VIEW)
    small = camera.with_long_side(LOOK)
    config = CheckConfig()
    poses, shares, grains = [], [], []
    for eye, target in zip(eyes, targets, strict=True):
        pose = Pose.looking_at(eye, target, ground.up)
        look = glance(small, pose)
        seen = indicators(look, near=config.near_share * median_depth([look]))
        if not floor_reason(seen, config, closed=False):
            poses.append(pose)
            shares.append(seen.valid_share)
            grains.append(look.grain)
    fine = np.argsort(grains, kind="stable")[: max(KEPT, round(FINE_SHARE * len(poses)))]
    poses, shares = [poses[row] for row in fine], [shares[row] for row in fine]
    if not poses:
        raise InputError(f"{name}: no viewpoint sees it well", "give a scene folder with cameras, or try another --up")
    chosen = _most_different(poses, np.array(shares), KEPT)
    return tuple(Anchor(f"{name}-free-{number:03d}", camera, poses[row]) for number, row in enumerate(chosen))


def up_axis(gaussians: Gaussians) -> Points:
    """The axis (3,) along which the scene has a ground: one thin slab with far more flat matter than any other.

    Its sign is that of the side with more matter. -y, as most splat files have it, where no axis clearly wins.
    """
    normals, area = _facing(gaussians)
    means = gaussians.means.double().numpy()
    best = [_thickest_slab(means[:, axis], area, np.abs(normals[:, axis]) > FACING) for axis in range(3)]
    shares = [share for share, _ in best]
    axis = int(np.argmax(shares))
    if shares[axis] < CLEARLY * sorted(shares)[1]:
        return np.array([0.0, -1.0, 0.0])
    above = float(area[means[:, axis] > best[axis][1]].sum())
    return np.asarray(np.eye(3)[axis] * (1.0 if above >= 0.5 * area.sum() else -1.0))


def _thickest_slab(
    heights: NDArray[np.float64], area: NDArray[np.float64], facing: NDArray[np.bool_]
) -> tuple[float, float]:
    """Largest share of the area that faces along an axis within 4 % of the extent, and where that slab is."""
    low, high = np.quantile(heights, [0.01, 0.99])
    counts, edges = np.histogram(heights[facing], 100, (low, max(high, low + 1e-9)), weights=area[facing])
    slabs = np.convolve(counts, np.ones(4), "valid")
    thickest = int(slabs.argmax())
    return float(slabs[thickest] / area.sum()), float(edges[thickest + 2])


def _facing(gaussians: Gaussians) -> tuple[Points, NDArray[np.float64]]:
    """Shortest axes (N, 3) of the Gaussians and the opaque area (N,) that they stand for."""
    scales = gaussians.scales.double().numpy()
    order = np.argsort(scales, axis=1)
    rotations = rotation_from_quaternion(gaussians.quaternions.double()).numpy()
    normals = np.take_along_axis(rotations, order[:, None, :1], axis=2)[:, :, 0]
    ordered = np.take_along_axis(scales, order, axis=1)
    area = ordered[:, 1] * ordered[:, 2] * gaussians.opacities.double().numpy()
    return normals, np.minimum(area, np.quantile(area, 0.95))


def _ground(gaussians: Gaussians, up: UpAxis, z_up: bool) -> _Ground:
    solid = gaussians.select(gaussians.opacities >= SOLID)
    means = solid.means.double().numpy()
    space = occupancy(means, solid.opacities.double().numpy())
    low, high = space.box
    inside = ((means >= low) & (means <= high)).all(1)
    _, area = _facing(solid)
    if up != "auto":
        axis = np.eye(3)["xyz".index(up[-1])] * (-1.0 if up.startswith("-") else 1.0)
    else:
        axis = np.array([0.0, 0.0, 1.0]) if z_up else up_axis(solid)
    first = np.roll(np.abs(axis), 1)
    return _Ground(space, axis, (first, np.cross(axis, first)), means[inside], area[inside] / area[inside].sum())


def _from_within(ground: _Ground, rng: np.random.Generator, least_share: float) -> tuple[Points, Points]:
    """Eyes (N, 3) above the ground in places that are surrounded, and what they look at.

    None if fewer than ``least_share`` of the free places above surfaces are surrounded.
    """
    space, up = ground.space, ground.up
    low, high = space.box
    tries = TRIES * PROPOSALS
    bottom = ground.targets @ up
    spots = ground.targets[rng.choice(len(ground.targets), tries, p=ground.weights)]
    height = np.exp(rng.uniform(math.log(0.05), math.log(0.7), tries))
    eyes = spots + height[:, None] * up
    inside = ((eyes > low) & (eyes < high)).all(1) & (eyes @ up > np.quantile(bottom, 0.02))
    eyes, height = eyes[inside], height[inside]
    free = space.room(eyes) > np.maximum(1.5 * space.voxel, 0.25 * np.minimum(height, 0.4))
    eyes = eyes[free]
    if not len(eyes):
        return eyes, eyes
    enclosed = _surrounded(ground, eyes)
    if least_share > 0 and int((enclosed >= SURROUNDED).sum()) < FEWEST_INSIDE:
        return eyes[:0], eyes[:0]
    if float((enclosed >= SURROUNDED).mean()) < least_share:
        return eyes[:0], eyes[:0]
    eyes = eyes[enclosed >= SURROUNDED][:PROPOSALS]
    angle = rng.uniform(0, 2 * math.pi, len(eyes))
    slope = rng.uniform(-0.35, 0.15, len(eyes))
    first, second = ground.across
    ways = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second + slope[:, None] * up
    return eyes, eyes + ways / np.linalg.norm(ways, axis=1, keepdims=True)


def _surrounded(ground: _Ground, eyes: Points) -> NDArray[np.float64]:
    """Share (N,) of level rays from ``eyes`` (N, 3) that meet matter."""
    first, second = ground.across
    reach = float(np.linalg.norm(ground.space.box[1] - ground.space.box[0]))
    share = np.zeros(len(eyes))
    for angle in 2 * math.pi * np.arange(LEVEL_RAYS) / LEVEL_RAYS:
        way = math.cos(angle) * first + math.sin(angle) * second + 0.05 * ground.up
        way = np.broadcast_to(way / np.linalg.norm(way), eyes.shape)
        share += np.isfinite(ground.space.march(eyes, way, reach)) / LEVEL_RAYS
    return share


def _from_around(ground: _Ground, rng: np.random.Generator) -> tuple[Points, Points]:
    """Eyes (N, 3) outside the matter, mostly at a low elevation, with a free line to the surface they look at."""
    space, up = ground.space, ground.up
    tries = TRIES * PROPOSALS
    middle = 0.5 * (space.box[0] + space.box[1])
    radius = 0.5 * float(np.linalg.norm(space.box[1] - space.box[0]))
    targets = ground.targets[rng.choice(len(ground.targets), tries, p=ground.weights)]
    targets = 0.6 * targets + 0.4 * middle
    angle = rng.uniform(0, 2 * math.pi, tries)
    elevation = np.radians(rng.triangular(-5, 20, 60, tries))
    first, second = ground.across
    ways = np.cos(elevation)[:, None] * (np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second)
    ways += np.sin(elevation)[:, None] * up
    distance = radius * np.exp(rng.uniform(math.log(0.6), math.log(1.6), tries))
    eyes = targets + distance[:, None] * ways
    lowest = np.quantile(ground.targets @ up, 0.1)
    free = (space.room(eyes) > 0.1 * radius) & (eyes @ up > lowest)
    eyes, targets = eyes[free], targets[free]
    out = eyes - middle
    away = np.linalg.norm(out, axis=1, keepdims=True)
    outside = np.isinf(space.march(eyes, out / np.maximum(away, 1e-9), 2 * radius))
    eyes, targets = eyes[outside], targets[outside]
    to = targets - eyes
    away = np.linalg.norm(to, axis=1)
    met = space.march(eyes, to / away[:, None], float(away.max(initial=space.voxel)))
    seen = met > 0.3 * away
    return eyes[seen][:PROPOSALS], targets[seen][:PROPOSALS]


def _most_different(poses: list[Pose], shares: NDArray[np.float64], count: int) -> list[int]:
    """Rows of poses, each the one farthest from those before it in place and direction; the fullest first."""
    features = np.stack([np.concatenate([pose.centre.numpy(), pose.rotation[2].numpy()]) for pose in poses])
    chosen = [int(shares.argmax())]
    away = np.linalg.norm(features - features[chosen[0]], axis=1)
    while len(chosen) < min(count, len(poses)):
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(features - features[chosen[-1]], axis=1))
    return chosen
