"""Real spherical harmonics up to degree 3, in the sign and order convention of 3D Gaussian Splatting files."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SH_C0 = 0.5 / math.sqrt(math.pi)
"""Y_0: colour of degree 0 is 0.5 + SH_C0 * f_dc."""
SH_C1 = math.sqrt(3 / (4 * math.pi))
SH_C2 = (
    0.5 * math.sqrt(15 / math.pi),
    -0.5 * math.sqrt(15 / math.pi),
    0.25 * math.sqrt(5 / math.pi),
    -0.5 * math.sqrt(15 / math.pi),
    0.25 * math.sqrt(15 / math.pi),
)
SH_C3 = (
    -0.25 * math.sqrt(35 / (2 * math.pi)),
    0.5 * math.sqrt(105 / math.pi),
    -0.25 * math.sqrt(21 / (2 * math.pi)),
    0.25 * math.sqrt(7 / math.pi),
    -0.25 * math.sqrt(21 / (2 * math.pi)),
    0.25 * math.sqrt(105 / math.pi),
    -0.25 * math.sqrt(35 / (2 * math.pi)),
)


def sh_basis(directions: Tensor, degree: int) -> Tensor:
    """Y_k of unit directions (..., 3), as (..., (degree + 1)^2).

    Order: (l, m) = (0,0), (1,-1), (1,0), (1,1), (2,-2) ... with the Condon-Shortley sign, as 3DGS files store them.
    """
    x, y, z = directions.unbind(-1)
    terms = [torch.full_like(x, SH_C0)]
    if degree >= 1:
        terms += [-SH_C1 * y, SH_C1 * z, -SH_C1 * x]
    if degree >= 2:
        a, b, c, d, e = SH_C2
        xx, yy, zz = x * x, y * y, z * z
        terms += [a * x * y, b * y * z, c * (2 * zz - xx - yy), d * x * z, e * (xx - yy)]
    if degree >= 3:
        p, q, r, s, t, u, v = SH_C3
        terms += [
            p * y * (3 * xx - yy),
            q * x * y * z,
            r * y * (4 * zz - xx - yy),
            s * z * (2 * zz - 3 * xx - 3 * yy),
            t * x * (4 * zz - xx - yy),
            u * z * (xx - yy),
            v * x * (xx - 3 * yy),
        ]
    return torch.stack(terms, dim=-1)


def rotate_sh(sh: Tensor, b_from_a: Tensor) -> Tensor:
    """Coefficients (N, K, 3) of the same colour function after rotating the world by ``b_from_a`` (3, 3).

    Each band is solved exactly from samples: Y_l(R d) M_l = Y_l(d) for directions d that determine the band.
    """
    degree = round(sh.shape[1] ** 0.5) - 1
    if degree == 0:
        return sh
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(64, 3, generator=generator, dtype=torch.float64)
    directions = directions / directions.norm(dim=1, keepdim=True)
    before = sh_basis(directions, degree)
    after = sh_basis(directions @ b_from_a.to(torch.float64).cpu().T, degree)
    bands = [sh[:, :1]]
    for band in range(1, degree + 1):
        rows = slice(band * band, (band + 1) * (band + 1))
        matrix = torch.linalg.lstsq(after[:, rows], before[:, rows]).solution
        bands.append(torch.einsum("ij,njc->nic", matrix.to(sh), sh[:, rows]))
    return torch.cat(bands, dim=1)
