"""How long a synthetic capture takes.

    python benchmarks/synthetic.py [--views 40] [--seed 0]

Prints seconds for the pictures of one capture of each kind, 640x480, 3 x 3 samples per pixel, after one warm-up view.
"""

from __future__ import annotations

import argparse
import time

import torch

from splatmatch.synthetic import build_scene, camera_path, ray_cast


def main() -> None:
    """Time the three kinds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for kind in ("room", "table", "street"):
        scene = build_scene(kind, options.seed)
        views = camera_path(scene, "walk", options.views, options.seed, 640, 480)
        ray_cast(scene, views[0].camera, views[0].camera_from_world)
        start = time.perf_counter()
        for view in views:
            ray_cast(scene, view.camera, view.camera_from_world)
        seconds = time.perf_counter() - start
        print(f"{kind}: {options.views} views in {seconds:.1f} s on {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
