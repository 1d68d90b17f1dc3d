"""Keypoints from XFeat's maps, as its authors read them, for batches and with gradients to the descriptors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.networks.xfeat import CELL, XFeatMaps

NEIGHBOURHOOD = 5
"""Side of the window in which a keypoint is the largest."""


@dataclass(frozen=True, eq=False)
class Keypoints:
    """As many per image; images with fewer are filled up with points of score 0.

    Convention: corner pixels of the images, always at centres of pixels.
    """

    points: Tensor
    """(B, N, 2)."""
    scores: Tensor
    """(B, N), best first; 0 where there is no point."""
    descriptors: Tensor
    """(B, N, 64) of unit length."""


def keypoints(maps: XFeatMaps, count: int, threshold: float = 0.05) -> Keypoints:
    """The ``count`` best local maxima with a probability above ``threshold``.

    The score is the probability times the reliability. Maps are sampled at index / (size - 1), as in training by the
    authors, descriptors bicubically.
    """
    with torch.no_grad():
        heat = functional.pixel_shuffle(maps.keypoints.float().softmax(1)[:, :-1], CELL)[:, 0]
        largest = functional.max_pool2d(heat, NEIGHBOURHOOD, 1, NEIGHBOURHOOD // 2)
        height, width = heat.shape[1:]
        peaks = (heat == largest) & (heat > threshold)
        reliable = _at_pixels(maps.reliability.float(), height, width)
        scores = torch.where(peaks, heat * reliable[:, 0], torch.zeros_like(heat)).flatten(1)
        scores, rows = scores.topk(min(count, scores.shape[1]), dim=1)
        x, y = rows % width, rows.div(width, rounding_mode="floor")
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)[:, :, None]
    table = functional.normalize(maps.descriptors.float(), dim=1)
    values = functional.grid_sample(table, grid.to(table.dtype), "bicubic", align_corners=False)[..., 0]
    points = torch.stack([x, y], dim=-1).to(table.dtype) + 0.5
    return Keypoints(points, scores, functional.normalize(values.transpose(1, 2), dim=-1))


def _at_pixels(reliability: Tensor, height: int, width: int) -> Tensor:
    """Reliability (B, 1, H, W) at every pixel index over the last index, bilinear."""
    x = torch.linspace(-1, 1, width, device=reliability.device)
    y = torch.linspace(-1, 1, height, device=reliability.device)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[None].expand(len(reliability), -1, -1, -1)
    return functional.grid_sample(reliability, grid, "bilinear", align_corners=False)
