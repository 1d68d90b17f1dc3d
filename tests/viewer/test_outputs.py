"""What ``render`` leaves on disk, and the picture of a whole scene."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from splatmatch.errors import InputError, MissingDependencyError, OutputError
from splatmatch.formats.images import read_image
from splatmatch.geometry.camera import Camera
from splatmatch.scene.views import Scene, SparsePoints
from splatmatch.splats.render import render
from splatmatch.viewer import video
from splatmatch.viewer.framing import subject
from splatmatch.viewer.outputs import RenderConfig, picture_of, render_to_folder, render_to_video, render_view
from splatmatch.viewer.paths import PathConfig, camera_path
from splatmatch.viewer.screenshot import ScreenshotConfig, overview_pose, screenshot, thumbnails
from splatmatch.viewer.video import write_video
from tests.viewer.scenes import arc_scene, ball

EVERYTHING = RenderConfig(("rgb", "depth", "normal", "alpha"), engine="reference")


def test_every_quantity_lands_under_its_name(tmp_path):
    scene = arc_scene(count=3)
    written = render_to_folder(scene.gaussians, scene.views, tmp_path / "out", EVERYTHING)
    kinds = {"rgb": {".png"}, "depth": {".npy", ".png"}, "normal": {".png"}, "alpha": {".png"}}
    for kind, suffixes in kinds.items():
        files = {path.name for path in (tmp_path / "out" / kind).iterdir()}
        assert files == {f"photo{i}{suffix}" for i in range(3) for suffix in suffixes}
    assert written[0].name == "photo0.png"
    assert all(path.is_file() for entry in written for path in entry.files)


def test_depth_files_hold_z_depth_and_nan_where_there_is_none(tmp_path):
    scene = arc_scene(count=3)
    config = RenderConfig(("depth",), depth_mode="median", engine="reference")
    render_to_folder(scene.gaussians, scene.views[:1], tmp_path, config)
    stored = np.load(tmp_path / "depth" / "photo0.npy", allow_pickle=False)
    view = scene.views[0]
    drawn = render(scene.gaussians, view.camera, view.camera_from_world, ("depth",), depth="median", engine="reference")
    assert stored.dtype == np.float32
    assert (np.isnan(stored) == ~drawn.depth_valid.numpy()).all()
    valid = drawn.depth_valid.numpy()
    assert (stored[valid] == drawn.depth.numpy()[valid]).all()
    distance = float(view.camera_from_world.centre.norm())
    assert np.nanmin(stored) == pytest.approx(distance - 1, abs=0.2)


def test_background_and_alpha(tmp_path):
    scene = arc_scene(count=3)
    config = RenderConfig(("rgb", "alpha"), background=(0.0, 1.0, 0.0), engine="reference")
    render_to_folder(scene.gaussians, scene.views[:1], tmp_path, config)
    assert read_image(tmp_path / "rgb" / "photo0.png")[0, 0].tolist() == [0, 255, 0]
    assert read_image(tmp_path / "alpha" / "photo0.png")[0, 0].tolist() == [0, 0, 0]
    assert read_image(tmp_path / "alpha" / "photo0.png")[24, 32, 0] > 240


def test_names_in_subfolders_are_kept_and_clashes_refused(tmp_path):
    scene = arc_scene(count=3)
    nested = [replace(scene.views[0], name="left/a.jpg"), replace(scene.views[1], name="right/a.png")]
    render_to_folder(scene.gaussians, nested, tmp_path, RenderConfig(engine="reference"))
    assert (tmp_path / "rgb" / "left" / "a.png").is_file()
    clash = [replace(scene.views[0], name="a.jpg"), replace(scene.views[1], name="a.png")]
    with pytest.raises(InputError, match=r"several cameras would write a\.png"):
        render_to_folder(scene.gaussians, clash, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "a/../../evil.png"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    view = replace(arc_scene(count=3).views[0], name=name)
    with pytest.raises(InputError, match="leads out"):
        render_to_folder(ball(), [view], tmp_path)


def test_bad_requests_get_one_clear_line(tmp_path):
    scene = arc_scene(count=3)
    with pytest.raises(InputError, match="no camera"):
        render_to_folder(scene.gaussians, [], tmp_path)
    with pytest.raises(InputError, match="no camera"):
        render_to_video(scene.gaussians, [], tmp_path / "a.mp4")
    with pytest.raises(InputError, match="cannot render 'colour'"):
        render_to_folder(scene.gaussians, scene.views, tmp_path, RenderConfig(("colour",)))
    with pytest.raises(InputError, match="nothing was asked for"):
        render_to_video(scene.gaussians, scene.views, tmp_path / "a.mp4", RenderConfig(()))
    with pytest.raises(InputError, match=r"\.mp4"):
        render_to_video(scene.gaussians, scene.views, tmp_path / "a.avi", RenderConfig(engine="reference"))
    odd = [scene.views[0], replace(scene.views[1], camera=scene.views[1].camera.resized(32, 24))]
    with pytest.raises(InputError, match="differ in image size"):
        render_to_video(scene.gaussians, odd, tmp_path / "a.mp4")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        render_to_folder(scene.gaussians, scene.views, tmp_path / "file")
    with pytest.raises(ValueError, match="no normal"):
        picture_of(render_view(scene.gaussians, scene.views[0], RenderConfig(engine="reference")), "normal")


def frames_of(path) -> list[np.ndarray]:
    reader, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = reader.read()
        if not there:
            return frames
        frames.append(frame[..., ::-1])


@pytest.mark.parametrize("encoder", ["imageio_ffmpeg", "cv2"])
def test_videos_play_back_with_the_colours_that_went_in(tmp_path, monkeypatch, encoder):
    if encoder == "cv2":
        monkeypatch.setattr(video.importlib.util, "find_spec", lambda _: None)
    elif importlib.util.find_spec(encoder) is None:
        pytest.skip("imageio-ffmpeg is not installed")
    pictures = [np.full((49, 65, 3), colour, np.uint8) for colour in ((200, 30, 30), (30, 200, 30), (30, 30, 200))]
    write_video(tmp_path / "v.mp4", pictures * 4)
    back = frames_of(tmp_path / "v.mp4")
    assert len(back) == 12
    assert back[0].shape == (48, 64, 3)
    for made, read in zip(pictures, back, strict=False):
        assert np.abs(read.mean((0, 1)) - made.mean((0, 1))).max() < 12


def test_a_video_that_fails_midway_leaves_nothing(tmp_path):
    def frames():
        yield np.zeros((32, 32, 3), np.uint8)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_video(tmp_path / "v.mp4", frames())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="no frame"):
        write_video(tmp_path / "v.mp4", [])


def test_without_any_encoder_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(video.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(cv2, "VideoWriter", type("Broken", (), {
        "__init__": lambda *_: None, "isOpened": lambda _: False, "release": lambda _: None,
        "fourcc": staticmethod(lambda *_: 0),
    }))  # fmt: skip
    with pytest.raises(MissingDependencyError, match="pip install imageio-ffmpeg"):
        write_video(tmp_path / "v.mp4", [np.zeros((32, 32, 3), np.uint8)])


def test_several_quantities_stand_side_by_side_in_a_video(tmp_path):
    scene = arc_scene(count=3)
    done = []
    config = RenderConfig(("rgb", "depth"), engine="reference")
    path = camera_path("orbit", scene, PathConfig(3))
    render_to_video(scene.gaussians, path, tmp_path / "v.mp4", config, progress=lambda *step: done.append(step))
    assert frames_of(tmp_path / "v.mp4")[0].shape == (48, 128, 3)
    assert done == [(1, 3), (2, 3), (3, 3)]


def centres_of(scene: Scene) -> torch.Tensor:
    return torch.stack([view.camera_from_world.centre for view in scene.views])


@pytest.mark.parametrize("degrees", [360, 60])
def test_the_overview_shows_every_camera(degrees):
    scene = arc_scene(degrees=degrees)
    camera = Camera.from_fov(320, 200, 50.0)
    pose = overview_pose(subject(scene), centres_of(scene), camera)
    for view in scene.views:
        local = pose.apply(view.camera_from_world.centre)
        x, y = camera.project(local).tolist()
        assert local[2] > 0
        assert 0 < x < 320
        assert 0 < y < 200
    assert pose.centre[2] > max(float(view.camera_from_world.centre[2]) for view in scene.views)


def test_screenshot_shows_splat_and_cameras(tmp_path):
    scene = arc_scene(tmp_path)
    config = ScreenshotConfig(160, 100, engine="reference")
    picture = screenshot(scene, config)
    splat_alone = screenshot(replace(scene, views=()), config)
    points_alone = screenshot(scene.with_gaussians(None), config)
    assert picture.shape == splat_alone.shape == (100, 160, 3)
    white = (picture > 220).all(-1).sum()  # frusta of held-out views
    assert white > 20
    assert (splat_alone.astype(int).max(-1) - splat_alone.min(-1)).max() > 150
    assert (points_alone.max(-1) > 150).sum() > 20
    with pytest.raises(InputError, match="nothing to look at"):
        screenshot(Scene((), SparsePoints.empty()), config)


def test_a_wall_behind_the_cameras_does_not_hide_the_scene(tmp_path):
    """What stands between the eye and the nearest camera is cut away."""
    scene = arc_scene(tmp_path, degrees=60)
    config = ScreenshotConfig(160, 100, engine="reference")
    eye = overview_pose(subject(scene), centres_of(scene), Camera.from_fov(160, 100, 50.0)).centre
    ahead = eye + 0.15 * (scene.gaussians.means.mean(0).double() - eye)
    wall = ball(tuple(ahead.tolist()), 0.5)
    both = type(wall)(*(torch.cat([a, b]) for a, b in zip(scene.gaussians.tensors().values(), wall.tensors().values(),
                                                         strict=True)))  # fmt: skip
    difference = screenshot(scene, config).astype(int) - screenshot(scene.with_gaussians(both), config)
    assert np.abs(difference).max() <= 1


def test_thumbnails_skip_views_without_photos(tmp_path):
    scene = arc_scene(tmp_path, count=3)
    os.remove(scene.views[1].image_path)
    small = thumbnails((*scene.views, replace(scene.views[0], image_path=None)), 32)
    assert [None if p is None else p.shape for p in small] == [(24, 32, 3), None, (24, 32, 3), None]


def test_an_encoder_that_dies_is_one_clear_error(tmp_path, monkeypatch):
    def dying(*_, **__):
        yield
        raise OSError("lots of text\n\nNo space left on device\n")

    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(ffmpeg, "write_frames", dying)
    with pytest.raises(OutputError, match=r"encoder failed: No space left on device$"):
        write_video(tmp_path / "v.mp4", [np.zeros((32, 32, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []
