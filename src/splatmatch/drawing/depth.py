"""Pictures of depth maps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from splatmatch.drawing.colours import checker, ramp
from splatmatch.drawing.pictures import Picture


def depth_range(depth: Tensor, valid: Tensor | None = None) -> tuple[float, float]:
    """(near, far) of a picture of ``depth`` (H, W): the 1st and 99th percentile of what is valid; (1, 2) of nothing."""
    values = depth[usable(depth, valid)].double()
    if values.numel() == 0:
        return 1.0, 2.0
    if values.numel() > 200_000:
        values = values[:: values.numel() // 200_000]
    near, far = torch.quantile(values, torch.tensor([0.01, 0.99], dtype=torch.float64)).tolist()
    return near, max(far, near * 1.001)


def depth_picture(
    depth: Tensor,
    valid: Tensor | None = None,
    near_far: tuple[float, float] | None = None,
    alpha: Tensor | None = None,
) -> Picture:
    """Depth (H, W) on the ramp, near = light: equal ratios of depth get equal steps; invalid = dark chequerboard.

    Args:
        depth: (H, W) z-depth.
        valid: (H, W) bool; None = wherever it is finite and positive.
        near_far: the depths at the ends of the ramp, in the units of ``depth``; None = ``depth_range`` of this map.
        alpha: (H, W) in 0..1 fades the picture into the chequerboard; None = solid.
    """
    shown = usable(depth, valid)
    near, far = near_far or depth_range(depth, valid)
    logs = torch.where(shown, depth, torch.ones_like(depth)).double().log()
    low, high = np.log([near, far])
    colours = ramp()
    index = ((logs - low) / (high - low)).clamp(0, 1).mul(len(colours) - 1).round().long()
    weight = shown.float() if alpha is None else alpha.detach().clamp(0, 1) * shown
    blend = weight.cpu().numpy()[..., None]
    over = blend * colours[index.cpu().numpy()] + (1 - blend) * checker(*depth.shape)
    return np.asarray(np.round(over), np.uint8)


def usable(depth: Tensor, valid: Tensor | None = None) -> Tensor:
    """Where a depth map (H, W) means something: finite, positive, and ``valid`` if that is given."""
    positive = torch.isfinite(depth) & (depth > 0)
    return positive if valid is None else positive & valid
