"""Rigid transforms between named frames, and their Lie algebra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pose:
    """A rigid transform, always named ``b_from_a``: it maps points of frame a to frame b.

    ``c_from_b @ b_from_a`` is ``c_from_a``; x_b = rotation @ x_a + translation.
    """

    rotation: Tensor
    """(3, 3) float64, orthonormal, determinant 1."""
    translation: Tensor
    """(3,) float64, in scene units."""

    def __post_init__(self) -> None:
        if self.rotation.shape != (3, 3) or self.translation.shape != (3,):
            raise ValueError(f"not a pose: shapes {tuple(self.rotation.shape)}, {tuple(self.translation.shape)}")

    @classmethod
    def identity(cls) -> Pose:
        """The transform that changes nothing."""
        return cls(torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))

    @classmethod
    def from_matrix(cls, matrix: Any) -> Pose:
        """From a (3, 4) or (4, 4) matrix (tensor, array or nested list).

        The rotation is replaced by the nearest orthonormal one (files carry rounded numbers).

        Raises:
            ValueError: a value is NaN or infinite, or the 3x3 block is no rotation (error above 1e-2).
        """
        table = torch.as_tensor(matrix, dtype=torch.float64)
        if table.shape not in {(3, 4), (4, 4)}:
            raise ValueError(f"a pose matrix is 3x4 or 4x4, not {tuple(table.shape)}")
        return cls(nearest_rotation(table[:3, :3]), table[:3, 3].clone())

    @classmethod
    def from_quaternion(cls, quaternion: Any, translation: Any) -> Pose:
        """From a quaternion w x y z (4,) of any length above zero and a translation (3,)."""
        rotation = rotation_from_quaternion(torch.as_tensor(quaternion, dtype=torch.float64))
        return cls(rotation, torch.as_tensor(translation, dtype=torch.float64).clone())

    @classmethod
    def looking_at(cls, eye: Any, target: Any, up: Any = (0.0, 0.0, 1.0)) -> Pose:
        """camera_from_world of a camera at ``eye`` that looks at ``target``, image top towards ``up`` (world, (3,))."""
        centre = torch.as_tensor(eye, dtype=torch.float64)
        forward = torch.as_tensor(target, dtype=torch.float64) - centre
        forward = forward / forward.norm()
        right = torch.linalg.cross(forward, torch.as_tensor(up, dtype=torch.float64))
        if right.norm() < 1e-9:
            axis = torch.eye(3, dtype=torch.float64)[int(forward.abs().argmin())]
            right = torch.linalg.cross(forward, axis)
        right = right / right.norm()
        rotation = torch.stack([right, torch.linalg.cross(forward, right), forward])
        return cls(rotation, -rotation @ centre)

    @property
    def matrix(self) -> Tensor:
        """(4, 4) float64 homogeneous matrix."""
        matrix = torch.eye(4, dtype=torch.float64)
        matrix[:3, :3] = self.rotation
        matrix[:3, 3] = self.translation
        return matrix

    @property
    def quaternion(self) -> Tensor:
        """w x y z (4,) float64, unit length, w >= 0."""
        return quaternion_from_rotation(self.rotation)

    @property
    def centre(self) -> Tensor:
        """Origin of frame b in frame a, (3,): of a camera_from_world, the camera centre in the world."""
        return -self.rotation.T @ self.translation

    def inverse(self) -> Pose:
        """a_from_b."""
        return Pose(self.rotation.T.contiguous(), self.centre)

    def __matmul__(self, other: Pose) -> Pose:
        return Pose(self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def apply(self, points: Tensor) -> Tensor:
        """Points (..., 3) of frame a in frame b, in the dtype and on the device of ``points``."""
        rotation, translation = self.rotation.to(points), self.translation.to(points)
        return points @ rotation.T + translation

    def retracted(self, tangent: Tensor) -> Pose:
        """exp(tangent) @ self for an se(3) tangent (6,) = (translation, rotation vector)."""
        rotation, translation = exp_se3(tangent.to(torch.float64))
        return Pose(rotation.detach(), translation.detach()) @ self


def nearest_rotation(matrix: Tensor) -> Tensor:
    """The rotation (3, 3) nearest to ``matrix`` in the Frobenius norm.

    Raises:
        ValueError: a value is NaN or infinite, or no rotation is within 1e-2 of the matrix.
    """
    if not torch.isfinite(matrix).all():
        raise ValueError("a pose holds NaN or infinity")
    u, _, vt = torch.linalg.svd(matrix)
    rotation: Tensor = u @ vt
    if torch.linalg.det(rotation) < 0 or (rotation - matrix).abs().max() > 1e-2:
        raise ValueError("the 3x3 block of a pose is not a rotation")
    return rotation


def rotation_from_quaternion(quaternion: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of quaternions w x y z (..., 4) of any length above zero."""
    w, x, y, z = (quaternion / quaternion.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).reshape(*quaternion.shape[:-1], 3, 3)


def quaternion_from_rotation(rotation: Tensor) -> Tensor:
    """Unit quaternions w x y z (..., 4), w >= 0, of rotation matrices (..., 3, 3).

    Of the four equivalent formulas (Shepperd, 1978) the one with the largest divisor is taken.
    """
    m = rotation
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = torch.stack([1 + trace, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], dim=-1)  # 4 q_i^2
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    products = torch.stack(
        [
            torch.stack([squares[..., 0], wx, wy, wz], dim=-1),
            torch.stack([wx, squares[..., 1], xy, xz], dim=-1),
            torch.stack([wy, xy, squares[..., 2], yz], dim=-1),
            torch.stack([wz, xz, yz, squares[..., 3]], dim=-1),
        ],
        dim=-2,
    )  # rows 4 q_i q
    best = squares.argmax(dim=-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    quaternion = products.gather(-2, best).squeeze(-2)
    quaternion = quaternion / quaternion.norm(dim=-1, keepdim=True)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def multiply_quaternions(left: Tensor, right: Tensor) -> Tensor:
    """Hamilton product w x y z: R(left * right) = R(left) R(right); shapes (..., 4)."""
    a, b, c, d = left.unbind(-1)
    e, f, g, h = right.unbind(-1)
    return torch.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        dim=-1,
    )


def skew(vectors: Tensor) -> Tensor:
    """Cross-product matrices (..., 3, 3) with skew(a) @ b = a x b, of vectors (..., 3)."""
    x, y, z = vectors.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).reshape(*vectors.shape[:-1], 3, 3)


def exp_se3(tangent: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation (3, 3) and translation (3,) of the exponential of (translation, rotation vector) (6,).

    Differentiable everywhere, also at zero: the Rodrigues coefficients are Taylor series there.
    """
    velocity, omega = tangent[:3], tangent[3:]
    square = omega @ omega
    small = square < 1e-8
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    a = torch.where(small, 1 - square / 6, angle.sin() / angle)
    b = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / safe)
    c = torch.where(small, 1 / 6 - square / 120, (angle - angle.sin()) / (safe * angle))
    cross = skew(omega)
    identity = torch.eye(3, dtype=tangent.dtype, device=tangent.device)
    rotation = identity + a * cross + b * cross @ cross
    return rotation, (identity + b * cross + c * cross @ cross) @ velocity


def rotation_angle_degrees(rotation: Tensor) -> Tensor:
    """Angles (...) in degrees of rotations (..., 3, 3), accurate near zero (2 asin of the quaternion's vector part)."""
    vector = quaternion_from_rotation(rotation)[..., 1:].norm(dim=-1)
    return torch.rad2deg(2 * torch.asin(vector.clamp(max=1.0)))
