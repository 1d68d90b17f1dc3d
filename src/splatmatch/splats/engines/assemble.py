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

    alpha: Tensor
    """(H, W)."""
    rgb: Tensor | None = None
    """(3, H, W), the background already added."""
    z: Tensor | None = None
    """(1, H, W) sum of w z."""
    normal: Tensor | None = None
    """(3, H, W) sum of w n."""
    distance: Tensor | None = None
    """(1, H, W) sum of w d."""
    features: Tensor | None = None
    """(C, H, W) sum of w f."""
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


def split(image: Tensor, layout: rules.ChannelLayout) -> dict[str, Tensor]:
    """The channel groups of an image (C, H, W) by name, for ``Blended``."""
    return {name: image[start:stop] for name, (start, stop) in layout.groups().items()}


def assemble(blended: Blended, request: RenderRequest, camera: Camera, intrinsics: Tensor | None) -> Render:
    """Divide and name the channels."""
    alpha, normal = blended.alpha, blended.normal
    depth = valid = None
    if "depth" in request.want:
        if request.depth == "expected":
            assert blended.z is not None
            valid = alpha >= rules.DEPTH_ALPHA_MIN
            depth = blended.z[0] / torch.where(valid, alpha, torch.ones_like(alpha))
        elif request.depth == "plane":
            depth, valid = _plane_depth(blended, camera, intrinsics)
        else:
            depth, valid = blended.selected_z, blended.selected
    return Render(
        alpha=alpha,
        rgb=blended.rgb.permute(1, 2, 0) if blended.rgb is not None else None,
        depth=depth,
        depth_valid=valid,
        normal=normal.permute(1, 2, 0) if normal is not None and "normal" in request.want else None,
        features=blended.features.permute(1, 2, 0) if blended.features is not None else None,
        top_ids=blended.top_ids,
        top_weights=blended.top_weights,
        radii=blended.radii if "radii" in request.want else None,
    )


def _plane_depth(blended: Blended, camera: Camera, intrinsics: Tensor | None) -> tuple[Tensor, Tensor]:
    """z = (sum w d) / (sum w n . ray), d = n . p_cam signed, n turned to the camera (Chen et al., PGSR, 2024, eq. 7).

    Both sums are negative where the blended plane faces the camera, so the ratio is a positive z-depth.
    """
    assert blended.normal is not None and blended.distance is not None
    alpha = blended.alpha
    fx, fy, cx, cy = (camera.intrinsics if intrinsics is None else intrinsics).to(alpha).unbind()
    rows = torch.arange(camera.height, dtype=alpha.dtype, device=alpha.device)[:, None] + 0.5
    columns = torch.arange(camera.width, dtype=alpha.dtype, device=alpha.device)[None, :] + 0.5
    nx, ny, nz = blended.normal
    slope = nx * ((columns - cx) / fx) + ny * ((rows - cy) / fy) + nz
    valid = (alpha >= rules.DEPTH_ALPHA_MIN) & (slope < -rules.PLANE_COSINE_MIN * alpha)
    return blended.distance[0] / torch.where(valid, slope, torch.full_like(slope, -1.0)), valid
