"""Which views see the same surfaces from somewhere else, and the unit that lengths are measured in."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from splatmatch.scene.views import Scene, View

MOST_POINTS = 2000
"""Points are thinned to this many: enough to see which views overlap."""
BEST_DEGREES, WIDEST_DEGREES = 8.0, 45.0
"""Angle between the rays of two views at a point from which depth is well determined, and beyond which two views show
too different pictures of it."""
FEWEST = 0.2
"""Least share of the points of a view that a neighbour must see."""


def typical_depth(scene: Scene) -> float:
    """Median z-depth of the sparse points in the training views that see them; the camera extent without points."""
    depths = []
    positions = _thinned(scene)
    for view in scene.train_views:
        depth, seen, _ = _seen(view, positions)
        depths.append(depth[seen])
    found = torch.cat(depths) if depths else torch.zeros(0)
    return float(found.median()) if len(found) else scene.camera_extent


def neighbouring_views(scene: Scene, count: int) -> tuple[tuple[int, ...], ...]:
    """For each training view up to ``count`` others, best first, by index into ``scene.train_views``.

    A neighbour is worth the share of the view's sparse points that it sees too, times min(1, angle / BEST_DEGREES),
    angle being the median one between both rays at those points. Views without neighbours get an empty tuple.
    """
    positions = _thinned(scene)
    seen, rays = [], []
    for view in scene.train_views:
        _, inside, ray = _seen(view, positions)
        seen.append(inside)
        rays.append(ray)
    chosen = []
    for i in range(len(seen)):
        worth = []
        for j in range(len(seen)):
            both = seen[i] & seen[j]
            share = float(both.sum()) / max(1, int(seen[i].sum()))
            if i == j or share < FEWEST:
                continue
            cosine = (rays[i][both] * rays[j][both]).sum(-1).clamp(-1, 1)
            angle = math.degrees(float(torch.acos(cosine).median()))
            if angle < WIDEST_DEGREES:
                worth.append((share * min(1.0, angle / BEST_DEGREES), -j))
        chosen.append(tuple(-j for _, j in sorted(worth, reverse=True)[:count]))
    return tuple(chosen)


def _thinned(scene: Scene) -> Tensor:
    positions = scene.points.positions
    return positions[:: max(1, math.ceil(len(positions) / MOST_POINTS))]


def _seen(view: View, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Depth (P,), whether a point falls into the image (P,) bool, and the unit ray to it (P, 3)."""
    local = view.camera_from_world.apply(positions)
    ahead = local[:, 2] > 0
    pixels = view.camera.project(torch.where(ahead[:, None], local, torch.ones_like(local)))
    size = pixels.new_tensor([view.camera.width, view.camera.height])
    inside = ahead & (pixels > 0).all(1) & (pixels < size).all(1)
    ray = positions - view.camera_from_world.centre
    return local[:, 2], inside, ray / ray.norm(dim=1, keepdim=True).clamp(min=1e-12)
