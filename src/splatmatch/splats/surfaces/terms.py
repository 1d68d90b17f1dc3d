"""The geometric terms of one step: what must be rendered for them, and their weighted sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Engine, Quantity, Render, RenderRequest
from splatmatch.splats.ordered_sum import ordered_sum
from splatmatch.splats.photometric import photometric_loss
from splatmatch.splats.surfaces import losses
from splatmatch.splats.surfaces.config import SurfaceConfig
from splatmatch.splats.surfaces.maps import normal_agreement, seen_from
from splatmatch.splats.targets import DepthTarget
from splatmatch.splats.training_images import TrainingImage

WARP_SSIM = 0.85
"""Share of SSIM in the comparison of a photo with its warped neighbour: exposure differs between photos."""
COVERED = 0.5
"""Accumulated opacity below which a pixel shows no surface."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """Another training view, as it is now."""

    image: TrainingImage
    pose: Pose


@dataclass(frozen=True)
class SurfaceTerms:
    """The terms that are due at one step."""

    config: SurfaceConfig
    progress: float
    """Share of the steps that are done."""
    unit: float
    """Typical depth of the scene."""

    @property
    def late(self) -> bool:
        """Whether the terms that need surfaces have begun."""
        return self.progress >= self.config.start

    @property
    def pull(self) -> float:
        """Factor on all weights now."""
        over = max(0.0, self.progress - self.config.ease) / max(1e-9, 1 - self.config.ease)
        return 1 - (1 - self.config.eased) * over

    @property
    def prior(self) -> float:
        """Weight of the prior now."""
        return self.config.prior * float(self.config.prior_final**self.progress)

    def request(self, has_prior: bool) -> RenderRequest:
        """What the view must be rendered with, besides the features of ``moments``."""
        want: list[Quantity] = ["rgb", "radii"]
        plane = self.late and self.config.needs_plane
        if plane or (has_prior and self.prior > 0):
            want.append("depth")
        if self.late and self.config.normals:
            want.append("normal")
        return RenderRequest(want=tuple(want), depth="plane" if plane else "expected")

    def moments(self, gaussians: Gaussians, pose: Pose) -> Tensor | None:
        """Depth of each centre and its square (N, 2), to be blended as features; None where no term needs them."""
        if not (self.late and self.config.spread):
            return None
        depth = gaussians.means @ pose.rotation[2].to(gaussians.means) + pose.translation[2].to(gaussians.means)
        return torch.stack([depth, depth.square()], dim=1)

    def loss(
        self,
        gaussians: Gaussians,
        render: Render,
        image: TrainingImage,
        pose: Pose,
        target: DepthTarget | None,
        neighbour: Neighbour | None,
        engine: Engine,
    ) -> Tensor:
        """The weighted sum of all terms that are due, (), before ``pull``."""
        config, total = self.config, torch.zeros((), device=gaussians.means.device)
        if config.flatness:
            total = total + config.flatness * losses.flatness_loss(gaussians.log_scales, self.unit)
        if config.opaqueness:
            total = total + config.opaqueness * losses.opaqueness_loss(render.alpha, image.weight)
        if render.depth is not None and target is not None and self.prior > 0:
            wanted = target.at(image.camera)
            assert render.depth_valid is not None
            maps = (wanted.depth.to(total.device), wanted.weight.to(total.device))
            total = total + self.prior * losses.inverse_depth_loss(render.depth, render.depth_valid, *maps, self.unit)
        if not self.late:
            return total
        if config.spread and render.features is not None:
            total = total + config.spread * losses.spread_loss(render.alpha, *render.features.unbind(-1))
        if not config.needs_plane:
            return total
        assert render.depth is not None
        assert render.depth_valid is not None
        valid = render.depth_valid & (render.alpha.detach() > COVERED) & (render.depth.detach() > 0)
        if config.normals and render.normal is not None:
            weight = image.evenness.to(total.device)
            total = total + config.normals * normal_agreement(render.depth, render.normal, valid, weight, image.camera)
        if config.needs_neighbours and neighbour is not None:
            total = total + self._two_views(gaussians, render.depth, valid, image, pose, neighbour, engine)
        return total

    def _two_views(
        self,
        gaussians: Gaussians,
        depth: Tensor,
        valid: Tensor,
        image: TrainingImage,
        pose: Pose,
        other: Neighbour,
        engine: Engine,
    ) -> Tensor:
        """Reprojection and warping against a neighbour, whose own depth says what it can see."""
        config = self.config
        found, found_valid = _depth_of(gaussians, other.image.camera, other.pose, engine)
        seen = seen_from(
            depth, valid, image.camera, other.image, other.pose @ pose.inverse(), found, found_valid, config.gate
        )
        total = torch.zeros((), device=depth.device)
        if config.reprojection:
            total = total + config.reprojection * ordered_sum(seen.relative) / depth.numel()
        if config.warping:
            weight = seen.weight if image.weight is None else seen.weight * image.weight.to(depth)
            photo = image.pixels.to(depth.device)
            total = total + config.warping * photometric_loss(seen.warped, photo, weight, WARP_SSIM).loss
        return total


def _depth_of(gaussians: Gaussians, camera: Camera, pose: Pose, engine: Engine) -> tuple[Tensor, Tensor]:
    """Plane depth of a view without gradients, and where it shows a surface."""
    with torch.no_grad():
        still = gaussians.mapped(lambda tensor: tensor.detach())
        view = engine.render(still, camera, pose, RenderRequest(want=("depth",), depth="plane"))
    assert view.depth is not None
    assert view.depth_valid is not None
    return view.depth, view.depth_valid & (view.alpha > COVERED)
