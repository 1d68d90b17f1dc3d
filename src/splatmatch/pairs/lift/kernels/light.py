"""Applying a map of light to a picture."""

from __future__ import annotations

from typing import Any

from numba import prange

from splatmatch.jobs.kernels import kernel


@kernel(__file__, parallel=True)
def shine(picture: Any, gain: Any, linear: Any, encoded: Any, top: Any, result: Any) -> None:
    """result = encode(decode(picture) * gain).

    Shapes: picture, result (H, W, 3) uint8; gain (h, w, 3) float32 over the same image, bilinear; linear (256,) decoded
    values; encoded (N,) uint8, the codes of 0..top in N equal steps.
    """
    height, width = picture.shape[:2]
    rows, columns = gain.shape[:2]
    steps = (len(encoded) - 1) / top
    last = len(encoded) - 1
    for y in prange(height):
        v = min(max((y + 0.5) * rows / height - 0.5, 0.0), rows - 1.0)
        j = min(int(v), rows - 2)
        t = v - j
        for x in range(width):
            u = min(max((x + 0.5) * columns / width - 0.5, 0.0), columns - 1.0)
            i = min(int(u), columns - 2)
            s = u - i
            for k in range(3):
                upper = (1.0 - s) * gain[j, i, k] + s * gain[j, i + 1, k]
                lower = (1.0 - s) * gain[j + 1, i, k] + s * gain[j + 1, i + 1, k]
                value = linear[picture[y, x, k]] * ((1.0 - t) * upper + t * lower)
                result[y, x, k] = encoded[min(int(value * steps + 0.5), last)]
