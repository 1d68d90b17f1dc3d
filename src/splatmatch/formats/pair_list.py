"""Lists of image pairs: with known relative pose as JSON, or names alone as hloc's ``pairs.txt``.

The JSON is ``{"dataset", "folder", "note", "pairs": [{"name0", "name1", "size0", "size1", "K0", "K1", "T_0to1",
"dist0", "dist1", "overlap"}, ...]}``: sizes are [width, height] of the stored files, ``dist`` is OpenCV's k1, k2, p1,
p2, and ``T_0to1`` is a 4x4 matrix b_from_a; dist and overlap are optional, other keys are skipped. ``folder`` lies
beside the file, or beside the folder of the file.

Convention: corner pixels, OpenCV axes: ours. Poses in files are rounded, so rotations become the nearest exact one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.files import write_json
from splatmatch.formats.image_names import checked_name
from splatmatch.formats.json_text import list_of, number, read_json_object, text
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose


@dataclass(frozen=True, eq=False)
class PosedPair:
    """Two photos whose relative pose is known."""

    name_a: str
    """Relative to the folder of the list."""
    name_b: str
    camera_a: DistortedCamera
    """Of the stored file."""
    camera_b: DistortedCamera
    b_from_a: Pose
    overlap: float | None = None
    """Share of what one view sees that the other sees too, 0..1; None where the list does not say."""


@dataclass(frozen=True, eq=False)
class PairList:
    """Pairs of one data set."""

    name: str
    folder: Path
    """Where the images lie."""
    pairs: tuple[PosedPair, ...]
    note: str = ""

    def every(self, step: int) -> PairList:
        """The list with each ``step``-th pair, the first included."""
        return PairList(self.name, self.folder, self.pairs[::step], self.note)


def read_pair_lists(path: Path) -> tuple[PairList, ...]:
    """The list in a file, or the lists in all ``*.json`` of a folder, sorted by name.

    Raises:
        InputError: no such file or folder, no list in it, or an image is missing.
        FormatError: damaged, see ``read_pair_list``.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise InputError(f"{path}: holds no pair lists", "a list is a .json file, see docs/formats.md")
        lists = tuple(read_pair_list(file) for file in files)
    else:
        lists = (read_pair_list(path),)
    names = [pair_list.name for pair_list in lists]
    if len(set(names)) < len(names):
        raise FormatError(f"{path}: two lists are named {next(n for n in names if names.count(n) > 1)}")
    return lists


def read_pair_list(path: Path) -> PairList:
    """Read a list of pairs with known relative pose.

    Raises:
        InputError: there is no such file, or an image of it is missing; names the first.
        FormatError: damaged: NaN, a matrix that is no pose or no pinhole, a size that is none, no pairs.
    """
    path = Path(path)
    data = read_json_object(path)
    entries = list_of(data, "pairs", dict, str(path))
    if not entries:
        raise FormatError(f"{path}: lists no pairs")
    folder = _folder(path, text(data, "folder", str(path)))
    pairs = tuple(_pair(entry, f"{path}: pair {index}") for index, entry in enumerate(entries))
    names = dict.fromkeys(name for pair in pairs for name in (pair.name_a, pair.name_b))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"{path}: {folder / missing[0]} is missing{more}")
    note = data.get("note", "")
    return PairList(text(data, "dataset", str(path)), folder, pairs, note if isinstance(note, str) else "")


def write_pair_list(path: Path, pair_list: PairList) -> None:
    """Write a list that ``read_pair_list`` reads; its folder is stored relative to the file.

    Raises:
        ValueError: a camera is neither PINHOLE nor OPENCV.
        OutputError: the file cannot be written.
    """
    folder = Path(os.path.relpath(pair_list.folder.absolute(), path.absolute().parent)).as_posix()
    pairs = [_entry(pair) for pair in pair_list.pairs]
    write_json(path, {"dataset": pair_list.name, "folder": folder, "note": pair_list.note, "pairs": pairs})


def read_name_pairs(path: Path, known: Collection[str] | None = None) -> tuple[tuple[str, str], ...]:
    """Pairs of image names, one per line and separated by a space or tab, as hloc's ``pairs.txt`` holds them.

    Empty lines and lines that begin with # are skipped; a pair that stands there twice, in either order, counts once.
    Names that hold spaces are found with the help of ``known``.

    Args:
        path: the file.
        known: the names that exist; None = do not ask.

    Raises:
        InputError: there is no such file, or a name is not known; names the line and the closest name.
        FormatError: a line that is no pair, an image paired with itself, or no pairs at all.
    """
    try:
        lines = Path(path).read_bytes().decode().splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not a text file") from error
    pairs: dict[tuple[str, str], None] = {}
    for row, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pair = _names(line, known, f"{path}, line {row}")
        if pair[::-1] not in pairs:
            pairs[pair] = None
    if not pairs:
        raise FormatError(f"{path}: lists no pairs")
    return tuple(pairs)


def _names(line: str, known: Collection[str] | None, source: str) -> tuple[str, str]:
    words = line.split("\t") if "\t" in line else line.split(" ")
    words = [word for word in words if word]
    splits = [(" ".join(words[:cut]).strip(), " ".join(words[cut:]).strip()) for cut in range(1, len(words))]
    if known is not None:
        splits = [pair for pair in splits if set(pair) <= set(known)] or splits[:1]
    if len(splits) != 1 or (known is None and len(words) != 2):
        raise FormatError(f"{source}: {line.strip()!r:.80} is not two names")
    pair = checked_name(splits[0][0], source), checked_name(splits[0][1], source)
    if pair[0] == pair[1]:
        raise FormatError(f"{source}: {pair[0]} is paired with itself")
    for name in pair if known is not None else ():
        assert known is not None
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise InputError(f"{source}: there is no image {name}", f"did you mean {close[0]}?" if close else "")
    return pair


def _folder(path: Path, name: str) -> Path:
    beside = path.parent / name
    return beside if beside.is_dir() else path.parent.parent / name


def _pair(entry: dict[str, Any], source: str) -> PosedPair:
    matrix = _array(entry, "T_0to1", (4, 4), source)
    if not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise FormatError(f"{source}: the last row of 'T_0to1' is not 0 0 0 1")
    try:
        pose = Pose.from_matrix(matrix)
    except ValueError as error:
        raise FormatError(f"{source}: T_0to1: {error}") from error
    overlap = number(entry, "overlap", source) if entry.get("overlap") is not None else None
    names = [checked_name(text(entry, key, source), source) for key in ("name0", "name1")]
    return PosedPair(names[0], names[1], _camera(entry, "0", source), _camera(entry, "1", source), pose, overlap)


def _camera(entry: dict[str, Any], which: str, source: str) -> DistortedCamera:
    K = _array(entry, f"K{which}", (3, 3), source)
    if K[0, 1] or K[1, 0] or not np.array_equal(K[2], [0, 0, 1]):
        raise FormatError(f"{source}: 'K{which}' is not a pinhole matrix without skew")
    size = _array(entry, f"size{which}", (2,), source)
    if not np.array_equal(size, np.round(size)):
        raise FormatError(f"{source}: 'size{which}' is not two whole numbers")
    key = f"dist{which}"
    dist = _array(entry, key, (4,), source) if entry.get(key) is not None else np.zeros(4)
    pinhole = (K[0, 0], K[1, 1], K[0, 2], K[1, 2])
    model, params = ("OPENCV", (*pinhole, *dist)) if dist.any() else ("PINHOLE", pinhole)
    try:
        return DistortedCamera(model, int(size[0]), int(size[1]), tuple(map(float, params)))
    except ValueError as error:
        raise FormatError(f"{source}: {error}") from error


def _entry(pair: PosedPair) -> dict[str, Any]:
    entry: dict[str, Any] = {"name0": pair.name_a, "name1": pair.name_b}
    for which, camera in (("0", pair.camera_a), ("1", pair.camera_b)):
        if camera.model not in ("PINHOLE", "OPENCV"):
            raise ValueError(f"a pair list cannot hold a {camera.model} camera")
        fx, fy, cx, cy, *dist = camera.params
        entry[f"size{which}"] = [camera.width, camera.height]
        entry[f"K{which}"] = [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]
        if dist:
            entry[f"dist{which}"] = list(dist)
    entry["T_0to1"] = pair.b_from_a.matrix.tolist()
    if pair.overlap is not None:
        entry["overlap"] = pair.overlap
    return entry


def _array(entry: dict[str, Any], key: str, shape: tuple[int, ...], source: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(entry[key], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{source}: {key!r} is missing or malformed") from error
    if array.shape != shape or not np.isfinite(array).all():
        raise FormatError(f"{source}: {key!r} is not {' x '.join(map(str, shape))} finite numbers")
    return array
