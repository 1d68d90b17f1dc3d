"""What every pose file comes to: images with distorted cameras and poses, and perhaps points."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.images import read_image, read_photo_info
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import SparsePoints, Split, Unregistered, View


@dataclass(frozen=True)
class PosedImage:
    """A photo, or only a viewpoint, with its pose."""

    name: str
    """Relative to the images folder, '/' as separator."""
    camera: DistortedCamera
    """Of the pixels that ``read_posed_image`` returns."""
    camera_from_world: Pose
    image_path: Path | None = None
    """None where the pose file names no photo, or one that does not exist."""
    mask_path: Path | None = None
    """8-bit image of the same size, 0 = ignored."""
    split: Split | None = None
    """None where the file does not say."""
    turned: bool = False
    """The camera describes the photo after its EXIF orientation is applied, not as stored."""


@dataclass(frozen=True)
class PosedCapture:
    """The posed images of a file or folder.

    Convention: camera_from_world, OpenCV axes, corner pixels; the world is that of the file.
    """

    images: tuple[PosedImage, ...]
    """Sorted by name."""
    points: SparsePoints = field(default_factory=SparsePoints.empty)
    """In the same world; their tracks, where there are any, index ``images`` and hold distorted pixels."""
    missing: tuple[Unregistered, ...] = ()
    """Photos that the file names but that do not exist: those without w and h are not in ``images`` at all."""

    @property
    def with_photos(self) -> tuple[PosedImage, ...]:
        """The images whose photo exists."""
        return tuple(image for image in self.images if image.image_path is not None)


def read_posed_image(image: PosedImage) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) that ``image.camera`` describes.

    Raises:
        InputError: the image has no photo.
        FormatError: the photo is damaged.
    """
    if image.image_path is None:
        raise InputError(f"{image.name}: there is no such photo")
    return read_image(image.image_path, upright=image.turned)


def posed_view(image: PosedImage) -> View:
    """The image as a view with the pinhole of the same focal length and principal point.

    Raises:
        ValueError: the camera model has no focal length.
    """
    return View(
        name=image.name,
        camera=image.camera.without_distortion(),
        camera_from_world=image.camera_from_world,
        image_path=image.image_path,
        mask_path=image.mask_path,
        split=image.split or "train",
    )


def fitted_to_photo(image: PosedImage) -> PosedImage:
    """The image with the camera of the photo as it lies on disk.

    A photo of the camera's size is taken as stored, as the programs that write pose files do, or turned by its EXIF
    orientation where only that fits; a smaller or larger copy of the same shape gets a scaled camera.

    Raises:
        FormatError: the photo is damaged, or has another shape than the camera.
    """
    if image.image_path is None:
        return image
    camera, info = image.camera, read_photo_info(image.image_path)
    sizes = ((info.stored_width, info.stored_height), (info.width, info.height))
    for turned, size in enumerate(sizes):
        if size == (camera.width, camera.height):
            return replace(image, turned=bool(turned))
    for turned, (width, height) in enumerate(sizes):
        if _same_shape(camera, width, height):
            return replace(image, turned=bool(turned), camera=camera.resized(width, height))
    raise FormatError(
        f"{image.image_path}: is {info.width} x {info.height}, but its camera is {camera.width} x {camera.height}",
        "give the photos that the poses were made for",
    )


def _same_shape(camera: DistortedCamera, width: int, height: int) -> bool:
    """Whether both sides agree with one scale, to a pixel of rounding."""
    scale = (width + height) / (camera.width + camera.height)
    return abs(camera.width * scale - width) <= 1 and abs(camera.height * scale - height) <= 1
