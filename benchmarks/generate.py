"""How fast scenes become pairs, and where the time goes.

    python benchmarks/generate.py [SCENE ...] [--pairs 200] [--workers 2] [--gaussians 300000]

Without scenes, a room of flat Gaussians is made (``--gaussians`` of them, with 40 training cameras inside). Planning
(candidate views, the check, overlaps), rendering at 640 x 480, colours, labels, encoding and writing are included;
compilation and the first warm-up pairs are not.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from splatmatch.formats.scene_folder import save_scene
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.generate import GenerateConfig, Generated, generate
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.views import Scene, SparsePoints, View

HALF = np.array([3.0, 2.5, 1.4])
"""Half sides of the room in metres."""


def room(count: int) -> Scene:
    """Flat Gaussians of random colours and opacities on the walls of a room, and cameras on a circle inside."""
    rng = np.random.default_rng(0)
    areas = np.array([HALF[1] * HALF[2], HALF[0] * HALF[2], HALF[0] * HALF[1]])
    axis = rng.choice(3, count, p=areas / areas.sum())
    points = rng.uniform(-1, 1, (count, 3)) * HALF
    rows = np.arange(count)
    points[rows, axis] = np.sign(points[rows, axis]) * HALF[axis]
    size = 0.8 * math.sqrt(8 * areas.sum() / count)
    scales = size * np.exp(rng.normal(0, 0.4, (count, 3)))
    scales[rows, axis] = 0.05 * size
    quaternions = np.zeros((count, 4))
    quaternions[:, 0] = 1
    gaussians = Gaussians(
        torch.tensor(points, dtype=torch.float32),
        torch.tensor(scales, dtype=torch.float32).log(),
        torch.tensor(quaternions, dtype=torch.float32),
        torch.tensor(rng.normal(1.0, 1.5, count), dtype=torch.float32),
        torch.tensor(rng.normal(0, 0.5, (count, 1, 3)), dtype=torch.float32),
    )
    camera = Camera.from_fov(640, 480, 65.0)
    views = []
    for number in range(40):
        angle = 2 * math.pi * number / 40
        eye = np.array([1.2 * math.cos(angle), 1.0 * math.sin(angle), 0.2])
        views.append(View(f"{number:02d}.png", camera, Pose.looking_at(eye, -eye)))
    provenance = {"config": {"geometry": "faithful"}}
    return Scene(tuple(views), SparsePoints.empty(), gaussians, up_known=True, provenance=provenance)


def timed(scenes: list[str], pairs: int, workers: int, folder: Path) -> Generated:
    """One job, after a small one that compiles and warms the disk cache."""
    generate(scenes, folder / f"warm-{time.monotonic_ns()}", GenerateConfig(pairs=max(4, workers)), workers=workers)
    return generate(scenes, folder / f"pairs-{time.monotonic_ns()}", GenerateConfig(pairs=pairs), workers=workers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gaussians", type=int, default=300_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scenes = args.scenes
        if not scenes:
            save_scene(room(args.gaussians), Path(scratch) / "room")
            scenes = [f"{scratch}/room"]
        made = timed(scenes, args.pairs, args.workers, Path(scratch))
    total = sum(made.stages.values())
    shares = ", ".join(f"{name} {100 * seconds / total:.0f} %" for name, seconds in made.stages.items())
    print(f"{made.made} pairs, {args.workers} workers: {60 * made.made / made.seconds:.0f} pairs/min")
    print(f"work {total / made.made:.2f} s per pair: {shares}; wall {made.seconds:.1f} s, planning included")


if __name__ == "__main__":
    main()
