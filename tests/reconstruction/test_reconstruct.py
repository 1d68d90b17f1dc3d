"""The whole verb on a small set: the scene folder, resuming, given poses, and what is refused at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import splatmatch
from splatmatch.errors import InputError, OutputError, ReconstructionError
from splatmatch.formats.images import read_image
from splatmatch.formats.scene_folder import load_scene
from splatmatch.reconstruction.config import PRESETS, ReconstructConfig
from splatmatch.reconstruction.output_folder import WORK, check_folders, default_folder
from splatmatch.reconstruction.provenance import cameras_hash, command_line, options_of
from splatmatch.reconstruction.reconstruct import reconstruct
from tests.reconstruction.photo_sets import HEIGHT, WIDTH, write_photo, write_set
from tests.reconstruction.test_given_poses import write_list

TINY = {"size": 160, "steps": 60, "test_every": 4, "max_gaussians": 3000, "threads": 2}


class Recorder:
    def __init__(self):
        self.stages, self.lines = [], []

    def update(self, stage, fraction=None, text=""):
        if stage not in self.stages:
            self.stages.append(stage)

    def say(self, line):
        self.lines.append(line)


@pytest.fixture(scope="module")
def made(corner, tmp_path_factory):
    """(scene, folder, recorder) of a short reconstruction of the corner."""
    folder, recorder = tmp_path_factory.mktemp("made") / "scene", Recorder()
    config = ReconstructConfig(**TINY, scale_by=("photo_00.jpg", "photo_07.jpg", 2.0))
    return reconstruct(corner[0], folder, config=config, progress=recorder), folder, recorder


def test_a_scene_comes_out(made, corner):
    """Views, split, points, Gaussians, gravity, metres, and nothing left of the work."""
    scene, folder, _ = made
    assert [view.name for view in scene.views] == [photo.name for photo in corner[1]]
    assert [view.name for view in scene.test_views] == ["photo_00.jpg", "photo_04.jpg"]
    assert scene.folder == folder
    assert scene.gaussians is not None
    assert scene.up_known
    assert scene.metric
    ends = [scene.views[index].camera_from_world.centre for index in (0, 7)]
    assert float((ends[0] - ends[1]).norm()) == pytest.approx(2.0)
    assert len(scene.points) > 300
    assert (scene.points.colours.float().std(1) > 0).any()
    assert sorted(path.name for path in folder.iterdir()) == ["images", "scene.json", "sparse", "splats.ply"]


def test_the_world_stands_upright(made, corner):
    """The corner was drawn with +z up: so it is again, up to a turn about z."""
    scene, _, _ = made
    ups = []
    for view, photo in zip(scene.views, corner[1], strict=True):
        world_from_drawn = view.camera_from_world.rotation.T @ photo.camera_from_world.rotation
        ups.append(world_from_drawn[:, 2])
    mean = torch.stack(ups).mean(0)
    assert np.degrees(np.arccos(float(mean[2] / mean.norm()))) < 3


def test_images_are_those_that_the_cameras_describe(made):
    """Of the asked size; and the splat of these few steps is closer to held-out photos than their mean colour."""
    scene, _, _ = made
    for view in scene.views:
        image = read_image(view.image_path)
        assert (image.shape[1], image.shape[0]) == (view.camera.width, view.camera.height)
        assert max(image.shape[:2]) == 160
    flat = [10 * np.log10(255**2 / read_image(view.image_path).astype(float).var()) for view in scene.test_views]
    assert scene.provenance["metrics"]["mean"]["psnr"] > np.mean(flat)


def test_scene_json_says_how_it_was_made(made):
    """Command, options, versions, seed, hash of the cameras, timings, memory, metrics."""
    _, folder, _ = made
    provenance = json.loads((folder / "scene.json").read_text())["provenance"]
    assert provenance["command"][:2] == ["splatmatch", "reconstruct"]
    assert provenance["command"][-2:] == ["--threads", "2"]
    assert provenance["config"]["steps"] == 60
    assert provenance["versions"]["pycolmap"]
    assert provenance["seed"] == 0
    assert len(provenance["cameras"]["hash"]) == 64
    assert provenance["cameras"]["source"] == "structure from motion"
    assert {"photos", "features", "matching", "mapping", "undistortion", "fit"} <= provenance["timings"].keys()
    assert {item["name"] for item in provenance["metrics"]["held_out"]} == {"photo_00.jpg", "photo_04.jpg"}
    assert provenance["peak_memory"]["cameras"] > 0
    assert [record["step"] for record in provenance["fit"]["history"]][-1] == 60


def test_stages_and_decisions_are_told(made):
    """In order; the principal point, what was registered, and the figures of the held-out photos."""
    _, _, recorder = made
    order = ["photos", "features", "pairs", "matching", "mapping", "principal point", "undistortion", "fit"]
    assert [stage for stage in recorder.stages if stage in order] == order
    assert any(line.startswith("principal point") for line in recorder.lines)
    assert any(line.startswith("cameras: 8 of 8 photos") for line in recorder.lines)
    assert any(line.startswith("held-out photos (2): PSNR") for line in recorder.lines)


def test_resuming_a_complete_scene_changes_nothing(made, corner):
    """No stage runs again."""
    scene, folder, _ = made
    before, recorder = (folder / "scene.json").stat().st_mtime_ns, Recorder()
    config = ReconstructConfig(**TINY, scale_by=("photo_00.jpg", "photo_07.jpg", 2.0), resume=True)
    again = reconstruct(corner[0], folder, config=config, progress=recorder)
    assert (folder / "scene.json").stat().st_mtime_ns == before
    assert recorder.stages == ["photos"]
    assert torch.equal(again.gaussians.means, scene.gaussians.means)
    assert not (folder / WORK).exists()


def test_resuming_with_other_options_of_the_cameras_is_refused(made, corner):
    """And the scene stays as it is."""
    _, folder, _ = made
    with pytest.raises(InputError, match="was made from other photos or with other options"):
        reconstruct(corner[0], folder, config=ReconstructConfig(**TINY | {"test_every": 3}, resume=True))
    assert load_scene(folder).gaussians is not None


INTERRUPTED = """
import sys
from splatmatch import reconstruct
from splatmatch.reconstruction.config import ReconstructConfig
class Teller:
    def update(self, stage, fraction=None, text=""):
        print(stage, flush=True)
    def say(self, line):
        pass
config = ReconstructConfig(size=160, steps=4000, test_every=4, max_gaussians=3000, threads=2)
reconstruct(sys.argv[1], sys.argv[2], config=config, progress=Teller())
"""


@pytest.mark.slow
def test_interrupted_in_the_fit_and_resumed(corner, tmp_path):
    """Ctrl-C at any moment leaves a scene with cameras and a checkpoint; --resume goes on from both."""
    folder = tmp_path / "scene"
    words = [sys.executable, "-c", INTERRUPTED, str(corner[0]), str(folder)]
    run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in run.stdout:
        if line.strip() == "fit":
            break
    time.sleep(0.3)
    run.send_signal(signal.SIGINT)
    run.wait(timeout=60)
    assert run.returncode == -signal.SIGINT
    assert load_scene(folder).gaussians is None
    assert (folder / WORK / "fit.safetensors").is_file()
    hash_before, recorder = cameras_hash(load_scene(folder)), Recorder()
    config = ReconstructConfig(**TINY | {"steps": 4000}, resume=True)
    with pytest.raises(KeyboardInterrupt):  # long enough to see that it goes on
        reconstruct(corner[0], folder, config=config, progress=Stopper(recorder))
    assert recorder.stages[:2] == ["photos", "fit"]
    assert recorder.first_step > 50
    assert cameras_hash(load_scene(folder)) == hash_before


class Stopper:
    """Remembers the first step of a fit and stops it there."""

    def __init__(self, recorder):
        self.recorder = recorder

    def update(self, stage, fraction=None, text=""):
        self.recorder.update(stage)
        if stage == "fit":
            self.recorder.first_step = int(text.split()[1].strip(","))
            raise KeyboardInterrupt

    def say(self, line):
        pass


def test_given_poses_are_not_moved(corner, tmp_path):
    """The user's frame is kept; split by --test-every; steps=0 stops after the cameras."""
    poses = write_list(tmp_path / "cameras.json", corner[1])
    config = ReconstructConfig(steps=0, size=0, test_every=4)
    scene = splatmatch.reconstruct(corner[0], tmp_path / "scene", poses=poses, config=config)
    assert scene.gaussians is None
    assert not scene.up_known
    for view, photo in zip(scene.views, corner[1], strict=True):
        assert torch.allclose(view.camera_from_world.matrix, photo.camera_from_world.matrix, atol=1e-6)
        assert (view.camera.width, view.camera.height) == (WIDTH, HEIGHT)
        assert view.image_path.read_bytes() == (corner[0] / view.name).read_bytes()
    assert len(scene.test_views) == 2
    upright = ReconstructConfig(steps=0, size=0, up="cameras")
    moved = splatmatch.reconstruct(corner[0], tmp_path / "moved", poses=tmp_path / "scene", config=upright)
    assert moved.up_known
    assert [view.name for view in moved.test_views] == [view.name for view in scene.test_views]
    assert len(moved.points) == len(scene.points)


def test_a_smaller_set_replaces_the_scene(tmp_path):
    """Nothing of the old scene stays behind; TIFF becomes PNG, and options still name the photo."""
    for photo in write_set(tmp_path / "photos", 4):
        Image.fromarray(photo.pixels).save(tmp_path / "photos" / photo.name.replace("jpg", "tif"))
        (tmp_path / "photos" / photo.name).unlink()
    config = ReconstructConfig(steps=0, size=160, threads=2, scale_by=("photo_00.tif", "photo_01.tif", 1.0))
    reconstruct(tmp_path / "photos", tmp_path / "scene", config=config)
    (tmp_path / "photos" / "photo_03.tif").unlink()
    scene = reconstruct(tmp_path / "photos", tmp_path / "scene", config=config)
    assert [view.name for view in scene.views] == ["photo_00.png", "photo_01.png", "photo_02.png"]
    assert scene.metric
    assert len(list((tmp_path / "scene" / "images").iterdir())) == 3


def test_failures_leave_nothing_behind(tmp_path):
    """Unusable photos: the error, and no folder."""
    noise = np.random.default_rng(0).integers(0, 255, (2, 60, 80, 3)).astype(np.uint8)
    for index in range(2):
        write_photo(tmp_path / "photos" / f"{index}.png", noise[index])
    with pytest.raises(ReconstructionError, match="no cameras could be found for 2 photos"):
        reconstruct(tmp_path / "photos", tmp_path / "scene")
    assert not (tmp_path / "scene").exists()
    with pytest.raises(InputError, match="no such folder"):
        reconstruct(tmp_path / "nowhere", tmp_path / "scene")
    config = ReconstructConfig(scale_by=("0.png", "2.png", 1.0))
    with pytest.raises(InputError, match=r"there is no photo 2\.png; photos are named like 0\.png"):
        reconstruct(tmp_path / "photos", tmp_path / "scene", config=config)
    assert not (tmp_path / "scene").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_an_output_error(corner, tmp_path):
    """Before any work is done."""
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        reconstruct(corner[0], tmp_path / "scene")


def test_output_folders_that_would_spoil_something(corner, tmp_path):
    """Photos inside the scene, the scene inside the photos, foreign files, a file; a new or empty folder is fine."""
    photos = tmp_path / "project" / "images"
    shutil.copytree(corner[0], photos)
    with pytest.raises(InputError, match="lies where the images"):
        check_folders(photos, tmp_path / "project")
    with pytest.raises(InputError, match="lies among the photos"):
        check_folders(photos, photos / "scene")
    with pytest.raises(InputError, match="lies among the photos"):
        check_folders(photos, photos)
    with pytest.raises(InputError, match="holds files but no scene"):
        check_folders(corner[0], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        check_folders(photos, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    check_folders(photos, tmp_path / "empty")
    check_folders(photos, tmp_path / "project" / "scene")


def test_without_an_output_folder_the_cache_is_used(monkeypatch, tmp_path):
    """Named after the photos, with a folder called images skipped."""
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path))
    assert default_folder(Path("/data/holiday/temple/images")) == tmp_path / "scenes" / "holiday-temple"
    monkeypatch.delenv("SPLATMATCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder(Path("/temple")) == tmp_path / "splatmatch" / "scenes" / "temple"


@pytest.mark.parametrize(
    "options",
    [
        {"size": 5},
        {"steps": -1},
        {"test_every": 1},
        {"threads": 0},
        {"max_gaussians": 0},
        {"sh_degree": 4},
        {"scale_by": ("a.jpg", "a.jpg", 1.0)},
        {"scale_by": ("a.jpg", "b.jpg", -1.0)},
        {"scale_by": ("a.jpg", "b.jpg", float("nan"))},
    ],
)
def test_impossible_options(options):
    """Refused when the config is made."""
    with pytest.raises(InputError):
        ReconstructConfig(**options)


def test_presets_and_single_values():
    """Options replace values of the preset; few photos get more features each."""
    config = ReconstructConfig(preset="fast", steps=10)
    assert config.fit().steps == 10
    assert config.fit().max_gaussians == PRESETS["fast"].max_gaussians
    assert config.long_side == 640
    assert ReconstructConfig(size=0).long_side is None
    counts = [config.correspondences(photos, 1).features.count for photos in (5, 30, 300)]
    assert counts == [8192, 6666, 4096]


def test_the_command_repeats_the_run():
    """Only what differs from the defaults; lists and flags as the command line takes them."""
    config = ReconstructConfig(exposure=True, scale_by=("a.jpg", "b.jpg", 1.5), masks=Path("m"), resume=True)
    words = command_line(Path("p"), Path("s"), Path("t.json"), config)
    assert words[:6] == ["splatmatch", "reconstruct", "p", "--out", "s", "--poses"]
    assert " ".join(words[6:]) == "t.json --masks m --scale-by a.jpg b.jpg 1.5 --exposure"
    assert "resume" not in options_of(config)
    json.dumps(options_of(config))
