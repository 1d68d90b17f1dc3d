"""Depth and normal maps that a fit is pulled towards, given as tensors per view."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera


@dataclass(frozen=True, eq=False)
class DepthTarget:
    """Wanted depth of one view, at any resolution."""

    depth: Tensor
    """(H, W) z-depth in scene units."""
    weight: Tensor
    """(H, W) >= 0; 0 = no target there."""

    def at(self, camera: Camera) -> DepthTarget:
        """Sampled at the pixel centres of ``camera`` (nearest, never interpolated across an edge)."""
        return DepthTarget(_nearest(self.depth, camera), _nearest(self.weight, camera))


@dataclass(frozen=True, eq=False)
class NormalTarget:
    """Wanted normals of one view, at any resolution."""

    normal: Tensor
    """(H, W, 3) unit vectors in the camera frame, turned to the camera."""
    weight: Tensor
    """(H, W) >= 0; 0 = no target there."""

    def at(self, camera: Camera) -> NormalTarget:
        """Sampled at the pixel centres of ``camera`` (nearest)."""
        return NormalTarget(_nearest(self.normal, camera), _nearest(self.weight, camera))


def _nearest(table: Tensor, camera: Camera) -> Tensor:
    height, width = table.shape[:2]
    rows = ((torch.arange(camera.height) + 0.5) * (height / camera.height)).long().clamp(max=height - 1)
    columns = ((torch.arange(camera.width) + 0.5) * (width / camera.width)).long().clamp(max=width - 1)
    return table[rows.to(table.device)][:, columns.to(table.device)]
