"""Shares of covisible pixels between all views of a scene, from small depth maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from splatmatch.jobs.kernels import kernel


@kernel(__file__, parallel=True)
def cover(
    depths: Any, cameras: Any, rotations: Any, translations: Any, step: int, tolerance: float, shares: Any
) -> None:
    """``shares[i, j]``: of every ``step``-th valid pixel of view i, the share that view j sees too.

    A point is seen if it falls into j's image and the pixel there has its depth, up to ``tolerance``.

    Shapes: depths (V, H, W) float32, 0 = not valid; cameras (V, 4) fx fy cx cy; rotations (V, 3, 3), translations
    (V, 3) of camera_from_source; shares (V, V) float32.
    """
    views, height, width = depths.shape
    for i in prange(views):
        for j in range(views):
            total = 0
            seen = 0
            for y in range(step // 2, height, step):
                for x in range(step // 2, width, step):
                    z = depths[i, y, x]
                    if z <= 0.0:
                        continue
                    total += 1
                    px = (x + 0.5 - cameras[i, 2]) / cameras[i, 0] * z - translations[i, 0]
                    py = (y + 0.5 - cameras[i, 3]) / cameras[i, 1] * z - translations[i, 1]
                    pz = z - translations[i, 2]
                    wx = rotations[i, 0, 0] * px + rotations[i, 1, 0] * py + rotations[i, 2, 0] * pz
                    wy = rotations[i, 0, 1] * px + rotations[i, 1, 1] * py + rotations[i, 2, 1] * pz
                    wz = rotations[i, 0, 2] * px + rotations[i, 1, 2] * py + rotations[i, 2, 2] * pz
                    qz = rotations[j, 2, 0] * wx + rotations[j, 2, 1] * wy + rotations[j, 2, 2] * wz
                    qz += translations[j, 2]
                    if qz <= 1e-6 * z:
                        continue
                    qx = rotations[j, 0, 0] * wx + rotations[j, 0, 1] * wy + rotations[j, 0, 2] * wz
                    qy = rotations[j, 1, 0] * wx + rotations[j, 1, 1] * wy + rotations[j, 1, 2] * wz
                    u = cameras[j, 0] * (qx + translations[j, 0]) / qz + cameras[j, 2]
                    v = cameras[j, 1] * (qy + translations[j, 1]) / qz + cameras[j, 3]
                    if not (u >= 0.0 and v >= 0.0 and u < width and v < height):
                        continue
                    there = depths[j, int(v), int(u)]
                    if there > 0.0 and abs(qz - there) <= tolerance * there:
                        seen += 1
            shares[i, j] = np.float32(seen) / np.float32(total) if total > 0 else np.float32(0.0)
