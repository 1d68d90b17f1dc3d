"""Undistortion at the door: a posed capture of any cameras becomes pinhole views with their own images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from splatmatch.errors import ReconstructionError, SplatmatchError
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.jobs.child import run_in_child
from splatmatch.jobs.progress import Progress
from splatmatch.reconstruction.photos import listed
from splatmatch.reconstruction.structure.resampling import Resampled, ResamplingTask, resample_photos
from splatmatch.scene.views import SparsePoints, Tracks, Unregistered, View
from splatmatch.solvers.pycolmap import Intrinsics


@dataclass(frozen=True, eq=False)
class UndistortedCapture:
    """Views that every later stage can use."""

    views: tuple[View, ...]
    """Sorted by name; their images lie in the scene folder."""
    points: SparsePoints
    """With tracks in the pixels of the views, where the capture had tracks."""
    unreadable: tuple[Unregistered, ...]
    """Posed photos that turned out to be damaged."""
    seconds: float
    peak_bytes: int
    """Of the child process."""


def undistort(
    capture: PosedCapture, folder: Path, size: int | None, recolour: bool, threads: int, progress: Progress
) -> UndistortedCapture:
    """Write the photos of ``capture`` as pinhole images of at most ``size`` into ``folder/images``.

    One photo is in memory at a time. Photos of pinhole cameras that are small enough are copied byte by byte; the
    others are resampled once, straight to their final size, by averaging over the area of each new pixel. No black
    borders: see ``structure.resampling.target_camera``. Masks go along into ``folder/masks``.

    Args:
        capture: images without a photo are left out.
        folder: the scene folder.
        size: largest long side of the results; None = no limit.
        recolour: colour the points as the photos show them (those of the file are kept otherwise).
        threads: of OpenCV.
        progress: told about every photo.

    Raises:
        InputError: a camera so distorted that nothing is left.
        ReconstructionError: none of the photos can be read.
        OutputError: the folder cannot be written.
    """
    images = capture.with_photos
    row_of = {image.name: row for row, image in enumerate(images)}
    rows = [row_of.get(image.name, -1) for image in capture.images]
    tracks = _renumbered(capture.points.tracks, rows)
    names = target_names([image.name for image in images])
    tasks = tuple(
        ResamplingTask(
            source=_existing(image).absolute(),
            upright=image.turned,
            camera=intrinsics_of(image.camera),
            target=(folder / "images" / name).absolute(),
            mask=image.mask_path and image.mask_path.absolute(),
            mask_target=(folder / "masks" / f"{name}.png").absolute(),
            pixels=tracks.pixels[tracks.view_index == row].numpy(),
        )
        for row, (image, name) in enumerate(zip(images, names, strict=True))
    )
    outcome = run_in_child("undistortion", resample_photos, progress, 1, tasks, size, threads)
    results = outcome.value
    views, unreadable = [], []
    for image, task, name, result in zip(images, tasks, names, results, strict=True):
        if isinstance(result, SplatmatchError):
            unreadable.append(Unregistered(image.name, str(result)))
        else:
            views.append(_view(image, task, name, result))
    if not views:
        raise ReconstructionError(f"none of the posed photos can be read: {listed(unreadable)}")
    return UndistortedCapture(
        views=tuple(sorted(views, key=lambda view: view.name)),
        points=_points(capture.points, tracks, images, results, names, recolour),
        unreadable=tuple(unreadable),
        seconds=outcome.seconds,
        peak_bytes=outcome.peak_bytes,
    )


def target_names(names: Sequence[str]) -> list[str]:
    """Names of the images in the scene folder: .jpg and .png stay, other formats become .png under a free name."""
    taken = set(names)
    result = []
    for name in names:
        path = PurePosixPath(name)
        new = name
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            new = str(path.with_suffix(".png"))
            if new in taken:
                new = f"{name}.png"
            taken.add(new)
        result.append(new)
    return result


def intrinsics_of(camera: DistortedCamera) -> Intrinsics:
    """The camera as the child processes take it."""
    return Intrinsics(camera.model, camera.width, camera.height, camera.params, known=True)


def _existing(image: PosedImage) -> Path:
    assert image.image_path is not None
    return image.image_path


def _view(image: PosedImage, task: ResamplingTask, name: str, result: Resampled) -> View:
    c = result.camera
    return View(
        name=name,
        camera=Camera(c.width, c.height, c.fx, c.fy, c.cx, c.cy),
        camera_from_world=image.camera_from_world,
        image_path=task.target,
        mask_path=task.mask_target if task.mask is not None else None,
        split=image.split or "train",
    )


def _renumbered(tracks: Tracks | None, rows: Sequence[int]) -> Tracks:
    """The tracks with views numbered by ``rows``, without those of views that have no row (-1)."""
    if tracks is None:
        none = torch.zeros(0, dtype=torch.int64)
        return Tracks(none, none, torch.zeros(0, 2, dtype=torch.float64))
    view_index = torch.tensor(rows, dtype=torch.int64)[tracks.view_index]
    kept = view_index >= 0
    return Tracks(tracks.point_index[kept], view_index[kept], tracks.pixels[kept].to(torch.float64))


def _points(
    points: SparsePoints,
    tracks: Tracks,
    images: Sequence[PosedImage],
    results: Sequence[Resampled | SplatmatchError],
    names: Sequence[str],
    recolour: bool,
) -> SparsePoints:
    """The points with tracks, errors and colours of the new images."""
    if len(tracks.point_index) == 0:
        return replace(points, tracks=None)
    pixels = torch.full_like(tracks.pixels, torch.nan)
    colours = torch.zeros(len(pixels), 3, dtype=torch.float64)
    scales = torch.ones(len(pixels), dtype=torch.float64)
    order = sorted((name, row) for row, name in enumerate(names) if isinstance(results[row], Resampled))
    view_of_row = torch.full((len(images),), -1)
    for view, (_, row) in enumerate(order):
        result = results[row]
        assert isinstance(result, Resampled)
        seen = tracks.view_index == row
        pixels[seen] = torch.from_numpy(result.pixels)
        colours[seen] = torch.from_numpy(result.colours.astype(np.float64))
        scales[seen] = result.camera.fx / max(images[row].camera.without_distortion().fx, 1e-9)
        view_of_row[row] = view
    good = torch.isfinite(pixels).all(1)
    index = tracks.point_index
    new = points.colours
    if recolour:
        new = _means(colours, index, len(points)).round().clamp(0, 255).to(torch.uint8)
    return SparsePoints(
        positions=points.positions,
        colours=new,
        errors=points.errors * _means(scales[:, None], index, len(points))[:, 0],
        tracks=Tracks(index[good], view_of_row[tracks.view_index[good]], pixels[good]),
    )


def _means(values: Tensor, index: Tensor, count: int) -> Tensor:
    """Mean of the rows (T, C) of each index, (count, C); zero where there are none."""
    sums = torch.zeros(count, values.shape[1], dtype=values.dtype).index_add_(0, index, values)
    numbers = torch.zeros(count, dtype=values.dtype).index_add_(0, index, torch.ones(len(index), dtype=values.dtype))
    return sums / numbers.clamp(min=1)[:, None]
