"""The whole job: exact labels, the same bytes whatever happens on the way, and one clear line for every bad input."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from splatmatch.errors import InputError
from splatmatch.formats.scene_folder import save_scene
from splatmatch.formats.splat_files import write_splat
from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.pose import Pose
from splatmatch.pairs import generate as generating
from splatmatch.pairs.appearance import NEUTRAL
from splatmatch.pairs.generate import GenerateConfig, generate
from splatmatch.pairs.labels import LabelConfig, both_correspondences
from splatmatch.pairs.lighting import SAME_LIGHT
from splatmatch.pairs.opening import parse_scenes
from splatmatch.pairs.reader import ShardReader
from splatmatch.pairs.selection import BANDS
from splatmatch.pairs.viewpoints import ViewpointConfig

from .splat_worlds import ball_splat, room_depth, room_scene

SMALL = GenerateConfig(pairs=5, size=(64, 48), per_shard=2)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A faithful room, a vanilla one, and a ball without cameras."""
    root = tmp_path_factory.mktemp("scenes")
    save_scene(room_scene(), root / "room")
    save_scene(room_scene(faithful=False), root / "vanilla")
    write_splat(ball_splat(), root / "ball.ply")
    return root


@pytest.fixture(scope="module")
def made(scenes, tmp_path_factory):
    """Five pairs of the room."""
    folder = tmp_path_factory.mktemp("made") / "pairs"
    return generate([str(scenes / "room")], folder, SMALL)


class Lines:
    def __init__(self):
        self.said = []

    def update(self, stage, fraction=None, text=""):
        pass

    def say(self, line):
        self.said.append(line)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_labels_of_a_splat_hit_the_exact_point(made):
    """End-point error against the walls themselves, pixels seen by both: median 0.25 px, 95 % below 1 px."""
    errors = []
    for sample in ShardReader(made.folder):
        forward, _ = both_correspondences(sample)
        pose = Pose.from_matrix(sample.provenance.applied["a"]["camera_from_scene"])
        other = Pose.from_matrix(sample.provenance.applied["b"]["camera_from_scene"])
        np.testing.assert_allclose((other @ pose.inverse()).matrix, sample.b_from_a.matrix, atol=1e-9)
        camera = sample.a.camera
        points = camera.unproject(camera.pixel_centres(torch.float64), torch.from_numpy(room_depth(camera, pose)))
        exact = sample.b.camera.project(sample.b_from_a.apply(points)).numpy()
        errors.append(np.linalg.norm(forward.target - exact, axis=2)[forward.covisible])
    errors = np.concatenate(errors)
    assert len(errors) > 2000
    assert np.median(errors) < 0.25 and np.quantile(errors, 0.95) < 1.0


def test_what_is_recorded_can_be_recomputed_from_the_sample_alone(made):
    """Overlaps, scale ratio and the index's counts."""
    index = json.loads((made.folder / "index.json").read_text())
    bands = dict.fromkeys(index["statistics"]["overlap"], 0)
    from splatmatch.pairs.making import OVERLAP

    for sample in ShardReader(made.folder, on_corrupt="error"):
        forward, backward = both_correspondences(sample, OVERLAP)
        assert sample.overlap_ab == pytest.approx(forward.overlap, abs=0.01)
        assert sample.overlap_ba == pytest.approx(backward.overlap, abs=0.01)
        assert sample.provenance.depth_mode == "plane" and sample.provenance.source == "scene"
        zoom = [sample.provenance.applied[side]["move"]["zoom"] for side in "ab"]
        assert sample.a.camera.fx / sample.b.camera.fx == pytest.approx(zoom[0] / zoom[1])
        low = max((edge for edge in BANDS[:-1] if edge <= sample.overlap), default=None)
        bands["0-0.1" if low is None else f"{low}-{BANDS[BANDS.index(low) + 1]}"] += 1
    assert bands == index["statistics"]["overlap"]
    facts = index["statistics"]["scenes"]["room"]
    assert facts["pairs"] == 5 and facts["depth_mode"] == "plane" and facts["views"] >= 40
    assert index["job"]["config"]["seed"] == 0 and index["samples"] == 5


def test_the_bytes_do_not_depend_on_the_number_of_workers(scenes, made, tmp_path):
    generate([str(scenes / "room")], tmp_path / "p", SMALL, workers=2)
    assert contents(tmp_path / "p") == contents(made.folder)


def test_another_seed_makes_other_pairs(scenes, made, tmp_path):
    generate([str(scenes / "room")], tmp_path / "p", dataclasses.replace(SMALL, seed=1, pairs=1))
    assert (
        ShardReader(tmp_path / "p")[0].b_from_a.matrix.tolist() != ShardReader(made.folder)[0].b_from_a.matrix.tolist()
    )


def test_a_job_that_was_killed_goes_on_to_the_same_bytes(scenes, made, tmp_path):
    """kill -9 as soon as some pair is there, twice; then --resume."""
    folder = tmp_path / "p"
    code = (
        "import sys\nfrom pathlib import Path\nfrom splatmatch.pairs.generate import GenerateConfig, generate\n"
        "generate([sys.argv[1]], Path(sys.argv[2]), GenerateConfig(pairs=5, size=(64, 48), per_shard=2),"
        " resume=True, workers=int(sys.argv[3]))"
    )
    for wanted, workers in ((1, "1"), (3, "2")):
        job = [sys.executable, "-c", code, str(scenes / "room"), str(folder), workers]
        process = subprocess.Popen(job, env=os.environ | {"OMP_NUM_THREADS": "1"})
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if sum(path.stat().st_size > 0 for path in folder.glob("*.tar*")) >= (wanted + 1) // 2:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    generate([str(scenes / "room")], folder, SMALL, resume=True)
    assert contents(folder) == contents(made.folder)
    again = generate([str(scenes / "room")], folder, SMALL, resume=True)
    assert again.made == 0 and again.statistics == made.statistics


def test_a_resumed_job_must_be_the_same_job(scenes, made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "p")
    with pytest.raises(InputError, match="begun with another config"):
        generate([str(scenes / "room")], tmp_path / "p", dataclasses.replace(SMALL, seed=7), resume=True)
    with pytest.raises(InputError, match="begun with another scenes"):
        generate([str(scenes / "vanilla")], tmp_path / "p", SMALL, resume=True)
    with pytest.raises(InputError, match="holds pairs already"):
        generate([str(scenes / "room")], tmp_path / "p", SMALL)


def test_a_bare_splat_gives_pairs_whose_empty_pixels_have_no_label(scenes, tmp_path):
    lines = Lines()
    config = dataclasses.replace(SMALL, pairs=3, look_from="around", gaussian_ids=True)
    result = generate([str(scenes / "ball.ply")], tmp_path / "p", config, progress=lines)
    assert any(line.startswith("ball: ") and "cross-view error" in line for line in lines.said)
    facts = result.statistics["scenes"]["ball"]
    assert facts["depth_mode"] in ("plane", "median") and set(facts["cross_view_error"]) == {"plane", "median"}
    for sample in ShardReader(tmp_path / "p", on_corrupt="error"):
        for image in (sample.a, sample.b):
            assert not image.valid.all() and image.valid.any()
            assert (image.depth[~image.valid] == 0).all() and (image.gaussian_ids[image.valid] >= 0).all()
        forward, _ = both_correspondences(sample, LabelConfig())
        assert not (forward.covisible & ~sample.a.valid).any()


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_pairs_of_a_tiny_or_huge_scene_are_those_of_the_scene_scaled(scale, tmp_path):
    pairs = []
    for name, factor in (("one", 1.0), ("other", scale)):
        frame = Similarity(factor, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))
        scene = room_scene()
        views = tuple(
            dataclasses.replace(view, camera_from_world=frame.apply_pose(view.camera_from_world))
            for view in scene.views
        )
        scene = dataclasses.replace(scene, views=views, gaussians=scene.gaussians.transformed(frame))
        save_scene(scene, tmp_path / name)
        config = dataclasses.replace(SMALL, pairs=1, appearance=NEUTRAL, lighting=SAME_LIGHT)
        generate([str(tmp_path / name)], tmp_path / f"{name}-pairs", config)
        pairs.append(ShardReader(tmp_path / f"{name}-pairs")[0])
    np.testing.assert_allclose(pairs[1].b_from_a.translation, scale * pairs[0].b_from_a.translation, rtol=1e-3)
    both = pairs[0].a.valid & pairs[1].a.valid
    assert both.mean() > 0.8
    np.testing.assert_allclose(np.median(pairs[1].a.depth[both] / pairs[0].a.depth[both]), scale, rtol=1e-4)
    assert pairs[1].overlap == pytest.approx(pairs[0].overlap, abs=0.02)


def test_synthetic_scenes_have_exact_labels_and_new_seeds_each_round(tmp_path):
    config = dataclasses.replace(SMALL, pairs=2)
    result = generate(["synthetic:table:3"], tmp_path / "p", config)
    assert result.statistics["scenes"]["table-3"]["depth_mode"] == "exact"
    sample = ShardReader(tmp_path / "p")[0]
    assert sample.scene == "table-3" and sample.provenance.licence == "CC0-1.0"
    assert np.median(sample.a.sigma[sample.a.valid]) < 0.05
    spec = parse_scenes(("synthetic:room",))[0]
    assert len({spec.seed(0, turn) for turn in range(5)} | {spec.seed(1, 0)}) == 6


def test_geometry_that_was_not_fitted_is_a_warning_or_an_error(scenes, tmp_path):
    lines = Lines()
    generate([str(scenes / "vanilla")], tmp_path / "p", dataclasses.replace(SMALL, pairs=1), progress=lines)
    assert sum("vanilla: its geometry was not fitted faithfully" in line for line in lines.said) == 1
    with pytest.raises(InputError, match=r"not fitted faithfully.*--geometry faithful"):
        generate([str(scenes / "vanilla")], tmp_path / "q", SMALL, strict=True)
    lines = Lines()
    generate([str(scenes / "room")], tmp_path / "r", dataclasses.replace(SMALL, pairs=1), strict=True, progress=lines)
    assert not any("faithful" in line for line in lines.said)


def test_scenes_are_drawn_from_alike(scenes, tmp_path):
    config = dataclasses.replace(SMALL, pairs=6)
    result = generate([str(scenes / "room"), str(scenes / "vanilla")], tmp_path / "p", config)
    assert abs(result.statistics["scenes"]["room"]["pairs"] - result.statistics["scenes"]["vanilla"]["pairs"]) <= 1


def test_without_zoom_nothing_is_zoomed_and_a_curriculum_starts_easy(scenes, tmp_path):
    still = ViewpointConfig(least_zoom=1.0, most_zoom=1.0)
    config = dataclasses.replace(SMALL, pairs=6, viewpoints=still, order="curriculum")
    generate([str(scenes / "room")], tmp_path / "p", config)
    samples = list(ShardReader(tmp_path / "p"))
    assert all(sample.a.camera == sample.b.camera for sample in samples)
    assert samples[0].overlap > samples[-1].overlap


def test_a_disk_that_is_too_small_is_said_before_it_is_full(scenes, tmp_path, monkeypatch):
    lines = Lines()
    monkeypatch.setattr(generating.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 0, 10_000))
    with pytest.raises(InputError, match=r"GB are needed; free some space .* --resume"):
        generate([str(scenes / "room")], tmp_path / "p", SMALL, progress=lines)
    monkeypatch.undo()
    generate([str(scenes / "room")], tmp_path / "p", SMALL, resume=True)
    assert any("MB per pair" in line and "GB still needed" in line for line in lines.said)


def test_bad_input_is_one_clear_line(scenes, tmp_path):
    glass = ball_splat()
    glass.logit_opacities.fill_(-6.0)
    write_splat(glass, tmp_path / "glass.ply")
    bare = dataclasses.replace(room_scene(), gaussians=None)
    save_scene(bare, tmp_path / "bare")
    for scene, message in (
        (str(tmp_path / "glass.ply"), "no opaque matter"),
        (str(tmp_path / "bare"), "holds no splat"),
        (str(tmp_path / "nothing"), "no such scene folder or splat file"),
        ("synthetic:moon", "there is no scene synthetic:moon"),
        ("synthetic:room:x", "there is no scene synthetic:room:x"),
    ):
        with pytest.raises(InputError, match=message):
            generate([scene], tmp_path / "p", SMALL)
        shutil.rmtree(tmp_path / "p", ignore_errors=True)
    with pytest.raises(InputError, match="no scenes"):
        generate([], tmp_path / "p", SMALL)
    with pytest.raises(InputError, match="at least"):
        GenerateConfig(pairs=0)


def test_cameras_inside_matter_give_no_pairs_but_reasons(tmp_path):
    scene = room_scene()
    inside = Pose(torch.eye(3, dtype=torch.float64), torch.tensor([0.0, 0.0, -1.199], dtype=torch.float64))
    views = tuple(dataclasses.replace(view, camera_from_world=inside) for view in scene.views)
    save_scene(dataclasses.replace(scene, views=views), tmp_path / "stuck")
    with pytest.raises(InputError, match=r"no pairs can be made: stuck: of 40 views"):
        generate([str(tmp_path / "stuck")], tmp_path / "p", SMALL)


def test_names_of_scenes_are_unique_and_plain(scenes):
    specs = parse_scenes((str(scenes / "room"), str(scenes / "ball.ply"), str(scenes / "room"), "synthetic:room"))
    assert [spec.name for spec in specs] == ["room", "ball", "room-2", "room-3"]
    (scenes / "sog" / "2_0").mkdir(parents=True)
    (scenes / "sog" / "2_0" / "means.webp").write_bytes(b"some")
    chunks = parse_scenes((str(scenes / "sog"),))[0]
    before = chunks.fingerprint()
    (scenes / "sog" / "2_0" / "means.webp").write_bytes(b"other")
    assert chunks.name.endswith("-sog") and before and chunks.fingerprint() != before
    assert specs[0].fingerprint() != parse_scenes((str(scenes / "vanilla"),))[0].fingerprint()
