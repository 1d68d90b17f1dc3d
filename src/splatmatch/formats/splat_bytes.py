"""The .splat of antimatter15's viewer: 32 bytes a Gaussian and nothing else; read only.

Three float32 position, three float32 standard deviation (not its logarithm), four bytes red green blue opacity, four
bytes quaternion w x y z as q * 128 + 128. No spherical harmonics, no header, no tag for antialiasing or frame.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.splat_rows import SplatRows, logits_from_bytes
from splatmatch.geometry.spherical_harmonics import SH_C0
from splatmatch.scene.gaussians import Gaussians

_ROW = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("colour", "u1", 4), ("rotation", "u1", 4)])


def read_splat_bytes(path: Path) -> Gaussians:
    """Read a .splat file.

    Raises:
        InputError: there is no such file.
        FormatError: empty, not a multiple of 32 bytes, or none of its rows usable.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    if size == 0 or size % _ROW.itemsize:
        raise FormatError(f"{path}: {size} bytes are not a whole number of Gaussians of {_ROW.itemsize} bytes")
    rows = np.fromfile(path, _ROW)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_scales = np.log(rows["scale"])
    colours = rows["colour"]
    return SplatRows(
        means=rows["position"],
        log_scales=log_scales,
        quaternions=((rows["rotation"] - 128.0) / 128).astype(np.float32),
        logit_opacities=logits_from_bytes(colours[:, 3]),
        sh=((colours[:, None, :3] / 255.0 - 0.5) / SH_C0).astype(np.float32),
    ).gaussians(path)
