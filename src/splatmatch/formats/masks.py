"""Masks beside photos: black is ignored."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.images import read_image


def find_mask(folder: Path, name: str) -> Path | None:
    """The mask of the photo ``name`` ('/' as separator) below ``folder``, or None.

    Looked up in this order for ``a/img.jpg``: ``a/img.jpg.png``, ``a/img.png``, ``a/img.mask.png``, ``a/img.jpg``.

    Raises:
        InputError: no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of masks")
    stem = str(PurePosixPath(name).with_suffix(""))
    for candidate in (f"{name}.png", f"{stem}.png", f"{stem}.mask.png", name):
        path = folder / candidate
        if path.is_file():
            return path
    return None


def read_mask(path: Path, width: int, height: int, *, upright: bool = True) -> NDArray[np.bool_]:
    """(H, W) bool, True where the photo counts: where any channel of the mask is above 0.

    Raises:
        FormatError: unreadable, or not of the photo's size.
    """
    pixels = read_image(path, upright=upright)
    if pixels.shape[:2] != (height, width):
        raise FormatError(
            f"{path}: the mask is {pixels.shape[1]} x {pixels.shape[0]}, its photo {width} x {height}",
            "give a mask of the photo's size",
        )
    return np.asarray(pixels.max(axis=2) > 0)
