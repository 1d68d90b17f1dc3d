"""From the photo to a network's input size, and from its raw output to ``InverseDepth``."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import NumericalError
from splatmatch.priors.card import Kind
from splatmatch.scene.depth_prior import InverseDepth

TINY = 1e-12
"""Depths below are not valid: their inverse would mean nothing."""


def network_size(width: int, height: int, long_side: int, multiple: int) -> tuple[int, int]:
    """(width, height) with the long side at ``long_side`` and both rounded down to multiples, at least one each."""
    scale = long_side / max(width, height)
    return tuple(max(multiple, int(side * scale) // multiple * multiple) for side in (width, height))  # type: ignore[return-value]


def network_input(
    rgb: Tensor, size: tuple[int, int], mean: tuple[float, float, float], std: tuple[float, float, float]
) -> NDArray[np.float32]:
    """The photo (H, W, 3) in 0..1 as (1, 3, h, w) float32: area averages, minus ``mean``, over ``std``."""
    pixels = np.ascontiguousarray(rgb.detach().cpu().numpy(), dtype=np.float32)
    shrinks = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    scaled = (small - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)


def inverse_depth(raw: NDArray[np.floating], kind: Kind, width: int, height: int, source: str) -> InverseDepth:
    """A network's map (h, w) as inverse depth at width x height: resampled as it came, then converted.

    Raises:
        NumericalError: the map holds NaN or infinity.
    """
    if not np.isfinite(raw).all():
        raise NumericalError(f"{source}: the predicted depth holds NaN or infinity")
    full = cv2.resize(np.asarray(raw, np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return converted(full, np.ones_like(full, dtype=bool), kind)


def converted(values: NDArray[np.float32], valid: NDArray[np.bool_], kind: Kind) -> InverseDepth:
    """Values (H, W) of any kind as inverse depth; NaN, infinity and depths of 0 or less become not valid."""
    valid = valid & np.isfinite(values)
    if kind == "depth":
        valid &= values > TINY
        inverse = np.divide(1.0, values, out=np.zeros_like(values), where=valid)
    elif kind == "log_inverse":
        inverse = np.exp(np.where(valid, values, 0.0))
    else:
        inverse = values
    valid = valid & np.isfinite(inverse)
    kept = np.where(valid, inverse, 0.0).astype(np.float32)
    return InverseDepth(torch.from_numpy(kept), torch.from_numpy(np.ascontiguousarray(valid)))
