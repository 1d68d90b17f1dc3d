"""Spherical harmonics of one direction in kernels: the values, and the gradient that goes back to the direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from splatmatch.geometry.spherical_harmonics import SH_C0, SH_C1, SH_C2, SH_C3
from splatmatch.jobs.kernels import kernel

f4 = np.float32
C0, C1 = f4(SH_C0), f4(SH_C1)
A0, A1, A2, A3, A4 = (f4(value) for value in SH_C2)
B0, B1, B2, B3, B4, B5, B6 = (f4(value) for value in SH_C3)
TWO, THREE, FOUR, SIX, EIGHT = f4(2), f4(3), f4(4), f4(6), f4(8)


@kernel(__file__, inline=True)
def write_basis(x: Any, y: Any, z: Any, count: Any, out: Any) -> None:
    """Y_k of the unit direction (x, y, z) into out[:count], count = 1, 4, 9 or 16; order as ``sh_basis``."""
    out[0] = C0
    if count > 1:
        out[1] = -C1 * y
        out[2] = C1 * z
        out[3] = -C1 * x
    if count > 4:
        xx, yy, zz = x * x, y * y, z * z
        out[4] = A0 * x * y
        out[5] = A1 * y * z
        out[6] = A2 * (TWO * zz - xx - yy)
        out[7] = A3 * x * z
        out[8] = A4 * (xx - yy)
        if count > 9:
            out[9] = B0 * y * (THREE * xx - yy)
            out[10] = B1 * x * y * z
            out[11] = B2 * y * (FOUR * zz - xx - yy)
            out[12] = B3 * z * (TWO * zz - THREE * xx - THREE * yy)
            out[13] = B4 * x * (FOUR * zz - xx - yy)
            out[14] = B5 * z * (xx - yy)
            out[15] = B6 * x * (xx - THREE * yy)


@kernel(__file__, inline=True)
def basis_pullback(x: Any, y: Any, z: Any, count: Any, g: Any) -> Any:
    """Gradient (3,) of sum_k g_k Y_k with respect to (x, y, z) taken as free variables."""
    gx, gy, gz = f4(0), f4(0), f4(0)
    if count > 1:
        gx -= C1 * g[3]
        gy -= C1 * g[1]
        gz += C1 * g[2]
    if count > 4:
        gx += A0 * y * g[4] - TWO * A2 * x * g[6] + A3 * z * g[7] + TWO * A4 * x * g[8]
        gy += A0 * x * g[4] + A1 * z * g[5] - TWO * A2 * y * g[6] - TWO * A4 * y * g[8]
        gz += A1 * y * g[5] + FOUR * A2 * z * g[6] + A3 * x * g[7]
    if count > 9:
        xx, yy, zz = x * x, y * y, z * z
        gx += SIX * B0 * x * y * g[9] + B1 * y * z * g[10] - TWO * B2 * x * y * g[11] - SIX * B3 * x * z * g[12]
        gx += B4 * (FOUR * zz - THREE * xx - yy) * g[13] + TWO * B5 * x * z * g[14] + THREE * B6 * (xx - yy) * g[15]
        gy += THREE * B0 * (xx - yy) * g[9] + B1 * x * z * g[10] + B2 * (FOUR * zz - xx - THREE * yy) * g[11]
        gy -= SIX * B3 * y * z * g[12] + TWO * B4 * x * y * g[13] + TWO * B5 * y * z * g[14] + SIX * B6 * x * y * g[15]
        gz += B1 * x * y * g[10] + EIGHT * B2 * y * z * g[11] + THREE * B3 * (TWO * zz - xx - yy) * g[12]
        gz += EIGHT * B4 * x * z * g[13] + B5 * (xx - yy) * g[14]
    return gx, gy, gz
