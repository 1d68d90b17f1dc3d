"""A camera list, ``cameras.json``: the plainest pose file, one object per photo.

``{"images": [{"name", "w", "h", "K": 3x3, "R": 3x3, "t": [3], "dist": [k1, k2, p1, p2], "split"}, ...]}`` with ``dist``
and ``split`` optional; ``split`` is train or map, test or query. Other keys are skipped.

Convention: x_cam = R x_world + t, OpenCV axes, corner pixels: ours, nothing is converted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError
from splatmatch.formats.json_text import list_of, number, read_json_object, text
from splatmatch.formats.photo_paths import locate_photo, photo_names
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import Split, Unregistered

_SPLITS: dict[str, Split] = {"train": "train", "map": "train", "test": "test", "query": "test"}


def read_camera_list(path: Path, images: Path | None = None) -> PosedCapture:
    """Read a ``cameras.json``.

    Args:
        path: the file.
        images: the folder of the photos, where it is not the one that the file names.

    Raises:
        InputError: there is no such file.
        FormatError: damaged, NaN in a pose, or two images of one name.
    """
    data = read_json_object(path)
    entries = list_of(data, "images", dict, str(path))
    if not entries:
        raise FormatError(f"{path}: lists no images")
    files = [text(entry, "name", f"{path}: image {index}") for index, entry in enumerate(entries)]
    paths = [locate_photo(file, path.parent, images) for file in files]
    names = photo_names(files, paths, path.parent, images, path)
    if len(set(names)) < len(names):
        raise FormatError(f"{path}: two images have the same name")
    posed = [
        _image(name, entry, photo, f"{path}: {file}")
        for name, entry, file, photo in zip(names, entries, files, paths, strict=True)
    ]
    missing = [
        Unregistered(name, "the file does not exist") for name, at in zip(names, paths, strict=True) if at is None
    ]
    return PosedCapture(tuple(sorted(posed, key=lambda image: image.name)), missing=tuple(missing))


def _image(name: str, entry: dict[str, Any], photo: Path | None, source: str) -> PosedImage:
    K, dist = _array(entry, "K", (3, 3), source), np.zeros(4)
    if "dist" in entry:
        dist = _array(entry, "dist", (4,), source)
    if K[0, 1] or K[1, 0] or not np.array_equal(K[2], [0, 0, 1]):
        raise FormatError(f"{source}: 'K' is not a pinhole matrix without skew")
    split = entry.get("split")
    if split is not None and (not isinstance(split, str) or split not in _SPLITS):
        raise FormatError(f"{source}: the split {split!r} is neither train nor test")
    pinhole = (K[0, 0], K[1, 1], K[0, 2], K[1, 2])
    model, params = ("OPENCV", (*pinhole, *dist)) if dist.any() else ("PINHOLE", pinhole)
    width, height = number(entry, "w", source), number(entry, "h", source)
    pose = np.column_stack([_array(entry, "R", (3, 3), source), _array(entry, "t", (3,), source)])
    try:
        camera = DistortedCamera(model, round(width), round(height), tuple(map(float, params)))
        return PosedImage(name, camera, Pose.from_matrix(pose), photo, split=_SPLITS[split] if split else None)
    except ValueError as error:
        raise FormatError(f"{source}: {error}") from error


def _array(entry: dict[str, Any], key: str, shape: tuple[int, ...], source: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(entry[key], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{source}: {key!r} is missing or malformed") from error
    if array.shape != shape or not np.isfinite(array).all():
        raise FormatError(f"{source}: {key!r} is not {' x '.join(map(str, shape))} finite numbers")
    return array
