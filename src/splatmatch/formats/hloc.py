"""Features and matches as hloc's ``.h5`` files, and its lists of pairs.

Features: one group per photo (its name with '/' makes nested groups) with ``keypoints`` (N, 2), ``descriptors``
(D, N), ``scores`` (N,), ``image_size`` (2,). Matches: groups ``a/b``, in names '/' becomes '-', with ``matches0`` (N,),
-1 = none, and ``matching_scores0``. hloc puts (0, 0) at the centre of the first pixel. Positions are float32 always: in
float16, which hloc writes by default, they are off by up to a pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.files import atomic_path, write_text
from splatmatch.scene.matches import Features

_ORIGIN = np.float32(0.5)
UNCERTAINTY = 1.0
"""Pixels: what hloc reads as the standard deviation of positions."""


@dataclass(frozen=True, eq=False)
class PairRows:
    """Matches of two photos as rows of their keypoints."""

    a: str
    b: str
    rows: NDArray[np.int64]
    """(M, 2), one to one."""
    scores: NDArray[np.float32]
    """(M,) 0..1."""


def write_hloc_features(path: Path, photos: Iterable[tuple[str, Features]]) -> dict[str, int]:
    """Write name and features of photos, one at a time; how many keypoints each has.

    Raises:
        OutputError: it cannot be written.
        InputError: two photos of one name.
    """
    import h5py

    counts: dict[str, int] = {}
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for name, features in photos:
            if name in counts:
                raise InputError(f"{path}: two photos are called {name}")
            counts[name] = len(features)
            group = file.create_group(name)
            keypoints = group.create_dataset("keypoints", data=features.points.astype(np.float32) - _ORIGIN)
            keypoints.attrs["uncertainty"] = UNCERTAINTY
            group.create_dataset("descriptors", data=features.descriptors.T.astype(np.float16))
            group.create_dataset("scores", data=features.scores.astype(np.float32))
            group.create_dataset("image_size", data=np.array(features.size, np.int64))
    return counts


def write_hloc_matches(path: Path, pairs: Iterable[PairRows], counts: dict[str, int]) -> int:
    """Write matches of pairs of photos with ``counts`` keypoints each, one pair at a time; how many pairs there were.

    Raises:
        OutputError: it cannot be written.
        InputError: two pairs whose names become the same, since '/' in them becomes '-'.
    """
    import h5py

    written = 0
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for pair in pairs:
            key = f"{_flat(pair.a)}/{_flat(pair.b)}"
            if key in file:
                raise InputError(f"{path}: hloc would call two pairs {key}", "rename one of the photos")
            matches = np.full(counts[pair.a], -1, np.int32)
            scores = np.zeros(counts[pair.a], np.float32)
            matches[pair.rows[:, 0]] = pair.rows[:, 1]
            scores[pair.rows[:, 0]] = pair.scores
            group = file.create_group(key)
            group.create_dataset("matches0", data=matches)
            group.create_dataset("matching_scores0", data=scores)
            written += 1
    return written


def write_hloc_pairs(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Write the list ``pairs.txt``: two names in each line.

    Raises:
        OutputError: it cannot be written.
        InputError: a name with white space, at which hloc would cut it.
    """
    lines = []
    for pair in pairs:
        for name in pair:
            if len(name.split()) != 1:
                raise InputError(f"{path}: hloc's lists cannot hold the name {name!r}", "take the spaces out of it")
        lines.append(" ".join(pair) + "\n")
    write_text(path, "".join(lines))


def read_hloc_features(path: Path, name: str) -> Features:
    """The features of the photo ``name``.

    Raises:
        InputError: no such file, or no such photo in it.
        FormatError: damaged, or not of this layout.
    """
    with _opened(path) as file:
        if name not in file:
            raise InputError(f"{path}: holds no features of {name}")
        group = file[name]
        points, descriptors = np.asarray(group["keypoints"]), np.asarray(group["descriptors"])
        scores = np.asarray(group["scores"]) if "scores" in group else np.ones(len(points))
        size = np.asarray(group["image_size"]).reshape(-1)
        count = len(points)
        if (
            points.shape != (count, 2)
            or descriptors.shape[1:] != (count,)
            or scores.shape != (count,)
            or len(size) != 2
        ):
            raise FormatError(f"{path}: keypoints, descriptors and scores of {name} contradict each other")
        return Features(
            points=points.astype(np.float32) + _ORIGIN,
            scores=scores.astype(np.float32),
            descriptors=np.ascontiguousarray(descriptors.T, np.float32),
            size=(int(size[0]), int(size[1])),
            model=path.stem,
        )


def read_hloc_matches(path: Path, a: str, b: str) -> PairRows:
    """The matches of the photos ``a`` and ``b``, in whichever order and with whichever separator they are stored.

    Raises:
        InputError: no such file, or no such pair in it.
        FormatError: damaged.
    """
    with _opened(path) as file:
        for first, second, turned in ((a, b, False), (b, a, True)):
            for separator in ("/", "_"):  # older versions of hloc joined with _
                key = f"{_flat(first)}{separator}{_flat(second)}"
                if key in file:
                    matches = np.asarray(file[key]["matches0"])
                    scores = np.asarray(file[key]["matching_scores0"], np.float32)
                    if matches.ndim != 1 or scores.shape != matches.shape or matches.dtype.kind != "i":
                        raise FormatError(f"{path}: the matches of {key} are damaged")
                    which = np.flatnonzero(matches >= 0)
                    rows = np.stack([which, matches[which]], axis=1).astype(np.int64)
                    return PairRows(a, b, rows[:, ::-1] if turned else rows, scores[which])
    raise InputError(f"{path}: holds no matches of {a} and {b}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError) as error:
        raise FormatError(f"{path}: not a readable hloc file ({error})") from error


def _flat(name: str) -> str:
    return name.replace("/", "-")
