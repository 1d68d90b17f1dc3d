"""The live viewer without a browser: the address it binds, what the panel and the streams do, what is refused."""

from __future__ import annotations

import contextlib
import math
import socket
import sys
import threading
import urllib.request
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from splatmatch.errors import InputError
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import Scene, SparsePoints
from splatmatch.splats.render import render
from splatmatch.viewer.comparison import compare
from splatmatch.viewer.framing import subject
from splatmatch.viewer.live import HOST, LiveConfig, LiveViewer, check_port, view
from splatmatch.viewer.live_nodes import EXTENT, vertical_fov, viewer_unit
from splatmatch.viewer.live_panel import MODES
from splatmatch.viewer.pace import Pace
from splatmatch.viewer.streaming import Eye, Frame, Mode, Stream, draw_frame, eye_of
from tests.viewer.scenes import CAMERA, arc_scene


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class FakeCamera(SimpleNamespace):
    def on_update(self, callback) -> None:
        self.moved = callback


class FakeClient:
    """A browser window as viser hands it over."""

    client_id = 7

    def __init__(self, pose: Pose, unit: float) -> None:
        world_from_camera = pose.inverse()
        self.camera = FakeCamera(
            wxyz=world_from_camera.quaternion.numpy(),
            position=unit * world_from_camera.translation.numpy(),
            fov=vertical_fov(CAMERA),
            image_width=64,
            image_height=48,
        )
        self.images: list[tuple] = []
        self.arrived = threading.Semaphore(0)
        self.scene = self

    def set_background_image(self, image, **options) -> None:
        self.images.append((image, options))
        self.arrived.release()

    def atomic(self):
        return contextlib.nullcontext()


@pytest.fixture
def viewer(tmp_path):
    running = LiveViewer(arc_scene(tmp_path), LiveConfig(port=free_port(), engine="reference"))
    yield running
    running.close()


def test_the_page_is_served_on_loopback_only(viewer):
    with urllib.request.urlopen(viewer.url) as page:
        assert b"<html" in page.read().lower()
    assert viewer.url.startswith("http://127.0.0.1:")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have one loopback address")
def test_no_other_address_of_this_machine_answers(viewer):
    """127.0.0.2 reaches a server that listens on all addresses, and none that listens on 127.0.0.1."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", viewer.server.get_port()), timeout=5)


def test_nothing_is_printed_by_the_server_itself(tmp_path, capfd):
    LiveViewer(arc_scene(tmp_path), LiveConfig(port=free_port(), engine="reference")).close()
    assert capfd.readouterr().out == ""


def test_a_port_in_use_is_one_clear_error():
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is in use.*--port"):
            LiveViewer(arc_scene(), LiveConfig(port=port))
    with pytest.raises(InputError, match="not between"):
        check_port(70000)


def test_a_viewer_that_cannot_be_built_gives_its_port_back(tmp_path):
    scene = arc_scene(tmp_path)
    scene.views[0].image_path.write_bytes(b"no image")
    port = free_port()
    with pytest.raises(InputError, match="photo0"):
        LiveViewer(scene, LiveConfig(port=port))
    check_port(port)


def test_ctrl_c_closes_the_server():
    said = []

    def announce(text: str) -> None:
        said.append(text)
        raise KeyboardInterrupt

    port = free_port()
    with pytest.raises(KeyboardInterrupt):
        view(arc_scene(), LiveConfig(port=port, engine="reference"), announce)
    assert f"http://127.0.0.1:{port}" in said[0]
    check_port(port)


def test_a_window_gets_what_our_engine_renders_at_its_own_camera(viewer):
    scene, photo = viewer.scene, viewer.scene.views[1]
    client = FakeClient(photo.camera_from_world, viewer._unit)
    viewer._welcome(client)
    assert client.arrived.acquire(timeout=20)
    assert client.images[0][0] is None  # the browser draws the splat itself
    viewer.switch(MODES["rgb"])
    assert client.arrived.acquire(timeout=20)
    picture, options = client.images[-1]
    expected = render(scene.gaussians, CAMERA, photo.camera_from_world, ("rgb", "depth"), engine="reference",
                      background=torch.tensor([0.11, 0.11, 0.12]))  # fmt: skip
    difference = np.abs(picture.astype(int) - np.round(255 * expected.rgb.clamp(0, 1).numpy()))
    assert difference.max() <= 1
    solid = (expected.alpha > 0.5).numpy()
    shown = options["depth"][solid] / viewer._unit
    np.testing.assert_allclose(shown, expected.depth.numpy()[solid], rtol=1e-4)
    assert (options["depth"][~solid] > 100).all()
    assert viewer._splat.visible is False
    viewer._goodbye(client)
    assert not viewer._windows


def test_photos_right_before_the_eye_are_hidden(viewer):
    nodes = viewer._cameras.nodes
    client = FakeClient(viewer.scene.views[2].camera_from_world, viewer._unit)
    viewer._welcome(client)
    assert [node.visible for node in nodes].count(False) == 1
    assert nodes[2].visible is False
    viewer._cameras.show(False)
    assert not any(node.visible for node in nodes)
    viewer._cameras.show(True)
    viewer._cameras.eye_moved(torch.tensor([0.0, 0.0, 99.0]).double())
    assert all(node.visible for node in nodes)


def test_scenes_without_splat_cameras_or_points_open_too(tmp_path):
    whole = arc_scene(tmp_path)
    for scene in (
        whole.with_gaussians(None),
        Scene((), SparsePoints.empty(), whole.gaussians),
        replace(whole, views=tuple(replace(v, image_path=None) for v in whole.views)),
    ):
        LiveViewer(scene, LiveConfig(port=free_port(), engine="reference")).close()
    with pytest.raises(InputError, match="nothing to look at"):
        LiveViewer(Scene((), SparsePoints.empty()), LiveConfig(port=free_port()))


def test_the_scene_is_shown_at_one_size_whatever_its_unit():
    """Half-float covariances of a scene in millimetres or kilometres would be lost otherwise."""
    sizes = []
    for unit in (1e-3, 1.0, 1e3):
        scene = arc_scene(unit=unit)
        sizes.append(viewer_unit(scene, subject(scene)) * unit)
    assert sizes == pytest.approx([sizes[1]] * 3)
    assert sizes[1] * 4.5 == pytest.approx(EXTENT, rel=0.15)


def test_the_eye_of_a_window_is_the_camera_it_was_given():
    pose = arc_scene().views[3].camera_from_world
    eye = eye_of(FakeClient(pose, 2.5).camera, 2.5)
    torch.testing.assert_close(eye.camera_from_world.matrix, pose.matrix)
    camera = eye.camera(64, 48)
    assert (camera.fx, camera.fy) == pytest.approx((60.0, 60.0))
    assert eye.camera(32, 24).fy == pytest.approx(30.0)


@pytest.mark.parametrize("mode", [mode for mode in MODES.values() if mode.kind], ids=str)
def test_every_mode_draws(mode):
    scene = arc_scene()
    eye = Eye(64, 48, vertical_fov(CAMERA), scene.views[0].camera_from_world)
    frame = draw_frame(scene.gaussians, eye, mode, 32, 24, "reference")
    assert frame.picture.shape == (24, 32, 3)
    assert frame.depth[12, 16] == pytest.approx(math.hypot(4, 1) - 1, abs=0.3)
    assert np.isinf(frame.depth[0, 0])


class Recorder:
    """Counts what a stream draws; the first draw waits until told."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.modes: list[Mode] = []
        self.shown = threading.Semaphore(0)
        self.go = threading.Event()

    def draw(self, eye, mode, width, height) -> Frame:
        self.go.wait(10)
        self.sizes.append((width, height))
        self.modes.append(mode)
        return Frame(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32))

    def show(self, frame) -> None:
        self.shown.release()


def test_a_stream_draws_small_while_moving_and_sharp_at_rest_and_skips_what_is_outdated():
    recorder, eye = Recorder(), Eye(800, 600, 1.0, Pose.identity())
    stream = Stream(recorder.draw, recorder.show, Pace(largest=800, moving_side=200))
    stream.start()
    stream.request(eye, Mode("rgb"))
    for kind in ("depth", "normal", "alpha"):
        stream.request(eye, Mode(kind))
    recorder.go.set()
    for _ in range(2):
        assert recorder.shown.acquire(timeout=10)
    while recorder.sizes[-1] != (800, 600):
        assert recorder.shown.acquire(timeout=10)
    stream.close()
    stream.join(10)
    assert not stream.is_alive()
    assert max(recorder.sizes[0]) == 200
    assert recorder.modes[-1] == Mode("alpha")
    assert Mode("normal") not in recorder.modes


def test_pace_settles_where_a_frame_takes_its_time():
    """A machine with 1e6 pixels a second and 20 ms per image: 0.1 s hold 80,000 pixels."""
    pace = Pace(target=0.1, largest=2000)
    for _ in range(40):
        width, height = pace.size(1600, 1200, moving=True)
        pace.measured(max(width, height), 0.02 + width * height / 1e6)
    assert 0.02 + width * height / 1e6 == pytest.approx(0.1, rel=0.1)
    assert pace.size(1600, 1200, moving=False) == (1600, 1200)
    pace.measured(400, 1e9)
    pace.measured(400, 1e9)
    for _ in range(9):
        pace.measured(200, 1e9)
    assert max(pace.size(1600, 1200, moving=True)) == pace.smallest


def test_a_comparison_has_one_size_and_the_psnr_of_that_size(tmp_path):
    scene = arc_scene(tmp_path)
    pair = compare(scene.gaussians, scene.views[0], 32, ("rgb", "depth", "normal", "alpha"), "reference")
    assert {p.shape for p in (pair.photo, *pair.drawn.values())} == {(24, 32, 3)}
    drawn = render(scene.gaussians, CAMERA.with_long_side(32), scene.views[0].camera_from_world, engine="reference")
    assert pair.psnr == pytest.approx(
        float(-10 * torch.log10(drawn.rgb.clamp(0, 1).double().square().mean())), abs=1e-4
    )
