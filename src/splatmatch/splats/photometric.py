"""The photometric loss of a fit: L1 and SSIM with an analytic gradient, fused on the CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.jobs.threads import use_torch_threads
from splatmatch.splats.kernels import photometric as kernels


@dataclass(frozen=True, eq=False)
class Photometric:
    """A photometric loss and its parts; only ``loss`` carries a gradient."""

    loss: Tensor
    """() (1 - ssim_weight) l1 + ssim_weight (1 - ssim), differentiable."""
    l1: float
    """Mean absolute difference."""
    ssim: float
    """Mean structural similarity."""
    mse: float
    """Mean squared difference."""

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in dB for a peak of 1; at most 100."""
        return psnr_of(self.mse)


def psnr_of(mse: float) -> float:
    """-10 log10 of a mean squared error, dB for a peak of 1; at most 100."""
    return -10 * math.log10(max(mse, 1e-10))


def photometric_loss(
    image: Tensor, target: Tensor, weight: Tensor | None = None, ssim_weight: float = 0.2
) -> Photometric:
    """(1 - s) mean |x - y| + s (1 - mean SSIM(x, y)) of an image and its target.

    SSIM (Wang et al., 2004): 11x11 Gaussian window of sigma 1.5, zero padding, C1 = 0.01^2, C2 = 0.03^2, peak 1.
    With a weight w, both images are multiplied by it, so that ignored pixels neither count nor leak into the windows of
    their neighbours, and the SSIM map is weighted by w. All means divide by the number of all pixels: a pixel pulls
    equally hard whatever the mask around it.

    On the CPU one Numba kernel computes value and gradient in float32, without a copy where ``image`` is a view of
    planar (3, H, W) memory, and with the same bits for any number of threads. Elsewhere torch does it.

    Shapes: image (H, W, 3) float32; target (H, W, 3) uint8 (0..255) or float32 (0..1); weight (H, W) in 0..1.

    Raises:
        ValueError: shapes that differ.
    """
    if image.ndim != 3 or image.shape != target.shape or (weight is not None and weight.shape != image.shape[:2]):
        shapes = [tuple(t.shape) for t in (image, target, weight) if t is not None]
        raise ValueError(f"image, target and weight do not fit together: {shapes}")
    if image.device.type == "cpu" and image.dtype == torch.float32:
        loss, parts = _Fused.apply(image, target, weight, ssim_weight)  # type: ignore[no-untyped-call]
    else:
        loss, parts = _with_torch(image, target, weight, ssim_weight)
    return Photometric(loss, *parts.tolist())


class _Fused(torch.autograd.Function):
    """Value and gradient in one go; backward only hands the gradient on."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, target: Tensor, weight: Tensor | None, ssim_weight: float) -> Any:
        planes = image.detach().permute(2, 0, 1).contiguous()
        wanted = target.permute(2, 0, 1).contiguous()
        channels, height, width = planes.shape
        gradient = torch.empty_like(planes)
        tasks = channels * math.ceil(width / kernels.TILE) * math.ceil(height / kernels.BAND)
        sums = np.zeros((tasks, height, 3))
        use_torch_threads()
        kernels.photometric(
            planes.numpy(),
            wanted.numpy(),
            np.empty((0, 0), np.float32) if weight is None else weight.to(torch.float32).contiguous().numpy(),
            1 / 255 if wanted.dtype == torch.uint8 else 1.0,
            1 - ssim_weight,
            ssim_weight,
            gradient.numpy(),
            sums,
        )
        ctx.save_for_backward(gradient.permute(1, 2, 0))
        counted = float(height * width if weight is None else weight.double().numpy().sum())
        loss, parts = _combine(torch.from_numpy(sums.sum((0, 1))) / channels, counted, height * width, ssim_weight)
        ctx.mark_non_differentiable(parts)
        return loss.to(torch.float32), parts

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _parts: Tensor) -> Any:
        (gradient,) = ctx.saved_tensors
        scale = float(upstream)
        return (gradient if scale == 1 else gradient * scale), None, None, None


def _combine(sums: Tensor, counted: float, pixels: int, ssim_weight: float) -> tuple[Tensor, Tensor]:
    """The loss () and the reported means (3,) of the weighted sums (3,) of |x - y|, SSIM and (x - y)^2 over pixels."""
    loss = ((1 - ssim_weight) * sums[0] + ssim_weight * (counted - sums[1])) / pixels
    return loss, sums.detach() / max(counted, 1e-12)


def _with_torch(image: Tensor, target: Tensor, weight: Tensor | None, ssim_weight: float) -> tuple[Tensor, Tensor]:
    """The same loss in plain torch, for other devices and dtypes."""
    wanted = target.to(image) / 255 if target.dtype == torch.uint8 else target.to(image)
    factor = torch.ones_like(image[..., :1]) if weight is None else weight.to(image)[..., None]
    x = (factor * image).permute(2, 0, 1)
    y = (factor * wanted).permute(2, 0, 1)
    taps = torch.exp(-(torch.arange(-5, 6, device=image.device, dtype=image.dtype) ** 2) / (2 * 1.5**2))
    planes = torch.cat([x, y, x * x + y * y, x * y])[None]
    kernel = (taps / taps.sum()).expand(12, 1, 11)
    planes = functional.conv2d(planes, kernel[..., None], padding=(5, 0), groups=12)
    mx, my, squares, cross = functional.conv2d(planes, kernel[:, :, None], padding=(0, 5), groups=12)[0].chunk(4)
    mm, mxy = mx * mx + my * my, mx * my
    ssim = (2 * mxy + 0.01**2) * (2 * (cross - mxy) + 0.03**2) / ((mm + 0.01**2) * (squares - mm + 0.03**2))
    maps = torch.stack([(x - y).abs(), ssim * factor.permute(2, 0, 1), (x - y).square()])
    return _combine(maps.sum((1, 2, 3)) / 3, float(factor.detach().sum()), factor.numel(), ssim_weight)
