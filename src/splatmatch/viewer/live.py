"""The live viewer: viser on this machine alone, with the splat, the cameras, the points and our own renders."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from splatmatch.errors import InputError
from splatmatch.scene.views import Scene
from splatmatch.viewer import live_nodes, live_panel
from splatmatch.viewer.framing import Subject, Up, subject
from splatmatch.viewer.pace import Pace
from splatmatch.viewer.streaming import BEYOND, Eye, Frame, Mode, Stream, draw_frame, eye_of

HOST = "127.0.0.1"
"""Never anything else: whoever wants the page elsewhere forwards the port."""


@dataclass(frozen=True)
class LiveConfig:
    """The live viewer."""

    port: int = 8080
    """Port on this machine; the page is http://127.0.0.1:PORT."""
    size: int = 1280
    """Long side in pixels of the images that splatmatch draws while the camera rests."""
    up: Up = "auto"
    """Axis that points up, where the file does not say it."""
    engine: str = "auto"
    """auto, cpu, gsplat or reference."""


class LiveViewer:
    """A running viewer of one scene; ``close`` ends it.

    Raises:
        InputError: the port is in use, or there is nothing to look at.
    """

    def __init__(self, scene: Scene, config: LiveConfig = LiveConfig()) -> None:
        import viser

        self.scene, self.config = scene, config
        middle = subject(scene, config.up)
        self._unit = live_nodes.viewer_unit(scene, middle)
        self._mode = Mode()
        self._windows: dict[int, tuple[Any, Stream]] = {}
        check_port(config.port)
        with _silence():
            self.server = viser.ViserServer(host=HOST, port=config.port, label="splatmatch", verbose=False)
        self.server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False)
        self._splat: Any = None
        self._cameras: live_nodes.Cameras | None = None
        try:
            self._build(middle)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.server.get_port()}"

    def switch(self, mode: Mode) -> None:
        """Show something else in all windows."""
        self._mode = mode
        if self._splat is not None:
            self._splat.visible = mode.kind is None
        for client, stream in list(self._windows.values()):
            stream.request(eye_of(client.camera, self._unit), mode)

    def close(self) -> None:
        """Stop the server and all streams."""
        for _, stream in list(self._windows.values()):
            stream.close()
        with _silence():
            self.server.stop()

    def _build(self, middle: Subject) -> None:
        """Put everything into the window, then let windows in."""
        scene = self.scene
        live_nodes.set_first_look(self.server, scene, middle, self._unit)
        if scene.gaussians is not None:
            self._splat = live_nodes.add_splat(self.server, scene.gaussians, self._unit)
            live_panel.add_modes(self.server, self.switch)
        if scene.views:
            self._cameras = live_nodes.Cameras(self.server, scene.views, self._unit)
            live_panel.add_switch(self.server, "cameras", self._cameras.show, True)
        if len(scene.points):
            on = scene.gaussians is None
            cloud = live_nodes.add_points(self.server, scene.points, self._unit, on)
            live_panel.add_switch(self.server, "sparse points", lambda shown: setattr(cloud, "visible", shown), on)
        live_panel.add_photos(self.server, scene, self._unit, self.config.engine)
        self.server.on_client_connect(self._welcome)
        self.server.on_client_disconnect(self._goodbye)

    def _welcome(self, client: Any) -> None:
        stream = Stream(self._draw, self._shower(client), Pace(largest=self.config.size))
        self._windows[client.client_id] = (client, stream)
        stream.start()

        def look(_: object) -> None:
            eye = eye_of(client.camera, self._unit)
            if self._cameras is not None:
                self._cameras.eye_moved(eye.camera_from_world.centre)
            stream.request(eye, self._mode)

        client.camera.on_update(look)
        look(None)

    def _goodbye(self, client: Any) -> None:
        window = self._windows.pop(client.client_id, None)
        if window is not None:
            window[1].close()

    def _draw(self, eye: Eye, mode: Mode, width: int, height: int) -> Frame:
        assert self.scene.gaussians is not None
        return draw_frame(self.scene.gaussians, eye, mode, width, height, self.config.engine)

    def _shower(self, client: Any) -> Callable[[Frame | None], None]:
        def show(frame: Frame | None) -> None:
            if frame is None:
                client.scene.set_background_image(None)
                return
            depth = np.minimum(frame.depth * self._unit, BEYOND)
            client.scene.set_background_image(frame.picture, format="jpeg", jpeg_quality=85, depth=depth)

        return show


def view(scene: Scene, config: LiveConfig = LiveConfig(), announce: Callable[[str], None] = print) -> None:
    """Serve the viewer until Ctrl-C; ``announce`` is told the address once it answers.

    Raises:
        InputError: the port is in use, or there is nothing to look at.
    """
    viewer = LiveViewer(scene, config)
    try:
        announce(f"the scene is at {viewer.url} (Ctrl-C ends)")
        threading.Event().wait()
    finally:
        viewer.close()


def _silence() -> contextlib.redirect_stdout[io.StringIO]:
    """Keep viser's banners off the terminal."""
    return contextlib.redirect_stdout(io.StringIO())


def check_port(port: int) -> None:
    """Make sure that ``port`` is free on this machine (viser would take the next one silently).

    Raises:
        InputError: something listens there already, or it may not be used.
    """
    if not 1 <= port <= 65535:
        raise InputError(f"port {port} is not between 1 and 65535", "choose another --port")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InputError(f"port {port} is in use ({error.strerror})", "choose another with --port") from error
