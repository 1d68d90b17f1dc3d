"""Images drawn by our engine and streamed into the background of a viewer window."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from splatmatch.drawing.cameras import surface_depth
from splatmatch.drawing.pictures import Picture
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import DepthMode
from splatmatch.scene.views import View
from splatmatch.viewer.outputs import RenderConfig, What, picture_of, render_view
from splatmatch.viewer.pace import Pace

REST = 0.25
"""Seconds without motion after which the image is drawn at full size."""
BEYOND = 160.0
"""Depth sent where there is nothing: near the end of what the window's depth buffer takes."""

render_lock = threading.Lock()
"""Held while an image is drawn: the kernels of one render use all threads already."""


@dataclass(frozen=True, eq=False)
class Eye:
    """The camera of a viewer window."""

    width: int
    """Window, pixels."""
    height: int
    vertical_fov: float
    """Radians."""
    camera_from_world: Pose
    """In scene units."""

    def camera(self, width: int, height: int) -> Camera:
        """Intrinsics of an image of that size with this field of view."""
        focal = 0.5 * height / np.tan(0.5 * self.vertical_fov)
        return Camera(width, height, focal, focal, width / 2, height / 2)


@dataclass(frozen=True)
class Mode:
    """What a window shows; ``kind`` None = the splat drawn by the browser, nothing is streamed."""

    kind: What | None = None
    depth_mode: DepthMode = "expected"


@dataclass(frozen=True, eq=False)
class Frame:
    """One image for the background of a window."""

    picture: Picture
    depth: npt.NDArray[np.float32]
    """(H, W) z-depth in scene units, infinite where there is nothing."""


def draw_frame(gaussians: Gaussians, eye: Eye, mode: Mode, width: int, height: int, engine: str) -> Frame:
    """Render what ``mode`` asks for. Shapes and units: see ``Frame``."""
    assert mode.kind is not None
    what: tuple[What, ...] = (mode.kind,) if mode.kind == "depth" else (mode.kind, "depth")
    config = RenderConfig(what, depth_mode=mode.depth_mode, background=(0.11, 0.11, 0.12), engine=engine)
    view = View("window", eye.camera(width, height), eye.camera_from_world)
    with render_lock:
        drawn = render_view(gaussians, view, config)
    assert drawn.depth is not None
    solid = _solid(drawn.alpha) if drawn.depth_valid is None else _solid(drawn.alpha) & drawn.depth_valid
    return Frame(picture_of(drawn, mode.kind), surface_depth(drawn.depth, solid))


def _solid(alpha: Tensor) -> Tensor:
    """Where the splat hides what lies behind it."""
    return alpha.detach() > 0.5


class Stream(threading.Thread):
    """Draws for one window whatever it asked for last: small while it moves, at full size once it rests."""

    def __init__(
        self,
        draw: Callable[[Eye, Mode, int, int], Frame],
        show: Callable[[Frame | None], None],
        pace: Pace,
    ) -> None:
        super().__init__(daemon=True, name="splatmatch-stream")
        self._draw, self._show, self._pace = draw, show, pace
        self._news = threading.Condition()
        self._wish: tuple[Eye, Mode] | None = None
        self._closed = False

    def request(self, eye: Eye, mode: Mode) -> None:
        """Ask for an image; a request not yet begun is forgotten."""
        with self._news:
            self._wish = (eye, mode)
            self._news.notify()

    def close(self) -> None:
        """End the thread after the image in work."""
        with self._news:
            self._closed = True
            self._news.notify()

    def run(self) -> None:
        """Serve requests until closed."""
        resting: tuple[Eye, Mode] | None = None
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wish or self._closed, timeout=REST if resting else None)
                if self._closed:
                    return
                wish, self._wish = self._wish, None
            if wish is not None:
                resting = wish if self._serve(*wish, moving=True) else None
            elif resting is not None:
                self._serve(*resting, moving=False)
                resting = None

    def _serve(self, eye: Eye, mode: Mode, moving: bool) -> bool:
        """Draw and show one image; whether a sharper one should follow."""
        if mode.kind is None:
            self._show(None)
            return False
        width, height = self._pace.size(eye.width, eye.height, moving)
        start = time.perf_counter()
        frame = self._draw(eye, mode, width, height)
        if moving:
            self._pace.measured(max(width, height), time.perf_counter() - start)
        self._show(frame)
        return (width, height) != self._pace.size(eye.width, eye.height, moving=False)


def eye_of(camera: Any, unit: float) -> Eye:
    """The eye of a viser camera handle; ``unit`` = viewer units per scene unit."""
    rotation = Pose.from_quaternion(camera.wxyz, torch.zeros(3)).rotation
    world_from_camera = Pose(rotation, torch.as_tensor(camera.position, dtype=torch.float64) / unit)
    width, height = max(1, int(camera.image_width)), max(1, int(camera.image_height))
    return Eye(width, height, float(camera.fov), world_from_camera.inverse())
