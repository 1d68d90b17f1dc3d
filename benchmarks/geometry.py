"""Depth of fitted splats against exact geometry: which geometric terms pay, and by how much.

    python benchmarks/geometry.py [--scenes room:0,table:1,street:2,cycles_room] [--variants vanilla,faithful]
        [--steps 7000] [--gaussians 300000] [--size 640] [--folder ~/splatmatch-runs/geometry]

Each scene is a capture of 40 views with exact depth; every fifth view is held out. Poses are the true ones, points are
triangulated from the photos' own features. A variant is vanilla, faithful, or either with other weights:
``faithful+warping=0.5+normals=0``; ``@NAME`` adds a depth prior: ``faithful+prior=0.3@tiefenrausch``.

Printed per variant: PSNR of the held-out views, and for every depth mode the mean relative error on well-covered pixels
of held-out views (alpha >= 0.9, seen by three training views, more than two pixels from a depth edge), and the
cross-view self-consistency of that depth (mean |z' - z| / z of points carried from view to view). Captures, scenes and
splats stay in ``--folder``; what is there already is not made again. ``cycles_room`` lies in the folder named by
SPLATMATCH_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from splatmatch.files import write_json
from splatmatch.formats.scene_folder import load_scene, save_scene
from splatmatch.jobs.progress import Silent
from splatmatch.metrics.depth import depth_edges, depth_errors
from splatmatch.metrics.psnr import psnr
from splatmatch.priors.registry import open_prior
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.depth_targets import depth_targets
from splatmatch.reconstruction.reconstruct import reconstruct
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import DepthMode
from splatmatch.scene.views import Scene, View
from splatmatch.splats.fit import fit
from splatmatch.splats.fit_config import FitConfig
from splatmatch.splats.render import render
from splatmatch.splats.surfaces.config import GEOMETRY, SurfaceConfig
from splatmatch.splats.surfaces.maps import carry, sample
from splatmatch.synthetic.capture import SyntheticCapture, capture, save_capture

MODES: tuple[DepthMode, ...] = ("expected", "median", "first", "plane")


def prepared(name: str, folder: Path, size: int) -> tuple[Scene, Callable[[str], Tensor]]:
    """The posed scene of that name, and its exact depth by the stem of a view."""
    root = folder / name.replace(":", "-")
    if ":" in name:
        kind, seed = name.split(":")
        source = root / f"capture-{size}"
        if not source.is_dir():
            root.mkdir(parents=True, exist_ok=True)
            taken = capture(kind, int(seed), 40, width=size, height=size * 3 // 4, points=0)  # type: ignore[arg-type]
            views = tuple(replace(v, split="test" if i % 5 == 2 else "train") for i, v in enumerate(taken.views))
            save_capture(SyntheticCapture(taken.scene, views, taken.pictures, taken.points), source, ".jpg")
            text = json.loads((source / "transforms.json").read_text())
            text.pop("ply_file_path", None)
            write_json(source / "transforms.json", text)
        exact = lambda stem: torch.from_numpy(np.load(source / "depth" / f"{stem}.npy"))  # noqa: E731
    else:
        source = Path(os.environ["SPLATMATCH_DATA"]) / name
        scale = json.loads((source / "cameras.json").read_text())["depth_scale"]
        exact = lambda stem: torch.from_numpy(  # noqa: E731
            cv2.imread(str(source / "depth" / f"{stem}.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) * scale
        )
    scene_folder = root / f"scene-{size}"
    if not scene_folder.is_dir():
        config = ReconstructConfig(steps=0, size=size)
        reconstruct(source / "images", scene_folder, poses=source / "transforms.json", config=config)
    scene = load_scene(scene_folder)
    if ":" not in name:  # of its own held-out views, extreme ones, only the path is used: every fifth view of it
        walk = [replace(v, split="test" if i % 5 == 2 else "train") for i, v in enumerate(scene.train_views)]
        scene = replace(scene, views=tuple(walk), points=replace(scene.points, tracks=None))
    return scene, exact


def surfaces_of(variant: str) -> SurfaceConfig:
    """``faithful+warping=0.5`` as a config."""
    base, *changes = variant.partition("@")[0].split("+")
    pairs = (change.split("=") for change in changes)
    return replace(GEOMETRY[base], **{key: float(value) for key, value in pairs})


def seen_by(points: Tensor, views: list[View], depths: list[Tensor]) -> Tensor:
    """How many views see each world point (N, 3): exact depth within 1 %."""
    count = torch.zeros(len(points), dtype=torch.long)
    for view, depth in zip(views, depths, strict=True):
        local = view.camera_from_world.apply(points)
        ahead = local[:, 2] > 0.01
        pixel = view.camera.project(torch.where(ahead[:, None], local, 1.0)).floor().long()
        x, y = pixel.unbind(1)
        inside = ahead & (x >= 0) & (y >= 0) & (x < view.camera.width) & (y < view.camera.height)
        there = depth[y.clamp(0, view.camera.height - 1), x.clamp(0, view.camera.width - 1)].double()
        count += (inside & ((there / local[:, 2] - 1).abs() < 0.01)).long()
    return count


def at_size_of(view: View, truth: Tensor) -> View:
    """The view with the image size of its exact depth."""
    return replace(view, camera=view.camera.resized(truth.shape[1], truth.shape[0]))


def measured(splat: Gaussians, scene: Scene, exact: Callable[[str], Tensor]) -> dict[str, float]:
    """PSNR, and error and self-consistency of every depth mode, over the held-out views."""
    train, train_depths = [], []
    for view in scene.train_views:
        train_depths.append(exact(Path(view.name).stem))
        train.append(at_size_of(view, train_depths[-1]))
    rows: dict[str, list[float]] = {}
    for held_out in scene.test_views:
        truth = exact(Path(held_out.name).stem)
        view = at_size_of(held_out, truth)
        ground = view.camera.unproject(view.camera.pixel_centres(torch.float64), truth.double())
        world = view.camera_from_world.inverse().apply(ground.reshape(-1, 3))
        covered = (seen_by(world, train, train_depths) >= 3).reshape(truth.shape)
        covered &= ~depth_edges(truth) & (truth > 0)
        neighbour = min(
            train,
            key=lambda v: abs(float((v.camera_from_world.centre - view.camera_from_world.centre).norm()) - 0.3),
        )
        for mode in MODES:
            drawn = render(splat, view.camera, view.camera_from_world, ("rgb", "depth"), depth=mode)
            assert drawn.depth is not None and drawn.depth_valid is not None and drawn.rgb is not None
            use = covered & (drawn.alpha >= 0.9)
            errors = depth_errors(drawn.depth, truth, valid=drawn.depth_valid, reference_valid=use)
            rows.setdefault(f"{mode} mean", []).append(errors.abs_rel)
            rows.setdefault(f"{mode} median", []).append(errors.median_relative)
            rows.setdefault(f"{mode} complete", []).append(errors.completeness)
            other = render(splat, neighbour.camera, neighbour.camera_from_world, ("depth",), depth=mode)
            assert other.depth is not None and other.depth_valid is not None
            motion = neighbour.camera_from_world @ view.camera_from_world.inverse()
            moved = carry(drawn.depth, drawn.depth_valid & use, view.camera, neighbour.camera, motion)
            found = sample(torch.stack([other.depth, other.depth_valid.float()], -1), moved.pixels)
            relative = (moved.depth / found[..., 0] - 1).abs()
            both = moved.inside & (found[..., 1] > 0.99) & (relative < 0.2)
            rows.setdefault(f"{mode} cross", []).append(float(relative[both].mean()))
        if view.image_path is not None:
            photo = torch.from_numpy(cv2.imread(str(view.image_path))[..., ::-1].astype(np.float32) / 255)
            drawn = render(splat, held_out.camera, view.camera_from_world)
            assert drawn.rgb is not None
            rows.setdefault("psnr", []).append(float(psnr(drawn.rgb.clamp(0, 1), photo)))
    return {name: float(np.nanmean(values)) for name, values in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", default="room:0,table:1,street:2,cycles_room")
    parser.add_argument("--variants", default="vanilla,faithful")
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--gaussians", type=int, default=300_000)
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("~/splatmatch-runs/geometry").expanduser())
    options = parser.parse_args()
    table = Table(
        title=f"{options.steps} steps, {options.size} px, seed {options.seed}: mean relative depth error in %"
    )
    for column in ("scene", "variant", "PSNR", "fit s", *MODES, "plane median", "first cross", "plane cross"):
        table.add_column(column, justify="right", no_wrap=True)
    for name in options.scenes.split(","):
        scene, exact = prepared(name, options.folder, options.size)
        for variant in options.variants.split(","):
            out = options.folder / name.replace(":", "-") / f"{options.size}-{options.steps}-{options.seed}-{variant}"
            record = out.with_name(f"{out.name}.json")
            if not record.exists():
                config = FitConfig(options.steps, options.gaussians, seed=options.seed, surfaces=surfaces_of(variant))
                began = time.perf_counter()
                targets = None
                if "@" in variant:
                    targets = depth_targets(scene, open_prior(variant.partition("@")[2]), Silent()).targets
                result = fit(scene, config, depth_targets=targets)
                seconds = time.perf_counter() - began
                save_scene(scene.with_gaussians(result.gaussians), out)
                write_json(record, measured(result.gaussians, scene, exact) | {"seconds": seconds})
            figures = json.loads(record.read_text())
            table.add_row(
                name, variant, f"{figures['psnr']:.2f}", f"{figures['seconds']:.0f}",
                *(f"{100 * figures[f'{mode} mean']:.2f}" for mode in MODES),
                *(f"{100 * figures[key]:.2f}" for key in ("plane median", "first cross", "plane cross")),
            )  # fmt: skip
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
