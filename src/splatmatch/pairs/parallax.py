"""Gaussians that the photos show without parallax: sky, clouds, far hills. Their depth is painted, not measured.

A fit puts the sky somewhere behind the houses, where its colours are right for the training views. What is truly there
moves between photos as at infinity. So each photo is compared with others twice, carried over by the rendered depth and
carried over by rotation alone; where the second agrees better, the Gaussians seen there have no parallax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import SplatmatchError
from splatmatch.formats.images import read_image
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import View
from splatmatch.splats.render import render

LONG_SIDE = 240
"""Size at which photos are compared, pixels."""
PHOTOS = 24
"""Photos that are looked at, evenly chosen."""
PARTNERS = 5
"""Photos that each is compared with: the farthest of those that look the same way."""
MAX_TURN = 35.0
"""Degrees up to which two photos look the same way."""
MIN_PARALLAX = 2.5
"""Pixels by which the two predictions must differ to be told apart."""
WINDOW = 7
"""Side of the squares over which colours are compared, pixels."""
NOISE = 1.0
"""Grey levels by which even right predictions differ."""
STRONGEST = 4
"""Gaussians per pixel that are judged by it."""
MIN_WEIGHT = 0.5
"""Pixels, in sums of blending weights, on which a Gaussian must have been seen to be judged."""


@dataclass(frozen=True, eq=False)
class _Look:
    """A photo, small, and what the splat shows there."""

    camera: Camera
    camera_from_world: Pose
    colours: NDArray[np.float32]
    """(H, W, 3) 0..255."""
    depth: NDArray[np.float64]
    """(H, W)."""
    known: NDArray[np.bool_]
    """(H, W) where depth is."""
    ids: NDArray[np.int64]
    """(H, W, K), -1 = none."""
    weights: NDArray[np.float64]
    """(H, W, K)."""


def without_parallax(gaussians: Gaussians, views: Sequence[View], engine: str = "auto") -> Tensor:
    """Which Gaussians (N,), bool, the photos of ``views`` show as if they were infinitely far.

    A pixel's evidence is (e_d - e_r) / (e_d + e_r + noise), with the mean colour differences e_d after a warp by depth
    and e_r after a warp by rotation alone, both over the better half of the partners, since things hide each other. A
    Gaussian's is the mean over the pixels it contributes to, weighted by its share; it has no parallax if that is
    positive. Without photos that can be read, or with fewer than two, nothing is judged.
    """
    looks = [look for view in _chosen(views, PHOTOS) if (look := _look(gaussians, view, engine)) is not None]
    evidence, weight = np.zeros(len(gaussians)), np.zeros(len(gaussians))
    for look in looks:
        known, found = _evidence(look, _partners(look, looks))
        counts = (look.ids >= 0) & known[..., None]
        rows, shares = look.ids[counts], look.weights[counts]
        values = np.broadcast_to(found[..., None], counts.shape)[counts]
        evidence += np.bincount(rows, shares * values, len(gaussians))
        weight += np.bincount(rows, shares, len(gaussians))
    return torch.from_numpy((weight >= MIN_WEIGHT) & (evidence > 0))


def _chosen(views: Sequence[View], most: int) -> list[View]:
    photographed = [view for view in views if view.image_path is not None]
    rows = np.unique(np.linspace(0, len(photographed) - 1, min(most, len(photographed))).round().astype(int))
    return [photographed[row] for row in rows]


def _look(gaussians: Gaussians, view: View, engine: str) -> _Look | None:
    """None where the photo cannot be read."""
    assert view.image_path is not None
    try:
        photo = read_image(view.image_path)
    except SplatmatchError:
        return None
    camera = view.camera.with_long_side(LONG_SIDE)
    small = cv2.resize(photo, (camera.width, camera.height), interpolation=cv2.INTER_AREA).astype(np.float32)
    drawn = render(gaussians, camera, view.camera_from_world, ("depth",), depth="plane", top_k=STRONGEST, engine=engine)
    assert drawn.depth is not None
    assert drawn.depth_valid is not None
    assert drawn.top_ids is not None
    assert drawn.top_weights is not None
    known = drawn.depth_valid & (drawn.alpha > 0.5) & (drawn.depth > 0)
    depth = torch.where(known, drawn.depth, 1.0).double()
    return _Look(
        camera, view.camera_from_world, small, depth.cpu().numpy(), known.cpu().numpy(),
        drawn.top_ids.cpu().numpy().astype(np.int64), drawn.top_weights.cpu().double().numpy(),
    )  # fmt: skip


def _partners(look: _Look, looks: Sequence[_Look]) -> list[_Look]:
    """Those that look the same way from farthest off."""
    centre, axis = look.camera_from_world.centre, look.camera_from_world.rotation[2]
    same = [
        other
        for other in looks
        if other is not look and float(axis @ other.camera_from_world.rotation[2]) > np.cos(np.radians(MAX_TURN))
    ]
    return sorted(same, key=lambda other: -float((other.camera_from_world.centre - centre).norm()))[:PARTNERS]


def _evidence(look: _Look, partners: Sequence[_Look]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Where there is any (H, W), and how much (H, W), -1..1, positive for no parallax."""
    by_depth, by_rotation = [], []
    rays = look.camera.unproject(look.camera.pixel_centres(torch.float64), torch.ones(look.depth.shape))
    for other in partners:
        other_from_this = other.camera_from_world @ look.camera_from_world.inverse()
        turned = rays @ other_from_this.rotation.T
        moved = turned * torch.from_numpy(look.depth)[..., None] + other_from_this.translation
        near, near_inside = _pixels(other.camera, moved)
        far, far_inside = _pixels(other.camera, turned)
        told = np.linalg.norm(near - far, axis=-1) > MIN_PARALLAX
        both = near_inside & far_inside & look.known & told
        if both.any():
            errors = [np.abs(_sampled(other.colours, where) - look.colours).mean(-1) for where in (near, far)]
            by_depth.append(_averaged(errors[0], both))
            by_rotation.append(_averaged(errors[1], both))
    if not by_depth:
        return np.zeros(look.known.shape, np.bool_), np.zeros(look.known.shape)
    e_d, e_r = _better_half(np.stack(by_depth)), _better_half(np.stack(by_rotation))
    known = np.isfinite(e_d)
    return known, np.where(known, (e_d - e_r) / (e_d + e_r + NOISE), 0.0)


def _pixels(camera: Camera, points: Tensor) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Corner pixels (H, W, 2) of points (H, W, 3) in the frame of ``camera``, and whether they are inside."""
    ahead = points[..., 2] > 1e-6
    pixels = camera.project(torch.where(ahead[..., None], points, torch.ones_like(points)))
    x, y = pixels.unbind(-1)
    inside = ahead & (x > 0.5) & (y > 0.5) & (x < camera.width - 0.5) & (y < camera.height - 0.5)
    return pixels.numpy(), inside.numpy()


def _sampled(colours: NDArray[np.float32], pixels: NDArray[np.float64]) -> NDArray[np.float32]:
    centred = (pixels - 0.5).astype(np.float32)
    return np.asarray(cv2.remap(colours, centred[..., 0], centred[..., 1], cv2.INTER_LINEAR))


def _averaged(error: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over the square around each pixel (H, W) of what counts; NaN where the pixel itself does not."""
    total = cv2.blur(np.where(where, error, 0).astype(np.float64), (WINDOW, WINDOW))
    share = cv2.blur(where.astype(np.float64), (WINDOW, WINDOW))
    return np.where(where, total / np.maximum(share, 1e-9), np.nan)


def _better_half(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean (H, W) of the smaller half of the finite ones of (P, H, W), the middle one included; NaN where none is."""
    ordered = np.sort(errors, axis=0)
    half = (np.isfinite(ordered).sum(0) + 1) // 2
    sums = np.nancumsum(ordered, axis=0)
    best = np.take_along_axis(sums, np.maximum(half - 1, 0)[None], axis=0)[0]
    return np.where(half > 0, best / np.maximum(half, 1), np.nan)
