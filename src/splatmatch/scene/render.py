"""What a rasteriser returns, and the protocol every engine fulfils."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians

Quantity = Literal["rgb", "alpha", "depth", "normal", "radii"]
DepthMode = Literal["expected", "median", "first", "plane"]


@dataclass(frozen=True)
class RenderRequest:
    """What to render besides the Gaussians and the camera; see ``splatmatch.splats.render``."""

    want: tuple[Quantity, ...] = ("rgb", "alpha")
    depth: DepthMode = "expected"
    tau: float = 0.5
    top_k: int = 0


@dataclass(frozen=True, eq=False)
class Render:
    """Only what was asked for; the rest is None.

    Convention: depth is z-depth in scene units and means nothing where ``depth_valid`` is False.
    """

    alpha: Tensor
    """(H, W) accumulated opacity, always there."""
    rgb: Tensor | None = None
    """(H, W, 3) sRGB-encoded colour over the background."""
    depth: Tensor | None = None
    """(H, W) z-depth in the mode asked for."""
    depth_valid: Tensor | None = None
    """(H, W) bool."""
    normal: Tensor | None = None
    """(H, W, 3) sum of w n in the camera frame, n of unit length and turned to the camera: length at most alpha."""
    features: Tensor | None = None
    """(H, W, C) sum of w f."""
    top_ids: Tensor | None = None
    """(H, W, k) int32 rows of the Gaussians with the largest weight, largest first; -1 where fewer contribute."""
    top_weights: Tensor | None = None
    """(H, W, k) their weights alpha_i T_i; 0 where fewer contribute. Not differentiable."""
    radii: Tensor | None = None
    """(N,) larger half-extent of each Gaussian's footprint in pixels; 0 = not in the image. Not differentiable."""


class Engine(Protocol):
    """A rasteriser. All engines follow the rules in docs/conventions.md and return the same numbers."""

    name: str

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        camera_from_world: Pose,
        request: RenderRequest,
        *,
        background: Tensor | None = None,
        features: Tensor | None = None,
        pose_tangent: Tensor | None = None,
        intrinsics: Tensor | None = None,
        screen_offsets: Tensor | None = None,
    ) -> Render:
        """Render one image.

        Shapes: background (3,), features (N, C), pose_tangent (6,) = (translation, rotation vector) of a left
        perturbation exp(tangent) @ camera_from_world, intrinsics (4,) = fx fy cx cy, screen_offsets (N, 2) pixels
        added to the projected centres (zeros whose gradient is the screen-space gradient).
        """
        ...
