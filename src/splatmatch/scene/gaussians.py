"""The Gaussians of a splat: unactivated tensors and the few operations that belong to the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.pose import multiply_quaternions, quaternion_from_rotation, rotation_from_quaternion
from splatmatch.geometry.spherical_harmonics import SH_C0, rotate_sh

TENSORS = ("means", "log_scales", "quaternions", "logit_opacities", "sh")


@dataclass(frozen=True, eq=False)
class Gaussians:
    """N Gaussians in the parametrisation of 3D Gaussian Splatting (Kerbl et al., 2023), before activation."""

    means: Tensor
    """(N, 3) centres, world frame."""
    log_scales: Tensor
    """(N, 3) natural logarithms of the standard deviations along the local axes."""
    quaternions: Tensor
    """(N, 4) w x y z, world from local, of any length above zero."""
    logit_opacities: Tensor
    """(N,) opacity = sigmoid(logit)."""
    sh: Tensor
    """(N, K, 3) spherical-harmonics coefficients, K = (degree + 1)^2; colour = max(0, 0.5 + sum_k Y_k(view) sh_k)."""
    antialiased: bool = False
    """Trained with opacity scaled by sqrt(det S / det(S + 0.3 I)): renders so on every engine."""
    frame: str = "unknown"
    """What is known of the axes: 'z-up', 'opencv' (y down), 'unknown'."""

    def __post_init__(self) -> None:
        n = len(self.means)
        wanted = {"means": (n, 3), "log_scales": (n, 3), "quaternions": (n, 4), "logit_opacities": (n,)}
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"Gaussians.{name} has shape {tuple(getattr(self, name).shape)}, not {shape}")
        if self.sh.ndim != 3 or self.sh.shape[0] != n or self.sh.shape[2] != 3 or self.sh.shape[1] not in (1, 4, 9, 16):
            raise ValueError(f"Gaussians.sh has shape {tuple(self.sh.shape)}, not ({n}, 1 | 4 | 9 | 16, 3)")

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """0 to 3."""
        return math.isqrt(self.sh.shape[1]) - 1

    @property
    def opacities(self) -> Tensor:
        """(N,) in 0..1."""
        return torch.sigmoid(self.logit_opacities)

    @property
    def scales(self) -> Tensor:
        """(N, 3) standard deviations."""
        return torch.exp(self.log_scales)

    @property
    def base_colours(self) -> Tensor:
        """(N, 3) colour of degree 0, not clamped."""
        return 0.5 + SH_C0 * self.sh[:, 0]

    @property
    def covariances(self) -> Tensor:
        """(N, 3, 3) world-frame covariances."""
        axes = rotation_from_quaternion(self.quaternions) * self.scales[:, None, :]
        return axes @ axes.transpose(1, 2)

    def tensors(self) -> dict[str, Tensor]:
        """The five parameter tensors by name, in the order of TENSORS."""
        return {name: getattr(self, name) for name in TENSORS}

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> Gaussians:
        """Other parameter tensors, all five by name, with the same ``antialiased`` and ``frame``."""
        return Gaussians(**{name: tensors[name] for name in TENSORS}, antialiased=self.antialiased, frame=self.frame)

    def mapped(self, function: Callable[[Tensor], Tensor]) -> Gaussians:
        """Each of the five tensors replaced by ``function`` of it."""
        return self.with_tensors({name: function(tensor) for name, tensor in self.tensors().items()})

    def to(self, target: torch.device | torch.dtype | str) -> Gaussians:
        """All tensors on another device or in another floating dtype."""
        return self.mapped(lambda tensor: tensor.to(target))

    def detach(self) -> Gaussians:
        """Without autograd history."""
        return self.mapped(Tensor.detach)

    def select(self, rows: Tensor) -> Gaussians:
        """The Gaussians at ``rows``: an index tensor or a boolean mask (N,)."""
        return self.mapped(lambda tensor: tensor[rows])

    def cropped(self, low: Tensor, high: Tensor) -> Gaussians:
        """Those whose centres lie in the box low <= x <= high, corners (3,)."""
        inside = (self.means >= low.to(self.means)).all(1) & (self.means <= high.to(self.means)).all(1)
        return self.select(inside)

    def with_sh_degree(self, degree: int) -> Gaussians:
        """Higher bands cut off or filled with zeros."""
        wanted = (degree + 1) ** 2
        missing = wanted - self.sh.shape[1]
        if missing <= 0:
            return replace(self, sh=self.sh[:, :wanted])
        return replace(self, sh=torch.cat([self.sh, self.sh.new_zeros(len(self), missing, 3)], dim=1))

    def transformed(self, b_from_a: Similarity, frame: str | None = None) -> Gaussians:
        """The same splat in frame b: centres, scales, orientations and SH bands all move."""
        rotation = b_from_a.rotation.to(self.means)
        quaternion = quaternion_from_rotation(b_from_a.rotation).to(self.means)
        return replace(
            self,
            means=b_from_a.apply(self.means),
            log_scales=self.log_scales + math.log(b_from_a.scale),
            quaternions=multiply_quaternions(quaternion.expand_as(self.quaternions), self.quaternions),
            sh=rotate_sh(self.sh, rotation),
            frame=self.frame if frame is None else frame,
        )


def concatenate(parts: list[Gaussians]) -> Gaussians:
    """All Gaussians of ``parts`` in order; lower SH degrees are filled with zeros.

    Raises:
        ValueError: no parts, or parts that differ in ``antialiased`` or ``frame``.
    """
    if not parts:
        raise ValueError("nothing to concatenate")
    if len({(part.antialiased, part.frame) for part in parts}) != 1:
        raise ValueError("splats that differ in antialiasing or frame cannot be joined")
    degree = max(part.sh_degree for part in parts)
    padded = [part.with_sh_degree(degree) for part in parts]
    tensors = {name: torch.cat([getattr(part, name) for part in padded]) for name in TENSORS}
    return parts[0].with_tensors(tensors)


assert set(TENSORS) <= {field.name for field in fields(Gaussians)}
