"""How fast photos become pairs, and where the time goes; how exact the labels are on stereo pairs of known disparity.

    python benchmarks/lift.py speed [PHOTOS] [--pairs 200] [--workers 2] [--depth given|PRIOR] [--motion parallax]
    python benchmarks/lift.py stereo

``speed`` takes the photos of photos_wallpapers below SPLATMATCH_DATA unless told otherwise. With ``--depth given`` the
depth of each photo is a file that was made before the clock starts; reading photos, labels, encoding and writing are
included, compilation is not. ``stereo`` prints the end-point error of labels against the disparity they were made from:
it measures conventions, not depth.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from splatmatch.formats.images import list_photos, read_image_float
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.labels import correspondences
from splatmatch.pairs.lift.config import LiftConfig
from splatmatch.pairs.lift.job import LiftJob, lift
from splatmatch.pairs.lift.lift import image_pair
from splatmatch.pairs.lift.mesh import Lifted
from splatmatch.priors.registry import open_prior


def data(name: str) -> Path:
    root = os.environ.get("SPLATMATCH_DATA")
    if not root:
        raise SystemExit(f"set SPLATMATCH_DATA to the folder that holds {name}/")
    return Path(root) / name


def speed(args: argparse.Namespace) -> None:
    photos = args.photos or data("photos_wallpapers")
    with tempfile.TemporaryDirectory() as scratch:
        depth = args.depth
        if depth == "given":
            depth = f"{scratch}/maps"
            prior = open_prior("tiefenrausch")
            for name in list_photos(photos):
                rgb = torch.from_numpy(read_image_float(photos / name))
                target = Path(depth) / Path(name).with_suffix(".npy")
                target.parent.mkdir(parents=True, exist_ok=True)
                np.save(target, prior.predict(rgb).values.numpy())
        config = LiftConfig(motion=args.motion)
        lift(LiftJob(photos, args.workers, config, depth), Path(scratch) / "warm", workers=args.workers)
        began = time.perf_counter()
        job = LiftJob(photos, args.pairs, config, depth)
        made = lift(job, Path(scratch) / "out", workers=args.workers)
        seconds = time.perf_counter() - began
    print(f"{made.pairs} pairs, {args.workers} workers, {60 * made.pairs / seconds:.0f} pairs/min, ", end="")
    print(f"{made.bytes / made.pairs / 1e6:.2f} MB per pair, skipped {made.skipped}")
    total = sum(made.stages.values())
    for stage, spent in made.stages.items():
        print(f"  {stage:16s} {1e3 * spent / made.pairs:7.1f} ms per pair {100 * spent / total:5.1f} %")


def stereo(_: argparse.Namespace) -> None:
    folder = data("skimage_data")
    disparity = np.load(folder / "motorcycle_disp.npz")["arr_0"].astype(np.float64)
    left = cv2.imread(str(folder / "motorcycle_left.png"))[..., ::-1].copy()
    print_errors("Motorcycle", left, disparity, 994.978, (311.193, 254.877), 193.001, 31.086)
    folder = data("opencv_samples")
    disparity = cv2.imread(str(folder / "aloeGT.png"), cv2.IMREAD_GRAYSCALE).astype(np.float64)
    left = cv2.imread(str(folder / "aloeL.jpg"))[..., ::-1].copy()
    height, width = disparity.shape
    print_errors("aloe, 8-bit", left, disparity, 3740.0, (width / 2, height / 2), 160.0, 200.0)


def print_errors(
    name: str,
    rgb: np.ndarray,
    disparity: np.ndarray,
    focal: float,
    centre: tuple[float, float],
    baseline: float,
    shift: float,
) -> None:
    height, width = disparity.shape
    known = np.isfinite(disparity) & (disparity > 0)
    inverse = np.where(known, (np.where(known, disparity, 0) + shift) / (focal * baseline), -1).astype(np.float32)
    first = Camera(width, height, focal, focal, *centre)
    second = Camera(width, height, focal, focal, centre[0] + shift, centre[1])
    pose = Pose(torch.eye(3).double(), torch.tensor([-baseline, 0, 0]).double())
    a, b, _ = image_pair(Lifted(rgb, inverse, first), second, pose)
    field = correspondences(a, b, pose)
    y, x = np.nonzero(field.covisible)
    errors = np.linalg.norm(field.target[y, x] - np.stack([x + 0.5 - disparity[y, x], y + 0.5], 1), axis=1)
    print(
        f"{name}: end-point error median {np.median(errors):.5f}, largest {errors.max():.5f} px, {len(errors)} labels"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    fast = commands.add_parser("speed")
    fast.add_argument("photos", type=Path, nargs="?")
    fast.add_argument("--pairs", type=int, default=200)
    fast.add_argument("--workers", type=int, default=2)
    fast.add_argument("--depth", default="given")
    fast.add_argument("--motion", choices=["parallax", "planar"], default="parallax")
    fast.set_defaults(run=speed)
    commands.add_parser("stereo").set_defaults(run=stereo)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
