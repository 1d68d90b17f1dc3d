"""Depth from files: one precomputed map per photo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.image_names import checked_name
from splatmatch.priors.card import Kind, read_card
from splatmatch.priors.prediction import converted
from splatmatch.scene.depth_prior import InverseDepth

CARD = "maps.json"
MAX_PIXELS = 300_000_000


@dataclass(frozen=True)
class FolderCard:
    """What ``maps.json`` in a folder of maps says of them."""

    kind: Kind = "inverse"
    """What the values mean; in depth and inverse depth 0, NaN and infinity are not valid."""
    licence: str = "unstated"


class FolderDepth:
    """Maps STEM.npy (float) or STEM.png (16-bit grey, 0 = not valid), in subfolders as the photos are.

    A map may have another size than its photo; it is then resampled, without mixing valid values with others.

    Args:
        folder: the maps and, if they are not inverse depth, ``maps.json``.
        card: what the maps hold; that file, or the defaults, if None.

    Raises:
        InputError: no such folder.
        FormatError: an unusable ``maps.json``.
    """

    def __init__(self, folder: Path, card: FolderCard | None = None) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of depth maps")
        self._folder = folder
        self._card = card or read_card(folder / CARD, FolderCard)
        self.name = f"maps in {folder.name}"
        self.licence = self._card.licence

    def predict(self, rgb: Tensor, name: str = "") -> InverseDepth:
        """The map of the photo ``name``; see ``DepthPrior.predict``.

        Raises:
            InputError: there is no map of that name.
            FormatError: the map is damaged, of another kind or has no valid value.
        """
        stem = PurePosixPath(checked_name(name, "the photo")).with_suffix("")
        for suffix, read in ((".npy", _read_npy), (".png", _read_png)):
            path = self._folder / f"{stem}{suffix}"
            if path.is_file():
                values = read(path)
                break
        else:
            raise InputError(f"{self._folder / stem}: no .npy or .png map for the photo {name}")
        valid = np.isfinite(values) & (values != 0 if self._card.kind != "log_inverse" else True)
        if not valid.any():
            raise FormatError(f"{path}: no value in it is valid")
        height, width = rgb.shape[:2]
        return converted(*_resampled(values, valid, width, height, path), self._card.kind)


def _read_npy(path: Path) -> NDArray[np.float32]:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # checks the header against the size of the file
    except (ValueError, OSError, EOFError) as error:
        raise FormatError(f"{path}: not a readable array ({error})") from error
    if mapped.ndim != 2 or mapped.dtype.kind not in "fiu" or not 0 < mapped.size <= MAX_PIXELS:
        raise FormatError(f"{path}: a map is (H, W) numbers, not {mapped.shape} {mapped.dtype}")
    with np.errstate(over="ignore"):
        return np.array(mapped, dtype=np.float32)


def _read_png(path: Path) -> NDArray[np.float32]:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise FormatError(f"{path}: a map is a 16-bit grey PNG", "8 bits are too few for depth; use .npy or 16 bits")
    return np.asarray(image, np.float32)


def _resampled(
    values: NDArray[np.float32], valid: NDArray[np.bool_], width: int, height: int, path: Path
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if values.shape == (height, width):
        return values, valid
    if not math.isclose(values.shape[1] * height, values.shape[0] * width, rel_tol=0.02):
        shape = f"{values.shape[1]} x {values.shape[0]}"
        raise FormatError(f"{path}: a map of {shape} pixels does not belong to a photo of {width} x {height}")
    size = (width, height)
    weight = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    full = cv2.resize(np.where(valid, values, np.float32(0)), size, interpolation=cv2.INTER_LINEAR)
    kept = weight > 0.999
    return np.where(kept, full, np.float32(0)).astype(np.float32), kept
