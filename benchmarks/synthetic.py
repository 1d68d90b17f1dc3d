"""Exact-geometry captures: what each stage costs, and whether the bits depend on the number of threads.

    python benchmarks/synthetic.py [--views 40] [--seed 0] [--kinds room,table,street] [--width 640] [--height 480]

Wall and CPU seconds (all threads) per stage: building the scene and the path, baking light, the exposure, then all
pictures with depth, normals and instances at 3 x 3 samples per pixel. Compilation is not counted: one small picture is
taken first. The last column repeats one picture on one thread and compares every bit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from rich.console import Console
from rich.table import Table

from splatmatch.synthetic import SyntheticView, build_scene, camera_path, ray_cast


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def same_bits(a: SyntheticView, b: SyntheticView) -> bool:
    names = ("rgb", "depth", "depth_valid", "normal", "instance")
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default="room,table,street")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    options = parser.parse_args()
    threads = torch.get_num_threads()
    table = Table(title=f"{options.views} views, {options.width} x {options.height}, 3 x 3 samples, {threads} threads")
    for column in ("scene", "primitives", "build s", "light s", "pictures s", "total s", "CPU s", "same bits"):
        table.add_column(column, justify="right", no_wrap=True)
    for kind in options.kinds.split(","):
        warm = build_scene(kind, options.seed)
        view = camera_path(warm, "walk", 1, options.seed, 64, 48)[0]
        ray_cast(warm, view.camera, view.camera_from_world)
        scene = replace(warm)  # without the light that was baked
        build = timed(lambda: camera_path(build_scene(kind, options.seed), "walk", options.views, options.seed))  # noqa: B023
        light = timed(lambda: scene.exposure)  # noqa: B023
        views = camera_path(scene, "walk", options.views, options.seed, options.width, options.height)
        pictures = timed(lambda: [ray_cast(scene, v.camera, v.camera_from_world) for v in views])  # noqa: B023
        both = [ray_cast(scene, views[0].camera, views[0].camera_from_world)]
        torch.set_num_threads(1)
        both.append(ray_cast(scene, views[0].camera, views[0].camera_from_world))
        torch.set_num_threads(threads)
        stages = (build, light, pictures)
        wall, cpu = sum(stage[0] for stage in stages), sum(stage[1] for stage in stages)
        numbers = [f"{seconds:.1f}" for seconds in (build[0], light[0], pictures[0], wall, cpu)]
        table.add_row(
            f"{kind} {options.seed}", str(len(scene.primitives)), *numbers, "yes" if same_bits(*both) else "NO"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
