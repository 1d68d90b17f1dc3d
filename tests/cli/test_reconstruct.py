"""splatmatch reconstruct from outside: what it refuses, what it leaves, and going on after Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from splatmatch.cli.demo import PHOTOS
from splatmatch.formats.scene_folder import load_scene


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight neighbouring photos of the demo capture."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted(PHOTOS.glob("*.jpg"))[:8]:
        shutil.copy(path, folder)
    return folder


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--test-every", "1"], "--test-every 1"),
        (["--steps", "-4"], "--steps -4"),
        (["--steps", "many"], "many"),
        (["--step", "5"], "did you mean --steps?"),
        (["--camera", "each"], "auto, shared, per-image"),
        (["--sh-degree", "5"], "degree of 0 to 3"),
        (["--max-gaussians", "0"], "max-gaussians 0"),
        (["--engine", "gpu"], "auto, cpu, gsplat, reference"),
        (["--intrinsics", "a,b"], "--intrinsics 'a,b'"),
        (["--poses", "absent.json"], "absent.json"),
        (["--scale-by", "0000.jpg", "0001.jpg"], "--scale-by needs STR STR FLOAT"),
    ],
)
def test_bad_options_cost_no_time_and_leave_nothing(words, part, photos, tmp_path, splatmatch):
    outcome = splatmatch("reconstruct", photos, "--out", tmp_path / "scene", *words)
    assert outcome.code == 2
    assert part in outcome.err.splitlines()[-1]
    assert not (tmp_path / "scene").exists()


def test_bad_photos_are_named(photos, tmp_path, splatmatch):
    """No folder, an empty one, one photo alone, the output inside the photos."""
    empty, single = tmp_path / "empty", tmp_path / "single"
    empty.mkdir()
    single.mkdir()
    shutil.copy(photos / "0000.jpg", single)
    for folder, code in ((tmp_path / "absent", 2), (empty, 2), (single, 1)):
        outcome = splatmatch("reconstruct", folder, "--out", tmp_path / "scene")
        assert outcome.code == code
        assert folder.name in outcome.err.splitlines()[-1]
        assert not (tmp_path / "scene").exists()
    inside = splatmatch("reconstruct", photos, "--out", photos / "scene")
    assert inside.code == 2
    assert len(list(photos.iterdir())) == 8


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nobody is refused a folder here")
def test_a_read_only_place_is_named(photos, tmp_path, splatmatch):
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    outcome = splatmatch("reconstruct", photos, "--out", place / "scene")
    assert outcome.code == 1
    assert "cannot be written" in outcome.line


@pytest.mark.slow
def test_ctrl_c_and_resume(photos, tmp_path):
    """Ctrl-C during the fit: exit code 130, one line. --resume keeps the cameras and finishes, with JSON and report."""
    scene = tmp_path / "scene"
    command = [sys.executable, "-m", "splatmatch.cli.main", "reconstruct", str(photos), "--out", str(scene)]
    command += ["--steps", "3000", "--size", "96", "--test-every", "4", "--preset", "fast", "--max-gaussians", "3000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 300
        while not (scene / "scene.json").is_file() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "--resume" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    before = load_scene(scene)
    assert before.gaussians is None

    resumed = subprocess.run(
        [*command, "--resume", "--json", str(tmp_path / "s.json"), "--report", str(tmp_path / "r.html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "features:" not in resumed.stderr, "the cameras were looked for again"
    after = load_scene(scene)
    assert after.gaussians is not None
    for old, new in zip(before.views, after.views, strict=True):
        assert old.camera_from_world.matrix.allclose(new.camera_from_world.matrix, atol=1e-12)
    assert [path.name for path in scene.iterdir() if path.name.startswith(".")] == []
    result = json.loads((tmp_path / "s.json").read_text())
    assert [item["name"] for item in result["items"]] == ["0000.jpg", "0004.jpg"]
    assert result["mean"]["psnr"] > 15
    assert "<img" in (tmp_path / "r.html").read_text()
