"""COLMAP models: read and written in Python, so that a damaged file cannot take the process down.

Layouts: ``cameras``, ``images`` and ``points3D`` as ``.bin`` or ``.txt``. Since COLMAP 3.12 there are also ``rigs`` and
``frames``; ``images`` still holds every registered pose, so they are not needed to read a model, and COLMAP makes
trivial ones when they are absent.

Convention: camera_from_world, quaternions w x y z, OpenCV axes, corner pixels: ours, nothing is converted.
"""

from __future__ import annotations

from pathlib import Path

from splatmatch.errors import InputError
from splatmatch.files import atomic_folder
from splatmatch.formats.colmap_binary import read_binary, write_binary
from splatmatch.formats.colmap_records import ColmapImage, ColmapModel, assemble, disassemble
from splatmatch.formats.colmap_text import read_text, write_text
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.scene.views import Scene

__all__ = ["ColmapImage", "ColmapModel", "find_model", "model_from_scene", "read_colmap", "write_colmap"]


def find_model(path: Path) -> Path | None:
    """The folder with the model: ``path``, or ``sparse/0``, ``sparse``, ``colmap/sparse/0`` or ``0`` below it."""
    for below in ("", "sparse/0", "sparse", "colmap/sparse/0", "0"):
        folder = Path(path) / below
        if any(
            (folder / f"cameras{end}").is_file() and (folder / f"images{end}").is_file() for end in (".bin", ".txt")
        ):
            return folder
    return None


def read_colmap(path: Path) -> ColmapModel:
    """Read a COLMAP model, with any camera model; binary where both are there.

    Args:
        path: the folder of the model, or one with ``sparse/0`` below it.

    Raises:
        InputError: there is no model.
        FormatError: truncated, damaged, NaN in a pose, or ids that do not fit together.
    """
    folder = find_model(path)
    if folder is None:
        raise InputError(f"{path}: holds no COLMAP model", "give a folder with cameras and images, .bin or .txt")
    read = read_binary if (folder / "cameras.bin").is_file() and (folder / "images.bin").is_file() else read_text
    return assemble(read(folder), str(folder))


def write_colmap(model: ColmapModel, folder: Path, *, text: bool = False) -> None:
    """Write a model into ``folder`` (such as ``sparse/0``), which is replaced as a whole; binary unless ``text``.

    Raises:
        OutputError: the folder cannot be written.
    """
    records = disassemble(model)
    with atomic_folder(Path(folder)) as temporary:
        (write_text if text else write_binary)(records, temporary)


def model_from_scene(scene: Scene) -> ColmapModel:
    """The posed views and points of a scene; views with equal cameras share one."""
    ids: dict[DistortedCamera, int] = {}
    images = []
    for view in scene.views:
        camera_id = ids.setdefault(DistortedCamera.from_pinhole(view.camera), len(ids) + 1)
        images.append(ColmapImage(view.name, camera_id, view.camera_from_world))
    return ColmapModel({number: camera for camera, number in ids.items()}, tuple(images), scene.points)
