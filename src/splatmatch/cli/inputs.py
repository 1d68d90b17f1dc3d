"""What commands take as SCENE: a scene folder, or a splat file alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splatmatch.scene.views import Scene


def open_scene(path: Path) -> Scene:
    """The scene folder at ``path``, or a scene without photos around the splat file or SOG folder there.

    Raises:
        InputError: there is nothing, or nothing of that kind.
        FormatError: a file is damaged.
    """
    from splatmatch.formats.scene_folder import SCENE_FILE, load_scene
    from splatmatch.formats.splat_files import read_splat
    from splatmatch.scene.views import Scene, SparsePoints

    if (path / SCENE_FILE).is_file():
        return load_scene(path)
    return Scene((), SparsePoints.empty(), read_splat(path))
