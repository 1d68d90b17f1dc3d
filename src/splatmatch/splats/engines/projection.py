"""Projection of Gaussians to the image in plain torch: differentiable in everything, in any float dtype.

The truth of the reference engine, the front half of the gsplat adapter, and the oracle of the Numba kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, exp_se3, rotation_from_quaternion
from splatmatch.geometry.spherical_harmonics import sh_basis
from splatmatch.scene.gaussians import Gaussians
from splatmatch.splats.engines import rules


@dataclass(frozen=True, eq=False)
class Projected:
    """N Gaussians on the image plane of one camera."""

    centres: Tensor
    """(N, 2) corner pixels."""
    z: Tensor
    """(N,) z-depth."""
    covariances: Tensor
    """(N, 3) xx, xy, yy of the blurred covariance, square pixels."""
    opacities: Tensor
    """(N,) after the antialiasing factor."""
    visible: Tensor
    """(N,) bool: in front of the near plane and opaque enough to reach alpha 1/255 somewhere."""
    positions: Tensor
    """(N, 3) centres in the camera frame."""
    normals: Tensor
    """(N, 3) shortest axes in the camera frame, unit length, turned to the camera."""
    directions: Tensor
    """(N, 3) unit viewing directions in the world frame, camera to Gaussian."""

    @property
    def half_extents(self) -> Tensor:
        """(N, 2) half width and height in pixels of the box outside which alpha < 1/255; 0 where invisible."""
        power = 2 * torch.log((self.opacities * 255).clamp(min=1.0))
        extents = (power[:, None] * self.covariances[:, [0, 2]]).sqrt()
        return torch.where(self.visible[:, None], extents, torch.zeros_like(extents))


def perturbed(camera_from_world: Pose, tangent: Tensor | None, like: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation (3, 3) and translation (3,) of exp(tangent) @ camera_from_world, like ``like`` in dtype and device."""
    rotation, translation = camera_from_world.rotation.to(like), camera_from_world.translation.to(like)
    if tangent is None:
        return rotation, translation
    turn, shift = exp_se3(tangent.to(like))
    return turn @ rotation, turn @ translation + shift


def project(
    gaussians: Gaussians,
    camera: Camera,
    camera_from_world: Pose,
    *,
    pose_tangent: Tensor | None = None,
    intrinsics: Tensor | None = None,
    screen_offsets: Tensor | None = None,
) -> Projected:
    """Project all Gaussians; see ``rules`` for the formulas and ``scene.render.Engine`` for the arguments."""
    means = gaussians.means
    rotation, translation = perturbed(camera_from_world, pose_tangent, means)
    positions = means @ rotation.T + translation
    fx, fy, cx, cy = (camera.intrinsics if intrinsics is None else intrinsics).to(means).unbind()
    x, y, z = positions.unbind(-1)
    in_front = z > rules.NEAR
    safe_z = torch.where(in_front, z, torch.ones_like(z))
    centres = torch.stack([fx * x / safe_z + cx, fy * y / safe_z + cy], dim=-1)
    if screen_offsets is not None:
        centres = centres + screen_offsets

    axes = rotation_from_quaternion(gaussians.quaternions)
    covariances, minors = _image_covariances(
        axes * gaussians.scales[:, None, :], rotation, x / safe_z, y / safe_z, safe_z, fx, fy, camera
    )
    opacities = gaussians.opacities
    if gaussians.antialiased:
        determinant = minors + rules.BLUR * (covariances[:, 0] + covariances[:, 2]) - rules.BLUR**2
        opacities = opacities * (minors / determinant).clamp(min=0).sqrt()

    shortest = gaussians.log_scales.argmin(dim=1)
    normals = axes.gather(2, shortest[:, None, None].expand(-1, 3, 1)).squeeze(2) @ rotation.T
    facing_away = (normals * positions).sum(-1, keepdim=True) > 0
    offsets = means + rotation.T @ translation  # minus the camera centre
    return Projected(
        centres=centres,
        z=z,
        covariances=covariances,
        opacities=opacities,
        visible=in_front & (opacities >= rules.ALPHA_MIN),
        positions=positions,
        normals=torch.where(facing_away, -normals, normals),
        directions=offsets / offsets.norm(dim=-1, keepdim=True).clamp(min=1e-12),
    )


def _image_covariances(
    axes: Tensor, rotation: Tensor, tan_x: Tensor, tan_y: Tensor, z: Tensor, fx: Tensor, fy: Tensor, camera: Camera
) -> tuple[Tensor, Tensor]:
    """Blurred covariances (N, 3) and the determinants (N,) before the blur, from scaled axes (N, 3, 3).

    With M = J R axes (2x3) the covariance is M M^T, and its determinant the sum of the squared 2x2 minors of M
    (Cauchy-Binet), which does not cancel for long thin Gaussians.
    """
    x_low, x_high, y_low, y_high = rules.jacobian_limits(camera)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [
            torch.stack([fx / z, zero, -fx * tan_x.clamp(x_low, x_high) / z], dim=-1),
            torch.stack([zero, fy / z, -fy * tan_y.clamp(y_low, y_high) / z], dim=-1),
        ],
        dim=1,
    )
    u, v = (jacobian @ rotation @ axes).unbind(1)
    minors = torch.linalg.cross(u, v).square().sum(-1)
    covariances = torch.stack([(u * u).sum(-1) + rules.BLUR, (u * v).sum(-1), (v * v).sum(-1) + rules.BLUR], dim=-1)
    return covariances, minors


def channels(
    gaussians: Gaussians, projected: Projected, layout: rules.ChannelLayout, features: Tensor | None
) -> Tensor:
    """What is blended, (N, C) in the order of ``layout``."""
    parts = []
    if layout.rgb >= 0:
        basis = sh_basis(projected.directions, gaussians.sh_degree)
        parts.append((0.5 + (basis[:, :, None] * gaussians.sh).sum(1)).clamp(min=0))
    if layout.z >= 0:
        parts.append(projected.z[:, None])
    if layout.normal >= 0:
        parts.append(projected.normals)
    if layout.distance >= 0:
        parts.append((projected.normals * projected.positions).sum(-1, keepdim=True))
    if features is not None:
        parts.append(features.to(gaussians.means))
    return torch.cat(parts, dim=1) if parts else gaussians.means.new_zeros(len(gaussians), 0)
