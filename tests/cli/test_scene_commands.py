"""render, view --screenshot, evaluate views and export on a small scene folder, and what they say of bad input."""

from __future__ import annotations

import json
import math
import signal
import socket
import subprocess
import sys
import urllib.request

import cv2
import numpy as np
import pytest

from splatmatch.formats.posed import read_cameras
from splatmatch.formats.splat_files import read_splat


def test_render_writes_the_layout_it_promises(scene_folder, tmp_path, splatmatch):
    """Everything under DIR/KIND/NAME; the scene's own cameras give back its photos."""
    out = tmp_path / "out"
    outcome = splatmatch(
        "render", scene_folder, "--cameras", scene_folder, "--what", "rgb,depth,normal,alpha",
        "--depth-mode", "plane", "--out", out,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    for index in range(4):
        depth = np.load(out / "depth" / f"{index}.npy", allow_pickle=False)
        assert depth.dtype == np.float32
        assert depth.shape == (36, 48)
        assert 1.5 < np.nanmedian(depth) < 3.5
        photo = cv2.imread(str(scene_folder / "images" / f"{index}.png")).astype(int)
        drawn = cv2.imread(str(out / "rgb" / f"{index}.png")).astype(int)
        assert np.abs(photo - drawn).max() <= 1
        assert (out / "normal" / f"{index}.png").is_file()
        assert (out / "alpha" / f"{index}.png").is_file()


def test_render_along_a_path_of_a_bare_splat(scene_folder, tmp_path, splatmatch):
    out = tmp_path / "orbit"
    outcome = splatmatch(
        "render", scene_folder / "splats.ply", "--path", "orbit", "--frames", 3, "--size", 64, "--out", out
    )
    assert outcome.code == 0, outcome.err
    assert sorted(path.name for path in (out / "rgb").iterdir()) == ["0000.png", "0001.png", "0002.png"]
    assert cv2.imread(str(out / "rgb" / "0000.png")).shape == (36, 64, 3)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--path", "orbit", "--what", "rgb,colour"], "colour"),
        (["--path", "orbit", "--cameras", "x.json"], "either --cameras FILE or --path"),
        ([], "either --cameras FILE or --path"),
        (["--cameras", "absent.json"], "absent.json"),
        (["--path", "between", "--frames", "1"], "two or more"),
        (["--path", "spiral"], "--path spiral is not one of orbit, between"),
    ],
)
def test_render_refuses_in_one_line_and_writes_nothing(words, part, scene_folder, tmp_path, splatmatch):
    outcome = splatmatch("render", scene_folder, "--out", tmp_path / "no", *words)
    assert outcome.code == 2
    assert part in outcome.line
    assert not (tmp_path / "no").exists()


def test_a_pose_with_nan_is_refused(scene_folder, tmp_path, splatmatch):
    """json.loads accepts NaN, so the reader must not."""
    frame = {"file_path": "0.png", "transform_matrix": [[math.nan, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}
    text = json.dumps({"w": 48, "h": 36, "fl_x": 40, "fl_y": 40, "cx": 24, "cy": 18, "frames": [frame]})
    (tmp_path / "transforms.json").write_text(text)
    outcome = splatmatch("render", scene_folder, "--cameras", tmp_path / "transforms.json", "--out", tmp_path / "no")
    assert outcome.code == 2
    assert "transforms.json" in outcome.line
    assert not (tmp_path / "no").exists()


def test_the_screenshot_shows_splat_and_cameras(scene_folder, tmp_path, splatmatch):
    path = tmp_path / "shot.png"
    outcome = splatmatch("view", scene_folder, "--screenshot", path, "--size", 320)
    assert outcome.code == 0, outcome.err
    picture = cv2.imread(str(path))
    assert picture.shape == (200, 320, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


def test_a_port_in_use_is_named(scene_folder, splatmatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = splatmatch("view", scene_folder, "--port", port)
    assert outcome.code == 2
    assert f"port {port} is in use" in outcome.line


def test_evaluate_views_scores_the_held_out_photos(scene_folder, tmp_path, splatmatch):
    """The photos are renders, so PSNR is limited by their 8 bits alone: above 50 dB."""
    path = tmp_path / "scores.json"
    outcome = splatmatch("evaluate", "views", scene_folder, "--no-lpips", "--json", path)
    assert outcome.code == 0, outcome.err
    assert "views/gsplat" in outcome.out
    result = json.loads(path.read_text())
    assert set(result) == {"protocol", "config", "mean", "items"}
    assert [item["name"] for item in result["items"]] == ["0.png", "2.png"]
    assert result["mean"]["psnr"] > 50
    assert result["mean"]["lpips"] is None


@pytest.mark.parametrize("to", ["colmap", "nerfstudio"])
def test_an_exported_scene_has_the_same_cameras(to, scene_folder, tmp_path, splatmatch):
    out = tmp_path / to
    outcome = splatmatch("export", scene_folder, "--to", to, "--out", out)
    assert outcome.code == 0, outcome.err
    before, after = read_cameras(scene_folder), read_cameras(out)
    assert [view.name for view in after] == [view.name for view in before]
    for a, b in zip(after, before, strict=True):
        assert np.allclose(a.camera_from_world.matrix, b.camera_from_world.matrix, atol=1e-9)
        assert np.allclose(a.camera.intrinsics, b.camera.intrinsics)
        assert a.image_path is not None


def test_the_splat_alone_is_exported(scene_folder, tmp_path, splatmatch):
    out = tmp_path / "s.compressed.ply"
    assert splatmatch("export", scene_folder, "--to", "ply", "--out", out).code == 0
    assert len(read_splat(out)) == 200
    refused = splatmatch("export", out, "--to", "colmap", "--out", tmp_path / "c")
    assert refused.code == 2
    assert "no cameras" in refused.line


@pytest.mark.parametrize("command", [["render", "--path", "orbit", "--out", "o"], ["view"], ["evaluate", "views"]])
def test_a_folder_that_is_no_scene_is_named(command, tmp_path, monkeypatch, splatmatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent"):
        words = 2 if command[0] == "evaluate" else 1
        outcome = splatmatch(*command[:words], name, *command[words:])
        assert outcome.code == 2
        assert name in outcome.line


def test_the_viewer_answers_until_ctrl_c(scene_folder):
    """From outside: the address is printed once it answers, on loopback; Ctrl-C is the normal end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "splatmatch.cli.main", "view", str(scene_folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in line
        with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
