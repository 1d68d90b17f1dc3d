"""COLMAP's ``cameras.txt``, ``images.txt`` and ``points3D.txt`` (doc/format.rst of COLMAP).

An image takes two lines, of which the second, its pixels, may be empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from splatmatch.errors import FormatError
from splatmatch.formats.colmap_records import NO_POINT, ImageRecord, ModelRecords, PointRecords, checked_camera
from splatmatch.geometry.distorted import DistortedCamera

_MAX_ID = (1 << 32) - 1


def read_text(folder: Path) -> ModelRecords:
    """The rows of the three files; without ``points3D.txt`` there are no points.

    Raises:
        FormatError: damaged.
    """
    cameras = {}
    for number, line in _rows(folder / "cameras.txt"):
        source = f"{folder / 'cameras.txt'}:{number}"
        camera_id, camera = _camera(line.split(), source)
        if camera_id in cameras:
            raise FormatError(f"{source}: camera {camera_id} occurs twice")
        cameras[camera_id] = camera
    points = folder / "points3D.txt"
    return ModelRecords(
        cameras, _images(folder / "images.txt"), _points(points) if points.is_file() else PointRecords.empty()
    )


def write_text(records: ModelRecords, folder: Path) -> None:
    """Write the three files into an existing folder; numbers survive exactly."""
    lines = ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"]
    for camera_id, camera in records.cameras.items():
        lines.append(_join(camera_id, camera.model, camera.width, camera.height, *camera.params))
    (folder / "cameras.txt").write_text("\n".join(lines) + "\n", "utf-8")

    lines = ["# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME", "#   POINTS2D[] as (X, Y, POINT3D_ID)"]
    for image in records.images:
        lines.append(_join(image.image_id, *image.quaternion, *image.translation, image.camera_id, image.name))
        ids = [-1 if point == NO_POINT else point for point in image.point_ids.tolist()]
        pixels = zip(image.pixels.tolist(), ids, strict=True)
        lines.append(" ".join(f"{x!r} {y!r} {point}" for (x, y), point in pixels))
    (folder / "images.txt").write_text("\n".join(lines) + "\n", "utf-8")

    points = records.points
    lines = ["# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)"]
    ends = np.cumsum(points.lengths)
    columns = (points.ids, points.positions, points.colours, points.errors, ends - points.lengths, ends)
    for point_id, xyz, rgb, error, start, end in zip(*(column.tolist() for column in columns), strict=True):
        lines.append(_join(point_id, *xyz, *rgb, error, *points.track[start:end].ravel().tolist()))
    (folder / "points3D.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _join(*values: object) -> str:
    return " ".join(repr(value) if isinstance(value, float) else str(value) for value in values)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not a text file") from error


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and lines that are neither empty nor comments."""
    for number, line in enumerate(_lines(path), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _camera(words: list[str], source: str) -> tuple[int, DistortedCamera]:
    if len(words) < 4:
        raise FormatError(f"{source}: a camera has an id, a model, a width, a height and parameters")
    camera_id, width, height = (_integer(word, source) for word in (words[0], words[2], words[3]))
    return camera_id, checked_camera(camera_id, words[1], width, height, _floats(words[4:], source), source)


def _images(path: Path) -> list[ImageRecord]:
    images = []
    lines = iter(enumerate(_lines(path), 1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        source = f"{path}:{number}"
        words = line.split(maxsplit=9)
        if len(words) != 10:
            raise FormatError(f"{source}: an image has an id, a quaternion, a translation, a camera id and a name")
        numbers = _floats(words[1:8], source)
        _, second = next(lines, (0, ""))
        pixels = np.array(_floats(second.split(), source)).reshape(-1, 3) if len(second.split()) % 3 == 0 else None
        if pixels is None:
            raise FormatError(f"{source}: the line after an image holds triples x y point, or is empty")
        ids = np.array([_integer(word, source, lowest=-1) % (NO_POINT + 1) for word in second.split()[2::3]], np.uint64)
        image_id, camera_id = _integer(words[0], source), _integer(words[8], source)
        name = words[9].strip()
        images.append(ImageRecord(image_id, camera_id, name, numbers[:4], numbers[4:], pixels[:, :2], ids))
    return images


def _points(path: Path) -> PointRecords:
    ids, numbers, colours, lengths, track = [], [], [], [], []
    for number, line in _rows(path):
        source = f"{path}:{number}"
        words = line.split()
        if len(words) < 8 or len(words) % 2:
            raise FormatError(f"{source}: a point has an id, x y z, r g b, an error and pairs image pixel")
        ids.append(_integer(words[0], source, highest=NO_POINT - 1))
        numbers.append((*_floats(words[1:4], source), *_floats(words[7:8], source)))
        colours.append([_integer(word, source, highest=255) for word in words[4:7]])
        lengths.append((len(words) - 8) // 2)
        track += [_integer(word, source) for word in words[8:]]
    table = np.array(numbers, np.float64).reshape(-1, 4)
    return PointRecords(
        ids=np.array(ids, np.uint64),
        positions=table[:, :3],
        colours=np.array(colours, np.uint8).reshape(-1, 3),
        errors=table[:, 3],
        lengths=np.array(lengths, np.int64),
        track=np.array(track, np.uint32).reshape(-1, 2),
    )


def _floats(words: list[str], source: str) -> tuple[float, ...]:
    try:
        return tuple(map(float, words))
    except ValueError as error:
        raise FormatError(f"{source}: {' '.join(words)[:60]!r} are not all numbers") from error


def _integer(word: str, source: str, lowest: int = 0, highest: int = _MAX_ID) -> int:
    try:
        value = int(word)
    except ValueError as error:
        raise FormatError(f"{source}: {word[:60]!r} is not a whole number") from error
    if not lowest <= value <= highest:
        raise FormatError(f"{source}: {value} is out of range")
    return value
