"""Values of maps at points, batched and differentiable."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Interpolation = Literal["bilinear", "bicubic", "nearest"]


def sampled(maps: Tensor, points: Tensor, stride: float = 1.0, mode: Interpolation = "bilinear") -> Tensor:
    """Values (B, ..., C) of ``maps`` (B, C, H, W) at ``points`` (B, ..., 2), beyond the border those of the border.

    Convention: corner pixels of the image; cell (i, j) of a map of that stride has its centre at stride (i + 0.5).
    """
    height, width = maps.shape[-2:]
    size = points.new_tensor([width, height])
    grid = (2 * points / (stride * size) - 1).reshape(len(points), -1, 1, 2).to(maps.dtype)
    values = functional.grid_sample(maps, grid, mode, "border", align_corners=False)[..., 0]
    return values.transpose(1, 2).reshape(*points.shape[:-1], maps.shape[1])


def windows(maps: Tensor, points: Tensor, reach: int, stride: float = 1.0) -> tuple[Tensor, Tensor]:
    """Values (B, M, K, C) in squares of K = (2 reach + 1)^2 cells around ``points`` (B, M, 2), and the places (K, 2).

    The places are in pixels relative to the point, x before y within a row, rows from top to bottom.
    """
    steps = torch.arange(-reach, reach + 1, dtype=points.dtype, device=points.device) * stride
    places = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).reshape(-1, 2)
    return sampled(maps, points[:, :, None] + places, stride), places
