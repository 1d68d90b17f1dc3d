"""Coloured point clouds as PLY: x y z and red green blue; anything else in the file is skipped.

Convention: positions are in the frame of whatever names the file (a ``transforms.json``, a COLMAP model).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError
from splatmatch.files import atomic_path
from splatmatch.formats.ply_header import read_ply_header, read_ply_rows

_COLOURS = ("red", "green", "blue")
_DIALECTS = (_COLOURS, ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))


@dataclass(frozen=True, eq=False)
class PointCloud:
    """P coloured points."""

    positions: NDArray[np.float64]
    """(P, 3)."""
    colours: NDArray[np.uint8]
    """(P, 3) sRGB; mid-grey where the file holds no colours."""


def read_points_ply(path: Path) -> PointCloud:
    """The points of a PLY file (ascii or binary) with finite positions.

    Raises:
        InputError: there is no such file.
        FormatError: no PLY file, truncated, or without x y z.
    """
    rows = read_ply_rows(path, read_ply_header(path), "vertex")
    names = rows.dtype.names or ()
    if not {"x", "y", "z"} <= set(names):
        raise FormatError(f"{path}: its vertices have no x y z")
    positions = np.stack([rows[axis].astype(np.float64) for axis in "xyz"], axis=1)
    colours = np.full(positions.shape, 128, np.uint8)
    for channels in _DIALECTS:
        if set(channels) <= set(names):
            colours = np.stack([_bytes(rows[channel]) for channel in channels], axis=1)
    finite = np.isfinite(positions).all(axis=1)
    return PointCloud(positions[finite], colours[finite])


def write_points_ply(cloud: PointCloud, path: Path) -> None:
    """Write ``float x y z, uchar red green blue``, binary little-endian, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = np.empty(len(cloud.positions), [*((axis, "<f4") for axis in "xyz"), *((name, "u1") for name in _COLOURS)])
    for index, (axis, name) in enumerate(zip("xyz", _COLOURS, strict=True)):
        rows[axis] = cloud.positions[:, index]
        rows[name] = cloud.colours[:, index]
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(rows)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {name}" for name in _COLOURS),
        "end_header\n",
    ]
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write("\n".join(lines).encode())
        rows.tofile(file)


def _bytes(column: NDArray[Any]) -> NDArray[np.uint8]:
    if column.dtype.kind == "f":  # 0..1
        column = np.rint(np.clip(np.nan_to_num(column), 0, 1) * 255)
    elif column.dtype.kind == "u" and column.dtype.itemsize == 2:
        column = column >> 8
    return np.asarray(np.clip(column, 0, 255), np.uint8)
