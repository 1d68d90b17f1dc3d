"""The CPU engine: Numba kernels inside one autograd function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.kernels import announce_compilation
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Render, RenderRequest
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.assemble import Blended, assemble
from splatmatch.splats.engines.cpu import records
from splatmatch.splats.engines.cpu.binning import count_tiles, depth_order, list_tiles
from splatmatch.splats.engines.cpu.blend import blend_tiles
from splatmatch.splats.engines.cpu.blend_backward import blend_tiles_backward
from splatmatch.splats.engines.cpu.project import project
from splatmatch.splats.engines.cpu.project_backward import project_backward, scatter_depth
from splatmatch.splats.engines.cpu.recycling import POOL
from splatmatch.splats.engines.projection import perturbed

PARTS = 8
"""Pieces of the binning work; more than the threads, so that uneven pieces even out."""


class CpuEngine:
    """Renders and differentiates on any number of CPU threads, with the same bits for each number."""

    name = "cpu"

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
        """See ``scene.render.Engine.render``; ``intrinsics`` carry no gradient here."""
        announce_compilation(__file__, "rasteriser")
        layout = rules.ChannelLayout.of(request, 0 if features is None else features.shape[1])
        shot = _Shot.of(camera, camera_from_world, pose_tangent, intrinsics, request, layout, gaussians.antialiased)
        means = gaussians.means
        n = len(gaussians)
        alpha, selected_z, selected, top_ids, top_weights, radii, *groups = _Rasterise.apply(  # type: ignore[no-untyped-call]
            shot,
            *gaussians.tensors().values(),
            means.new_zeros(0) if background is None or layout.rgb < 0 else background,
            means.new_zeros(n, 0) if features is None else features,
            means.new_zeros(6) if pose_tangent is None else pose_tangent,
            means.new_zeros(0, 2) if screen_offsets is None else screen_offsets,
        )
        blended = Blended(
            alpha=alpha,
            **dict(zip(layout.groups(), groups, strict=True)),
            selected_z=selected_z,
            selected=selected,
            top_ids=top_ids,
            top_weights=top_weights,
            radii=radii,
        )
        return assemble(blended, request, camera, None if intrinsics is None else intrinsics.detach())


@dataclass(frozen=True)
class _Shot:
    """Everything about one image that is not a tensor with a gradient."""

    width: int
    height: int
    pose: np.ndarray[Any, np.dtype[np.float64]]
    intrinsics: np.ndarray[Any, np.dtype[np.float64]]
    limits: np.ndarray[Any, np.dtype[np.float32]]
    request: RenderRequest
    layout: rules.ChannelLayout
    antialiased: bool

    @classmethod
    def of(
        cls,
        camera: Camera,
        camera_from_world: Pose,
        tangent: Tensor | None,
        intrinsics: Tensor | None,
        request: RenderRequest,
        layout: rules.ChannelLayout,
        antialiased: bool,
    ) -> _Shot:
        with torch.no_grad():
            like = torch.zeros(0, dtype=torch.float64)
            rotation, translation = perturbed(camera_from_world, tangent, like)
        values = camera.intrinsics if intrinsics is None else intrinsics.detach().to(torch.float64)
        return cls(
            width=camera.width,
            height=camera.height,
            pose=torch.cat([rotation, translation[:, None]], dim=1).contiguous().numpy(),
            intrinsics=values.numpy(),
            limits=np.array(rules.jacobian_limits(camera), np.float32),
            request=request,
            layout=layout,
            antialiased=antialiased,
        )

    @property
    def layout_tuple(self) -> tuple[int, int, int, int, int]:
        at = self.layout
        return (at.rgb, at.z, at.normal, at.distance, at.features)

    @property
    def tiles(self) -> tuple[int, int]:
        return (-(-self.width // records.TILE), -(-self.height // records.TILE))

    @property
    def selection(self) -> tuple[int, ...]:
        """Its length tells the blending kernel what to select: 1 = median, 2 = first depth."""
        if "depth" not in self.request.want:
            return ()
        return (0,) * {"median": 1, "first": 2}.get(self.request.depth, 0)


class _Rasterise(torch.autograd.Function):
    """Alpha, selected depth and mask, strongest ids and weights, radii, then the channel groups; see ``CpuEngine``."""

    @staticmethod
    def forward(ctx: Any, shot: _Shot, *tensors: Tensor) -> tuple[Tensor | None, ...]:
        use_torch_threads()
        arrays = [tensor.detach().to(torch.float32).contiguous().numpy() for tensor in tensors]
        means, log_scales, quaternions, logits, sh, background, features, _, offsets = arrays
        n, count = len(means), shot.layout.count
        height, width, top_k = shot.height, shot.width, shot.request.top_k
        rec = POOL.take((n, records.HEAD + count))
        box, depth, radii = POOL.take((n, 4), np.int32), POOL.take((n,)), POOL.take((n,))
        project(
            means, log_scales, quaternions, logits, sh, features, offsets, shot.pose, shot.intrinsics, shot.limits,
            (width, height), shot.layout_tuple, shot.antialiased, rec, box, depth, radii,
        )  # fmt: skip
        order = depth_order(box, depth)
        sorted_rec, sorted_box = POOL.take((len(order), rec.shape[1])), POOL.take((len(order), 4), np.int32)
        first_slot, band_start, spans, counts, tile_start = count_tiles(
            rec, box, order, shot.tiles, PARTS, sorted_rec, sorted_box
        )
        member, slot = (POOL.take((int(tile_start[-1]),), np.int32) for _ in range(2))
        list_tiles(sorted_box, order, shot.tiles[0], first_slot, band_start, spans, counts, member, slot)

        image = POOL.take((count + 1, height, width))
        final, last = POOL.take((height, width)), POOL.take((height, width), np.int32)
        chosen = np.empty((height, width) if shot.selection else (0, 0), np.int32)
        top, top_at = POOL.take((height, width, top_k)), POOL.take((height, width, top_k), np.int32)
        blend_tiles(
            sorted_rec, sorted_box, member, tile_start, shot.tiles[0], background, np.float32(shot.request.tau),
            (0,) * count, shot.selection, (0,) * top_k, image, final, last, chosen, top, top_at,
        )  # fmt: skip

        ctx.shot, ctx.arrays = shot, arrays
        ctx.buffers = (rec, order, sorted_rec, sorted_box, first_slot, tile_start, member, slot, final, last, chosen)
        ctx.set_materialize_grads(False)
        selected_z = selected = top_ids = top_weights = None
        if shot.selection:
            selected = torch.from_numpy(chosen >= 0)
            selected_z = torch.from_numpy(_looked_up(depth, _looked_up(order, chosen, -1), 0))
        if top_k:
            top_ids, top_weights = torch.from_numpy(_looked_up(order, top_at, -1)), torch.from_numpy(top)
        groups = [torch.from_numpy(image[start:stop]) for start, stop in shot.layout.groups().values()]
        fixed = [tensor for tensor in (selected, top_ids, top_weights) if tensor is not None]
        seen = torch.from_numpy(radii)
        ctx.mark_non_differentiable(seen, *fixed)
        return (torch.from_numpy(image[count]), selected_z, selected, top_ids, top_weights, seen, *groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        use_torch_threads()
        shot: _Shot = ctx.shot
        means, log_scales, quaternions, logits, sh, background, features, _, _ = ctx.arrays
        rec, order, sorted_rec, sorted_box, first_slot, tile_start, member, slot, final, last, chosen = ctx.buffers
        n, count = len(means), shot.layout.count
        upstream = POOL.tensor((count + 1, shot.height, shot.width))
        spans = [(count, count + 1), *shot.layout.groups().values()]
        for (start, stop), gradient in zip(spans, [gradients[0], *gradients[6:]], strict=True):
            if gradient is None:
                upstream[start:stop].zero_()
            else:
                upstream[start:stop].copy_(gradient)
        slots = POOL.take((len(member), records.gradient_width(count)))
        background_parts = np.zeros((len(tile_start) - 1, 3))
        blend_tiles_backward(
            sorted_rec, sorted_box, member, slot, tile_start, shot.tiles[0], background, (0,) * count, final, last,
            upstream.numpy(), slots, background_parts,
        )  # fmt: skip
        z_gradient = np.zeros(n if gradients[1] is not None else 0, np.float32)
        if gradients[1] is not None:
            scatter_depth(order, chosen, gradients[1].contiguous().numpy(), z_gradient)
        outputs = [POOL.tensor(array.shape) for array in (means, log_scales, quaternions, logits, sh)]
        needs = ctx.needs_input_grad
        g_features, g_offsets = POOL.tensor(features.shape), POOL.tensor((n if needs[9] else 0, 2))
        g_pose = np.zeros((-(-n // records.BLOCK) if needs[8] else 0, 6))
        project_backward(
            means, log_scales, quaternions, logits, sh, shot.pose, shot.intrinsics, shot.limits, shot.layout_tuple,
            shot.antialiased, rec, first_slot, slots, z_gradient, *(output.numpy() for output in outputs),
            g_features.numpy(), g_offsets.numpy(), g_pose,
        )  # fmt: skip
        return (
            None,
            *outputs,
            _ordered_sum(background_parts) if len(background) else None,
            g_features if needs[7] else None,
            _ordered_sum(g_pose) if needs[8] else None,
            g_offsets if needs[9] else None,
        )


def _looked_up(table: Any, rows: Any, missing: float) -> Any:
    """table[rows], and ``missing`` where a row is negative."""
    if not len(table):
        return np.full(rows.shape, missing, table.dtype)
    return np.where(rows >= 0, table[rows], table.dtype.type(missing))


def _ordered_sum(parts: np.ndarray[Any, np.dtype[np.float64]]) -> Tensor:
    """Sum over the first axis in a fixed order (cumulative, hence independent of threads), as float32."""
    total = np.cumsum(parts, axis=0)[-1] if len(parts) else np.zeros(parts.shape[1])
    return torch.from_numpy(total.astype(np.float32))
