"""LLFF's ``poses_bounds.npy`` (Mildenhall et al., 2019), read only.

N rows of 17 numbers: a 3x5 matrix, row by row, then the near and far bound. The columns of the matrix are the camera's
down, right and backward axes and its centre in the world, then height, width and focal length of the full-size photos.
Rows follow the sorted names of the photos; the principal point is the centre.

Convention: turned here into camera_from_world with OpenCV axes; corner pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.images import list_photos
from splatmatch.formats.photo_paths import IMAGES
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose

_ROW = 17


def read_poses_bounds(path: Path, images: Path | None = None) -> PosedCapture:
    """Read a ``poses_bounds.npy``.

    Args:
        path: the file.
        images: the folder of the photos; by default ``images`` beside the file, else the only or least reduced
            ``images_*``. Without any, the rows are called 000, 001 ...

    Raises:
        InputError: there is no such file or folder.
        FormatError: not an N x 17 table of numbers, NaN in it, or another number of photos than of rows.
    """
    rows = _table(path)
    folder = images or _photo_folder(path.parent)
    names = list_photos(folder) if folder is not None else tuple(f"{index:03d}" for index in range(len(rows)))
    if len(names) != len(rows):
        raise FormatError(f"{path}: holds {len(rows)} poses, but {folder} {len(names)} photos")
    posed = [
        _image(name, folder / name if folder is not None else None, row, path)
        for name, row in zip(names, rows, strict=True)
    ]
    return PosedCapture(tuple(posed))


def _table(path: Path) -> NDArray[np.float64]:
    try:
        with open(path, "rb") as file:
            shape, dtype = _npy_header(file)
            plausible = dtype.kind in "fiu" and len(shape) == 2 and shape[1] == _ROW and shape[0] > 0
            size = shape[0] * _ROW * dtype.itemsize if plausible else 0
            rows = np.load(path, allow_pickle=False) if 0 < size <= path.stat().st_size else np.empty(0)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except Exception as error:  # NumPy's header parser raises nearly anything on damaged files
        raise FormatError(f"{path}: not a readable .npy file") from error
    if not plausible:
        raise FormatError(f"{path}: holds {shape} {dtype}, not N x {_ROW} numbers")
    if len(rows) != shape[0]:
        raise FormatError(f"{path}: is truncated")
    if not np.isfinite(rows).all():
        raise FormatError(f"{path}: holds NaN or infinity")
    return rows.astype(np.float64)


def _npy_header(file: object) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)  # type: ignore[arg-type]
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)  # type: ignore[arg-type]
    return shape, dtype


def _photo_folder(base: Path) -> Path | None:
    if (base / IMAGES).is_dir():
        return base / IMAGES
    reduced = [
        (int(child.name.rpartition("_")[2]), child)
        for child in base.glob(f"{IMAGES}_*")
        if child.is_dir() and child.name.rpartition("_")[2].isdecimal()
    ]
    return min(reduced)[1] if reduced else None


def _image(name: str, photo: Path | None, row: NDArray[np.float64], path: Path) -> PosedImage:
    down, right, backward, centre, (height, width, focal) = row[:15].reshape(3, 5).T
    try:
        size = (round(width), round(height))
        camera = DistortedCamera("SIMPLE_PINHOLE", *size, (float(focal), size[0] / 2, size[1] / 2))
        world_from_camera = Pose.from_matrix(np.column_stack([right, down, -backward, centre]))
    except ValueError as error:
        raise FormatError(f"{path}: the pose of {name}: {error}") from error
    return PosedImage(name, camera, world_from_camera.inverse(), photo)
