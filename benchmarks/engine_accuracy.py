"""Images of the CPU engine against the float64 reference, on a splat with the statistics of a trained room.

    python benchmarks/engine_accuracy.py [--gaussians 100000 300000] [--engine cpu]

Prints, per map, the share of pixels within 1e-4 (depth, normal, features relative to the larger of 1 and the value)
and the largest difference; every pixel beyond 1e-4 is then explained: it must hold a Gaussian within rounding of a
cut-off (alpha 1/255, the clamp, the transmittance stop, a selection threshold) or two Gaussians of equal float32
depth.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor

from rasteriser import gaussians_of, room_camera, trained_room
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Render
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.projection import Projected, project
from splatmatch.splats.render import render

TOLERANCE = 1e-4
NEAR_CUTOFF = 2e-3
"""Relative distance from a cut-off that counts as 'at' it: what float32 moves alpha by on thin Gaussians."""


def maps_of(result: Render) -> dict[str, Tensor]:
    """The float maps of a render as (H, W, C) float64."""
    maps = {"rgb": result.rgb, "alpha": result.alpha, "normal": result.normal, "features": result.features}
    if result.depth is not None and result.depth_valid is not None:
        maps["depth"] = torch.where(result.depth_valid, result.depth, torch.zeros_like(result.depth))
    return {
        name: tensor.detach().double().reshape(*tensor.shape[:2], -1)
        for name, tensor in maps.items()
        if tensor is not None
    }


def at_cutoff(projected: Projected, order: Tensor, pixel: tuple[int, int], tau: float) -> bool:
    """True if a Gaussian at this pixel is within NEAR_CUTOFF of a threshold, or two neighbours in depth tie."""
    y, x = pixel
    delta = torch.tensor([x + 0.5, y + 0.5], dtype=torch.float64) - projected.centres[order]
    xx, xy, yy = projected.covariances[order].unbind(-1)
    power = yy * delta[:, 0] ** 2 - 2 * xy * delta[:, 0] * delta[:, 1] + xx * delta[:, 1] ** 2
    raw = projected.opacities[order] * torch.exp(-0.5 * power / (xx * yy - xy * xy))
    close = raw >= rules.ALPHA_MIN * (1 - NEAR_CUTOFF)
    raw, z = raw[close], projected.z[order][close]
    alpha = torch.where(raw >= rules.ALPHA_MIN, raw.clamp(max=rules.ALPHA_MAX), torch.zeros_like(raw))
    through = torch.cumprod(1 - alpha, 0)
    live = torch.cat([torch.ones(1, dtype=torch.float64), through[:-1]]) > rules.T_MIN
    thresholds = [(raw, rules.ALPHA_MIN), (raw, tau), (through, rules.T_MIN), (through, 0.5)]
    if any(bool((((values / limit - 1).abs() < NEAR_CUTOFF) & live).any()) for values, limit in thresholds):
        return True
    ties = (z[1:].float() - z[:-1].float()).abs() <= 2e-7 * z[1:].float()
    return bool((ties & live[1:]).any())


def compare(gaussians: Gaussians, camera: Camera, pose: Pose, engine: str) -> bool:
    """Print the table for one splat; True if the figures are reached."""
    features = torch.randn(len(gaussians), 2, generator=torch.Generator().manual_seed(0))
    exact, exact_features = gaussians.to(torch.float64), features.double()
    projected = project(exact, camera, pose)
    order = torch.argsort(projected.z.float(), stable=True)
    order = order[projected.visible[order]]
    reached = True
    for depth in ("expected", "plane", "median", "first"):
        start = time.perf_counter()
        with torch.no_grad():
            want = ("rgb", "depth", "normal")
            truth = maps_of(render(exact, camera, pose, want, depth=depth, features=exact_features, engine="reference"))
            seconds = time.perf_counter() - start
            ours = maps_of(render(gaussians, camera, pose, want, depth=depth, features=features, engine=engine))
        names = ["rgb", "alpha", "depth", "normal", "features"] if depth == "expected" else ["depth"]
        for name in names:
            scale = truth[name].abs().clamp(min=1.0) if name in ("depth", "normal", "features") else 1.0
            error = ((ours[name] - truth[name]).abs() / scale).amax(-1)
            beyond = (error > TOLERANCE).nonzero().tolist()
            unexplained = sum(not at_cutoff(projected, order, (y, x), 0.5) for y, x in beyond[:200])
            share = 100 * (1 - len(beyond) / error.numel())
            print(
                f"  {depth + ' ' if name == 'depth' else ''}{name:10s} {share:8.4f} % within {TOLERANCE:g}   "
                f"largest {float(error.max()):.1e}   beyond: {len(beyond)}, unexplained {unexplained}"
            )
            reached &= share >= 99.9 and unexplained == 0
            reached &= name not in ("rgb", "alpha") or float(error.max()) <= 2e-2
        print(f"  (reference: {seconds:.0f} s)")
    return reached


def main() -> None:
    """Run the comparison named in the module docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaussians", type=int, nargs="+", default=[100_000, 300_000])
    parser.add_argument("--engine", default="cpu")
    options = parser.parse_args()
    camera, pose = room_camera()
    for count in options.gaussians:
        print(f"{count} Gaussians, {camera.width}x{camera.height}, engine {options.engine} against reference float64")
        print(
            "  reached" if compare(gaussians_of(trained_room(count), 3), camera, pose, options.engine) else "  MISSED"
        )


if __name__ == "__main__":
    main()
