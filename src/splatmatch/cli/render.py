"""``splatmatch render``: pictures, depth, normals and videos of a scene or splat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

from tyro.conf import arg

from splatmatch.cli.arguments import Count, EngineName, OptionalCount, OptionalFile, SceneOrSplat, UpAxis
from splatmatch.cli.output import progress, say

if TYPE_CHECKING:
    from splatmatch.scene.views import Scene, View


@dataclass(frozen=True)
class Options:
    """Render a scene or splat from the cameras of a file, or along a path."""

    scene: SceneOrSplat
    """A scene folder or a splat file."""
    out: Annotated[Path, arg(metavar="DIR|FILE.mp4")]
    """Folder for DIR/rgb/NAME.png, DIR/depth/NAME.npy (float32 z-depth, scene units) and so on, or a video."""
    cameras: OptionalFile = None
    """Cameras to render from: COLMAP model, transforms.json, poses_bounds.npy, cameras.json or a scene folder."""
    path: Annotated[Literal["orbit", "between"] | None, arg(metavar="orbit|between", help_behavior_hint="")] = None
    """Instead of --cameras: once around the scene, or from photo to photo."""
    what: Annotated[str, arg(metavar="LIST")] = "rgb"
    """Any of rgb,depth,normal,alpha, joined by commas."""
    depth_mode: Literal["expected", "median", "first", "plane"] = "expected"
    """expected: weighted mean; median: where half is opaque; first: first solid Gaussian; plane: blended plane."""
    tau: Annotated[float, arg(metavar="OPACITY")] = 0.5
    """Opacity from which a Gaussian is solid in --depth-mode first."""
    background: Annotated[tuple[float, float, float], arg(metavar="R G B")] = (0.0, 0.0, 0.0)
    """Colour behind the splat, 0 to 1."""
    size: OptionalCount = None
    """Long side of the images in pixels; that of the cameras if not given."""
    frames: Count = 120
    """Images along --path."""
    fps: Annotated[float, arg(metavar="N")] = 30.0
    """Frames per second of a video."""
    up: UpAxis = "auto"
    """Axis that points up for --path orbit, where the file does not say it."""
    engine: EngineName = "auto"
    """What renders: auto is gsplat on a CUDA device, else cpu."""


def run(options: Options) -> None:
    """Find the cameras, render, say what was written."""
    from splatmatch.cli.inputs import open_scene
    from splatmatch.errors import InputError
    from splatmatch.viewer.outputs import RenderConfig, What, render_to_folder, render_to_video

    what = tuple(dict.fromkeys(cast(What, word.strip()) for word in options.what.split(",")))
    config = RenderConfig(what, options.depth_mode, options.tau, options.background, options.engine)
    if (options.cameras is None) == (options.path is None):
        raise InputError("say from where to render", "give either --cameras FILE or --path orbit|between")
    scene = open_scene(options.scene)
    if scene.gaussians is None:
        raise InputError(f"{options.scene}: holds no splat", "run splatmatch reconstruct first")
    views = _viewpoints(options, scene)
    with progress("views") as report:
        if options.out.suffix.lower() == ".mp4":
            render_to_video(scene.gaussians, views, options.out, config, options.fps, report)
        else:
            render_to_folder(scene.gaussians, views, options.out, config, report)
    say(f"{options.out}: {len(views)} views, {', '.join(config.what)}")


def _viewpoints(options: Options, scene: Scene) -> tuple[View, ...]:
    if options.path is not None:
        from splatmatch.viewer.paths import PathConfig, camera_path

        return camera_path(options.path, scene, PathConfig(options.frames, options.size, options.up))
    from splatmatch.formats.posed import read_cameras

    assert options.cameras is not None
    views = read_cameras(options.cameras)
    if options.size is None:
        return views
    return tuple(replace(view, camera=view.camera.with_long_side(options.size)) for view in views)
