"""``KeypointMatches`` as one safetensors file, for the way from one process to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from splatmatch.errors import FormatError, InputError
from splatmatch.files import atomic_path
from splatmatch.scene.keypoint_matches import KeypointMatches


def write_keypoint_matches(path: Path, matches: KeypointMatches) -> None:
    """Write ``matches`` to ``path``, atomically.

    Raises:
        OutputError: it cannot be written.
    """
    pairs = sorted(matches.rows)
    tables = {
        "keypoints": _joined([k.astype(np.float32) for k in matches.keypoints], (0, 2), np.float32),
        "counts": np.array([len(k) for k in matches.keypoints], np.int64),
        "pairs": np.array(pairs, np.int32).reshape(-1, 2),
        "lengths": np.array([len(matches.rows[pair]) for pair in pairs], np.int64),
        "rows": _joined([matches.rows[pair].astype(np.int32) for pair in pairs], (0, 2), np.int32),
        "scores": _joined([matches.scores[pair].astype(np.float32) for pair in pairs], (0,), np.float32),
    }
    with atomic_path(path) as temporary:
        save_file(tables, temporary)


def read_keypoint_matches(path: Path) -> KeypointMatches:
    """The keypoints and matches in ``path``.

    Raises:
        InputError: there is no such file.
        FormatError: it is damaged.
    """
    try:
        tables = load_file(path)
        ends = {name: np.cumsum(tables[name])[:-1] for name in ("counts", "lengths")}
        pairs = [(int(a), int(b)) for a, b in tables["pairs"]]
        if tables["counts"].sum() != len(tables["keypoints"]) or tables["lengths"].sum() != len(tables["rows"]):
            raise ValueError("its tables contradict each other")
        rows = np.split(tables["rows"].astype(np.int64), ends["lengths"]) if pairs else []
        scores = np.split(tables["scores"], ends["lengths"]) if pairs else []
        return KeypointMatches(
            tuple(np.split(tables["keypoints"], ends["counts"])),
            dict(zip(pairs, rows, strict=True)),
            dict(zip(pairs, scores, strict=True)),
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise FormatError(f"{path}: not a readable file of keypoints and matches ({error})") from error


def _joined(tables: list[NDArray[Any]], empty: tuple[int, ...], kind: type) -> NDArray[Any]:
    return np.concatenate(tables) if tables else np.zeros(empty, kind)
