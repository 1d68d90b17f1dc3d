"""``splatmatch evaluate pairs`` from the outside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from splatmatch.formats.images import write_image
from splatmatch.formats.pair_list import PairList, PosedPair, write_pair_list
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose
from tests.conftest import data_folder


@pytest.fixture
def lists(tmp_path, monkeypatch):
    """Two lists of one pair each: a textured plane before a camera that moves sideways."""
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path / "cache"))
    import cv2

    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (300, 460, 3), np.uint8), (0, 0), 2)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    write_image(tmp_path / "photos" / "a.png", texture[:240, :320])
    write_image(tmp_path / "photos" / "b.png", texture[:240, 25:345])
    camera = DistortedCamera("PINHOLE", 320, 240, (300.0, 300.0, 160.0, 120.0))
    pose = Pose.from_quaternion([1, 0, 0, 0], [-0.25, 0, 0])
    for name in ("one", "two"):
        pairs = (PosedPair("a.png", "b.png", camera, camera, pose),)
        write_pair_list(tmp_path / "lists" / f"{name}.json", PairList(name, tmp_path / "photos", pairs))
    return tmp_path / "lists"


def test_table_page_and_json(splatmatch, lists, tmp_path):
    out = splatmatch(
        "evaluate", "pairs", "--data", lists, "--models", "sift", "--out", tmp_path / "page.html", "--worst", 1,
        "--json", tmp_path / "result.json",
    )  # fmt: skip
    assert out.code == 0, out.err
    assert "pairs/poselib-1px@640 version 1" in out.out
    assert "mean of lists" in out.out
    result = json.loads((tmp_path / "result.json").read_text())
    assert result.keys() == {"protocol", "config", "mean", "items"}
    assert [item["list"] for item in result["items"]] == ["one", "two"]
    assert result["items"][0]["precision_pixels"] > 0.9
    assert "data:image/jpeg" in (tmp_path / "page.html").read_text()
    assert list((tmp_path / "cache" / "predictions").glob("sift-*/*.npz"))


def test_one_list_of_several(splatmatch, lists):
    out = splatmatch("evaluate", "pairs", "--data", lists, "--models", "sift", "--lists", "two")
    assert out.code == 0
    assert "two" in out.out and "one " not in out.out and "mean of lists" not in out.out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "either --data or --scene"),
        (("--data", "{lists}", "--scene", "{lists}"), "either --data or --scene"),
        (("--data", "{lists}", "--models", "sfit"), "did you mean sift"),
        (("--data", "{lists}", "--models", ","), "names no matcher"),
        (("--data", "{lists}", "--models", "sift,sift"), "twice"),
        (("--data", "{lists}", "--models", "sift", "--baseline", "xfeat"), "baseline xfeat"),
        (("--data", "{lists}", "--lists", "three"), "holds no list three"),
        (("--data", "{lists}", "--out", "page.png"), "no .html file"),
        (
            (
                "--data",
                "{lists}/none",
            ),
            "no such file",
        ),
        (("--data", "{lists}", "--every", "0"), "1 or more"),
        (("--data", "{lists}", "--protocol", "pairs/mine"), "is not one of"),
    ],
)
def test_bad_calls_are_one_line(splatmatch, lists, words, line):
    out = splatmatch("evaluate", "pairs", *(word.format(lists=lists) for word in words))
    assert out.code == 2
    assert line in out.line


def test_a_scene_makes_its_own_list(splatmatch, scene_folder, tmp_path):
    words = ("--scene", scene_folder, "--models", "sift", "--cache", tmp_path / "kept", "--all-estimators")
    out = splatmatch("evaluate", "pairs", *words)
    assert out.code == 0, out.err
    assert "scene" in out.out and "opencv-magsac" in out.out and "pycolmap" in out.out


@pytest.mark.data
@pytest.mark.slow
def test_sift_on_fountain_is_what_was_measured(splatmatch, tmp_path):
    """Every tenth pair; the whole list gives AUC 96.9 / 98.4 / 99.2."""
    lists = data_folder("pairs")
    result = tmp_path / "result.json"
    out = splatmatch(
        "evaluate", "pairs", "--data", lists / "strecha_fountain_P11.json", "--models", "sift", "--every", "10",
        "--json", result, "--cache", tmp_path / "kept",
    )  # fmt: skip
    assert out.code == 0, out.err
    (row,) = [row for row in json.loads(result.read_text())["mean"]["rows"] if row["list"] != "mean of lists"]
    assert row["pairs"] == 4
    assert row["auc"][1] > 97
    assert row["median_error"] < 0.3
    assert row["precision_pixels"] > 80
