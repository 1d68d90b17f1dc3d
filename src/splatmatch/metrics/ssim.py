"""Structural similarity (Wang, Bovik, Sheikh, Simoncelli, 2004) in the two border dialects of the field."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Border = Literal["padded", "valid"]
"""'padded': zeros outside the image, one value per pixel (3DGS and its losses). 'valid': only windows inside the image
(torchmetrics, scikit-image's cropped mean). The two differ in the third digit: name the one used."""

WINDOW = 11
"""Side of the Gaussian window in pixels."""
SIGMA = 1.5
"""Standard deviation of the window in pixels."""
C1, C2 = 0.01**2, 0.03**2
"""Stabilisers for images of range 1."""


def ssim_map(image: Tensor, reference: Tensor, border: Border = "padded") -> Tensor:
    """SSIM per pixel and channel, 11 x 11 Gaussian window, sigma 1.5 (eq. 13 of the paper).

    SSIM = (2 m_a m_b + C1)(2 s_ab + C2) / ((m_a^2 + m_b^2 + C1)(s_a^2 + s_b^2 + C2)), moments under the window.

    Args:
        image: (H, W, C), 0..1.
        reference: (H, W, C), the same.
        border: see ``Border``.

    Returns:
        (H, W, C) for 'padded', (H - 10, W - 10, C) for 'valid'. Differentiable in both images.

    Raises:
        ValueError: the shapes differ, or an image is smaller than the window with border 'valid'.
    """
    if image.shape != reference.shape or image.ndim != 3:
        raise ValueError(f"SSIM compares two (H, W, C) images, not {tuple(image.shape)} and {tuple(reference.shape)}")
    if border == "valid" and min(image.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM without padding needs images of at least {WINDOW} pixels, not {tuple(image.shape)}")
    a, b = image.permute(2, 0, 1), reference.permute(2, 0, 1)
    moments = _smoothed(torch.stack([a, b, a * a, b * b, a * b]), border)
    mean_a, mean_b, square_a, square_b, product = moments
    variance_a, variance_b = square_a - mean_a.square(), square_b - mean_b.square()
    covariance = product - mean_a * mean_b
    numerator = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    denominator = (mean_a.square() + mean_b.square() + C1) * (variance_a + variance_b + C2)
    values: Tensor = numerator / denominator
    return values.permute(1, 2, 0)


def ssim(image: Tensor, reference: Tensor, border: Border = "padded", mask: Tensor | None = None) -> Tensor:
    """Mean SSIM over pixels and channels, (): 1 for equal images.

    Args:
        image: (H, W, C), 0..1.
        reference: (H, W, C), the same.
        border: see ``Border``.
        mask: (H, W) bool, True = the window centred there counts (pixels outside the mask may lie under it).

    Raises:
        ValueError: see ``ssim_map``; or the mask counts no window.
    """
    values = ssim_map(image, reference, border)
    if mask is None:
        return values.mean()
    if mask.shape != image.shape[:2]:
        raise ValueError(f"a mask of shape {tuple(mask.shape)} does not fit an image {tuple(image.shape)}")
    margin = (image.shape[0] - values.shape[0]) // 2
    inner = mask[margin : mask.shape[0] - margin, margin : mask.shape[1] - margin]
    if not inner.any():
        raise ValueError("the mask counts no SSIM window")
    return values[inner].mean()


def _smoothed(planes: Tensor, border: Border) -> Tensor:
    """The Gaussian window over the last two axes of (..., H, W), rows then columns."""
    offsets = torch.arange(WINDOW, dtype=planes.dtype, device=planes.device) - WINDOW // 2
    weights = torch.exp(-offsets.square() / (2 * SIGMA**2))
    weights = weights / weights.sum()
    padding = WINDOW // 2 if border == "padded" else 0
    flat = planes.reshape(-1, 1, *planes.shape[-2:])
    rows = functional.conv2d(flat, weights.view(1, 1, 1, -1), padding=(0, padding))
    smooth = functional.conv2d(rows, weights.view(1, 1, -1, 1), padding=(padding, 0))
    return smooth.reshape(*planes.shape[:-2], *smooth.shape[-2:])
