"""Matches of one pair of photos as ``.npz``, in the layout that SuperGlue made common.

| array | shape | meaning |
|---|---|---|
| keypoints0, keypoints1 | (K0, 2), (K1, 2) float32 | x, y; **(0, 0) is the centre of the first pixel** |
| matches | (K0,) int32 | row in keypoints1 of the partner, -1 = none |
| match_confidence | (K0,) float32 | 0..1; 0 without a partner |
| size0, size1 | (2,) int32 | width and height of the photos |
| model, weights, licence | text | where the matches come from |
| inliers | (K0,) bool | optional: matches that geometric verification confirmed |
| covariance | (K0, 2, 2) float32 | optional: of the partner given the keypoint, pixels of photo 1 squared |

Files of other programs, which have the first four arrays only, can be read too if the sizes of the photos are given.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.files import atomic_path
from splatmatch.scene.matches import Matches, Size

ORIGIN = np.float32(0.5)
"""What is added to a stored position to get a corner pixel."""
_LARGEST = 2 << 30
"""Bytes of all arrays together; a file that states more is damaged or hostile."""
_NAMES = ("keypoints0", "keypoints1", "matches", "match_confidence")


@dataclass(frozen=True, eq=False)
class StoredMatches:
    """What a file of matches holds."""

    matches: Matches
    """With ``rows`` into the keypoints, best first."""
    keypoints_a: NDArray[np.float32]
    """(K0, 2) corner pixels; also those without a partner."""
    keypoints_b: NDArray[np.float32]
    """(K1, 2) corner pixels."""
    inliers: NDArray[np.bool_] | None = None
    """(M,) verified ones of the matches."""


def write_matches_npz(
    path: Path,
    matches: Matches,
    keypoints_a: NDArray[np.float32] | None = None,
    keypoints_b: NDArray[np.float32] | None = None,
    inliers: NDArray[np.bool_] | None = None,
) -> None:
    """Write ``matches`` to ``path``, atomically.

    Args:
        path: any name.
        matches: one to one where ``rows`` is used.
        keypoints_a: (K0, 2) all keypoints of a, which the rows of ``matches`` point into; None = matched points alone.
        keypoints_b: (K1, 2) of b.
        inliers: (M,) verified ones.

    Raises:
        OutputError: it cannot be written.
        ValueError: keypoints without rows.
    """
    if keypoints_a is None or keypoints_b is None:
        keypoints_a, keypoints_b = matches.points_a, matches.points_b
        rows = np.repeat(np.arange(len(matches))[:, None], 2, axis=1)
    else:
        if matches.rows is None:
            raise ValueError("matches without rows belong to no keypoints")
        rows = matches.rows
    partner = np.full(len(keypoints_a), -1, np.int32)
    partner[rows[:, 0]] = rows[:, 1]
    arrays: dict[str, Any] = {
        "keypoints0": np.asarray(keypoints_a, np.float32) - ORIGIN,
        "keypoints1": np.asarray(keypoints_b, np.float32) - ORIGIN,
        "matches": partner,
        "match_confidence": _spread(matches.scores, rows[:, 0], len(keypoints_a)),
        "size0": np.array(matches.size_a, np.int32),
        "size1": np.array(matches.size_b, np.int32),
        "model": np.array(matches.model),
        "weights": np.array(matches.weights),
        "licence": np.array(matches.licence),
    }
    if inliers is not None:
        arrays["inliers"] = _spread(inliers, rows[:, 0], len(keypoints_a))
    if matches.covariance is not None:
        arrays["covariance"] = _spread(matches.covariance, rows[:, 0], len(keypoints_a))
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_matches_npz(path: Path, size_a: Size | None = None, size_b: Size | None = None) -> StoredMatches:
    """The matches in ``path``.

    Args:
        path: the file.
        size_a: of photo 0, where the file does not say.
        size_b: of photo 1.

    Raises:
        InputError: there is no such file, or it does not state the sizes and they were not given.
        FormatError: not such a file, or its arrays contradict each other.
    """
    arrays = _load(path)
    missing = [name for name in _NAMES if name not in arrays]
    if missing:
        raise FormatError(f"{path}: holds no {', '.join(missing)}", "a file of matches has keypoints0, keypoints1, ...")
    a, b = (_points(arrays[name], name, path) for name in _NAMES[:2])
    partner, confidence = arrays["matches"], arrays["match_confidence"]
    whole = partner.dtype.kind in "iu" and partner.shape == (len(a),) == confidence.shape
    if not whole or confidence.dtype.kind != "f" or (len(a) and not -1 <= partner.min() <= partner.max() < len(b)):
        raise FormatError(f"{path}: matches or match_confidence do not belong to {len(a)} and {len(b)} keypoints")
    sizes = [_size(arrays.get(name), given, path) for name, given in (("size0", size_a), ("size1", size_b))]
    first = np.flatnonzero(partner >= 0)
    first = first[np.argsort(-confidence[first], kind="stable")]
    rows = np.stack([first, partner[first]], axis=1).astype(np.int64)
    covariance, inliers = arrays.get("covariance"), arrays.get("inliers")
    if (covariance is not None and covariance.shape != (len(a), 2, 2)) or (
        inliers is not None and (inliers.shape != (len(a),) or inliers.dtype.kind != "b")
    ):
        raise FormatError(f"{path}: covariance or inliers do not belong to {len(a)} keypoints")
    matches = Matches(
        points_a=a[rows[:, 0]],
        points_b=b[rows[:, 1]],
        scores=confidence[first].astype(np.float32),
        size_a=sizes[0],
        size_b=sizes[1],
        covariance=None if covariance is None else covariance[first].astype(np.float32),
        rows=rows,
        **{name: str(arrays.get(name, "unknown")) for name in ("model", "weights", "licence")},
    )
    return StoredMatches(matches, a, b, None if inliers is None else inliers[first])


def _spread(values: NDArray[Any], rows: NDArray[np.int64], count: int) -> NDArray[Any]:
    table = np.zeros((count, *values.shape[1:]), values.dtype)
    table[rows] = values
    return table


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            stated = sum(member.file_size for member in archive.infolist())
        if stated > _LARGEST:
            raise FormatError(f"{path}: states {stated:,} bytes of arrays, more than a file of matches holds")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except FormatError:
        raise
    except Exception as error:  # zip and npy readers raise nearly anything on damaged files
        raise FormatError(f"{path}: not a readable .npz of matches ({error})") from error


def _points(array: NDArray[Any], name: str, path: Path) -> NDArray[np.float32]:
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise FormatError(f"{path}: {name} is no table of finite positions (K, 2)")
    return array.astype(np.float32) + ORIGIN


def _size(stored: NDArray[Any] | None, given: Size | None, path: Path) -> Size:
    if stored is None:
        if given is None:
            raise InputError(f"{path}: does not state the sizes of the photos", "give them")
        return given
    if stored.shape != (2,) or stored.dtype.kind not in "iu" or stored.min() < 1:
        raise FormatError(f"{path}: size0 or size1 is no width and height")
    return int(stored[0]), int(stored[1])
