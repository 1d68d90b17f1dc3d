"""Another light on the same geometry: shading from the normals under random lights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LightingConfig:
    """How the light of an image is changed."""

    share: float = 0.5
    """Share of images with another light."""
    strength: float = 0.7
    """Largest share of the light that comes from one direction; the rest stays as it was."""
    tint: float = 0.1
    """Logarithm of the red and blue gains of the directed light."""
    smoothing: float = 3.0
    """Standard deviation, in pixels of an image 640 wide, by which normals are smoothed."""


SAME_LIGHT = LightingConfig(share=0.0)
"""Changes nothing."""


def relit(
    rgb: NDArray[np.float32],
    normal: NDArray[np.float32],
    world_from_camera: NDArray[np.float64],
    config: LightingConfig,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The image (H, W, 3) under another light, and what was done, as plain JSON ({} = nothing).

    light = 1 - s + s max(0, n . l) / mean(max(0, n . l)), applied to encoded colours to the power 1 / 2.2; where no
    normal is known the colours stay. The direction l is drawn in the world, among those that light at least a fifth of
    the image well.

    Args:
        rgb: colours 0..1.
        normal: (H, W, 3) unit, camera frame, 0 where not known.
        world_from_camera: (3, 3) rotation.
        config: strengths.
        rng: random choices.
    """
    if rng.uniform() >= config.share:
        return rgb, {}
    strength = config.strength * float(rng.uniform(0.4, 1.0))
    gains = np.exp(config.tint * np.array([rng.uniform(-1, 1), 0.0, rng.uniform(-1, 1)]))
    directions = rng.normal(size=(16, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    sigma = config.smoothing * rgb.shape[1] / 640
    smooth = cv2.GaussianBlur(normal, (0, 0), sigma)
    length = np.sqrt(np.einsum("hwc,hwc->hw", smooth, smooth))
    known = length > 0.2
    if not known.any():
        return rgb, {}
    smooth /= np.maximum(length, 1e-6)[..., None]
    sample = smooth[::8, ::8][known[::8, ::8]] if known[::8, ::8].any() else smooth[known]
    lit = np.maximum(sample @ (directions @ world_from_camera).T, 0.0)
    good = np.flatnonzero((lit > 0.3).mean(0) >= 0.2)
    if not len(good):
        return rgb, {}
    chosen = int(good[0])
    way = (directions[chosen] @ world_from_camera).astype(np.float32)
    shading = np.maximum(smooth @ way, 0.0) / max(float(lit[:, chosen].mean()), 1e-3)
    light = 1 - strength + strength * shading[..., None] * gains.astype(np.float32)
    factor = cv2.pow(np.where(known[..., None], light, 1.0).astype(np.float32), 1 / 2.2)
    done = {"direction": directions[chosen].tolist(), "strength": strength, "gains": gains.tolist()}
    return np.clip(rgb * factor, 0.0, 1.0).astype(np.float32), done
