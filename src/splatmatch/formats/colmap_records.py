"""The rows of COLMAP's files, as binary and text hold them, and their assembly into one checked model.

Convention: as COLMAP: world to camera, quaternions w x y z, OpenCV axes, corner pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.errors import FormatError
from splatmatch.formats.image_names import checked_name
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import SparsePoints, Tracks

NO_POINT = (1 << 64) - 1
"""Point id of a pixel that belongs to no point."""


@dataclass(frozen=True)
class ColmapImage:
    """A registered image."""

    name: str
    """Relative to the images folder, '/' as separator."""
    camera_id: int
    """Key into ``ColmapModel.cameras``."""
    camera_from_world: Pose


@dataclass(frozen=True)
class ColmapModel:
    """A sparse reconstruction."""

    cameras: dict[int, DistortedCamera]
    """By COLMAP's camera id."""
    images: tuple[ColmapImage, ...]
    """Sorted by name."""
    points: SparsePoints
    """Its tracks index ``images`` and hold pixels of the distorted cameras."""


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """One image as a file holds it."""

    image_id: int
    camera_id: int
    name: str
    quaternion: tuple[float, ...]
    """w x y z."""
    translation: tuple[float, ...]
    pixels: NDArray[np.float64]
    """(K, 2)."""
    point_ids: NDArray[np.uint64]
    """(K,), NO_POINT where there is none."""


@dataclass(frozen=True, eq=False)
class PointRecords:
    """All points as a file holds them."""

    ids: NDArray[np.uint64]
    """(P,)."""
    positions: NDArray[np.float64]
    """(P, 3)."""
    colours: NDArray[np.uint8]
    """(P, 3)."""
    errors: NDArray[np.float64]
    """(P,) pixels; -1 = unknown."""
    lengths: NDArray[np.int64]
    """(P,) observations of each point."""
    track: NDArray[np.uint32]
    """(T, 2) image id and index of the pixel in that image, point by point."""

    @classmethod
    def empty(cls) -> PointRecords:
        """No points."""
        return cls(
            ids=np.zeros(0, np.uint64),
            positions=np.zeros((0, 3)),
            colours=np.zeros((0, 3), np.uint8),
            errors=np.zeros(0),
            lengths=np.zeros(0, np.int64),
            track=np.zeros((0, 2), np.uint32),
        )


@dataclass(frozen=True, eq=False)
class ModelRecords:
    """A whole model as its files hold it."""

    cameras: dict[int, DistortedCamera]
    images: list[ImageRecord]
    points: PointRecords


def checked_camera(
    camera_id: int, model: str, width: int, height: int, params: tuple[float, ...], source: str
) -> DistortedCamera:
    """A camera of a file.

    Raises:
        FormatError: an unknown model, NaN, no size or no focal length.
    """
    try:
        return DistortedCamera(model, width, height, params)
    except ValueError as error:
        raise FormatError(f"{source}: camera {camera_id}: {error}") from error


def assemble(records: ModelRecords, source: str) -> ColmapModel:
    """The checked model of what files hold.

    Raises:
        FormatError: NaN in a pose or point, or ids that do not fit together.
    """
    if not records.images:
        raise FormatError(f"{source}: the COLMAP model holds no registered images")
    by_name = sorted(records.images, key=lambda image: checked_name(image.name, source))
    images = tuple(_image(record, records.cameras, source) for record in by_name)
    if len({image.name for image in images}) < len(images) or len({r.image_id for r in by_name}) < len(images):
        raise FormatError(f"{source}: two images have the same name or id")
    points = records.points
    if not np.isfinite(points.positions).all():
        raise FormatError(f"{source}: a 3D point holds NaN or infinity")
    return ColmapModel(
        cameras=records.cameras,
        images=images,
        points=SparsePoints(
            positions=torch.from_numpy(points.positions.copy()),
            colours=torch.from_numpy(points.colours.copy()),
            errors=torch.from_numpy(np.where(points.errors < 0, np.nan, points.errors)),
            tracks=_tracks(points, by_name, source),
        ),
    )


def disassemble(model: ColmapModel) -> ModelRecords:
    """What files hold of a model; images and points are numbered from 1."""
    points, tracks = model.points, model.points.tracks
    if tracks is None:
        zero = torch.zeros(0, dtype=torch.int64)
        tracks = Tracks(zero, zero, torch.zeros(0, 2, dtype=torch.float64))
    point_index, view_index = tracks.point_index.numpy(), tracks.view_index.numpy()
    pixels = tracks.pixels.to(torch.float64).numpy()
    images, pixel_index = [], np.zeros(len(view_index), np.uint32)
    for index, image in enumerate(model.images):
        rows = np.flatnonzero(view_index == index)
        pixel_index[rows] = np.arange(len(rows))
        pose = image.camera_from_world
        images.append(
            ImageRecord(
                index + 1,
                image.camera_id,
                image.name,
                tuple(pose.quaternion.tolist()),
                tuple(pose.translation.tolist()),
                pixels[rows],
                (point_index[rows] + 1).astype(np.uint64),
            )
        )
    order = np.argsort(point_index, kind="stable")
    errors = points.errors.to(torch.float64).numpy()
    return ModelRecords(
        model.cameras,
        images,
        PointRecords(
            ids=np.arange(1, len(points) + 1, dtype=np.uint64),
            positions=points.positions.to(torch.float64).numpy(),
            colours=points.colours.numpy(),
            errors=np.where(np.isnan(errors), -1.0, errors),
            lengths=np.bincount(point_index, minlength=len(points)).astype(np.int64),
            track=np.stack([view_index[order] + 1, pixel_index[order]], axis=1).astype(np.uint32),
        ),
    )


def _image(record: ImageRecord, cameras: dict[int, DistortedCamera], source: str) -> ColmapImage:
    name = checked_name(record.name, source)
    values = (*record.quaternion, *record.translation)
    if not np.isfinite(values).all() or not any(record.quaternion):
        raise FormatError(f"{source}: the pose of {name} holds NaN, infinity or a zero quaternion")
    if record.camera_id not in cameras:
        raise FormatError(f"{source}: {name} has camera {record.camera_id}, which does not exist")
    return ColmapImage(name, record.camera_id, Pose.from_quaternion(record.quaternion, record.translation))


def _tracks(points: PointRecords, images: list[ImageRecord], source: str) -> Tracks | None:
    if len(points.track) == 0:
        return None
    view_of_id = {image.image_id: index for index, image in enumerate(images)}
    ids, inverse = np.unique(points.track[:, 0], return_inverse=True)
    missing = [int(image_id) for image_id in ids if int(image_id) not in view_of_id]
    if missing:
        raise FormatError(f"{source}: a track names image {missing[0]}, which does not exist")
    view_index = np.array([view_of_id[int(image_id)] for image_id in ids], np.int64)[inverse]
    counts = np.array([len(image.pixels) for image in images])
    if (points.track[:, 1] >= counts[view_index]).any():
        raise FormatError(f"{source}: a track names a pixel that its image does not have")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    pixels = np.concatenate([image.pixels for image in images])[starts[view_index] + points.track[:, 1]]
    if not np.isfinite(pixels).all():
        raise FormatError(f"{source}: a track holds a pixel that is NaN or infinite")
    return Tracks(
        point_index=torch.from_numpy(np.repeat(np.arange(len(points.ids)), points.lengths)),
        view_index=torch.from_numpy(view_index),
        pixels=torch.from_numpy(pixels),
    )
