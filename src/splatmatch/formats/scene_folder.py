"""The scene folder: what ``reconstruct`` leaves, and everything else reads.

``images/`` undistorted photos, ``masks/`` perhaps (``NAME.png``, 0 = ignored), ``sparse/0/`` cameras, poses and points
as a COLMAP model, ``splats.ply`` the Gaussians, ``scene.json`` the rest. COLMAP and every splat trainer open it.

Convention: as inside: camera_from_world, OpenCV axes, corner pixels; the world is metric and z-up where ``scene.json``
says so.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from splatmatch.errors import FormatError, InputError
from splatmatch.files import atomic_path, sha256, write_json
from splatmatch.formats.colmap import ColmapModel, find_model, model_from_scene, read_colmap, write_colmap
from splatmatch.formats.image_names import checked_name
from splatmatch.formats.json_text import list_of, read_json_object, text
from splatmatch.formats.splat_ply import read_splat_ply, write_splat_ply
from splatmatch.scene.views import Scene, Split, Unregistered, View

SCENE_FILE = "scene.json"
SPLATS_FILE = "splats.ply"
VERSION = 1
_HASHED = ("sparse/0/cameras.bin", "sparse/0/images.bin", "sparse/0/points3D.bin", SPLATS_FILE)


def save_scene(scene: Scene, folder: Path) -> Scene:
    """Write a scene folder; ``scene.json`` comes last, so a folder that has one is complete.

    Photos and masks that lie elsewhere are copied in. Without Gaussians an old ``splats.ply`` is removed.

    Returns:
        The scene as it lies there: with its folder and the new paths.

    Raises:
        InputError: two views have the same name, or a photo is missing.
        OutputError: the folder cannot be written.
    """
    folder = Path(folder)
    if len({view.name for view in scene.views}) < len(scene.views):
        raise InputError("two views of the scene have the same name")
    for view in scene.views:
        checked_name(view.name, "the scene")
        if view.image_path is not None:
            copy_file(view.image_path, folder / "images" / view.name)
        if view.mask_path is not None:
            copy_file(view.mask_path, folder / "masks" / f"{view.name}.png")
    write_colmap(model_from_scene(scene), folder / "sparse" / "0")
    if scene.gaussians is None:
        (folder / SPLATS_FILE).unlink(missing_ok=True)
    else:
        write_splat_ply(scene.gaussians, folder / SPLATS_FILE)
    write_json(folder / SCENE_FILE, _description(scene, folder))
    return load_scene(folder)


def load_scene(folder: Path) -> Scene:
    """Read a scene folder, with or without ``splats.ply``.

    Raises:
        InputError: no such folder, or one without ``scene.json`` or ``sparse/0``.
        FormatError: a file in it is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such scene folder")
    path = folder / SCENE_FILE
    if not path.is_file():
        raise InputError(
            f"{folder}: not a scene folder: it has no {SCENE_FILE}", "make one with splatmatch reconstruct"
        )
    data = read_json_object(path)
    version = data.get("version")
    if version != VERSION:
        raise FormatError(f"{path}: version {version!r} is not known here", "use the splatmatch that wrote it")
    splits = data.get("splits", {})
    if not isinstance(splits, dict):
        raise FormatError(f"{path}: 'splits' is not an object")
    test = set(list_of(splits, "test", str, str(path)))
    provenance = data.get("provenance", {})
    if find_model(folder) is None:
        raise InputError(f"{folder}: has no sparse/0", "the scene is incomplete: reconstruct it again")
    model = read_colmap(folder)
    splats = folder / SPLATS_FILE
    return Scene(
        views=_views(model, folder, test),
        points=model.points,
        gaussians=read_splat_ply(splats) if splats.is_file() else None,
        unregistered=tuple(
            Unregistered(text(entry, "name", str(path)), text(entry, "reason", str(path)))
            for entry in list_of(data, "unregistered", dict, str(path))
        ),
        metric=data.get("metric") is True,
        up_known=data.get("up_known") is True,
        provenance=provenance if isinstance(provenance, dict) else {},
        folder=folder,
    )


def copy_file(source: Path, target: Path) -> None:
    """Copy a file to ``target`` atomically, unless it lies there already.

    Raises:
        InputError: there is no such file.
        OutputError: the target cannot be written.
    """
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    if target.exists() and os.path.samefile(source, target):
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _views(model: ColmapModel, folder: Path, test: set[str]) -> tuple[View, ...]:
    views = []
    for image in model.images:
        try:
            camera = model.cameras[image.camera_id].pinhole()
        except ValueError as error:
            raise FormatError(f"{folder}: {image.name}: {error}", "reconstruct with this model as --poses") from error
        photo, mask = folder / "images" / image.name, folder / "masks" / f"{image.name}.png"
        split: Split = "test" if image.name in test else "train"
        views.append(
            View(
                image.name,
                camera,
                image.camera_from_world,
                photo if os.path.isfile(photo) else None,
                mask if os.path.isfile(mask) else None,
                split,
            )
        )
    return tuple(views)


def _description(scene: Scene, folder: Path) -> dict[str, Any]:
    return {
        "version": VERSION,
        "metric": scene.metric,
        "up_known": scene.up_known,
        "splits": {
            "train": [view.name for view in scene.train_views],
            "test": [view.name for view in scene.test_views],
        },
        "unregistered": [{"name": item.name, "reason": item.reason} for item in scene.unregistered],
        "hashes": {name: sha256(folder / name) for name in _HASHED if (folder / name).is_file()},
        "provenance": scene.provenance,
    }
