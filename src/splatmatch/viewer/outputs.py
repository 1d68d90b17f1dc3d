"""The library behind ``splatmatch render``: pictures, depth maps, normals and videos of a splat from given cameras."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import numpy as np
import torch

from splatmatch.drawing.depth import depth_picture, depth_range
from splatmatch.drawing.normals import normal_picture
from splatmatch.drawing.pictures import Picture, picture_from_alpha, picture_from_rgb
from splatmatch.drawing.sheets import side_by_side
from splatmatch.errors import InputError, OutputError
from splatmatch.files import atomic_path
from splatmatch.formats.images import write_image
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import DepthMode, Engine, Quantity, Render
from splatmatch.scene.views import View
from splatmatch.splats.render import render
from splatmatch.viewer.video import write_video

What = Literal["rgb", "depth", "normal", "alpha"]
KINDS: tuple[What, ...] = get_args(What)


@dataclass(frozen=True)
class RenderConfig:
    """What to render, and how."""

    what: tuple[What, ...] = ("rgb",)
    """Any of rgb, depth, normal, alpha."""
    depth_mode: DepthMode = "expected"
    """expected = weighted mean, median = half opacity, first = first solid Gaussian, plane = blended plane."""
    tau: float = 0.5
    """Opacity from which a Gaussian counts as solid in depth mode first."""
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Colour behind the splat, red green blue, 0 to 1."""
    engine: str = "auto"
    """auto, cpu, gsplat or reference."""


@dataclass(frozen=True)
class Written:
    """What ``render_to_folder`` left on disk for one view."""

    name: str
    files: tuple[Path, ...]


Progress = Callable[[int, int], None]


def render_view(gaussians: Gaussians, view: View, config: RenderConfig, engine: str | Engine | None = None) -> Render:
    """One view with everything that ``config.what`` needs; no gradients."""
    want: list[Quantity] = [kind for kind in KINDS if kind in config.what]
    with torch.no_grad():
        return render(
            gaussians,
            view.camera,
            view.camera_from_world,
            want,
            depth=config.depth_mode,
            tau=config.tau,
            background=gaussians.means.new_tensor(config.background),
            engine=engine or config.engine,
        )


def picture_of(drawn: Render, kind: What, near_far: tuple[float, float] | None = None) -> Picture:
    """One quantity of a render as a picture; ``near_far`` are the depths at the ends of the colour ramp.

    Raises:
        ValueError: the render does not hold that quantity.
    """
    if kind == "rgb" and drawn.rgb is not None:
        return picture_from_rgb(drawn.rgb)
    if kind == "depth" and drawn.depth is not None:
        return depth_picture(drawn.depth.detach(), drawn.depth_valid, near_far, drawn.alpha)
    if kind == "normal" and drawn.normal is not None:
        return normal_picture(drawn.normal, drawn.alpha)
    if kind == "alpha":
        return picture_from_alpha(drawn.alpha)
    raise ValueError(f"the render holds no {kind}")


def render_to_folder(
    gaussians: Gaussians,
    views: Sequence[View],
    folder: Path,
    config: RenderConfig = RenderConfig(),
    progress: Progress | None = None,
) -> list[Written]:
    """Render every view into ``folder``, file by file and atomically; ``STEM`` is the view's name without suffix.

    rgb/STEM.png, normal/STEM.png and alpha/STEM.png are 8-bit pictures. depth/STEM.npy holds z-depth as (H, W) float32
    in scene units, NaN where there is none; depth/STEM.png is its coloured preview, one range for all views.

    Raises:
        InputError: no view, nothing to render, or two views that would write the same file.
        OutputError: the folder cannot be written to, or is a file.
    """
    _check(config)
    stems = _stems(views)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file, not a folder", "choose another --out")
    written, near_far = [], None
    for index, (view, stem) in enumerate(zip(views, stems, strict=True)):
        drawn = render_view(gaussians, view, config)
        near_far = near_far or _range(drawn)
        files = []
        for kind in KINDS:
            if kind not in config.what:
                continue
            if kind == "depth":
                files.append(folder / kind / f"{stem}.npy")
                _write_depth(files[-1], drawn)
            files.append(folder / kind / f"{stem}.png")
            write_image(files[-1], picture_of(drawn, kind, near_far))
        written.append(Written(view.name, tuple(files)))
        if progress is not None:
            progress(index + 1, len(views))
    return written


def render_to_video(
    gaussians: Gaussians,
    views: Sequence[View],
    path: Path,
    config: RenderConfig = RenderConfig(),
    frames_per_second: float = 30.0,
    progress: Progress | None = None,
) -> None:
    """Render the views as the frames of an .mp4; several quantities stand side by side.

    Raises:
        InputError: no view, nothing to render, views of different sizes, or another suffix than .mp4.
        MissingDependencyError: no video encoder is there.
        OutputError: the file cannot be written.
    """
    _check(config)
    if not views:
        raise InputError("there is no camera to render from", "check the pose file")
    if len({(view.camera.width, view.camera.height) for view in views}) > 1:
        raise InputError("the cameras differ in image size, a video has one", "give a folder as --out")

    def frames() -> Iterator[Picture]:
        near_far = None
        for index, view in enumerate(views):
            drawn = render_view(gaussians, view, config)
            near_far = near_far or _range(drawn)
            yield side_by_side([picture_of(drawn, kind, near_far) for kind in KINDS if kind in config.what])
            if progress is not None:
                progress(index + 1, len(views))

    write_video(path, frames(), frames_per_second)


def _check(config: RenderConfig) -> None:
    unknown = set(config.what) - set(KINDS)
    if unknown or not config.what:
        named = f"cannot render {min(unknown)!r}" if unknown else "nothing was asked for"
        raise InputError(named, f"choose from {', '.join(KINDS)}")


def _range(drawn: Render) -> tuple[float, float] | None:
    """The depth range of the first view that shows anything; slightly widened, as it serves the others too."""
    if drawn.depth is None or drawn.depth_valid is None or not drawn.depth_valid.any():
        return None
    near, far = depth_range(drawn.depth, drawn.depth_valid)
    return 0.8 * near, 1.25 * far


def _write_depth(path: Path, drawn: Render) -> None:
    assert drawn.depth is not None
    depth = drawn.depth.detach().cpu().numpy().astype(np.float32)
    if drawn.depth_valid is not None:
        depth = np.where(drawn.depth_valid.cpu().numpy(), depth, np.float32(np.nan))
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, depth, allow_pickle=False)


def _stems(views: Sequence[View]) -> list[str]:
    if not views:
        raise InputError("there is no camera to render from", "check the pose file")
    stems = [str(PurePosixPath(view.name).with_suffix("")) for view in views]
    doubled = {stem for stem in stems if stems.count(stem) > 1} if len(set(stems)) < len(stems) else set()
    if doubled:
        raise InputError(f"several cameras would write {min(doubled)}.png", "give them names that differ")
    if any(PurePosixPath(stem).is_absolute() or ".." in PurePosixPath(stem).parts for stem in stems):
        raise InputError("a camera's name leads out of the output folder", "use plain names in the pose file")
    return stems
