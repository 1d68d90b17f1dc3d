"""Viewpoints inside a scene: a hand-held walk, and extreme views that stand off it; none inside or close to a thing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import NumericalError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import View
from splatmatch.synthetic.kernels import layout
from splatmatch.synthetic.rays import cast_rays, pixel_directions
from splatmatch.synthetic.scene import SyntheticScene

PathKind = Literal["walk", "extreme"]

CLEARANCE = {"room": 0.22, "table": 0.12, "street": 0.3}
"""Least distance in metres between a camera and the bounding box of anything."""
ATTEMPTS = 150
"""Walks, or batches of extreme views, that are tried before giving up."""
BATCH = 24
"""Extreme views that are tried at a time."""
GRID = (16, 12)
"""Pixels across and down that a view is judged by."""
SLACK = 1e-6
"""Metres by which a point may lie behind the surface that hides it."""


def clearance(scene: SyntheticScene, points: NDArray[np.float64], most: float = 1.0) -> NDArray[np.float64]:
    """A lower bound of the distance from each of the points (N, 3) to the nearest surface; 0 inside a solid.

    It is the distance to the nearest oriented bounding box of a primitive, cut at ``most`` metres.
    """
    reach = points.min(0) - most, points.max(0) + most
    world = scene.primitives[:, layout.WORLD : layout.WORLD + 12].reshape(-1, 3, 4)
    extent = np.abs(world[:, :, :3]).sum(2)
    near = ((world[:, :, 3] + extent > reach[0]) & (world[:, :, 3] - extent < reach[1])).all(1)
    rows = scene.primitives[near]
    local = rows[:, layout.LOCAL : layout.LOCAL + 12].reshape(-1, 3, 4)
    half = rows[:, layout.HALF_X : layout.HALF_X + 3]
    inside = np.abs(np.einsum("mij,nj->nmi", local[:, :, :3], points) + local[:, :, 3])
    beyond = np.maximum(inside - (half > 0.0), 0.0) * np.where(half > 0.0, half, 1.0)
    nearest: NDArray[np.float64] = np.sqrt(np.square(beyond).sum(2).min(1, initial=most * most))
    return nearest


def camera_path(
    scene: SyntheticScene, kind: PathKind, count: int, seed: int = 0, width: int = 640, height: int = 480
) -> tuple[View, ...]:
    """``count`` viewpoints, the same ones for the same arguments.

    Args:
        scene: where to stand.
        kind: ``walk``: a hand-held loop that looks at what can be seen from many sides, one focal length; ``extreme``:
            anywhere, rolled by any angle, zoomed 0.7 to 4 times, but seeing what some view of the 40-view walk of the
            same seed sees (split ``test``).
        count: how many views, >= 1.
        seed: which path.
        width: of the images, pixels.
        height: of the images, pixels.

    Raises:
        ValueError: ``count`` below one.
        NumericalError: the scene has no room for such a path.
    """
    if count < 1:
        raise ValueError(f"a path needs at least one view, not {count}")
    camera = Camera.from_fov(width, height, scene.guide.horizontal_degrees)
    if kind == "walk":
        return _named(_walk(scene, camera, count, seed), "walk")
    return _named(_extreme(scene, camera, count, seed), "extreme")


def _named(cameras: list[tuple[Camera, Pose]], kind: PathKind) -> tuple[View, ...]:
    split: Literal["train", "test"] = "train" if kind == "walk" else "test"
    return tuple(
        View(f"{kind}_{index:04d}.png", camera, pose, split=split) for index, (camera, pose) in enumerate(cameras)
    )


def _walk(scene: SyntheticScene, camera: Camera, count: int, seed: int) -> list[tuple[Camera, Pose]]:
    """The widest loop that keeps clear of everything and whose views are not blocked by something close."""
    rng = np.random.default_rng((seed, scene.seed, 1))
    least = CLEARANCE[scene.kind]
    for attempt in range(ATTEMPTS):
        shrink = 1.05 - 0.75 * attempt / ATTEMPTS
        eyes, targets, rolls = _stroll(scene, 3 * count, shrink, rng)
        if clearance(scene, eyes, 2 * least).min() < least:
            continue
        loop = [(camera, _pose(*view)) for view in zip(eyes[::3], targets[::3], rolls[::3], strict=True)]
        if _open(_look_around(scene, loop), 3 * least).all():
            return loop
    raise NumericalError(f"the {scene.kind} of seed {scene.seed} has no room for a walk", "take another seed")


def _stroll(
    scene: SyntheticScene, count: int, shrink: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Eyes (N, 3), targets (N, 3) and rolls (N,) along the guide's ellipse, with the slow sway of a hand."""
    guide = scene.guide
    angles = guide.start + rng.uniform(-0.4, 0.4) + guide.sweep * np.arange(count) / count
    size = 1.0 if scene.kind != "table" else 0.35

    def sway(amplitude: float) -> NDArray[np.float64]:
        total = np.zeros(count)
        for harmonic in range(1, 6):
            total += np.sin(harmonic * (angles - guide.start) + rng.uniform(0, 2 * math.pi)) / harmonic
        return amplitude * rng.uniform(0.4, 1.0) * total

    eyes = np.array([guide.eye(angle) for angle in angles])
    middle = np.array(guide.centre)
    eyes = middle + (eyes - middle) * (shrink * np.array([1.0, 1.0, 1.0]) + sway(0.06)[:, None])
    eyes[:, 2] = guide.centre[2] + size * (rng.uniform(-0.08, 0.12) + sway(0.1))
    targets = np.array([guide.aim(angle) for angle in angles])
    targets += size * np.stack([sway(0.25), sway(0.25), sway(0.2)], axis=1)
    return eyes, targets, sway(0.035)


def _pose(eye: NDArray[np.float64], target: NDArray[np.float64], roll: float) -> Pose:
    """camera_from_world that looks from eye to target, turned about its axis by ``roll`` radians."""
    c, s = math.cos(roll), math.sin(roll)
    turn = torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    return Pose(turn, torch.zeros(3, dtype=torch.float64)) @ Pose.looking_at(eye.copy(), target.copy())


def _look_around(scene: SyntheticScene, views: list[tuple[Camera, Pose]]) -> Tensor:
    """What V views meet through a coarse grid of pixels, (V, G, 4): world points and depth; infinity is sky."""
    ways = torch.stack([pixel_directions(camera.resized(*GRID), pose) for camera, pose in views])
    centres = torch.stack([pose.centre for _, pose in views])[:, None].expand_as(ways)
    depth = cast_rays(scene, centres.reshape(-1, 3), ways.reshape(-1, 3)).distance.reshape(ways.shape[:2])
    return torch.cat([centres + depth[..., None] * ways, depth[..., None]], dim=2)


def _open(met: Tensor, near: float) -> Tensor:
    """Which views (V,) see surfaces in half of their pixels, and hardly anything nearer than ``near``."""
    depth = met[..., 3]
    return (torch.isfinite(depth).double().mean(1) > 0.5) & ((depth < near).double().mean(1) < 0.06)


def _extreme(scene: SyntheticScene, camera: Camera, count: int, seed: int) -> list[tuple[Camera, Pose]]:
    """Views from random places towards points that the walk sees, rolled and zoomed."""
    rng = np.random.default_rng((seed, scene.seed, 2))
    walk = _walk(scene, camera, 40, seed)
    least = CLEARANCE[scene.kind]
    seen = _look_around(scene, walk).reshape(-1, 4)
    seen = seen[torch.isfinite(seen[:, 3]), :3]
    found: list[tuple[Camera, Pose]] = []
    for _ in range(ATTEMPTS):
        eyes = rng.uniform(scene.guide.low, scene.guide.high, size=(BATCH, 3))
        targets = seen[torch.from_numpy(rng.integers(len(seen), size=BATCH))].numpy()
        zooms, rolls = np.exp(rng.uniform(math.log(0.7), math.log(4.0), BATCH)), rng.uniform(-math.pi, math.pi, BATCH)
        clear = clearance(scene, eyes, 2 * least) >= least
        tried = [
            (camera.zoomed(float(zooms[index])), _pose(eyes[index], targets[index], float(rolls[index])))
            for index in np.flatnonzero(clear)
        ]
        if not tried:
            continue
        met = _look_around(scene, tried)
        good = _open(met, 1.5 * least) & (_overlap(scene, met, walk) > 0.3)
        found += [view for view, fits in zip(tried, good.tolist(), strict=True) if fits]
        if len(found) >= count:
            return found[:count]
    raise NumericalError(f"the {scene.kind} of seed {scene.seed} has no room for extreme views", "take another seed")


def _overlap(scene: SyntheticScene, met: Tensor, walk: list[tuple[Camera, Pose]]) -> Tensor:
    """The largest fraction of each view's pixels (V,) that some one view of the walk sees, too."""
    points, known = met[..., :3].reshape(-1, 3), torch.isfinite(met[..., 3]).reshape(-1)
    seen = torch.zeros(len(walk), len(points), dtype=torch.bool)
    seen[:, known] = visible(scene, points[known], walk)
    return seen.reshape(len(walk), *met.shape[:2]).double().mean(2).amax(0)


def visible(scene: SyntheticScene, points: Tensor, views: Sequence[tuple[Camera, Pose]]) -> Tensor:
    """Which views see which surface points: (V, N) bool for ``points`` (N, 3), float64, on surfaces of the scene.

    A view, (camera, camera_from_world), sees a point that projects into its image and is the first on its ray.
    """
    seen = torch.zeros(len(views), len(points), dtype=torch.bool)
    for index, (camera, pose) in enumerate(views):
        local = pose.apply(points)
        pixels = camera.project(local)
        size = torch.tensor([camera.width, camera.height], dtype=pixels.dtype)
        seen[index] = (local[:, 2] > 0.01) & (pixels > 0).all(1) & (pixels < size).all(1)
    view_index, point_index = torch.nonzero(seen, as_tuple=True)
    if len(view_index):
        origins = torch.stack([pose.centre for _, pose in views])[view_index]
        ways = points[point_index] - origins
        first = cast_rays(scene, origins, ways).distance
        seen[view_index, point_index] = (1.0 - first) * ways.norm(dim=1) < SLACK
    return seen


def renamed(views: tuple[View, ...], suffix: str) -> tuple[View, ...]:
    """The same views as files of another format."""
    return tuple(replace(view, name=view.name.rsplit(".", 1)[0] + suffix) for view in views)
