"""COLMAP's ``cameras.bin``, ``images.bin`` and ``points3D.bin`` (little-endian; doc/format.rst of COLMAP).

Every count is checked against what is left of the file before anything is allocated.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from splatmatch.errors import FormatError
from splatmatch.formats.colmap_records import ImageRecord, ModelRecords, PointRecords, checked_camera
from splatmatch.geometry.distorted import CAMERA_MODELS, DistortedCamera

_COUNT = struct.Struct("<Q")
_CAMERA = struct.Struct("<IiQQ")
_IMAGE = struct.Struct("<I4d3dI")
_PIXEL = np.dtype([("xy", "<f8", 2), ("point", "<u8")])
_POINT_HEAD = np.dtype([("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8"), ("length", "<u8")])
_MODEL_NAMES = {model.colmap_id: name for name, model in CAMERA_MODELS.items()}


class _Bytes:
    """A file's bytes and a position in them; reading past the end is a FormatError."""

    def __init__(self, path: Path) -> None:
        self.path, self.data, self.at = path, path.read_bytes(), 0

    def take(self, size: int) -> memoryview:
        if size > len(self.data) - self.at:
            raise FormatError(f"{self.path}: is truncated at byte {len(self.data)}")
        self.at += size
        return memoryview(self.data)[self.at - size : self.at]

    def count(self, least: int) -> int:
        """A number of rows of at least ``least`` bytes each."""
        (count,) = _COUNT.unpack(self.take(_COUNT.size))
        if count * least > len(self.data) - self.at:
            raise FormatError(f"{self.path}: is truncated: {len(self.data)} bytes cannot hold {count} rows")
        return int(count)

    def name(self) -> str:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise FormatError(f"{self.path}: is truncated: an image name has no end")
        name = bytes(self.take(end - self.at))
        self.at += 1
        try:
            return name.decode()
        except UnicodeDecodeError as error:
            raise FormatError(f"{self.path}: an image name is not UTF-8") from error


def read_binary(folder: Path) -> ModelRecords:
    """The rows of the three files; without ``points3D.bin`` there are no points.

    Raises:
        FormatError: truncated or damaged.
    """
    points = folder / "points3D.bin"
    return ModelRecords(
        _read_cameras(_Bytes(folder / "cameras.bin")),
        _read_images(_Bytes(folder / "images.bin")),
        _read_points(_Bytes(points)) if points.is_file() else PointRecords.empty(),
    )


def write_binary(records: ModelRecords, folder: Path) -> None:
    """Write the three files into an existing folder."""
    cameras = [_COUNT.pack(len(records.cameras))]
    for camera_id, camera in records.cameras.items():
        colmap_id = CAMERA_MODELS[camera.model].colmap_id
        cameras.append(_CAMERA.pack(camera_id, colmap_id, camera.width, camera.height))
        cameras.append(struct.pack(f"<{len(camera.params)}d", *camera.params))
    (folder / "cameras.bin").write_bytes(b"".join(cameras))

    images = [_COUNT.pack(len(records.images))]
    for image in records.images:
        pixels = np.empty(len(image.pixels), _PIXEL)
        pixels["xy"], pixels["point"] = image.pixels, image.point_ids
        images.append(_IMAGE.pack(image.image_id, *image.quaternion, *image.translation, image.camera_id))
        images += [image.name.encode() + b"\0", _COUNT.pack(len(pixels)), pixels.tobytes()]
    (folder / "images.bin").write_bytes(b"".join(images))

    points = records.points
    heads = np.empty(len(points.ids), _POINT_HEAD)
    for name in ("id", "xyz", "rgb", "error", "length"):
        source = {"id": "ids", "xyz": "positions", "rgb": "colours", "error": "errors", "length": "lengths"}[name]
        heads[name] = getattr(points, source)
    ends = np.cumsum(points.lengths)
    track = points.track.astype("<u4")
    with open(folder / "points3D.bin", "wb") as file:
        file.write(_COUNT.pack(len(heads)))
        for head, start, end in zip(heads, ends - points.lengths, ends, strict=True):
            file.write(head.tobytes() + track[start:end].tobytes())


def _read_cameras(file: _Bytes) -> dict[int, DistortedCamera]:
    cameras: dict[int, DistortedCamera] = {}
    for _ in range(file.count(_CAMERA.size)):
        camera_id, model_id, width, height = _CAMERA.unpack(file.take(_CAMERA.size))
        if model_id not in _MODEL_NAMES:
            raise FormatError(f"{file.path}: camera {camera_id} has the unknown model {model_id}")
        if camera_id in cameras:
            raise FormatError(f"{file.path}: camera {camera_id} occurs twice")
        model = _MODEL_NAMES[model_id]
        size = CAMERA_MODELS[model].size
        params = struct.unpack(f"<{size}d", file.take(8 * size))
        cameras[camera_id] = checked_camera(camera_id, model, width, height, params, str(file.path))
    return cameras


def _read_images(file: _Bytes) -> list[ImageRecord]:
    images = []
    for _ in range(file.count(_IMAGE.size + 1 + _COUNT.size)):
        image_id, *pose, camera_id = _IMAGE.unpack(file.take(_IMAGE.size))
        name = file.name()
        count = file.count(_PIXEL.itemsize)
        rows = np.frombuffer(file.take(count * _PIXEL.itemsize), _PIXEL)
        images.append(
            ImageRecord(image_id, camera_id, name, tuple(pose[:4]), tuple(pose[4:]), rows["xy"], rows["point"])
        )
    return images


def _read_points(file: _Bytes) -> PointRecords:
    parts, tracks = [], []
    for _ in range(file.count(_POINT_HEAD.itemsize)):
        parts.append(file.take(_POINT_HEAD.itemsize))
        tracks.append(file.take(8 * _COUNT.unpack(parts[-1][-_COUNT.size :])[0]))
    heads = np.frombuffer(b"".join(parts), _POINT_HEAD)
    track = np.frombuffer(b"".join(tracks), "<u4").reshape(-1, 2)
    return PointRecords(
        heads["id"], heads["xyz"], heads["rgb"], heads["error"], heads["length"].astype(np.int64), track
    )
