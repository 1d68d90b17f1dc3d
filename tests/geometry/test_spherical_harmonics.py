"""Spherical harmonics: the basis is orthonormal, in 3DGS order, and rotates exactly."""

from __future__ import annotations

import math

import pytest
import scipy.special
import torch
from hypothesis import given

from splatmatch.geometry.pose import rotation_from_quaternion
from splatmatch.geometry.spherical_harmonics import SH_C0, rotate_sh, sh_basis
from tests.geometry.test_pose import quaternions


def directions(count, seed=0):
    points = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return points / points.norm(dim=1, keepdim=True)


def test_basis_is_orthonormal_on_the_sphere():
    """By Gauss-Legendre quadrature in cos(theta) and equal steps in phi, exact for these degrees."""
    nodes, weights = scipy.special.roots_legendre(8)
    phi = torch.arange(16, dtype=torch.float64) * math.tau / 16
    z = torch.tensor(nodes)[:, None].expand(-1, 16)
    radius = (1 - z.square()).sqrt()
    points = torch.stack([radius * phi.cos(), radius * phi.sin(), z], dim=-1)
    basis = sh_basis(points, 3)
    weight = torch.tensor(weights)[:, None, None, None] * math.tau / 16
    gram = (weight * basis[..., :, None] * basis[..., None, :]).sum((0, 1))
    torch.testing.assert_close(gram, torch.eye(16, dtype=torch.float64), atol=1e-12, rtol=0)


def test_order_and_sign_are_those_of_3dgs():
    """Degree 1 is -y, z, -x; degree 2 begins with xy and ends with x^2 - y^2, at known directions."""
    c1 = math.sqrt(3 / (4 * math.pi))
    x, y, z = torch.eye(3, dtype=torch.float64)
    assert sh_basis(x, 1).tolist() == pytest.approx([SH_C0, 0, 0, -c1])
    assert sh_basis(y, 1).tolist() == pytest.approx([SH_C0, -c1, 0, 0])
    assert sh_basis(z, 1).tolist() == pytest.approx([SH_C0, 0, c1, 0])
    diagonal = torch.tensor([1.0, 1, 0], dtype=torch.float64) / math.sqrt(2)
    assert sh_basis(diagonal, 2)[4:].tolist() == pytest.approx(
        [0.5462742152960395, 0, -0.31539156525252005, 0, 0], abs=1e-12
    )
    assert sh_basis(z, 3)[9:].tolist() == pytest.approx([0, 0, 0, 0.3731763325901154 * 2, 0, 0, 0], abs=1e-9)


@pytest.mark.parametrize("degree", range(4))
@given(quaternions)
def test_rotated_coefficients_give_the_rotated_function(degree, quaternion):
    """The colour seen along R d after rotating equals the colour along d before."""
    rotation = rotation_from_quaternion(quaternion)
    sh = torch.randn(5, (degree + 1) ** 2, 3, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    views = directions(20, seed=1)
    before = torch.einsum("dk,nkc->ndc", sh_basis(views, degree), sh)
    after = torch.einsum("dk,nkc->ndc", sh_basis(views @ rotation.T, degree), rotate_sh(sh, rotation))
    torch.testing.assert_close(after, before, atol=1e-10, rtol=1e-10)


@given(quaternions, quaternions)
def test_rotations_compose(first, second):
    a, b = rotation_from_quaternion(first), rotation_from_quaternion(second)
    sh = torch.randn(3, 16, 3, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    torch.testing.assert_close(rotate_sh(rotate_sh(sh, a), b), rotate_sh(sh, b @ a), atol=1e-9, rtol=1e-9)
