"""``splatmatch view``: a scene in the browser, or drawn into one picture."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from splatmatch.cli.arguments import Count, EngineName, SceneOrSplat, UpAxis
from splatmatch.cli.output import say


@dataclass(frozen=True)
class Options:
    """Look at a scene or splat: the splat, the cameras with their photos, the sparse points, depth and normals."""

    scene: SceneOrSplat
    """A scene folder or a splat file."""
    port: Annotated[int, arg(metavar="PORT")] = 8080
    """The page is http://127.0.0.1:PORT, reachable from this machine alone."""
    screenshot: Annotated[Path | None, arg(metavar="FILE.png", help_behavior_hint="")] = None
    """Draw the scene with its cameras into this picture instead; needs no browser."""
    size: Count = 1280
    """Width of the screenshot, or long side of the images that splatmatch draws for the browser, in pixels."""
    up: UpAxis = "auto"
    """Axis that points up, where the file does not say it."""
    engine: EngineName = "auto"
    """What renders: auto is gsplat on a CUDA device, else cpu."""


def run(options: Options) -> None:
    """Draw the picture, or serve until Ctrl-C."""
    from splatmatch.cli.inputs import open_scene
    from splatmatch.errors import InputError

    if options.size < 64:
        raise InputError(f"--size {options.size} is too small to see anything", "give 64 or more")
    scene = open_scene(options.scene)
    if options.screenshot is None:
        from splatmatch.viewer.live import LiveConfig, view

        with contextlib.suppress(KeyboardInterrupt):
            view(scene, LiveConfig(options.port, options.size, options.up, options.engine), announce=say)
        return
    from splatmatch.formats.images import write_image
    from splatmatch.viewer.screenshot import ScreenshotConfig, screenshot

    config = ScreenshotConfig(options.size, round(options.size * 0.625), up=options.up, engine=options.engine)
    write_image(options.screenshot, screenshot(scene, config))
    say(str(options.screenshot))
