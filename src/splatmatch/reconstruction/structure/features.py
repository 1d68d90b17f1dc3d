"""SIFT features of photos, by the detector of ``matchers``, with scales and angles as COLMAP stores them.

Photos are read here, so EXIF orientation, transparency, 16 bits and masks are treated as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import SplatmatchError
from splatmatch.formats.images import read_image
from splatmatch.formats.masks import read_mask
from splatmatch.matchers.sift_detection import detect_sift, root_sift
from splatmatch.reconstruction.structure.prefetch import prefetched


@dataclass(frozen=True)
class PhotoFile:
    """A photo as the child process needs it."""

    name: str
    path: Path
    upright: bool
    """Whether the EXIF orientation is applied when it is read."""
    camera: int
    """Index of its camera."""
    mask: Path | None = None
    """0 = ignored; of the size of the upright photo."""


@dataclass(frozen=True)
class FeatureOptions:
    """How many features, and at what size they are looked for."""

    count: int = 4096
    """Most features per photo; those of the largest response are kept."""
    size: int = 1024
    """Long side at which they are looked for; larger photos are averaged down for this step, smaller ones not touched.
    """
    contrast: float = 0.0133
    """Smallest response; lower finds more and weaker features."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features of one photo, in pixels of the photo as it is."""

    keypoints: NDArray[np.float32]
    """(K, 4) x, y (corner pixels), scale in pixels, angle in radians."""
    descriptors: NDArray[np.uint8]
    """(K, 128) RootSIFT times 512."""


def photo_features(
    photos: Sequence[PhotoFile], wanted: Sequence[int], options: FeatureOptions
) -> Iterator[tuple[int, Features | SplatmatchError]]:
    """(index, features) of the photos with the indices ``wanted``; an error instead where one cannot be read.

    One photo at a time (OpenCV uses all its threads on it) while the next is being decoded, so memory stays low.
    """
    for index, loaded in prefetched(lambda wanted_index: _load(photos[wanted_index]), wanted):
        try:
            yield index, detect(*loaded.result(), options)
        except SplatmatchError as error:
            yield index, error


def detect(grey: NDArray[np.uint8], mask: NDArray[np.bool_] | None, options: FeatureOptions) -> Features:
    """Features of a grey image (H, W); none where ``mask`` is False."""
    height, width = grey.shape
    scale = min(1.0, options.size / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    allowed = None
    if mask is not None:
        allowed = cv2.resize(mask.astype(np.uint8), grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    found = detect_sift(grey, allowed, options.count, options.contrast)
    sx, sy = width / grey.shape[1], height / grey.shape[0]
    columns = (found.points * np.array([sx, sy]), found.scales[:, None] * sx, found.angles[:, None])
    return Features(np.concatenate(columns, axis=1, dtype=np.float32), stored_root_sift(found.descriptors))


def stored_root_sift(descriptors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """RootSIFT of descriptors (K, 128), times 512, as bytes: COLMAP's storage."""
    return np.asarray(np.minimum(np.rint(512 * root_sift(descriptors)), 255), np.uint8)


def largest_first(keypoints: NDArray[np.float32], descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Descriptors (K, 128) in the order of the sizes of their keypoints (K, 4)."""
    return descriptors[np.argsort(-keypoints[:, 2], kind="stable")]


def _load(photo: PhotoFile) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    pixels = read_image(photo.path, upright=photo.upright)
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    height, width = grey.shape
    return grey, None if photo.mask is None else read_mask(photo.mask, width, height, upright=photo.upright)
