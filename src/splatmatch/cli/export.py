"""``splatmatch export``: a scene in the layouts of other tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from splatmatch.cli.arguments import OutPath, SceneOrSplat
from splatmatch.cli.output import say


@dataclass(frozen=True)
class Options:
    """Write a scene for COLMAP, nerfstudio or a splat viewer."""

    scene: SceneOrSplat
    """A scene folder; for --to ply also a splat file."""
    to: Literal["colmap", "nerfstudio", "ply"]
    """colmap: images and sparse/0; nerfstudio: images, transforms.json and points; ply: the Gaussians alone."""
    out: OutPath
    """A folder; for --to ply FILE.ply, FILE.compressed.ply or FILE.spz."""


def run(options: Options) -> None:
    """Read, write, say where."""
    from splatmatch.cli.inputs import open_scene
    from splatmatch.errors import InputError
    from splatmatch.formats.export import export_scene
    from splatmatch.formats.splat_files import check_splat_suffix

    if options.to == "ply":
        check_splat_suffix(options.out)
    scene = open_scene(options.scene)
    if options.to != "ply" and not scene.views:
        raise InputError(f"{options.scene}: a splat has no cameras to export", "give a scene folder, or use --to ply")
    export_scene(scene, options.to, options.out)
    say(f"{options.out}: {len(scene.views)} views" if options.to != "ply" else str(options.out))
