"""Depth maps seen by a camera that is turned about its axis, zoomed or cropped: planes stay planes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from splatmatch.jobs.kernels import kernel


@kernel(__file__, parallel=True)
def resample_depth(
    inverse: Any, right: Any, below: Any, sigma: Any, affine: Any, factor: Any, depth: Any, valid: Any, new_sigma: Any
) -> None:
    """Depth and label uncertainty at the pixels of another image of the same view.

    Inverse depth is linear in the pixel on a plane, and is interpolated among four pixels of one surface only.

    Shapes: inverse, right, below, sigma (H, W) of the old image (see ``pairs.labels.Surface``); affine (2, 3) takes
    corner pixels of the new image to those of the old one; factor scales sigma; depth, valid, new_sigma (H', W') are
    written, 0 and False where there is no surface.
    """
    height, width = depth.shape
    rows, columns = inverse.shape
    for y in prange(height):
        for x in range(width):
            depth[y, x] = 0.0
            valid[y, x] = False
            new_sigma[y, x] = 0.0
            u = affine[0, 0] * (x + 0.5) + affine[0, 1] * (y + 0.5) + affine[0, 2]
            v = affine[1, 0] * (x + 0.5) + affine[1, 1] * (y + 0.5) + affine[1, 2]
            if not (u >= 0.0 and v >= 0.0 and u < columns and v < rows):
                continue
            i = min(max(int(np.floor(u - 0.5)), 0), columns - 2)
            j = min(max(int(np.floor(v - 0.5)), 0), rows - 2)
            if not (right[j, i] and right[j + 1, i] and below[j, i] and below[j, i + 1]):
                continue
            s, t = u - 0.5 - i, v - 0.5 - j
            top = (1.0 - s) * inverse[j, i] + s * inverse[j, i + 1]
            bottom = (1.0 - s) * inverse[j + 1, i] + s * inverse[j + 1, i + 1]
            seen = (1.0 - t) * top + t * bottom
            if seen > 0.0:
                depth[y, x] = 1.0 / seen
                valid[y, x] = True
                new_sigma[y, x] = factor * sigma[int(v), int(u)]
