"""Which photos share a camera, and what is known of it before the reconstruction."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Sequence
from typing import Literal

from splatmatch.errors import InputError
from splatmatch.formats.camera_text import parse_camera
from splatmatch.reconstruction.photos import Photo
from splatmatch.solvers.pycolmap import Intrinsics

CameraChoice = Literal["auto", "shared", "per-image"]
DEFAULT_MODEL = "SIMPLE_RADIAL"
DEFAULT_FOCAL = 1.2
"""Focal length where EXIF says nothing, in units of the longer side (COLMAP's guess: 45 degrees)."""


def group_cameras(photos: Sequence[Photo], choice: CameraChoice) -> tuple[tuple[Intrinsics, ...], tuple[int, ...]]:
    """The starting cameras, and the index of the camera of each photo.

    ``auto``: photos of one size and EXIF focal length share a camera; ``shared``: photos of one size, whatever EXIF
    says; ``per-image``: none do. Upright and lying photos have different sizes, so they never share one.
    """
    groups: dict[Hashable, list[Photo]] = {}
    order = []
    for index, photo in enumerate(photos):
        size = (photo.width, photo.height)
        keys: dict[str, Hashable] = {
            "auto": (*size, None if photo.focal is None else round(photo.focal, 1)),
            "shared": size,
            "per-image": index,
        }
        groups.setdefault(keys[choice], []).append(photo)
        order.append(list(groups).index(keys[choice]))
    return tuple(_start(group) for group in groups.values()), tuple(order)


def parse_intrinsics(text: str, photos: Sequence[Photo]) -> Intrinsics:
    """The camera of all photos as the user gives it.

    As ``formats.camera_text.parse_camera`` reads it, in pixels of the photos.

    Raises:
        InputError: not understood, or the photos are not all of one size.
    """
    sizes = sorted({(photo.width, photo.height) for photo in photos})
    if len(sizes) > 1:
        shown = ", ".join(f"{w} x {h}" for w, h in sizes[:4])
        raise InputError(f"--intrinsics describes one camera, but the photos are {shown}", "sort them by size")
    camera = parse_camera(text, *sizes[0])
    return Intrinsics(camera.model, camera.width, camera.height, camera.params, known=True)


def _start(group: Sequence[Photo]) -> Intrinsics:
    width, height = group[0].width, group[0].height
    focals = [photo.focal for photo in group if photo.focal is not None]
    focal = statistics.median(focals) if focals else DEFAULT_FOCAL * max(width, height)
    return Intrinsics(DEFAULT_MODEL, width, height, (focal, width / 2, height / 2, 0.0), known=bool(focals))
