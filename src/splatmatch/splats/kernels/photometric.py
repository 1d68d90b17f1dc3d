"""L1 + SSIM of planar images and its gradient, in one pass over the pixels.

A task owns a strip of TILE columns and BAND rows of one channel and walks down its rows. Products enter a ring of
eleven rows, are blurred vertically into one row and horizontally in registers; the three derivative rows that come out
of the SSIM formula enter a second ring and are blurred back in the same way. All of it stays in the core's own cache.
The scratch memory is one flat array, indexed by unsigned numbers, and no loop reads and writes at distances unknown to
the compiler: that is what lets LLVM vectorise every loop.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from splatmatch.jobs.kernels import kernel

TILE = 128
BAND = 160
_f4 = np.float32
_u8 = np.uint64
_RADIUS = 5
_ROWS = 11  # of a window
_PRODUCT = 160  # columns of one product plane: TILE + 4 radii, rounded up to whole vectors
_DERIVED = 144  # columns of one derivative plane: TILE + 2 radii, rounded up
_PRODUCTS = 4 * _PRODUCT  # a row of x, y, x^2 + y^2, x y
_DERIVATIVES = 3 * _DERIVED  # a row of dS/d blur of x, x^2 + y^2, x y
_RING_A = 0  # each row is written twice, eleven rows apart, so that a window is always contiguous
_RING_B = _RING_A + 2 * _ROWS * _PRODUCTS
_ROW_A = _RING_B + 2 * _ROWS * _DERIVATIVES
_ROW_B = _ROW_A + _PRODUCTS
_WEIGHT = _ROW_B + _DERIVATIVES
_IMAGE = _WEIGHT + _DERIVED
_TARGET = _IMAGE + TILE
_FACTOR = _TARGET + TILE
_GRADIENT = _FACTOR + TILE
_MAP = _GRADIENT + TILE
_NEW = _MAP + _DERIVED
_SCRATCH = _NEW + _DERIVATIVES
_C1 = _f4(0.01**2)
_C2 = _f4(0.03**2)
_0, _1, _2, _255 = _f4(0), _f4(1), _f4(2), _f4(255)

_weights = np.exp(-((np.arange(_ROWS) - _RADIUS) ** 2) / (2 * 1.5**2))
GAUSSIAN = (_weights / _weights.sum()).astype(np.float32)
"""(11,) taps of the separable window, sigma 1.5, sum 1."""
_G0, _G1, _G2, _G3, _G4, _G5 = (_f4(tap) for tap in GAUSSIAN[: _RADIUS + 1])


@kernel(__file__, inline=True)
def _blurred(s: Any, o: Any, stride: Any) -> Any:
    """Eleven taps of scratch ``s`` at ``o``, ``o + stride``, ..."""
    return (
        _G0 * (s[o] + s[o + _u8(10) * stride])
        + _G1 * (s[o + stride] + s[o + _u8(9) * stride])
        + _G2 * (s[o + _u8(2) * stride] + s[o + _u8(8) * stride])
        + _G3 * (s[o + _u8(3) * stride] + s[o + _u8(7) * stride])
        + _G4 * (s[o + _u8(4) * stride] + s[o + _u8(6) * stride])
        + _G5 * s[o + _u8(5) * stride]
    )


@kernel(__file__, parallel=True)
def photometric(
    image: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: NDArray[np.float32],
    scale: float,
    l1_share: float,
    ssim_share: float,
    gradient: NDArray[np.float32],
    sums: NDArray[np.float64],
) -> None:
    """Fill ``gradient`` = d loss / d image and per-row ``sums`` of |x - y|, SSIM and (x - y)^2.

    Shapes: image, target, gradient (C, H, W); weight (H, W) or (0, 0) for none; sums (tasks, H, 3), zeroed. Target
    values are multiplied by ``scale`` (1/255 for bytes).
    """
    channels, height, width = image.shape
    columns = (width + TILE - 1) // TILE
    bands = (height + BAND - 1) // BAND
    weighted = weight.shape[0] > 0
    per_pixel = _1 / _f4(channels * height * width)
    l1_step = _f4(l1_share) * per_pixel
    ssim_step = -_f4(ssim_share) * per_pixel
    factor = _f4(scale)
    for task in prange(channels * columns * bands):
        c = task // (columns * bands)
        x0 = (task // bands) % columns * TILE
        y0 = task % bands * BAND
        y1 = min(y0 + BAND, height)
        s = np.zeros(_SCRATCH, np.float32)
        product_first = max(0, 2 * _RADIUS - x0)
        product_last = min(_PRODUCT, width - x0 + 2 * _RADIUS)
        derived_first = max(0, _RADIUS - x0)
        derived_last = min(_DERIVED, width - x0 + _RADIUS)
        inside = min(TILE, width - x0)
        for row in range(y0 - 2 * _RADIUS, y1 + 2 * _RADIUS):
            slot = (row + 2 * _ROWS) % _ROWS
            o = _u8(_RING_A + slot * _PRODUCTS)
            if 0 <= row < height:
                image_row = image[c, row]
                target_row = target[c, row]
                shift = _u8(x0) - _u8(2 * _RADIUS)
                for i in range(_u8(product_first), _u8(product_last)):
                    s[o + i] = image_row[i + shift]
                for i in range(_u8(product_first), _u8(product_last)):
                    s[o + i + _u8(_PRODUCT)] = factor * _f4(target_row[i + shift])
                if weighted:
                    weight_row = weight[row]
                    for i in range(_u8(product_first), _u8(product_last)):
                        s[o + i] *= weight_row[i + shift]
                    for i in range(_u8(product_first), _u8(product_last)):
                        s[o + i + _u8(_PRODUCT)] *= weight_row[i + shift]
                for i in range(_u8(_PRODUCT)):
                    x = s[o + i]
                    y = s[o + i + _u8(_PRODUCT)]
                    s[o + i + _u8(2 * _PRODUCT)] = x * x + y * y
                    s[o + i + _u8(3 * _PRODUCT)] = x * y
            else:
                for i in range(_u8(_PRODUCTS)):
                    s[o + i] = _0
            for i in range(_u8(_PRODUCTS)):
                s[o + i + _u8(_ROWS * _PRODUCTS)] = s[o + i]
            middle = row - _RADIUS
            if middle < y0 - _RADIUS:
                continue
            # SSIM and its derivatives of row ``middle``; the window starts one slot after the newest row
            derived_slot = (middle + 2 * _ROWS) % _ROWS
            d = _u8(_RING_B + derived_slot * _DERIVATIVES)
            if 0 <= middle < height:
                w = _u8(_RING_A + (slot + 1) * _PRODUCTS)
                for i in range(_u8(_PRODUCTS)):
                    s[_u8(_ROW_A) + i] = _blurred(s, w + i, _u8(_PRODUCTS))
                if weighted:
                    weight_row = weight[middle]
                    shift = _u8(x0) - _u8(_RADIUS)
                    for i in range(_u8(derived_first), _u8(derived_last)):
                        s[_u8(_WEIGHT) + i] = weight_row[i + shift]
                else:
                    for i in range(_u8(derived_first), _u8(derived_last)):
                        s[_u8(_WEIGHT) + i] = _1
                for i in range(_u8(_DERIVED)):
                    a = _u8(_ROW_A) + i
                    mx = _blurred(s, a, _u8(1))
                    my = _blurred(s, a + _u8(_PRODUCT), _u8(1))
                    squares = _blurred(s, a + _u8(2 * _PRODUCT), _u8(1))
                    cross = _blurred(s, a + _u8(3 * _PRODUCT), _u8(1))
                    mxy = mx * my
                    mm = mx * mx + my * my
                    a1 = _2 * mxy + _C1
                    a2 = _2 * (cross - mxy) + _C2
                    b1 = mm + _C1
                    b2 = squares - mm + _C2
                    inverse = _1 / (b1 * b2)
                    similarity = a1 * a2 * inverse
                    step = s[_u8(_WEIGHT) + i] * ssim_step
                    over_b2 = similarity * b1 * inverse
                    over_b1 = similarity * b2 * inverse
                    s[_u8(_MAP) + i] = similarity * s[_u8(_WEIGHT) + i]
                    s[_u8(_NEW) + i] = step * _2 * (my * (a2 - a1) * inverse + mx * (over_b2 - over_b1))
                    s[_u8(_NEW + _DERIVED) + i] = -step * over_b2
                    s[_u8(_NEW + 2 * _DERIVED) + i] = step * _2 * a1 * inverse
                if y0 <= middle < y1:
                    total = _0
                    for i in range(_u8(inside)):
                        total += s[_u8(_MAP + _RADIUS) + i]
                    sums[task, middle, 1] = total
            else:
                for i in range(_u8(_DERIVATIVES)):
                    s[_u8(_NEW) + i] = _0
            for i in range(_u8(_DERIVATIVES)):
                s[d + i] = s[_u8(_NEW) + i]
            for i in range(_u8(_DERIVATIVES)):
                s[d + i + _u8(_ROWS * _DERIVATIVES)] = s[_u8(_NEW) + i]
            out = middle - _RADIUS
            if out < y0:
                continue
            w = _u8(_RING_B + (derived_slot + 1) * _DERIVATIVES)
            for i in range(_u8(_DERIVATIVES)):
                s[_u8(_ROW_B) + i] = _blurred(s, w + i, _u8(_DERIVATIVES))
            image_row = image[c, out]
            target_row = target[c, out]
            for i in range(_u8(inside)):
                s[_u8(_IMAGE) + i] = image_row[i + _u8(x0)]
            for i in range(_u8(inside)):
                s[_u8(_TARGET) + i] = factor * _f4(target_row[i + _u8(x0)])
            if weighted:
                weight_row = weight[out]
                for i in range(_u8(inside)):
                    s[_u8(_FACTOR) + i] = weight_row[i + _u8(x0)]
            else:
                for i in range(_u8(inside)):
                    s[_u8(_FACTOR) + i] = _1
            absolute = _0
            square = _0
            for i in range(_u8(TILE)):
                m = s[_u8(_FACTOR) + i]
                x = m * s[_u8(_IMAGE) + i]
                y = m * s[_u8(_TARGET) + i]
                difference = x - y
                sign = _1 if difference > _0 else (-_1 if difference < _0 else _0)
                b = _u8(_ROW_B) + i
                g = _blurred(s, b, _u8(1)) + _2 * x * _blurred(s, b + _u8(_DERIVED), _u8(1))
                g += y * _blurred(s, b + _u8(2 * _DERIVED), _u8(1)) + l1_step * sign
                s[_u8(_GRADIENT) + i] = m * g
                absolute += abs(difference)
                square += difference * difference
            gradient_row = gradient[c, out]
            for i in range(_u8(inside)):
                gradient_row[i + _u8(x0)] = s[_u8(_GRADIENT) + i]
            sums[task, out, 0] = absolute
            sums[task, out, 2] = square
