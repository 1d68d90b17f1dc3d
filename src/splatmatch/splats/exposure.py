"""Exposure and white balance of a photo as an affine transform of the rendered colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.jobs.threads import use_torch_threads
from splatmatch.splats.kernels import exposure as kernels


def with_exposure(rgb: Tensor, matrix: Tensor) -> Tensor:
    """Apply ``matrix`` (3, 4) to each colour (r, g, b, 1) of ``rgb`` (H, W, 3); differentiable in both.

    On the CPU in Numba, planar in and out, with sums in a fixed order; elsewhere in torch.
    """
    if rgb.device.type != "cpu" or rgb.dtype != torch.float32:
        return rgb @ matrix[:, :3].T + matrix[:, 3]
    result: Tensor = _WithExposure.apply(rgb, matrix)  # type: ignore[no-untyped-call]
    return result


class _WithExposure(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rgb: Tensor, matrix: Tensor) -> Tensor:
        planes = rgb.detach().permute(2, 0, 1).contiguous()
        out = torch.empty_like(planes)
        use_torch_threads()
        affine = matrix.detach().contiguous()
        kernels.transform(planes.view(3, -1).numpy(), affine.numpy(), out.view(3, -1).numpy())
        ctx.save_for_backward(planes, affine)
        return out.permute(1, 2, 0)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor]:
        planes, affine = ctx.saved_tensors
        gradient = torch.empty_like(planes)
        pixels = planes[0].numel()
        parts = np.zeros((-(-pixels // kernels.BLOCK), 3, 4))
        arrays = (t.view(3, -1).numpy() for t in (upstream.permute(2, 0, 1).contiguous(), gradient))
        use_torch_threads()
        kernels.transform_backward(planes.view(3, -1).numpy(), affine.numpy(), *arrays, parts)
        return gradient.permute(1, 2, 0), torch.from_numpy(parts.sum(0).astype(np.float32))
