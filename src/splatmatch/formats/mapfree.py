"""Files of the map-free relocalisation benchmark (Arnold et al., 2022).

``SCENE/poses.txt``: ``name qw qx qy qz tx ty tz``; ``SCENE/intrinsics.txt``: ``name fx fy cx cy W H``; a submission is
a zip of ``pose_SCENE.txt``: ``name qw qx qy qz tx ty tz confidence``. Lines that begin with # are skipped.

Convention: files hold camera_from_world, w x y z; what is returned is world_from_camera, as the benchmark's metrics use
it.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.geometry.pose import Pose

MAX_BYTES = 1 << 26
"""Largest text of one scene that is unpacked from a submission."""


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """A query whose pose is known."""

    world_from_camera: Pose
    K: NDArray[np.float64]
    """(3, 3)."""
    size: tuple[int, int]
    """(width, height)."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A submitted pose."""

    world_from_camera: Pose
    confidence: float


def read_mapfree_truth(folder: Path) -> dict[str, dict[str, TrueFrame]]:
    """Scene name to frame name to truth, of all scenes in ``folder``, in the order of the files.

    Raises:
        InputError: no such folder, or no scene in it.
        FormatError: a damaged line, or a frame without intrinsics; names file and line.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    scenes = {path.parent.name: _truth(path) for path in sorted(folder.glob("*/poses.txt"))}
    if not scenes:
        raise InputError(f"{folder}: holds no SCENE/poses.txt")
    return scenes


def read_mapfree_submission(path: Path) -> dict[str, dict[str, Answer]]:
    """Scene name to frame name to answer.

    Lines that are no pose (NaN, a zero quaternion) are no answer, as for the benchmark; of two answers for a frame the
    later one counts.

    Raises:
        InputError: there is no such file.
        FormatError: no zip, or a member that is too large or no text.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            scenes = {}
            for info in archive.infolist():
                name = Path(info.filename).name
                if not (name.startswith("pose_") and name.endswith(".txt")):
                    continue
                if info.file_size > MAX_BYTES:
                    raise FormatError(f"{path}: {info.filename} states {info.file_size} bytes")
                scenes[name[5:-4]] = _answers(archive.read(info).decode())
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (zipfile.BadZipFile, UnicodeDecodeError, OSError, EOFError) as error:
        raise FormatError(f"{path}: not a readable submission ({error})") from error
    return scenes


def _truth(path: Path) -> dict[str, TrueFrame]:
    cameras = {name: values for _, name, values in _lines(path.parent / "intrinsics.txt", 6)}
    frames = {}
    for row, name, values in _lines(path, 7):
        if name not in cameras:
            raise FormatError(f"{path}, line {row}: {name} has no intrinsics")
        pose = _world_from_camera(values)
        if pose is None:
            raise FormatError(f"{path}, line {row}: not a pose")
        fx, fy, cx, cy, width, height = cameras[name]
        frames[name] = TrueFrame(pose, np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), (int(width), int(height)))
    if not frames:
        raise FormatError(f"{path}: holds no poses")
    return frames


def _lines(path: Path, count: int) -> list[tuple[int, str, list[float]]]:
    """(line number, name, numbers) of a file in which every line must hold ``count`` finite numbers."""
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not a text file") from error
    found = []
    for row, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        values = _numbers(words[1:])
        if values is None or len(values) != count:
            raise FormatError(f"{path}, line {row}: a name and {count} numbers are expected")
        found.append((row, words[0], values))
    return found


def _answers(text: str) -> dict[str, Answer]:
    answers = {}
    for line in text.splitlines():
        words = line.split()
        values = _numbers(words[1:])
        if len(words) != 9 or words[0].startswith("#") or values is None:
            continue
        pose = _world_from_camera(values[:7])
        if pose is not None:
            answers[words[0]] = Answer(pose, values[7])
    return answers


def _numbers(words: list[str]) -> list[float] | None:
    try:
        values = [float(word) for word in words]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


def _world_from_camera(values: list[float]) -> Pose | None:
    if not any(values[:4]):
        return None
    return Pose.from_quaternion(values[:4], values[4:7]).inverse()
