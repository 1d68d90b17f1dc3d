"""Accumulating what one view says about each Gaussian on screen."""

from __future__ import annotations

import math

import numpy as np
from numba import prange
from numpy.typing import NDArray

from splatmatch.jobs.kernels import kernel

_f4 = np.float32


@kernel(__file__, parallel=True)
def accumulate(
    offset_gradient: NDArray[np.float32],
    radii: NDArray[np.float32],
    half_side: float,
    gradient: NDArray[np.float32],
    seen: NDArray[np.int32],
) -> None:
    """Add the gradient norms (times ``half_side`` pixels) and sightings of one view.

    Shapes: offset_gradient (N, 2); radii, gradient, seen (N,).
    """
    scale = _f4(half_side)
    for i in prange(radii.shape[0]):
        if radii[i] > _f4(0):
            gx, gy = offset_gradient[i, 0], offset_gradient[i, 1]
            gradient[i] += scale * math.sqrt(gx * gx + gy * gy)
            seen[i] += 1
