"""The terms on depth maps on the CPU: value and gradient from Numba kernels, the same bits for any number of threads.

``maps`` says in torch what they compute; the tests hold both together, and other devices use torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.splats.kernels import surfaces as kernels


def is_fusible(depth: Tensor) -> bool:
    """Whether the kernels take this depth map."""
    return depth.device.type == "cpu" and depth.dtype == torch.float32


class NormalAgreement(torch.autograd.Function):
    """Weighted mean of 1 - cosine between blended normals and the normals of a depth map, ()."""

    @staticmethod
    def forward(ctx: Any, depth: Tensor, blended: Tensor, valid: Tensor, weight: Tensor, camera: Camera) -> Tensor:
        """See ``maps.normal_agreement``."""
        height, width = depth.shape
        lens = camera.intrinsics.numpy()
        sums = np.zeros(height)
        to_blended, to_across, to_down = (np.empty((height, width, 3), np.float32) for _ in range(3))
        gradient = np.empty((height, width), np.float32)
        use_torch_threads()
        kernels.normal_agreement(
            depth.detach().contiguous().numpy(), valid.contiguous().numpy(), blended.detach().numpy(),
            weight.contiguous().numpy(), lens, sums, to_blended, to_across, to_down,
        )  # fmt: skip
        kernels.depth_gradient(to_across, to_down, lens, gradient)
        ctx.save_for_backward(torch.from_numpy(gradient), torch.from_numpy(to_blended))
        return torch.tensor(sums.sum() / depth.numel(), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Any:
        """Towards depth and blended normals."""
        to_depth, to_blended = ctx.saved_tensors
        scale = float(upstream) / to_depth.numel()
        return to_depth * scale, to_blended * scale, None, None, None


class Warp(torch.autograd.Function):
    """Another view seen through a depth map: warped photo (H, W, 3), relative depth difference and weight (H, W)."""

    @staticmethod
    def forward(
        ctx: Any,
        depth: Tensor,
        valid: Tensor,
        camera: Camera,
        other: Camera,
        other_from_this: Pose,
        photo: Tensor,
        photo_weight: Tensor | None,
        found: Tensor,
        found_valid: Tensor,
        gate: float,
    ) -> Any:
        """See ``maps.seen_from``."""
        height, width = depth.shape
        warped, slope = (np.empty((3, height, width), np.float32) for _ in range(2))
        weight, relative, relative_slope = (np.empty((height, width), np.float32) for _ in range(3))
        nothing = np.empty((0, 0), np.float32)
        use_torch_threads()
        kernels.warp(
            depth.detach().contiguous().numpy(), valid.contiguous().numpy(), camera.intrinsics.numpy(),
            np.ascontiguousarray(other_from_this.matrix[:3].numpy()), other.intrinsics.numpy(),
            photo.permute(2, 0, 1).contiguous().numpy(),
            nothing if photo_weight is None else photo_weight.contiguous().numpy(),
            found.contiguous().numpy(), found_valid.contiguous().numpy(), gate,
            warped, slope, weight, relative, relative_slope,
        )  # fmt: skip
        ctx.save_for_backward(torch.from_numpy(slope), torch.from_numpy(relative_slope))
        seen = torch.from_numpy(weight)
        ctx.mark_non_differentiable(seen)
        return torch.from_numpy(warped).permute(1, 2, 0), torch.from_numpy(relative), seen

    @staticmethod
    def backward(ctx: Any, to_warped: Tensor, to_relative: Tensor, _: Tensor) -> Any:
        """Towards depth: every pixel depends on its own depth alone."""
        slope, relative_slope = ctx.saved_tensors
        planes = to_warped.permute(2, 0, 1)
        gradient = planes[0] * slope[0] + planes[1] * slope[1] + planes[2] * slope[2] + to_relative * relative_slope
        return gradient, *(None,) * 9
