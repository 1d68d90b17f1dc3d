"""Pairs of photos of a plane with their homography: HPatches' and Oxford's folders, and OpenCV's sample.

A folder, or each folder in it, holds photos whose names end in a number and files ``H_1_3`` (HPatches) or ``H1to3p``
(Oxford; with .xml as OpenCV writes it): nine numbers of a matrix that leads from photo 1 to photo 3.

Convention: these files put (0, 0) at the centre of the first pixel; ours are corner pixels, so both sides are shifted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.images import SUFFIXES

_FILE = re.compile(r"H_?(\d+)(?:_|to)(\d+)p?(\.xml|\.txt)?")
_PHOTOS = (*SUFFIXES, ".ppm", ".pgm")
_LARGEST = 1 << 16
"""Bytes: nine numbers need no more."""


@dataclass(frozen=True, eq=False)
class HomographyPair:
    """Two photos of one plane."""

    name: str
    path_a: Path
    path_b: Path
    homography: NDArray[np.float64]
    """(3, 3) x_b ~ H x_a for corner pixels of the files."""


def read_homography_pairs(folder: Path) -> tuple[HomographyPair, ...]:
    """All pairs in ``folder`` and in the folders directly below it, sorted by name.

    Raises:
        InputError: no such folder, no pair in it, or a photo that a file names is missing.
        FormatError: a file does not hold nine finite numbers of an invertible matrix.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    pairs = []
    for place in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]:
        for path in sorted(place.iterdir()):
            named = _FILE.fullmatch(path.name)
            if named and path.is_file():
                pairs.append(_pair(path, named[1], named[2]))
    if not pairs:
        raise InputError(f"{folder}: holds no homographies", "they are named H_1_2 or H1to2p, beside photos 1 and 2")
    return tuple(pairs)


def _pair(path: Path, first: str, second: str) -> HomographyPair:
    photos = [_photo(path, number) for number in (first, second)]
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    homography = shift @ _matrix(path) @ np.linalg.inv(shift)
    stem = re.sub(r"\d+$", "", photos[0].stem) or path.parent.name
    return HomographyPair(f"{stem} {first}-{second}", photos[0], photos[1], homography)


def _photo(path: Path, number: str) -> Path:
    """The one photo beside ``path`` whose name ends in ``number``."""
    found = [
        other
        for other in sorted(path.parent.iterdir())
        if other.suffix.lower() in _PHOTOS and re.fullmatch(rf"[^\d]*0*{number}", other.stem)
    ]
    short = [other for other in found if re.fullmatch(r"(graf|img|)\d+", other.stem)] or found
    if len(short) != 1:
        what = "no photo" if not short else f"{len(short)} photos"
        raise InputError(f"{path}: {what} beside it with a name that ends in {number}")
    return short[0]


def _matrix(path: Path) -> NDArray[np.float64]:
    if path.stat().st_size > _LARGEST:
        raise FormatError(f"{path}: too large for a matrix")
    try:
        text = path.read_bytes().decode()
        if path.suffix == ".xml":
            text = text[text.index("<data>") + 6 : text.index("</data>")]
        matrix = np.array([float(word) for word in text.split()]).reshape(3, 3)
    except ValueError as error:  # UnicodeDecodeError is one too
        raise FormatError(f"{path}: does not hold the nine numbers of a homography") from error
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        raise FormatError(f"{path}: the homography is not finite and invertible")
    return matrix
