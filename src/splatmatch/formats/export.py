"""A scene in the layouts of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from splatmatch.errors import InputError
from splatmatch.formats.colmap import model_from_scene, write_colmap
from splatmatch.formats.nerfstudio import write_transforms
from splatmatch.formats.points_ply import PointCloud, write_points_ply
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.formats.scene_folder import copy_file
from splatmatch.formats.splat_files import write_splat
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.scene.views import Scene

ExportFormat = Literal["colmap", "nerfstudio", "ply"]
POINTS_FILE = "sparse_points.ply"


def export_scene(scene: Scene, to: ExportFormat, out: Path) -> None:
    """Write a scene for other tools.

    Args:
        scene: what to write.
        to: ``colmap``: a folder with ``images/``, ``masks/`` and ``sparse/0`` (binary); ``nerfstudio``: a folder with
            ``images/``, ``masks/``, ``transforms.json`` and the sparse points; ``ply``: the Gaussians alone.
        out: the folder, or for ``ply`` the splat file.

    Raises:
        InputError: no Gaussians for ``ply``, a suffix that cannot be written, or a view without photo.
        OutputError: the place cannot be written.
    """
    out = Path(out)
    if to == "ply":
        if scene.gaussians is None:
            raise InputError("the scene has no Gaussians to export", "reconstruct it first")
        write_splat(scene.gaussians, out)
    elif to == "colmap":
        _copy_photos(scene, out)
        write_colmap(model_from_scene(scene), out / "sparse" / "0")
    elif to == "nerfstudio":
        images = _copy_photos(scene, out)
        cloud = PointCloud(scene.points.positions.numpy(), scene.points.colours.numpy())
        write_points_ply(cloud, out / POINTS_FILE)
        write_transforms(PosedCapture(images), out / "transforms.json", POINTS_FILE)
    else:
        raise InputError(f"scenes are not exported as {to!r}", f"use one of {', '.join(get_args(ExportFormat))}")


def _copy_photos(scene: Scene, out: Path) -> tuple[PosedImage, ...]:
    images = []
    for view in scene.views:
        if view.image_path is None:
            raise InputError(f"{view.name}: the view has no photo to export")
        photo, mask = out / "images" / view.name, None
        copy_file(view.image_path, photo)
        if view.mask_path is not None:
            mask = out / "masks" / f"{view.name}.png"
            copy_file(view.mask_path, mask)
        camera = DistortedCamera.from_pinhole(view.camera)
        images.append(PosedImage(view.name, camera, view.camera_from_world, photo, mask, view.split))
    return tuple(images)
