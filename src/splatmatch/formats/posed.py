"""One door for all pose files: COLMAP model, ``transforms.json``, ``poses_bounds.npy``, camera list, scene folder."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import torch

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.camera_list import read_camera_list
from splatmatch.formats.colmap import find_model, read_colmap
from splatmatch.formats.json_text import read_json_object
from splatmatch.formats.llff import read_poses_bounds
from splatmatch.formats.nerfstudio import read_transforms
from splatmatch.formats.photo_paths import IMAGES, locate_photo
from splatmatch.formats.posed_capture import PosedCapture, PosedImage, fitted_to_photo, posed_view
from splatmatch.formats.scene_folder import SCENE_FILE, load_scene
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.scene.views import SparsePoints, Unregistered, View

_LOG = logging.getLogger(__name__)
_NAMES = ("transforms.json", "poses_bounds.npy", "cameras.json")
READABLE = f"a COLMAP model, {', '.join(_NAMES)}, or a scene folder"


def read_posed_capture(path: Path, images: Path | None = None) -> PosedCapture:
    """Read the posed images of any pose file or folder that we know.

    A folder is looked through in the order: ``scene.json``, COLMAP model, ``transforms.json``, ``poses_bounds.npy``,
    ``cameras.json``. Cameras are scaled to photos that are reduced copies; see ``fitted_to_photo``.

    Args:
        path: the file or folder.
        images: the folder of the photos, where it is not the one that the file names.

    Raises:
        InputError: there is no such file, none of these formats, or none of the photos lies in ``images``.
        FormatError: damaged, NaN in a pose, or a photo of another shape than its camera.
    """
    path = Path(path)
    if images is not None:
        images = Path(images)
        if not images.is_dir():
            raise InputError(f"{images}: no such folder of photos")
    capture = _read(path, images)
    if images is not None and not capture.with_photos:
        raise InputError(f"{images}: holds none of the {len(capture.images)} photos that {path} names")
    fitted = tuple(fitted_to_photo(image) for image in capture.images)
    return replace(capture, images=fitted, points=_scaled_tracks(capture, fitted))


def read_cameras(path: Path) -> tuple[View, ...]:
    """The viewpoints in any pose file, as pinholes, with or without photos, sorted by name.

    A distorted camera is replaced by the pinhole of the same focal length and principal point; how many were is logged
    as a warning.

    Raises:
        InputError: there is no such file, or none of our formats.
        FormatError: damaged, NaN in a pose, or a camera without focal length.
    """
    capture = read_posed_capture(path)
    distorted = sum(not image.camera.is_pinhole for image in capture.images)
    if distorted:
        _LOG.warning("%s: %d distorted cameras are taken for pinholes of the same focal length", path, distorted)
    try:
        return tuple(posed_view(image) for image in capture.images)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from error


def _scaled_tracks(capture: PosedCapture, fitted: tuple[PosedImage, ...]) -> SparsePoints:
    """The points with the pixels of their tracks moved from the cameras of the file to the fitted ones."""
    tracks = capture.points.tracks
    scales = [
        (new.camera.width / old.camera.width, new.camera.height / old.camera.height)
        for old, new in zip(capture.images, fitted, strict=True)
    ]
    if tracks is None or all(scale == (1, 1) for scale in scales):
        return capture.points
    factors = torch.tensor(scales, dtype=tracks.pixels.dtype)[tracks.view_index]
    return replace(capture.points, tracks=replace(tracks, pixels=tracks.pixels * factors))


def _read(path: Path, images: Path | None) -> PosedCapture:
    if path.is_dir():
        if (path / SCENE_FILE).is_file():
            return _read_scene(path, images)
        model = find_model(path)
        if model is not None:
            return _read_colmap(path, model, images)
        for name in _NAMES:
            if (path / name).is_file():
                return _read(path / name, images)
        raise InputError(f"{path}: holds no poses", f"give {READABLE}")
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder")
    if path.suffix == ".npy":
        return read_poses_bounds(path, images)
    if path.suffix == ".json":
        keys = read_json_object(path).keys()
        if "frames" in keys:
            return read_transforms(path, images)
        if "images" in keys:
            return read_camera_list(path, images)
        if path.name == SCENE_FILE:
            return _read_scene(path.parent, images)
    elif find_model(path.parent) == path.parent:
        return _read_colmap(path.parent, path.parent, images)
    raise FormatError(f"{path}: not a pose file", f"give {READABLE}")


def _read_colmap(path: Path, model_folder: Path, images: Path | None) -> PosedCapture:
    model = read_colmap(model_folder)
    around = (path, model_folder, *list(model_folder.absolute().parents)[:2])
    folder = images or next((base / IMAGES for base in around if (base / IMAGES).is_dir()), None)
    posed, missing = [], []
    for image in model.images:
        photo = None if folder is None else locate_photo(image.name, folder, images)
        if photo is None:
            missing.append(Unregistered(image.name, "the file does not exist"))
        posed.append(PosedImage(image.name, model.cameras[image.camera_id], image.camera_from_world, photo))
    return PosedCapture(tuple(posed), model.points, tuple(missing))


def _read_scene(folder: Path, images: Path | None) -> PosedCapture:
    scene = load_scene(folder)
    posed = []
    for view in scene.views:
        photo = view.image_path if images is None else locate_photo(view.name, images, images)
        camera = DistortedCamera.from_pinhole(view.camera)
        posed.append(PosedImage(view.name, camera, view.camera_from_world, photo, view.mask_path, view.split))
    return PosedCapture(tuple(posed), scene.points)
