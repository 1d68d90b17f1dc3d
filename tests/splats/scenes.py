"""Small splats for tests."""

from __future__ import annotations

import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.projection import project


def random_gaussians(count: int, degree: int, seed: int = 0, *, antialiased: bool = False) -> Gaussians:
    """A cloud in front of a camera near the origin, float64: anisotropic, some nearly opaque, some off the image."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    means = normal(count, 3) * torch.tensor([1.2, 1.0, 0.8]) + torch.tensor([0.0, 0.0, 3.0])
    sh = normal(count, (degree + 1) ** 2, 3) * 0.3
    sh[:, 0] += 0.6
    return Gaussians(
        means=means,
        log_scales=normal(count, 3) * 0.6 - 2.0,
        quaternions=normal(count, 4) * 2,
        logit_opacities=normal(count) * 2.5 + 0.5,
        sh=sh,
        antialiased=antialiased,
    )


def away_from_cutoff(gaussians: Gaussians, camera: Camera, camera_from_world: Pose) -> Gaussians:
    """Without Gaussians whose alpha comes within 1e-4 (relative) of 1/255 or of the clamp at a pixel centre."""
    projected = project(gaussians, camera, camera_from_world)
    pixels = camera.pixel_centres(torch.float64).reshape(-1, 2)
    delta = pixels[None] - projected.centres[:, None]
    xx, xy, yy = projected.covariances.unbind(-1)
    determinant = xx * yy - xy * xy
    power = yy[:, None] * delta[..., 0] ** 2 - 2 * xy[:, None] * delta.prod(-1) + xx[:, None] * delta[..., 1] ** 2
    alpha = projected.opacities[:, None] * torch.exp(-0.5 * power / determinant[:, None])
    near = ((alpha / rules.ALPHA_MIN - 1).abs() < 1e-4) | ((alpha / rules.ALPHA_MAX - 1).abs() < 1e-4)
    return gaussians.select(~near.any(1))
