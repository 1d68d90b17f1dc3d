"""Cameras from photos alone against known ones: accuracy, time and memory.

    SPLATMATCH_DATA=... python benchmarks/cameras.py [NAMES ...] [--every 1] [--principal-point auto] [--size 1024] ...

Centres are compared after a similarity alignment of the estimated centres to the true ones (Umeyama, 1991), in units of
the truth and relative to the mean distance of the true centres from their mean; rotations in that aligned frame, so an
error of the principal point, which turns all cameras together, counts. Times are those of the child process: wall, and
CPU over all threads. Known intrinsics are used for names that end in +K.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from splatmatch.formats.camera_list import read_camera_list
from splatmatch.formats.posed_capture import PosedImage
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.progress import Silent
from splatmatch.metrics.pose import pose_errors
from splatmatch.reconstruction.cameras import cameras_from_photos, usable_threads
from splatmatch.reconstruction.config import PRESETS, ReconstructConfig
from splatmatch.reconstruction.other_matcher import MatcherChoice
from splatmatch.reconstruction.photos import PhotoSet, find_photos
from splatmatch.reconstruction.posed_photos import PosedPhotos
from splatmatch.reconstruction.structure.mapping import StructureOptions

_ROOMS = ("room_102", "room_103", "room_104", "room_105", "room_106", "room_107")
_OTHERS = ("outdoor_201", "outdoor_202", "outdoor_203", "outdoor_204", "table_301", "table_302")
CYCLES = tuple(f"cycles_train/{name}" for name in (*_ROOMS, *_OTHERS))
CAPTURES = ("strecha_fountain_P11", "strecha_fountain_P11+K", "sceaux_castle", "ingp_fox", *CYCLES)


@dataclass(frozen=True)
class Row:
    """One capture."""

    name: str
    photos: int
    registered: int
    centre_median: float
    centre_max: float
    relative_median: float
    rotation_median: float
    rotation_max: float
    principal_point: str
    reprojection_error: float
    seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    stages: dict[str, float]


def measure(name: str, arguments: argparse.Namespace, chosen: slice) -> Row:
    """Find the cameras of one capture and compare them."""
    folder = arguments.data / name.removesuffix("+K")
    truth = read_camera_list(folder / "cameras.json").images[chosen]
    everything = find_photos(_photo_folder(truth), None, Silent())
    wanted = {_name(image) for image in truth}
    photos = PhotoSet(tuple(photo for photo in everything.photos if photo.path.name in wanted), ())
    options, intrinsics = _options(len(photos.photos), arguments), None
    if name.endswith("+K"):
        camera = truth[0].camera.without_distortion()
        intrinsics = f"{camera.fx},{camera.fy},{camera.cx},{camera.cy}"
        options = replace(options, fixed_intrinsics=True)
    with tempfile.TemporaryDirectory() as work:
        matcher = MatcherChoice(arguments.matcher, arguments.matcher_size)
        posed = cameras_from_photos(photos, options, "auto", intrinsics, Path(work), Silent(), matcher)
    return _row(name, truth, posed, len(photos.photos))


def _options(photos: int, arguments: argparse.Namespace) -> StructureOptions:
    """Those of the preset, with single values replaced."""
    config = ReconstructConfig(
        preset=arguments.preset, pairs=arguments.pairs, principal_point=arguments.principal_point, seed=arguments.seed
    )
    options = config.structure(photos, arguments.threads)
    base = options.correspondences
    features = replace(
        base.features, count=arguments.features or base.features.count, size=arguments.size or base.features.size
    )
    pairs = replace(base.pairs, partners=arguments.partners or base.pairs.partners)
    return replace(options, correspondences=replace(base, features=features, pairs=pairs))


def _row(name: str, truth: tuple[PosedImage, ...], posed: PosedPhotos, photos: int) -> Row:
    estimates = {image.name: image.camera_from_world for image in posed.capture.images}
    true = {_name(image): image.camera_from_world for image in truth}
    common = sorted(estimates)
    errors = pose_errors([estimates[n] for n in common], [true[n] for n in common])
    spread = _spread([true[n] for n in common])
    points = [f"{'kept' if p.kept else 'refused'} {p.shift[0]:+.1f} {p.shift[1]:+.1f} +-{p.sigma:.2f}"
              for p in posed.record.principal_points]  # fmt: skip
    return Row(
        name=name,
        photos=photos,
        registered=len(common),
        centre_median=errors.median_centre,
        centre_max=float(errors.centres.max()),
        relative_median=errors.median_centre / spread,
        rotation_median=errors.median_degrees,
        rotation_max=float(errors.degrees.max()),
        principal_point="; ".join(points) or "-",
        reprojection_error=posed.record.reprojection_error or 0.0,
        seconds=sum(posed.seconds.values()),
        cpu_seconds=posed.cpu_seconds,
        peak_gigabytes=posed.peak_bytes / 1e9,
        stages={stage: round(seconds, 2) for stage, seconds in posed.seconds.items()},
    )


def _name(image: PosedImage) -> str:
    return Path(image.name).name


def _photo_folder(images: tuple[PosedImage, ...]) -> Path:
    assert images[0].image_path is not None
    return images[0].image_path.parent


def _spread(poses: list[Pose]) -> float:
    centres = torch.stack([pose.centre for pose in poses])
    return float((centres - centres.mean(0)).norm(dim=1).mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=CAPTURES)
    parser.add_argument("--data", type=Path, default=os.environ.get("SPLATMATCH_DATA"))
    parser.add_argument("--chosen", default="::", help="slice of the photos, such as 0:11 or ::2")
    parser.add_argument("--preset", default="standard", choices=list(PRESETS))
    parser.add_argument("--size", type=int, help="long side at which features are looked for")
    parser.add_argument("--features", type=int, help="features per photo")
    parser.add_argument("--partners", type=int, help="best partners that each photo keeps")
    parser.add_argument("--pairs", default="auto", choices=["auto", "all", "sequence"])
    parser.add_argument("--principal-point", default="auto", choices=["auto", "centre", "free"])
    parser.add_argument("--matcher", default="sift", help="what finds the matches")
    parser.add_argument("--matcher-size", type=int, help="long side at which another matcher than sift works")
    parser.add_argument("--threads", type=int, default=usable_threads())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("set SPLATMATCH_DATA or give --data")
    chosen = slice(*(int(part) if part else None for part in arguments.chosen.split(":")))
    rows = []
    for name in arguments.names:
        rows.append(measure(name, arguments, chosen))
        row = rows[-1]
        print(
            f"{row.name}: {row.registered}/{row.photos}, centre {row.centre_median:.4g}, rotation "
            f"{row.rotation_median:.3f}, {row.principal_point}, {row.seconds:.0f} s, CPU {row.cpu_seconds:.0f} s, "
            f"{row.stages}",
            flush=True,
        )
    _print(rows, arguments)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([vars(row) for row in rows], indent=2))


def _print(rows: list[Row], arguments: argparse.Namespace) -> None:
    title = f"{arguments.matcher}, preset {arguments.preset}, {arguments.threads} threads, seed {arguments.seed}"
    table = Table(title=title)
    for column in ("capture", "posed", "centre median / max", "relative", "rotation median / max", "principal point px",
                   "error px", "s", "CPU s", "peak GB"):  # fmt: skip
        table.add_column(column)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.registered}/{row.photos}",
            f"{row.centre_median:.4g} / {row.centre_max:.4g}",
            f"{row.relative_median:.5f}",
            f"{row.rotation_median:.3f} / {row.rotation_max:.3f}",
            row.principal_point,
            f"{row.reprojection_error:.2f}",
            f"{row.seconds:.0f}",
            f"{row.cpu_seconds:.0f}",
            f"{row.peak_gigabytes:.2f}",
        )
    Console(width=160).print(table)
    if len(rows) > 1:
        median = statistics.median(row.rotation_median for row in rows)
        print(f"median over captures: rotation {median:.3f} degrees")


if __name__ == "__main__":
    main()
