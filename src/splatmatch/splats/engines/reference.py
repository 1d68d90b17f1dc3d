"""The reference engine: plain torch in any float dtype. It defines truth; it is not fast.

The image is walked in blocks only to bound memory: a Gaussian is left out of a block where its alpha is below 1/255
on every pixel, which changes no number.
"""

from __future__ import annotations

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Render, RenderRequest
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.assemble import Blended, assemble, split
from splatmatch.splats.engines.projection import Projected, channels, project


class ReferenceEngine:
    """Renders with autograd through every input, intrinsics included, on any torch device."""

    name = "reference"

    def __init__(self, block: int = 16) -> None:
        self.block = block

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
        """See ``scene.render.Engine.render``."""
        projected = project(
            gaussians,
            camera,
            camera_from_world,
            pose_tangent=pose_tangent,
            intrinsics=intrinsics,
            screen_offsets=screen_offsets,
        )
        layout = rules.ChannelLayout.of(request, 0 if features is None else features.shape[1])
        values = channels(gaussians, projected, layout, features)
        with torch.no_grad():
            extents = projected.half_extents
            low, high = projected.centres - extents, projected.centres + extents
            order = torch.argsort(projected.z.to(torch.float32), stable=True)
            order = order[projected.visible[order]]
        rows = []
        for top in range(0, camera.height, self.block):
            blocks = []
            for left in range(0, camera.width, self.block):
                right, bottom = min(left + self.block, camera.width), min(top + self.block, camera.height)
                with torch.no_grad():
                    hit = (low[order, 0] <= right) & (high[order, 0] >= left)
                    hit &= (low[order, 1] <= bottom) & (high[order, 1] >= top)
                blocks.append(_blend(projected, values, order[hit], (left, top, right, bottom), request))
            rows.append(_join(blocks, dim=-1))
        blended = _join(rows, dim=-2)
        image, alpha = blended["image"], blended["alpha"]
        if background is not None and layout.rgb >= 0:
            over = image[:3] + (1 - alpha) * background.to(image)[:, None, None]
            image = torch.cat([over, image[3:]])
        seen = (extents > 0).all(1) & (high >= 0).all(1)
        seen &= (low[:, 0] <= camera.width) & (low[:, 1] <= camera.height)
        return assemble(
            Blended(
                alpha=alpha,
                **split(image, layout),
                selected_z=blended.get("selected_z"),
                selected=blended.get("selected"),
                top_ids=blended["top_ids"].permute(1, 2, 0) if request.top_k else None,
                top_weights=blended["top_weights"].permute(1, 2, 0) if request.top_k else None,
                radii=torch.where(seen, extents.amax(1), torch.zeros_like(extents[:, 0])),
            ),
            request,
            camera,
            intrinsics,
        )


def _blend(
    projected: Projected, values: Tensor, ids: Tensor, box: tuple[int, int, int, int], request: RenderRequest
) -> dict[str, Tensor]:
    """Blend the Gaussians ``ids``, nearest first, over one block of pixels; maps of shape (..., rows, columns)."""
    left, top, right, bottom = box
    like = projected.centres
    ys, xs = torch.meshgrid(
        torch.arange(top, bottom, device=like.device).to(like) + 0.5,
        torch.arange(left, right, device=like.device).to(like) + 0.5,
        indexing="ij",
    )
    shape = xs.shape
    dx = xs.reshape(1, -1) - projected.centres[ids, 0:1]
    dy = ys.reshape(1, -1) - projected.centres[ids, 1:2]
    xx, xy, yy = (projected.covariances[ids, k : k + 1] for k in range(3))
    power = -0.5 * (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy)
    raw = projected.opacities[ids, None] * torch.exp(power)
    alpha = torch.where(raw >= rules.ALPHA_MIN, raw.clamp(max=rules.ALPHA_MAX), torch.zeros_like(raw))
    after = torch.cumprod(1 - alpha, dim=0)
    blended = (after > rules.T_MIN) & (alpha > 0)
    before = torch.cat([torch.ones_like(after[:1]), after[:-1]]) if len(ids) else after
    weights = torch.where(blended, alpha * before, torch.zeros_like(alpha))
    out = {"image": (values[ids].T @ weights).reshape(-1, *shape), "alpha": weights.sum(0).reshape(shape)}
    if "depth" in request.want and request.depth in ("median", "first"):
        chosen = blended & ((after < 0.5) if request.depth == "median" else (alpha >= request.tau))
        found = chosen.any(0) if len(ids) else torch.zeros(xs.numel(), dtype=torch.bool, device=like.device)
        z = projected.z[ids][chosen.to(torch.uint8).argmax(0)] if len(ids) else like.new_zeros(xs.numel())
        out["selected"] = found.reshape(shape)
        out["selected_z"] = torch.where(found, z, torch.zeros_like(z)).reshape(shape)
    if request.top_k:
        out["top_weights"], out["top_ids"] = _top(weights.detach(), ids, request.top_k, shape)
    return out


def _top(weights: Tensor, ids: Tensor, k: int, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """The k largest weights per pixel and whose they are; of equal weights the nearer Gaussian comes first."""
    missing = max(0, k - len(ids))
    padded = torch.cat([weights, weights.new_zeros(missing, weights.shape[1])])
    numbers = torch.cat([ids, ids.new_full((missing,), -1)])
    values, rank = torch.sort(padded, dim=0, descending=True, stable=True)
    chosen = torch.where(values[:k] > 0, numbers[rank[:k]], -1).to(torch.int32)
    return values[:k].reshape(k, *shape), chosen.reshape(k, *shape)


def _join(parts: list[dict[str, Tensor]], dim: int) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts], dim=dim) for name in parts[0]}
