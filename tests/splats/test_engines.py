"""Every engine against the reference in float64: images and gradients of every input."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import TENSORS, Gaussians
from splatmatch.scene.render import DepthMode, Render
from splatmatch.splats.render import render
from tests.splats.scenes import away_from_cutoff, random_gaussians

CAMERA = Camera(70, 50, 60.0, 57.0, 33.2, 26.1)
POSE = Pose.from_quaternion([0.9, 0.1, -0.2, 0.15], [0.1, -0.05, 0.2])


def _differentiable(gaussians: Gaussians) -> Gaussians:
    return Gaussians(
        *(tensor.detach().clone().requires_grad_() for tensor in gaussians.tensors().values()),
        antialiased=gaussians.antialiased,
    )


def _loss(result: Render, weights: list[Tensor]) -> Tensor:
    maps = [m for m in (result.rgb, result.alpha, result.normal, result.features) if m is not None]
    if result.depth is not None and result.depth_valid is not None:
        maps.append(torch.where(result.depth_valid, result.depth, torch.zeros_like(result.depth)))
    total = torch.zeros((), dtype=torch.float64)
    for values, weight in zip(maps, weights, strict=False):
        channels = values.double() if values.ndim == 3 else values.double()[..., None]
        total = total + (channels * weight[..., : channels.shape[-1]]).sum()
    return total


@pytest.mark.parametrize("depth", ["expected", "median", "first", "plane"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("antialiased", [False, True])
def test_gradients_match_float64_autograd(depth: DepthMode, degree: int, antialiased: bool) -> None:
    """All inputs, pose tangent included; proves nothing at the cut-offs, where the image is not differentiable."""
    if degree in (1, 2) and (antialiased or depth != "expected"):
        pytest.skip("covered by degrees 0 and 3")
    truth = away_from_cutoff(random_gaussians(60, degree, seed=3, antialiased=antialiased), CAMERA, POSE)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(50, 70, 4, generator=generator, dtype=torch.float64) for _ in range(5)]
    features = torch.randn(len(truth), 4, generator=generator, dtype=torch.float64)
    gradients: dict[str, dict[str, Tensor]] = {}
    for engine, dtype in (("reference", torch.float64), ("cpu", torch.float32)):
        inputs = _differentiable(truth.to(dtype))
        extra = {
            "background": torch.tensor([0.3, 0.6, 0.1], dtype=dtype, requires_grad=True),
            "features": features.to(dtype).clone().requires_grad_(),
            "pose_tangent": torch.zeros(6, dtype=dtype, requires_grad=True),
            "screen_offsets": torch.zeros(len(truth), 2, dtype=dtype, requires_grad=True),
        }
        result = render(inputs, CAMERA, POSE, ("rgb", "depth", "normal"), depth=depth, tau=0.3, engine=engine, **extra)
        _loss(result, weights).backward()
        named = {**inputs.tensors(), **extra}
        gradients[engine] = {name: tensor.grad.double() for name, tensor in named.items() if tensor.grad is not None}
        assert set(gradients[engine]) == {*TENSORS, *extra}
    for name, expected in gradients["reference"].items():
        error = (gradients["cpu"][name] - expected).norm() / expected.norm()
        assert expected.norm() > 0 and error <= 1e-3, f"{name}: relative error {error:.1e}"
