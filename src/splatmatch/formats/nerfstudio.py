"""nerfstudio's ``transforms.json`` (also instant-ngp's and Blender's), read and written.

Intrinsics stand at the top or in each frame: ``fl_x fl_y cx cy w h`` with ``k1 k2 k3 p1 p2`` (perspective) or
``k1..k4`` (``camera_model: OPENCV_FISHEYE``, or ``is_fisheye``), or only ``camera_angle_x``; ``w h`` may be missing
where the photo is there. Honoured: ``train_filenames``, ``val_filenames`` and ``test_filenames``, ``mask_path``,
``ply_file_path``.

Convention: ``transform_matrix`` is camera to world with OpenGL axes (y up, z backward), turned here into
camera_from_world with OpenCV axes; corner pixels. The world is that of ``transform_matrix``, in which the points of
``ply_file_path`` lie too: ``applied_transform`` only records how it came from an older one, and is not undone.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import torch

from splatmatch.errors import FormatError, InputError
from splatmatch.files import write_json
from splatmatch.formats.images import read_photo_info
from splatmatch.formats.json_text import list_of, number, read_json_object, text
from splatmatch.formats.photo_paths import locate_photo, photo_names
from splatmatch.formats.points_ply import read_points_ply
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.distorted import CAMERA_MODELS, DistortedCamera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import SparsePoints, Split, Unregistered

_AXES = Pose(torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)), torch.zeros(3, dtype=torch.float64))
"""OpenCV camera axes from OpenGL ones, and back."""
_PERSPECTIVE = ("PERSPECTIVE", "SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV")
_SPLITS: dict[str, Split] = {"train_filenames": "train", "val_filenames": "test", "test_filenames": "test"}


def read_transforms(path: Path, images: Path | None = None) -> PosedCapture:
    """Read a ``transforms.json``.

    Args:
        path: the file.
        images: the folder of the photos, where it is not the one that the file names.

    Raises:
        InputError: there is no such file, or a file that it names (points, mask) is missing.
        FormatError: damaged, NaN in a pose, an unknown camera model, or two frames of one name.
    """
    data = read_json_object(path)
    frames = list_of(data, "frames", dict, str(path))
    if not frames:
        raise FormatError(f"{path}: has no frames")
    files = [text(frame, "file_path", f"{path}: frame {index}") for index, frame in enumerate(frames)]
    paths = [locate_photo(file, path.parent, images) for file in files]
    names = photo_names(files, paths, path.parent, images, path)
    splits = _splits(data, path)
    posed, missing = [], []
    for frame, file, name, photo in zip(frames, files, names, paths, strict=True):
        source = f"{path}: {file}"
        if photo is None:
            missing.append(Unregistered(name, "the file does not exist"))
        camera = _camera({**data, **frame}, photo, source)
        if camera is not None:
            mask = None if photo is None else _mask(frame, path)
            posed.append(PosedImage(name, camera, _pose(frame, source), photo, mask, splits.get(_key(file))))
    if not posed:
        raise FormatError(f"{path}: the photos do not exist, and the file does not give their size (w, h)")
    if len({image.name for image in posed}) < len(posed):
        raise FormatError(f"{path}: two frames have the same file_path")
    posed.sort(key=lambda image: image.name)
    return PosedCapture(tuple(posed), _points(data, path), tuple(missing))


def write_transforms(capture: PosedCapture, path: Path, points_file: str | None = None) -> None:
    """Write a ``transforms.json`` with a camera in each frame, atomically.

    Args:
        capture: its photos and masks must lie below the folder of ``path``; its points are not written.
        path: the file.
        points_file: ``ply_file_path``: the name of a point cloud beside the file, in the same world.

    Raises:
        InputError: a camera model that the format does not know, or a photo elsewhere.
        OutputError: the file cannot be written.
    """
    masked = all(image.mask_path is not None for image in capture.images)  # readers want all masks or none
    frames = [_frame(image, path, masked) for image in capture.images]
    data: dict[str, Any] = {"camera_model": frames[0]["camera_model"]} if frames else {}
    if any(image.split is not None for image in capture.images):
        pairs = list(zip(capture.images, frames, strict=True))
        for key, split in _SPLITS.items():
            data[key] = [frame["file_path"] for image, frame in pairs if (image.split or "train") == split]
    if points_file is not None:
        data["ply_file_path"] = points_file
    write_json(path, {**data, "frames": frames})


def _frame(image: PosedImage, path: Path, masked: bool) -> dict[str, Any]:
    model, camera = image.camera.model, image.camera
    if model not in _PERSPECTIVE and model != "OPENCV_FISHEYE":
        raise InputError(f"{path}: cannot hold the {model} camera of {image.name}", "undistort the images first")
    pinhole = camera.without_distortion()
    if image.image_path is None:
        raise InputError(f"{path}: {image.name} has no photo to name")
    fisheye = model == "OPENCV_FISHEYE"
    layout = CAMERA_MODELS[model]
    extra = dict(zip(layout.extra, camera.params[layout.focals + 2 :], strict=True))
    if any(extra.get(name) for name in ("k4", "k5", "k6")) and not fisheye:
        raise InputError(f"{path}: cannot hold the rational distortion of {image.name}", "undistort the images first")
    keys = ("k1", "k2", "k3", "k4") if fisheye else ("k1", "k2", "k3", "p1", "p2")
    frame: dict[str, Any] = {
        "file_path": _relative(image.image_path, path),
        "camera_model": "OPENCV_FISHEYE" if fisheye else "OPENCV",
        "fl_x": pinhole.fx,
        "fl_y": pinhole.fy,
        "cx": pinhole.cx,
        "cy": pinhole.cy,
        "w": camera.width,
        "h": camera.height,
        **{key: extra.get(key, extra.get("k", 0.0) if key == "k1" else 0.0) for key in keys},
        "transform_matrix": (image.camera_from_world.inverse() @ _AXES).matrix.tolist(),
    }
    if masked and image.mask_path is not None:
        frame["mask_path"] = _relative(image.mask_path, path)
    return frame


def _relative(file: Path, path: Path) -> str:
    try:
        return file.absolute().relative_to(path.absolute().parent).as_posix()
    except ValueError as error:
        raise InputError(f"{path}: {file} does not lie below its folder") from error


def _camera(entry: dict[str, Any], photo: Path | None, source: str) -> DistortedCamera | None:
    """The camera of a frame (shared keys included), or None where nobody knows the size of the photo."""
    if "w" in entry and "h" in entry:
        width, height = number(entry, "w", source), number(entry, "h", source)
    elif photo is not None:
        info = read_photo_info(photo)
        width, height = info.stored_width, info.stored_height
    else:
        return None
    fx, fy = _focals(entry, width, height, source)
    centre = (number(entry, "cx", source, width / 2), number(entry, "cy", source, height / 2))
    model, distortion = _distortion(entry, source)
    try:
        return DistortedCamera(model, round(width), round(height), (fx, fy, *centre, *distortion))
    except ValueError as error:
        raise FormatError(f"{source}: {error}") from error


def _focals(entry: dict[str, Any], width: float, height: float, source: str) -> tuple[float, float]:
    if "fl_x" in entry:
        fx = number(entry, "fl_x", source)
        return fx, number(entry, "fl_y", source, fx)
    if "camera_angle_x" not in entry:
        raise FormatError(f"{source}: no focal length: neither 'fl_x' nor 'camera_angle_x'")
    angles = (number(entry, "camera_angle_x", source), number(entry, "camera_angle_y", source, 1.0))
    if not all(0 < angle < math.pi for angle in angles):
        raise FormatError(f"{source}: a field of view of {angles} radians")
    fx = 0.5 * width / math.tan(angles[0] / 2)
    return fx, 0.5 * height / math.tan(angles[1] / 2) if "camera_angle_y" in entry else fx


def _distortion(entry: dict[str, Any], source: str) -> tuple[str, tuple[float, ...]]:
    """COLMAP model and its parameters after the principal point."""
    model = str(entry.get("camera_model", "OPENCV")).upper()
    k1, k2, k3, k4, p1, p2 = (number(entry, key, source, 0.0) for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    if model == "OPENCV_FISHEYE" or entry.get("is_fisheye") is True:
        return "OPENCV_FISHEYE", (k1, k2, k3, k4)
    if model not in _PERSPECTIVE or k4:
        raise FormatError(f"{source}: the camera model {model}{' with k4' if k4 else ''} is not known")
    if k3:
        return "FULL_OPENCV", (k1, k2, p1, p2, k3, 0.0, 0.0, 0.0)
    return ("OPENCV", (k1, k2, p1, p2)) if any((k1, k2, p1, p2)) else ("PINHOLE", ())


def _pose(frame: dict[str, Any], source: str) -> Pose:
    try:
        return _AXES @ Pose.from_matrix(frame["transform_matrix"]).inverse()
    except KeyError as error:
        raise FormatError(f"{source}: no 'transform_matrix'") from error
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # torch raises the last two
        raise FormatError(f"{source}: {error}") from error


def _splits(data: dict[str, Any], path: Path) -> dict[str, Split]:
    splits: dict[str, Split] = {}
    for key, split in _SPLITS.items():
        for name in list_of(data, key, str, str(path)):
            if splits.setdefault(_key(name), split) != split:
                raise FormatError(f"{path}: {name} is in both the train and the test list")
    return splits


def _key(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _mask(frame: dict[str, Any], path: Path) -> Path | None:
    if "mask_path" not in frame:
        return None
    mask = path.parent / text(frame, "mask_path", str(path))
    if not os.path.isfile(mask):
        raise InputError(f"{mask}: no such mask, but {path.name} names it")
    return mask


def _points(data: dict[str, Any], path: Path) -> SparsePoints:
    if "ply_file_path" not in data:
        return SparsePoints.empty()
    cloud = read_points_ply(path.parent / text(data, "ply_file_path", str(path)))
    return SparsePoints(
        positions=torch.from_numpy(cloud.positions),
        colours=torch.from_numpy(cloud.colours),
        errors=torch.full((len(cloud.positions),), math.nan, dtype=torch.float64),
    )
