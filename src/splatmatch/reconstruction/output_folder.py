"""The scene folder while it is being made: where it is, what it may replace, and what an interrupted run leaves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from splatmatch.errors import InputError, ReconstructionError
from splatmatch.files import output_errors
from splatmatch.formats.scene_folder import SCENE_FILE, SPLATS_FILE

WORK = ".work"
"""Folder inside the scene folder for what an interrupted run goes on with; gone when the scene is complete."""
_CONTENT = ("images", "masks", "sparse")


def default_folder(photos: Path) -> Path:
    """Where the scene of ``photos`` goes when no folder is named: below SPLATMATCH_CACHE or the user's cache folder."""
    chosen = os.environ.get("SPLATMATCH_CACHE")
    base = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "splatmatch"
    parts = [part for part in photos.resolve().parts[1:] if part not in ("images", "photos")]
    return base / "scenes" / ("-".join(parts[-2:]) or "scene")


def check_folders(photos: Path, folder: Path) -> None:
    """Refuse output folders whose writing would spoil something.

    Raises:
        InputError: the photos lie where the scene's images go, the scene would lie among the photos, or the folder
            holds files that are no scene of ours.
    """
    source, target = photos.resolve(), folder.resolve()
    if any(source.is_relative_to(target / name) for name in _CONTENT):
        raise InputError(f"{photos}: lies where the images of {folder} would be written", "choose another --out")
    if target.is_relative_to(source):
        raise InputError(f"{folder}: lies among the photos and would become one of them", "choose another --out")
    if target.exists() and not target.is_dir():
        raise InputError(f"{folder}: is a file", "choose a folder as --out")
    known = (target / SCENE_FILE).is_file() or (target / WORK).is_dir()
    if target.is_dir() and not known and any(target.iterdir()):
        raise InputError(f"{folder}: holds files but no scene", "choose a new or empty folder as --out")


@contextmanager
def work_folder(folder: Path, keep: bool) -> Iterator[Path]:
    """The folder for intermediate files, emptied before unless ``keep``.

    It stays when the block is left by Ctrl-C or an accident, and goes, with an empty ``folder``, when the photos or
    options are to blame: then there is nothing to go on with.

    Raises:
        OutputError: it cannot be written.
    """
    work = folder / WORK
    with output_errors(work):
        if not keep and work.is_dir():
            shutil.rmtree(work)
        work.mkdir(parents=True, exist_ok=True)
    try:
        yield work
    except (InputError, ReconstructionError):
        if not keep:
            remove_work(folder)
            with suppress(OSError):  # it is not empty
                folder.rmdir()
        raise


def remove_work(folder: Path) -> None:
    """Remove the intermediate files."""
    shutil.rmtree(folder / WORK, ignore_errors=True)


def remove_old_scene(folder: Path) -> None:
    """Remove a scene that is about to be replaced; ``scene.json`` goes first, so it is never half there.

    Raises:
        OutputError: it cannot be removed.
    """
    with output_errors(folder):
        for name in (SCENE_FILE, SPLATS_FILE):
            (folder / name).unlink(missing_ok=True)
        for name in _CONTENT:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
