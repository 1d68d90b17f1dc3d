"""An affine colour transform of planar images and its gradient, row by row in a fixed order of summation."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from splatmatch.jobs.kernels import kernel

BLOCK = 4096
"""Pixels per entry of ``parts`` in ``transform_backward``."""
_f4 = np.float32
_u8 = np.uint64


@kernel(__file__, parallel=True)
def transform(image: NDArray[np.float32], matrix: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """``out`` (3, P) = matrix (3, 4) applied to image (3, P) with a fourth channel of ones."""
    pixels = image.shape[1]
    block = BLOCK
    for task in prange((pixels + block - 1) // block):
        for c in range(3):
            a0, a1, a2, b = matrix[c, 0], matrix[c, 1], matrix[c, 2], matrix[c, 3]
            for i in range(_u8(task * block), _u8(min(pixels, (task + 1) * block))):
                out[c, i] = a0 * image[0, i] + a1 * image[1, i] + a2 * image[2, i] + b


@kernel(__file__, parallel=True)
def transform_backward(
    image: NDArray[np.float32],
    matrix: NDArray[np.float32],
    upstream: NDArray[np.float32],
    gradient: NDArray[np.float32],
    parts: NDArray[np.float64],
) -> None:
    """``gradient`` (3, P) of the image, and ``parts`` (blocks, 3, 4), whose sum is the gradient of the matrix."""
    pixels = image.shape[1]
    block = BLOCK
    for task in prange((pixels + block - 1) // block):
        first, end = _u8(task * block), _u8(min(pixels, (task + 1) * block))
        for c in range(3):
            a0, a1, a2 = matrix[0, c], matrix[1, c], matrix[2, c]
            s0, s1, s2, s3 = _f4(0), _f4(0), _f4(0), _f4(0)
            for i in range(first, end):
                gradient[c, i] = a0 * upstream[0, i] + a1 * upstream[1, i] + a2 * upstream[2, i]
            for i in range(first, end):
                g = upstream[c, i]
                s0 += g * image[0, i]
                s1 += g * image[1, i]
                s2 += g * image[2, i]
                s3 += g
            parts[task, c, 0], parts[task, c, 1], parts[task, c, 2], parts[task, c, 3] = s0, s1, s2, s3
