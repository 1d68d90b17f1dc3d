"""Photos and priors of the lift tests: a few thousand pixels, depth known."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3
from splatmatch.pairs.appearance import NEUTRAL
from splatmatch.pairs.lift.config import LiftConfig
from splatmatch.scene.depth_prior import InverseDepth

SMALL = LiftConfig(width=96, height=72, appearance=NEUTRAL)


def texture(height: int = 120, width: int = 160, seed: int = 0) -> np.ndarray:
    """Smooth random colours (H, W, 3) with structure everywhere."""
    rng = np.random.default_rng(seed)
    octaves = [
        cv2.resize(
            rng.random((height // s + 2, width // s + 2, 3), dtype=np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        for s in (4, 10, 30)
    ]
    return np.clip(255 * (octaves[0] + octaves[1] + octaves[2]) / 3, 0, 255).astype(np.uint8)


def camera(width: int = 160, height: int = 120, focal: float = 150.0) -> Camera:
    return Camera(width, height, focal, 1.1 * focal, width / 2 + 3.3, height / 2 - 2.2)


def motion(*tangent: float) -> Pose:
    rotation, translation = exp_se3(torch.tensor(tangent, dtype=torch.float64))
    return Pose(rotation, translation)


def plane(camera: Camera, normal: tuple[float, float, float], distance: float) -> np.ndarray:
    """Inverse depth (H, W) of n . X = distance."""
    rays = camera.unproject(camera.pixel_centres(torch.float64), torch.ones(camera.height, camera.width).double())
    return (rays @ torch.tensor(normal, dtype=torch.float64) / distance).numpy().astype(np.float32)


def disc(height: int = 120, width: int = 160, near: float = 1.0, far: float = 0.2, radius: float = 25.0) -> np.ndarray:
    """Inverse depth of a round card in front of a wall."""
    y, x = np.mgrid[:height, :width]
    return np.where(np.hypot(x - width / 2, y - height / 2) < radius, near, far).astype(np.float32)


@dataclass
class GivenDepth:
    """A prior that says what it is told to."""

    inverse: np.ndarray
    name: str = "given"
    licence: str = "CC0-1.0"

    def predict(self, rgb: torch.Tensor, name: str = "") -> InverseDepth:
        height, width = rgb.shape[:2]
        full = cv2.resize(self.inverse, (width, height), interpolation=cv2.INTER_LINEAR)
        return InverseDepth(torch.from_numpy(full), torch.ones(height, width, dtype=torch.bool))


def hills(height: int = 120, width: int = 160) -> np.ndarray:
    """Relative inverse depth that rises towards the bottom, with a card in front."""
    ground = np.linspace(0.2, 0.8, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    return np.maximum(ground, disc(height, width, 1.0, 0.0, height / 6))
