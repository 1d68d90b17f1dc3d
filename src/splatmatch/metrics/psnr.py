"""Peak signal-to-noise ratio of one image."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(image: Tensor, reference: Tensor, mask: Tensor | None = None) -> Tensor:
    """PSNR in dB, -10 log10(mean (a - b)^2), of two images of range 1; infinite where they are equal.

    Both are clamped to 0..1 first: what a screen or an 8-bit file would show is what is judged. The figure of a set of
    images is the mean of their PSNRs, not the PSNR of their mean error.

    Args:
        image: (H, W, C), sRGB-encoded, 0..1.
        reference: (H, W, C), the same.
        mask: (H, W) bool, True = counts; None = every pixel.

    Raises:
        ValueError: the shapes differ, or the mask is empty.
    """
    if image.shape != reference.shape or image.ndim != 3:
        raise ValueError(f"PSNR compares two (H, W, C) images, not {tuple(image.shape)} and {tuple(reference.shape)}")
    squares = (image.clamp(0, 1) - reference.clamp(0, 1)).to(torch.float64).square().mean(-1)
    if mask is not None:
        if mask.shape != squares.shape or not mask.any():
            raise ValueError(f"a mask of shape {tuple(mask.shape)} counts no pixel of an image {tuple(image.shape)}")
        squares = squares[mask]
    return -10 * torch.log10(squares.mean())
