"""Rectified stereo pairs with dense disparity: Middlebury's folders, and the samples of OpenCV and scikit-image.

| photos | disparity of the left photo |
|---|---|
| im0.png, im1.png | disp0.pfm or disp0GT.pfm; infinite = unknown |
| NAMEL.jpg, NAMER.jpg | NAMEGT.png, 8 or 16 bits, whole pixels; 0 = unknown |
| NAME_left.png, NAME_right.png | NAME_disp.npz with one float array; infinite = unknown |

Convention: the left pixel (x, y) is the right pixel (x - d, y); the origin cancels out.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.images import MAX_PIXELS, SUFFIXES, read_photo_info

_LAYOUTS = (
    (r"(im)0", r"\g<1>1", ("disp0.pfm", "disp0GT.pfm")),
    (r"(.+)L", r"\g<1>R", (r"\g<1>GT.png",)),
    (r"(.+)_left", r"\g<1>_right", (r"\g<1>_disp.npz",)),
)
"""Stem of the left photo, stem of the right one, names of the disparity."""


@dataclass(frozen=True, eq=False)
class StereoPair:
    """Two rectified photos and the truth."""

    name: str
    path_a: Path
    """The left photo."""
    path_b: Path
    disparity: NDArray[np.float64]
    """(H, W) pixels of the files; NaN = unknown."""


def read_stereo_pairs(folder: Path) -> tuple[StereoPair, ...]:
    """All pairs in ``folder`` and in the folders directly below it, sorted by name.

    Raises:
        InputError: no such folder, or no pair in it.
        FormatError: a disparity is damaged, or of another size than its photo.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    pairs = []
    for place in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]:
        photos = {path.stem: path for path in sorted(place.iterdir()) if path.suffix.lower() in SUFFIXES}
        for left, (stem, right, names) in ((p, layout) for p in photos.values() for layout in _LAYOUTS):
            named = re.fullmatch(stem, left.stem)
            partner = photos.get(named.expand(right)) if named else None
            truths = [place / named.expand(name) for name in names] if named else []
            truth = next((path for path in truths if path.is_file()), None)
            if named and partner and truth:
                name = place.name if named[1] == "im" else named[1]
                pairs.append(StereoPair(name, left, partner, read_disparity(truth, left)))
    if not pairs:
        raise InputError(f"{folder}: holds no stereo pairs", "docs/formats.md tells how they are named")
    return tuple(pairs)


def read_disparity(path: Path, photo: Path) -> NDArray[np.float64]:
    """The disparity (H, W) in a .pfm, .png or .npz file, NaN where it is unknown.

    Raises:
        FormatError: damaged, or of another size than ``photo``.
    """
    readers: dict[str, Callable[[Path], NDArray[np.float64]]] = {".pfm": _pfm, ".png": _png, ".npz": _npz}
    info = read_photo_info(photo)
    try:
        disparity = readers[path.suffix.lower()](path)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: the disparity is damaged ({error})") from error
    if disparity.shape != (info.stored_height, info.stored_width):
        sizes = f"{disparity.shape[1]} x {disparity.shape[0]}, not {info.stored_width} x {info.stored_height}"
        raise FormatError(f"{path}: is {sizes} as its photo")
    return np.where(np.isfinite(disparity), disparity, np.nan)


def _pfm(path: Path) -> NDArray[np.float64]:
    """Portable float map: rows from the bottom up, the sign of the scale tells the byte order."""
    data = path.read_bytes()
    header = re.match(rb"Pf\s+(\d{1,6})\s+(\d{1,6})\s+(-?[0-9.eE+-]+)\s", data)
    if not header:
        raise ValueError("no header of a grey portable float map")
    width, height = int(header[1]), int(header[2])
    if len(data) - header.end() != 4 * width * height:
        raise ValueError(f"{len(data) - header.end()} bytes for {width} x {height} numbers")
    order = "<f4" if float(header[3]) < 0 else ">f4"
    return np.frombuffer(data, order, offset=header.end()).reshape(height, width)[::-1].astype(np.float64)


def _png(path: Path) -> NDArray[np.float64]:
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("too large")
        values = np.asarray(image, np.float64)
    values = values if values.ndim == 2 else values[..., 0]
    return np.where(values > 0, values, np.nan)


def _npz(path: Path) -> NDArray[np.float64]:
    with np.load(path, allow_pickle=False) as file:
        if len(file.files) != 1:
            raise ValueError(f"{len(file.files)} arrays, not one")
        values = np.asarray(file[file.files[0]], np.float64)
    if values.ndim != 2:
        raise ValueError(f"an array of {values.ndim} dimensions")
    return values
