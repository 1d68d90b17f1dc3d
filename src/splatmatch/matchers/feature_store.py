"""Features of photos kept on disk, so each photo is looked at once however many pairs it is in.

One HDF5 file per photo, written beside its final name and renamed: a process that is killed loses the photo it was
working on and nothing else, and several processes may share a store. Layout of a file:

    attributes   format = "splatmatch-features-1", image_sha256, features_hash, model, width, height
    points       (N, 2) float32, corner pixels of the original photo
    scores       (N,) float32
    descriptors  (N, D) float32 or float16
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from splatmatch.errors import FormatError
from splatmatch.files import atomic_path
from splatmatch.scene.matches import Features

FORMAT = "splatmatch-features-1"
LARGEST = 1 << 22
"""Most features of a photo; a file that states more is damaged."""


class FeatureStore:
    """Features by (SHA-256 of the photo's file, ``FeatureMatcher.features_hash``).

    Args:
        folder: made when the first features are written.
        half: keep descriptors as float16. Half the size; matches may then differ in a few rows from those of features
            that were never stored.
    """

    def __init__(self, folder: Path, *, half: bool = False) -> None:
        self.folder = Path(folder)
        self.half = half

    def path(self, image_sha256: str, features_hash: str) -> Path:
        """Where the features of a photo lie or will lie."""
        return self.folder / features_hash[:16] / image_sha256[:2] / f"{image_sha256}.h5"

    def has(self, image_sha256: str, features_hash: str) -> bool:
        """Whether there is a file; it is not opened."""
        return self.path(image_sha256, features_hash).is_file()

    def read(self, image_sha256: str, features_hash: str) -> Features | None:
        """The stored features, or None where there are none; a damaged file counts as none and is removed."""
        path = self.path(image_sha256, features_hash)
        if not path.is_file():
            return None
        try:
            return read_features(path, image_sha256, features_hash)
        except FormatError:
            path.unlink(missing_ok=True)
            return None

    def write(self, image_sha256: str, features_hash: str, features: Features) -> None:
        """Keep the features of a photo.

        Raises:
            OutputError: the folder cannot be written to, or the disk is full.
        """
        import h5py

        with atomic_path(self.path(image_sha256, features_hash)) as temporary, h5py.File(temporary, "w") as file:
            width, height = features.size
            file.attrs.update(
                {
                    "format": FORMAT,
                    "image_sha256": image_sha256,
                    "features_hash": features_hash,
                    "model": features.model,
                    "width": width,
                    "height": height,
                }
            )
            file["points"] = features.points.astype(np.float32)
            file["scores"] = features.scores.astype(np.float32)
            file["descriptors"] = features.descriptors.astype(np.float16 if self.half else np.float32)


def read_features(path: Path, image_sha256: str, features_hash: str) -> Features:
    """The features in one file of a store.

    Raises:
        FormatError: it is cut off, damaged, or belongs to another photo or matcher.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
            wanted = {"format": FORMAT, "image_sha256": image_sha256, "features_hash": features_hash}
            if any(attributes.get(name) != value for name, value in wanted.items()):
                raise FormatError(f"{path}: features of another photo or matcher")
            points, scores, descriptors = (_table(file, name) for name in ("points", "scores", "descriptors"))
            size = (int(attributes["width"]), int(attributes["height"]))
            model = str(attributes["model"])
    except FormatError:
        raise
    except Exception as error:  # h5py raises nearly anything on damaged files
        raise FormatError(f"{path}: cannot be read ({type(error).__name__})", "remove it") from error
    if points.shape != (len(scores), 2) or descriptors.ndim != 2 or len(descriptors) != len(scores) or scores.ndim != 1:
        raise FormatError(f"{path}: tables of different lengths", "remove it")
    return Features(points, scores, descriptors, size, model)


def _table(file: Any, name: str) -> Any:
    data = file[name]
    if data.ndim > 2 or data.size > LARGEST * 256 or data.shape[0] > LARGEST:
        raise FormatError(f"{name} states the absurd size {data.shape}")
    return np.asarray(data[()], np.float32)
