"""The .ply of 3D Gaussian Splatting (Kerbl et al., 2023), in the dialects of its many writers.

Columns are found by name. Read: files without normals (gsplat), without ``f_rest`` (degree 0), without ``scale_2``
(2DGS: flat discs), with more columns, with columns of any number type, ascii or binary. Written: the layout of
graphdeco, with the axis of least extent as normal.

Convention: ``f_rest`` is channel-major (all red coefficients, then green, then blue); ``opacity`` is a logit, ``scale``
a natural logarithm, ``rot`` w x y z of any length. The world frame is whatever it was; a ``frame`` comment may name it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.errors import FormatError
from splatmatch.files import atomic_path
from splatmatch.formats.ply_header import PlyHeader, read_ply_header, read_ply_rows
from splatmatch.formats.splat_rows import SH_SIZES, SplatRows, rows_of
from splatmatch.formats.splat_tags import SplatTags, read_tags
from splatmatch.geometry.pose import rotation_from_quaternion
from splatmatch.scene.gaussians import Gaussians

_REQUIRED = ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1")
_ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")
_FLATNESS = np.float32(np.log(1e-3))
"""Thickness of a 2DGS disc relative to its smaller radius, as a logarithm."""


def read_splat_ply(path: Path, header: PlyHeader | None = None) -> Gaussians:
    """Read a 3DGS .ply; see the module for its dialects.

    Args:
        path: the file.
        header: its header where it has been read already.

    Raises:
        InputError: there is no such file.
        FormatError: not a splat, truncated, or no usable row.
    """
    header = header or read_ply_header(path)
    vertex = header.element("vertex")
    names = set(vertex.names) if vertex else set()
    missing = [name for name in (*_REQUIRED, *_ROTATION) if name not in names]
    if missing:
        raise FormatError(f"{path}: not a Gaussian splat: its vertices have no {', '.join(missing)}")
    rest = len([name for name in names if name.startswith("f_rest_")])
    if rest % 3 or rest // 3 not in SH_SIZES or not {f"f_rest_{index}" for index in range(rest)} <= names:
        raise FormatError(f"{path}: {rest} f_rest columns are no whole degree of spherical harmonics")
    rows = read_ply_rows(path, header, "vertex")

    def columns(*wanted: str) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):
            return np.stack([rows[name].astype(np.float32) for name in wanted], axis=1)

    scales = columns("scale_0", "scale_1", *(["scale_2"] if "scale_2" in names else []))
    if scales.shape[1] == 2:
        scales = np.concatenate([scales, scales.min(axis=1, keepdims=True) + _FLATNESS], axis=1)
    sh = columns("f_dc_0", "f_dc_1", "f_dc_2")[:, None, :]
    if rest:
        bands = columns(*(f"f_rest_{index}" for index in range(rest))).reshape(len(rows), 3, rest // 3)
        sh = np.concatenate([sh, bands.transpose(0, 2, 1)], axis=1)
    splat = SplatRows(columns("x", "y", "z"), scales, columns(*_ROTATION), columns("opacity")[:, 0], sh)
    tags = read_tags(header.comments)
    return splat.gaussians(path, antialiased=tags.antialiased, frame=tags.frame)


def write_splat_ply(gaussians: Gaussians, path: Path) -> None:
    """Write the graphdeco layout, binary little-endian float32, atomically.

    Raises:
        InputError: there are no Gaussians.
        NumericalError: they hold NaN or infinity.
        OutputError: the file cannot be written.
    """
    splat = rows_of(gaussians)
    count, bands = splat.sh.shape[0], splat.sh.shape[1] - 1
    columns = {
        ("x", "y", "z"): splat.means,
        ("nx", "ny", "nz"): _flattest_axes(splat),
        ("f_dc_0", "f_dc_1", "f_dc_2"): splat.sh[:, 0],
        tuple(f"f_rest_{index}" for index in range(3 * bands)): splat.sh[:, 1:].transpose(0, 2, 1).reshape(count, -1),
        ("opacity",): splat.logit_opacities[:, None],
        ("scale_0", "scale_1", "scale_2"): splat.log_scales,
        _ROTATION: splat.quaternions,
    }
    table = np.concatenate(list(columns.values()), axis=1).astype("<f4")
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "comment written by splatmatch",
        *(f"comment {comment}" for comment in SplatTags(gaussians.antialiased, gaussians.frame).comments()),
        f"element vertex {count}",
        *(f"property float {name}" for names in columns for name in names),
        "end_header\n",
    ]
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write("\n".join(lines).encode())
        table.tofile(file)


def _flattest_axes(splat: SplatRows) -> NDArray[np.float32]:
    """(N, 3) the local axis of least extent in the world frame: a column of the rotation matrix; its sign is free."""
    rotations = rotation_from_quaternion(torch.from_numpy(splat.quaternions)).numpy()
    return np.take_along_axis(rotations, splat.log_scales.argmin(axis=1)[:, None, None], axis=2)[:, :, 0]
