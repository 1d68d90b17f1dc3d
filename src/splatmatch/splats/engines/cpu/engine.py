"""The CPU engine: Numba kernels inside one autograd function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Render, RenderRequest
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.assemble import Blended, assemble
from splatmatch.splats.engines.cpu import records
from splatmatch.splats.engines.cpu.binning import bin_tiles, depth_order
from splatmatch.splats.engines.cpu.blend import blend_tiles
from splatmatch.splats.engines.cpu.blend_backward import blend_tiles_backward
from splatmatch.splats.engines.cpu.project import project
from splatmatch.splats.engines.cpu.project_backward import project_backward, scatter_depth
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
        layout = rules.ChannelLayout.of(request, 0 if features is None else features.shape[1])
        shot = _Shot.of(camera, camera_from_world, pose_tangent, intrinsics, request, layout, gaussians.antialiased)
        means = gaussians.means
        n = len(gaussians)
        outputs = _Rasterise.apply(
            shot,
            *(tensor.to(torch.float32) for tensor in gaussians.tensors().values()),
            means.new_zeros(0) if background is None or layout.rgb < 0 else background,
            means.new_zeros(n, 0) if features is None else features,
            means.new_zeros(6) if pose_tangent is None else pose_tangent,
            means.new_zeros(0, 2) if screen_offsets is None else screen_offsets,
        )
        image, alpha, selected_z, selected, top_ids, top_weights, radii = outputs
        blended = Blended(
            image=image,
            alpha=alpha,
            selected_z=selected_z,
            selected=selected,
            top_ids=top_ids if request.top_k else None,
            top_weights=top_weights if request.top_k else None,
            radii=radii,
        )
        return assemble(blended, layout, request, camera, None if intrinsics is None else intrinsics.detach())


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
    """Blended image, alpha, selected depth and the rest; see ``CpuEngine.render``."""

    @staticmethod
    def forward(ctx: Any, shot: _Shot, *tensors: Tensor) -> tuple[Tensor, ...]:
        use_torch_threads()
        arrays = [tensor.detach().to(torch.float32).contiguous().numpy() for tensor in tensors]
        means, log_scales, quaternions, logits, sh, background, features, _, offsets = arrays
        n, count = len(means), shot.layout.count
        rec = records.empty(n, records.HEAD + count)
        box, depth = np.empty((n, 4), np.int32), np.empty(n, np.float32)
        project(
            means, log_scales, quaternions, logits, sh, features, offsets, shot.pose, shot.intrinsics, shot.limits,
            (shot.width, shot.height), shot.layout_tuple, shot.antialiased, rec, box, depth,
        )  # fmt: skip
        order = depth_order(box, depth)
        sorted_rec, sorted_box = records.empty(len(order), rec.shape[1]), np.empty((len(order), 4), np.int32)
        first_slot, tile_start, member, slot = bin_tiles(rec, box, order, shot.tiles, PARTS, sorted_rec, sorted_box)

        height, width, top_k = shot.height, shot.width, shot.request.top_k
        image = records.empty(count + 1, height, width)
        final, last = records.empty(height, width), np.empty((height, width), np.int32)
        chosen = np.empty((height, width) if shot.selection else (0, 0), np.int32)
        top, top_at = records.empty(height, width, top_k), np.empty((height, width, top_k), np.int32)
        blend_tiles(
            sorted_rec, sorted_box, member, tile_start, shot.tiles[0], background, np.float32(shot.request.tau),
            (0,) * count, shot.selection, (0,) * top_k, image, final, last, chosen, top, top_at,
        )  # fmt: skip

        ctx.shot, ctx.arrays = shot, arrays
        ctx.buffers = (rec, order, sorted_rec, sorted_box, first_slot, tile_start, member, slot, final, last, chosen)
        selected = torch.from_numpy(chosen >= 0)
        selected_z = torch.from_numpy(np.where(chosen >= 0, depth[order[chosen]], np.float32(0)) if len(order) else
                                      np.zeros(chosen.shape, np.float32))  # fmt: skip
        top_ids = np.where(top_at >= 0, order[top_at], np.int32(-1)) if len(order) else top_at
        radii = torch.from_numpy(np.where(box[:, 0] >= 0, rec[:, 7:9].max(1), np.float32(0)))
        whole = torch.from_numpy(image)
        outputs = (whole[:count], whole[count], selected_z, selected, torch.from_numpy(top_ids), torch.from_numpy(top), radii)
        ctx.mark_non_differentiable(*outputs[3:])
        ctx.image = whole
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        use_torch_threads()
        shot: _Shot = ctx.shot
        means, log_scales, quaternions, logits, sh, background, features, _, _ = ctx.arrays
        rec, order, sorted_rec, sorted_box, first_slot, tile_start, member, slot, final, last, chosen = ctx.buffers
        n, count = len(means), shot.layout.count
        upstream = records.empty(count + 1, shot.height, shot.width)
        upstream[:count] = gradients[0].numpy()
        upstream[count] = gradients[1].numpy()
        gradient = records.empty(len(member), records.gradient_width(count))
        background_parts = np.zeros((len(tile_start) - 1, 3))
        blend_tiles_backward(
            sorted_rec, sorted_box, member, slot, tile_start, shot.tiles[0], background, (0,) * count, final, last,
            upstream, gradient, background_parts,
        )  # fmt: skip
        z_gradient = np.zeros(n if shot.selection else 0, np.float32)
        if shot.selection:
            scatter_depth(order, chosen, gradients[2].contiguous().numpy(), z_gradient)
        outputs = [torch.empty(array.shape, dtype=torch.float32) for array in (means, log_scales, quaternions, logits, sh)]
        g_features, g_offsets = torch.empty(features.shape), torch.empty(n, 2)
        needs_pose = ctx.needs_input_grad[8]
        g_pose = np.zeros((-(-n // records.BLOCK) if needs_pose else 0, 6))
        project_backward(
            means, log_scales, quaternions, logits, sh, shot.pose, shot.intrinsics, shot.limits, shot.layout_tuple,
            shot.antialiased, rec, first_slot, gradient, z_gradient, *(output.numpy() for output in outputs),
            g_features.numpy(), g_offsets.numpy(), g_pose,
        )  # fmt: skip
        return (
            None,
            *outputs,
            _ordered_sum(background_parts) if len(background) else None,
            g_features if ctx.needs_input_grad[7] else None,
            _ordered_sum(g_pose) if needs_pose else None,
            g_offsets if ctx.needs_input_grad[9] else None,
        )


def _ordered_sum(parts: np.ndarray[Any, np.dtype[np.float64]]) -> Tensor:
    """Sum over the first axis in a fixed order (cumulative, hence independent of threads), as float32."""
    total = np.cumsum(parts, axis=0)[-1] if len(parts) else np.zeros(parts.shape[1])
    return torch.from_numpy(total.astype(np.float32))
