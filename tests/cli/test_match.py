"""The match command: two photos, folders for other tools, inputs that cannot be matched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from PIL import Image

import splatmatch
from splatmatch.cli.main import main
from splatmatch.formats.hloc import read_hloc_features, read_hloc_matches
from splatmatch.formats.images import read_image, write_image
from splatmatch.formats.matches_npz import read_matches_npz
from splatmatch.matchers.match_journal import MatchJournal
from splatmatch.solvers.pycolmap import load
from tests.matchers.shifted_photos import SHIFTS, SIZE, texture, write_photos

SIFT = ["--model", "sift"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("match") / "photos")


def words(folder, *names):
    return ["match", *(str(folder / name) for name in names), *SIFT]


def test_two_photos(photos, tmp_path, capsys):
    """Counts, the same-place score, the file, the picture and the JSON of two overlapping photos."""
    out, plot, report = tmp_path / "m.npz", tmp_path / "p.png", tmp_path / "m.json"
    files = ["--out", str(out), "--plot", str(plot), "--json", str(report)]
    assert main([*words(photos, "0.png", "2.png"), *files]) == 0
    said = capsys.readouterr().out
    assert "sift: " in said and "same place: yes" in said and "one plane" in said and "verified by poselib" in said
    stored = read_matches_npz(out)
    assert stored.inliers.sum() > 50 and stored.matches.size_a == SIZE
    shift = np.median(stored.matches.points_a - stored.matches.points_b, axis=0)
    assert shift == pytest.approx(np.subtract(SHIFTS[2], SHIFTS[0]), abs=0.05)
    assert read_image(plot).shape[1] == 2 * round(SIZE[0] * 480 / SIZE[1]) + 8
    facts = json.loads(report.read_text())
    assert "poselib" in facts["protocol"] and facts["items"][0]["inliers"] == int(stored.inliers.sum())
    assert facts["mean"]["same_place"] > 0.9


def test_no_overlap_means_no_verified_matches(photos, tmp_path, capsys):
    """Another texture: the score says so, the file marks no match as verified."""
    other = write_photos(tmp_path / "other", SHIFTS[:1], seed=99)
    out = tmp_path / "m.npz"
    assert main(["match", str(photos / "0.png"), str(other / "0.png"), *SIFT, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "same place: no evidence" in said and "no match is verified" in said and "matrix" not in said
    assert not read_matches_npz(out).inliers.any()


def test_identical_photos(photos, capsys):
    """All match; no geometry is claimed that they cannot tell."""
    assert main(words(photos, "0.png", "0.png")) == 0
    said = capsys.readouterr().out
    assert "same place: yes" in said and "one plane" in said


def odd_photos(folder):
    """One texture as users' files come: portrait, 16 bits, grey, alpha, tiny, uniform, and larger."""
    whole = texture()
    folder.mkdir()
    write_image(folder / "landscape.png", whole[:240, :320])
    write_image(folder / "portrait.png", whole[:320, 60:300])
    grey = cv2.cvtColor(whole[:240, :320], cv2.COLOR_RGB2GRAY)
    Image.fromarray(grey).save(folder / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "deep.png")
    alpha = np.dstack([whole[:240, :320], np.full((240, 320), 255, np.uint8)])
    Image.fromarray(alpha).save(folder / "alpha.png")
    write_image(folder / "large.png", cv2.resize(whole[:240, :320], (1280, 960)))
    write_image(folder / "tiny.png", whole[:8, :8])
    write_image(folder / "even.png", np.full((240, 320, 3), 90, np.uint8))
    return folder


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return odd_photos(tmp_path_factory.mktemp("odd") / "photos")


@pytest.mark.parametrize("name", ["portrait", "grey", "deep", "alpha", "large"])
def test_photos_of_all_kinds_match(odd, name, tmp_path, capsys):
    """They show the same place, and are drawn beside each other whatever their shapes."""
    plot = tmp_path / "p.png"
    assert main([*words(odd, "landscape.png", f"{name}.png"), "--plot", str(plot)]) == 0
    assert "same place: yes" in capsys.readouterr().out
    assert read_image(plot).shape[0] > 900


@pytest.mark.parametrize("name", ["tiny", "even"])
def test_photos_without_anything_to_match(odd, name, tmp_path, capsys):
    """8 x 8 pixels, one colour: no matches, no error, no invented geometry."""
    plot, out = tmp_path / "p.png", tmp_path / "m.npz"
    assert main([*words(odd, "landscape.png", f"{name}.png"), "--plot", str(plot), "--out", str(out)]) == 0
    assert "same place: no evidence (0.00)" in capsys.readouterr().out
    assert not read_matches_npz(out).inliers.any()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["{0}", "{0}", "--model", "sfit"], "did you mean sift"),
        (["{0}"], "1 photos are no pair"),
        (["nowhere.png"], "nowhere.png: no such file"),
        (["{0}", "nowhere.png"], "nowhere.png: no such image"),
        (["{0}", "{0}", "{0}"], "3 photos are no pair"),
        (["{0}", "{0}", "--intrinsics", "exif"], "EXIF does not state"),
        (["{0}", "{0}", "--intrinsics", "-3"], "positive number"),
        (["{0}", "{0}", "--intrinsics", "1/2/3"], "3 cameras"),
        (["{0}", "{0}", "--work", "w"], "--work is for folders"),
        (["{folder}"], "--out PATH missing"),
        (["{folder}", "--out", "d.db", "--plot", "p.png"], "--plot is for two photos"),
        (["{folder}", "--out", "{folder}"], "is a folder"),
        (["{folder}", "--out", "d.db", "--pairs", "al"], "--pairs al: no such file"),
        (["{folder}", "--out", "d.db", "--partners", "0"], "1 or more"),
    ],
)
def test_what_cannot_be(photos, arguments, complaint, tmp_path, monkeypatch, capsys):
    """Exit code 2, one line that says what is wrong, nothing written."""
    monkeypatch.chdir(tmp_path)
    filled = [argument.format(photos / "0.png", folder=photos) for argument in arguments]
    assert main(["match", *filled]) == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_pose_from_intrinsics(tmp_path, capsys):
    """With the camera given, b_from_a is printed instead of the fundamental matrix."""
    folder = tmp_path / "photos"
    whole = texture()
    folder.mkdir()
    # Two planes at different depths: the upper half moves by 24 px, the lower by 48.
    a = np.concatenate([whole[:120, :320], whole[120:240, :320]])
    b = np.concatenate([whole[:120, 24:344], whole[120:240, 48:368]])
    write_image(folder / "a.png", a)
    write_image(folder / "b.png", b)
    assert main([*words(folder, "a.png", "b.png"), "--intrinsics", "300"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    pose = np.array(rows, float)
    assert pose[:, :3] == pytest.approx(np.eye(3), abs=0.02)
    assert pose[:, 3] == pytest.approx([-1, 0, 0], abs=0.05)


def test_a_folder_for_colmap(photos, tmp_path, capsys):
    """Names, keypoints and verified pairs in the database; the work folder is gone."""
    out = tmp_path / "database.db"
    assert main(["match", str(photos), *SIFT, "--pairs", "all", "--out", str(out)]) == 0
    assert "4 photos, 6 pairs, 6 with matches, 6 pairs verified" in capsys.readouterr().out
    with load().Database.open(out) as database:
        assert [image.name for image in database.read_all_images()] == [f"{k}.png" for k in range(4)]
    assert [path.name for path in tmp_path.iterdir()] == ["database.db"]


def test_a_folder_for_hloc_and_numpy(photos, tmp_path, capsys):
    """The same matches in both, read by name; pairs from a list."""
    listed = tmp_path / "list.txt"
    listed.write_text("3.png 0.png\n1.png 2.png\n")
    common = ["match", str(photos), *SIFT, "--pairs", str(listed), "--work", str(tmp_path / "work")]
    assert main([*common, "--to", "hloc", "--out", str(tmp_path / "hloc")]) == 0
    assert main([*common, "--to", "npz", "--out", str(tmp_path / "npz")]) == 0
    assert "2 of 2 pairs are matched already" in capsys.readouterr().err
    assert (tmp_path / "hloc" / "pairs.txt").read_text() == "0.png 3.png\n1.png 2.png\n"
    features = read_hloc_features(tmp_path / "hloc" / "features.h5", "3.png")
    pair = read_hloc_matches(tmp_path / "hloc" / "matches.h5", "0.png", "3.png")
    stored = read_matches_npz(tmp_path / "npz" / "0.png_3.png.npz")
    assert len(features) == len(stored.keypoints_b) and len(pair.rows) == len(stored.matches) > 20
    assert {tuple(r) for r in pair.rows.tolist()} == {tuple(r) for r in stored.matches.rows.tolist()}
    assert sorted(p.name for p in (tmp_path / "npz").iterdir()) == ["0.png_3.png.npz", "1.png_2.png.npz", "pairs.txt"]


def test_a_folder_with_a_damaged_photo(photos, tmp_path, capsys):
    """It is left out and named."""
    folder = write_photos(tmp_path / "photos")
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:900])
    (folder / "2.png").write_bytes(b"nothing")
    out = ["--out", str(tmp_path / "d.db")]
    assert main(["match", str(folder), *SIFT, "--pairs", "sequential", *out]) == 0
    said = capsys.readouterr().out
    assert "left out 1.png" in said and "left out 2.png" in said and "2 photos, 1 pairs" in said


def test_a_list_with_an_unknown_name(photos, tmp_path, capsys):
    """One line with the closest name."""
    listed = tmp_path / "list.txt"
    listed.write_text("0.png 11.png\n")
    out = ["--out", str(tmp_path / "d.db")]
    assert main(["match", str(photos), *SIFT, "--pairs", str(listed), *out]) == 2
    assert "11.png" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path):
    """kill -9 in the middle of the pairs; the next run matches only what is left and gives what a whole run gives."""
    folder = write_photos(tmp_path / "photos", [(2 * k, k) for k in range(10)])
    out, work = tmp_path / "npz", tmp_path / "work"
    command = [
        sys.executable,
        "-m",
        "splatmatch.cli.main",
        "match",
        str(folder),
        *SIFT,
        "--pairs",
        "all",
        "--to",
        "npz",
    ]
    command += ["--out", str(out), "--work", str(work)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and (not (work / "matches").exists() or (work / "matches").stat().st_size < 50_000):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    with MatchJournal(work / "matches") as journal:
        before = len(journal)
    assert 0 < before < 45
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{before} of 45 pairs are matched already" in again.stderr
    assert len(list(out.glob("*.npz"))) == 45


def test_match_is_a_function(photos):
    """splatmatch.match, called twice, from files and from pixels; verified matches only where the place is the same."""
    found = splatmatch.match(photos / "0.png", photos / "1.png", "sift")
    again = splatmatch.match(read_image(photos / "0.png"), read_image(photos / "1.png"), "sift")
    assert (found.matches.points_a == again.matches.points_a).all()
    assert len(found.verified) == found.geometry.inliers.sum() > 50
    apart = splatmatch.match(photos / "0.png", np.full((90, 90, 3), 7, np.uint8), "sift")
    assert len(apart.verified) == 0 and apart.place.score == 0
