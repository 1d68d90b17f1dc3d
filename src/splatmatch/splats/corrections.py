"""What a fit may learn besides the Gaussians: exposure and pose of each view, and the common background."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from splatmatch.errors import NumericalError
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import View
from splatmatch.splats.adam import AdamConfig, adam_step

_BACKGROUNDS = {"black": 0.0, "white": 1.0, "learned": 0.5}


@dataclass(frozen=True, eq=False)
class Corrections:
    """Per-view parameters with their Adam moments, updated in place."""

    exposures: Tensor
    """(V, 3, 4) float32: exposure of view v maps rendered (r, g, b, 1) to its photo's colours."""
    exposure_moments: Tensor
    """(2, V, 3, 4) float32."""
    poses: Tensor
    """(V, 3, 4) float64 camera_from_world."""
    pose_moments: Tensor
    """(2, V, 6) float32, in the tangent space (translation, rotation vector)."""
    background: Tensor
    """(3,) float32."""
    background_moments: Tensor
    """(2, 3) float32."""

    @classmethod
    def starting(cls, views: tuple[View, ...], background: str) -> Corrections:
        """Identity exposures, the poses of ``views``, and a black, white or (to be learned) grey background."""
        n = len(views)
        return cls(
            torch.eye(3, 4).repeat(n, 1, 1),
            torch.zeros(2, n, 3, 4),
            torch.stack([view.camera_from_world.matrix[:3] for view in views]),
            torch.zeros(2, n, 6),
            torch.full((3,), _BACKGROUNDS[background]),
            torch.zeros(2, 3),
        )

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by field name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def pose(self, view: int) -> Pose:
        """camera_from_world of view ``view``."""
        matrix = self.poses[view]
        return Pose(matrix[:, :3].clone(), matrix[:, 3].clone())

    def step_exposure(self, view: int, gradient: Tensor, rate: float, step: int, adam: AdamConfig) -> None:
        """One Adam step of one exposure, then a small pull towards the identity that fixes the common factor.

        Raises:
            NumericalError: the gradient is not finite.
        """
        exposure = self.exposures[view]
        _step(exposure, gradient, self.exposure_moments[:, view], torch.full((3, 4), rate), step, adam)
        exposure.lerp_(torch.eye(3, 4), 0.1 * rate)

    def step_pose(self, view: int, gradient: Tensor, rates: Tensor, step: int, adam: AdamConfig) -> None:
        """One Adam step of one pose along the tangent (6,), with a rate per component.

        Raises:
            NumericalError: the gradient is not finite.
        """
        tangent = torch.zeros(6)
        _step(tangent, gradient, self.pose_moments[:, view], rates, step, adam)
        self.poses[view] = self.pose(view).retracted(tangent).matrix[:3]

    def step_background(self, gradient: Tensor, rate: float, step: int, adam: AdamConfig) -> None:
        """One Adam step of the background, kept in 0..1.

        Raises:
            NumericalError: the gradient is not finite.
        """
        _step(self.background, gradient, self.background_moments, torch.full((3,), rate), step, adam)
        self.background.clamp_(0, 1)


def _step(values: Tensor, gradient: Tensor, moments: Tensor, rates: Tensor, step: int, adam: AdamConfig) -> None:
    if not adam_step(values, gradient, moments[0], moments[1], rates, step, adam):
        raise NumericalError(f"step {step}: the gradient of an exposure, pose or background is not finite")
