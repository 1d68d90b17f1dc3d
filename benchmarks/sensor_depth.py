"""Rendered depth of a fitted splat against a depth sensor, on frames that the fit has never seen.

    SPLATMATCH_DATA=... python benchmarks/sensor_depth.py [--steps 3000] [--gaussians 100000] [--size 480]
        [--geometry faithful] [--folder ~/splatmatch-runs/redkitchen]

sevenscenes_redkitchen_150: the splat is fitted to the 100 map frames with their poses; on the 50 query frames rendered
z-depth is compared with the sensor's where that lies between 0.5 and 4 m, more than two pixels from a depth edge, and
the splat is opaque (alpha >= 0.9). Colour and depth are not registered in this set: sensor depth is resampled by the
ratio of the focal lengths, 525 / 585, about the image centre; the offset between the two sensors is unknown and stays
in the figures, for every depth mode alike. Printed: median |dz| / z per frame, its median over frames, and the median
over frames of the ratio to the expected depth of the same frame.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from splatmatch.files import write_json
from splatmatch.formats.camera_list import read_camera_list
from splatmatch.formats.scene_folder import load_scene
from splatmatch.geometry.camera import Camera
from splatmatch.metrics.depth import depth_edges
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.reconstruct import reconstruct
from splatmatch.scene.render import DepthMode
from splatmatch.splats.render import render

MODES: tuple[DepthMode, ...] = ("expected", "median", "first", "plane")
COLOUR_FOCAL, DEPTH_FOCAL, CENTRE = 525.0, 585.0, (320.0, 240.0)


def map_frames(source: Path, folder: Path) -> Path:
    """A folder of the map frames alone, with their cameras."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        cameras = json.loads((source / "cameras.json").read_text())
        cameras["images"] = [entry for entry in cameras["images"] if entry["split"] == "map"]
        for entry in cameras["images"]:
            shutil.copy(source / entry["name"], folder / entry["name"])
        write_json(folder / "cameras.json", cameras)
    return folder


def sensor_depth(path: Path) -> torch.Tensor:
    """Sensor depth (480, 640) in metres at the pixels of the colour camera; 0 = none."""
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32)
    raw[(raw == 0) | (raw == 65535)] = 0
    rows, columns = np.mgrid[0:480, 0:640] + 0.5
    scale = DEPTH_FOCAL / COLOUR_FOCAL
    x = np.floor((columns - CENTRE[0]) * scale + CENTRE[0]).astype(int)
    y = np.floor((rows - CENTRE[1]) * scale + CENTRE[1]).astype(int)
    inside = (x >= 0) & (x < 640) & (y >= 0) & (y < 480)
    return torch.from_numpy(np.where(inside, raw[y.clip(0, 479), x.clip(0, 639)], 0) / 1000).float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--gaussians", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=480)
    parser.add_argument("--geometry", choices=("vanilla", "faithful"), default="faithful")
    parser.add_argument("--folder", type=Path, default=Path("~/splatmatch-runs/redkitchen").expanduser())
    options = parser.parse_args()
    source = Path(os.environ["SPLATMATCH_DATA"]) / "sevenscenes_redkitchen_150"
    photos = map_frames(source, options.folder / "map")
    out = options.folder / f"{options.geometry}-{options.size}-{options.steps}"
    if not (out / "splats.ply").is_file():
        config = ReconstructConfig(
            size=options.size, steps=options.steps, max_gaussians=options.gaussians, test_every=0,
            geometry=options.geometry, up="keep",
        )  # fmt: skip
        reconstruct(photos, out, poses=photos / "cameras.json", config=config)
    splat = load_scene(out).gaussians
    assert splat is not None
    errors: dict[str, list[float]] = {mode: [] for mode in MODES}
    entries = json.loads((source / "cameras.json").read_text())["images"]
    names = {entry["name"] for entry in entries if entry["split"] == "query"}
    camera = Camera(640, 480, COLOUR_FOCAL, COLOUR_FOCAL, *CENTRE)
    for image in read_camera_list(source / "cameras.json").images:
        if image.name not in names:
            continue
        truth = sensor_depth(source / image.name.replace("color.jpg", "depth.png"))
        trusted = (truth > 0.5) & (truth < 4) & ~depth_edges(truth, threshold=0.05)
        for mode in MODES:
            drawn = render(splat, camera, image.camera_from_world, ("depth",), depth=mode)
            assert drawn.depth is not None and drawn.depth_valid is not None
            use = trusted & (drawn.alpha >= 0.9) & drawn.depth_valid
            errors[mode].append(float((drawn.depth[use] / truth[use] - 1).abs().median()))
    table = Table(title=f"RedKitchen, {options.geometry}, {len(errors['plane'])} query frames: median |dz| / z")
    for column in ("depth", "median over frames", "quartiles", "ratio to expected"):
        table.add_column(column, justify="right")
    for mode in MODES:
        values = np.array(errors[mode])
        low, high = np.quantile(values, [0.25, 0.75])
        ratio = np.median(values / np.array(errors["expected"]))
        table.add_row(mode, f"{np.median(values):.4f}", f"{low:.4f} .. {high:.4f}", f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
