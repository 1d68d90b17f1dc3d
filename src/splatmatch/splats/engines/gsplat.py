"""The GPU engine: our projection in torch, gsplat's CUDA kernels for tiling and blending (Ye et al., 2024, Apache-2.0).

Projection stays ours so that the rules of ``rules.py`` hold on every engine and so that pose, intrinsics and screen
offsets get gradients; gsplat blends any number of channels. What it does not return (median and first depth,
strongest Gaussians) is computed in torch from its per-pixel lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from splatmatch.errors import MissingDependencyError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Render, RenderRequest
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.assemble import Blended, assemble, split
from splatmatch.splats.engines.projection import Projected, channels, project

TILE = 16
ALL_BATCHES = 1 << 30
"""More batches of Gaussians than any tile has: lists every contribution in one call."""


class GsplatEngine:
    """Renders float32 tensors on a CUDA device.

    Raises:
        MissingDependencyError: gsplat is not installed.
    """

    name = "gsplat"

    def __init__(self) -> None:
        try:
            import gsplat
        except ImportError as error:
            raise MissingDependencyError(
                "the gsplat engine needs the package gsplat", "pip install 'splatmatch[gpu]', or use --engine cpu"
            ) from error
        self._gsplat: Any = gsplat

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
        xx, xy, yy = projected.covariances.unbind(-1)
        conics = torch.stack([yy, -xy, xx], dim=-1) / (xx * yy - xy * xy)[:, None]
        lists = self._tile_lists(projected, camera)
        colours = values if layout.count else torch.zeros_like(projected.centres[:, :1])
        image, alpha = self._gsplat.rasterize_to_pixels(
            projected.centres[None], conics[None], colours[None], projected.opacities[None], camera.width,
            camera.height, TILE, lists.offsets, lists.ids,
        )  # fmt: skip
        planes, alpha = image[0].permute(2, 0, 1)[: layout.count], alpha[0, ..., 0]
        if background is not None and layout.rgb >= 0:
            planes = torch.cat([planes[:3] + (1 - alpha) * background.to(planes)[:, None, None], planes[3:]])
        listed = _Contributions(None, None, None, None)
        if request.top_k or ("depth" in request.want and request.depth in ("median", "first")):
            listed = self._contributions(projected, conics, lists, camera, request)
        return assemble(
            Blended(
                alpha=alpha,
                **split(planes, layout),
                selected_z=listed.selected_z,
                selected=listed.selected,
                top_ids=listed.top_ids,
                top_weights=listed.top_weights,
                radii=lists.extents.amax(1),
            ),
            request,
            camera,
            intrinsics,
        )

    @torch.no_grad()
    def _tile_lists(self, projected: Projected, camera: Camera) -> _TileLists:
        extents = projected.half_extents
        low, high = projected.centres - extents, projected.centres + extents
        size = torch.tensor([camera.width, camera.height], device=low.device)
        seen = ((high >= 0) & (low <= size) & (extents > 0)).all(1)
        extents = torch.where(seen[:, None], extents, torch.zeros_like(extents))
        columns, rows = -(-camera.width // TILE), -(-camera.height // TILE)
        _, keys, ids = self._gsplat.isect_tiles(
            projected.centres[None], extents.ceil().to(torch.int32)[None], projected.z[None], TILE, columns, rows
        )
        offsets = self._gsplat.isect_offset_encode(keys, 1, columns, rows)
        return _TileLists(offsets, ids, extents)

    def _contributions(
        self, projected: Projected, conics: Tensor, lists: _TileLists, camera: Camera, request: RenderRequest
    ) -> _Contributions:
        """Selected depth and strongest Gaussians from the list of all blended (pixel, Gaussian) pairs, near to far."""
        pixel_count = camera.height * camera.width
        ones = torch.ones(1, camera.height, camera.width, device=conics.device)
        with torch.no_grad():
            ids, pixels, _ = self._gsplat.rasterize_to_indices_in_range(
                0, ALL_BATCHES, ones, projected.centres[None], conics[None], projected.opacities[None], camera.width,
                camera.height, TILE, lists.offsets, lists.ids,
            )  # fmt: skip
            order = torch.argsort(pixels, stable=True)
            ids, pixels = ids[order].long(), pixels[order].long()
            x = (pixels % camera.width) + 0.5 - projected.centres[ids, 0]
            y = (pixels // camera.width) + 0.5 - projected.centres[ids, 1]
            a, b, c = conics[ids].unbind(-1)
            alpha = projected.opacities[ids] * torch.exp(-0.5 * (a * x * x + 2 * b * x * y + c * y * y))
            alpha = alpha.clamp(max=rules.ALPHA_MAX).double()
            counts = torch.bincount(pixels, minlength=pixel_count)
            starts = torch.cumsum(counts, 0) - counts
            logs = torch.cumsum(torch.log1p(-alpha), 0)
            before_pixel = torch.where(starts > 0, logs[(starts - 1).clamp(min=0)], torch.zeros_like(logs[:1]))
            after = torch.exp(logs - before_pixel[pixels])
            weights = (after / (1 - alpha) * alpha).float()
        shape = (camera.height, camera.width)
        selected_z = selected = top_ids = top_weights = None
        if "depth" in request.want and request.depth in ("median", "first"):
            met = after < 0.5 if request.depth == "median" else alpha >= request.tau
            rows = torch.nonzero(met).squeeze(1)
            first = torch.full((pixel_count,), len(ids), device=ids.device)
            first.scatter_reduce_(0, pixels[rows], rows, "amin")
            found = first < len(ids)
            z = (
                projected.z[ids[first.clamp(max=max(len(ids) - 1, 0))]]
                if len(ids)
                else projected.z.new_zeros(pixel_count)
            )
            selected = found.reshape(shape)
            selected_z = torch.where(found, z, torch.zeros_like(z)).reshape(shape)
        if request.top_k:
            strongest = torch.argsort(weights, descending=True, stable=True)
            strongest = strongest[torch.argsort(pixels[strongest], stable=True)]
            rank = torch.arange(len(ids), device=ids.device) - starts[pixels]  # pixels are sorted alike in both orders
            kept = rank < request.top_k
            top_ids = torch.full((pixel_count, request.top_k), -1, dtype=torch.int32, device=ids.device)
            top_weights = torch.zeros(pixel_count, request.top_k, device=ids.device)
            top_ids[pixels[kept], rank[kept]] = ids[strongest[kept]].to(torch.int32)
            top_weights[pixels[kept], rank[kept]] = weights[strongest[kept]]
            top_ids, top_weights = top_ids.reshape(*shape, -1), top_weights.reshape(*shape, -1)
        return _Contributions(selected_z, selected, top_ids, top_weights)


@dataclass(frozen=True, eq=False)
class _TileLists:
    offsets: Tensor
    """(1, rows, columns) start of each tile's list."""
    ids: Tensor
    """(M,) Gaussians, tile by tile, near to far."""
    extents: Tensor
    """(N, 2) half extents in pixels, 0 where not in the image."""


@dataclass(frozen=True, eq=False)
class _Contributions:
    selected_z: Tensor | None
    selected: Tensor | None
    top_ids: Tensor | None
    top_weights: Tensor | None
