"""From blended channels to a Render: the last step of every engine."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.scene.render import Render, RenderRequest
from splatmatch.splats.engines import rules


@dataclass(frozen=True, eq=False)
class Blended:
    """What an engine's blending stage leaves."""

    image: Tensor
    """(C, H, W) sums of w times channel, the background already added to rgb."""
    alpha: Tensor
    """(H, W)."""
    selected_z: Tensor | None = None
    """(H, W) z of the Gaussian that median or first depth selects."""
    selected: Tensor | None = None
    """(H, W) bool: one was selected."""
    top_ids: Tensor | None = None
    """(H, W, k) int32."""
    top_weights: Tensor | None = None
    """(H, W, k)."""
    radii: Tensor | None = None
    """(N,) pixels."""


def assemble(
    blended: Blended, layout: rules.ChannelLayout, request: RenderRequest, camera: Camera, intrinsics: Tensor | None
) -> Render:
    """Pick, divide and name the channels."""
    image, alpha = blended.image, blended.alpha
    depth = valid = None
    if "depth" in request.want:
        if request.depth == "expected":
            valid = alpha >= rules.DEPTH_ALPHA_MIN
            depth = image[layout.z] / torch.where(valid, alpha, torch.ones_like(alpha))
        elif request.depth == "plane":
            depth, valid = _plane_depth(image, alpha, layout, camera, intrinsics)
        else:
            assert blended.selected_z is not None
            depth, valid = blended.selected_z, blended.selected
    return Render(
        alpha=alpha,
        rgb=image[layout.rgb : layout.rgb + 3].permute(1, 2, 0) if layout.rgb >= 0 else None,
        depth=depth,
        depth_valid=valid,
        normal=image[layout.normal : layout.normal + 3].permute(1, 2, 0) if "normal" in request.want else None,
        features=image[layout.features :].permute(1, 2, 0) if layout.features >= 0 else None,
        top_ids=blended.top_ids,
        top_weights=blended.top_weights,
        radii=blended.radii if "radii" in request.want else None,
    )


def _plane_depth(
    image: Tensor, alpha: Tensor, layout: rules.ChannelLayout, camera: Camera, intrinsics: Tensor | None
) -> tuple[Tensor, Tensor]:
    """z = (sum w d) / (sum w n . ray), d = n . p_cam signed, n turned to the camera (Chen et al., PGSR, 2024, eq. 7).

    Both sums are negative where the blended plane faces the camera, so the ratio is a positive z-depth.
    """
    fx, fy, cx, cy = (camera.intrinsics if intrinsics is None else intrinsics).to(image).unbind()
    rows = torch.arange(camera.height, dtype=image.dtype, device=image.device)[:, None] + 0.5
    columns = torch.arange(camera.width, dtype=image.dtype, device=image.device)[None, :] + 0.5
    nx, ny, nz = image[layout.normal : layout.normal + 3]
    slope = nx * ((columns - cx) / fx) + ny * ((rows - cy) / fy) + nz
    valid = (alpha >= rules.DEPTH_ALPHA_MIN) & (slope < -rules.PLANE_COSINE_MIN * alpha)
    return image[layout.distance] / torch.where(valid, slope, torch.full_like(slope, -1.0)), valid
