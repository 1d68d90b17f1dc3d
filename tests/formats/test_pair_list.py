"""Pair lists: read, written, damaged."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.pair_list import (
    PairList,
    PosedPair,
    read_name_pairs,
    read_pair_list,
    read_pair_lists,
    write_pair_list,
)
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose
from tests.conftest import data_folder

PINHOLE = DistortedCamera("PINHOLE", 640, 480, (500.0, 510.0, 320.0, 240.0))
BENT = DistortedCamera("OPENCV", 640, 480, (500.0, 510.0, 320.0, 240.0, 0.1, -0.05, 0.001, 0.0))


def sample(tmp_path) -> PairList:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b 2.jpg"):
        (folder / name).write_bytes(b"")
    pose = Pose.from_quaternion([0.9, 0.1, -0.2, 0.05], [1.0, 2.0, 3.0])
    return PairList("sample", folder, (PosedPair("a.jpg", "b 2.jpg", PINHOLE, BENT, pose, 0.4),), "made up")


def damaged(tmp_path, **changes):
    """The sample list on disk with the first pair changed; None removes a key."""
    path = tmp_path / "list.json"
    write_pair_list(path, sample(tmp_path))
    data = json.loads(path.read_text())
    for key, value in changes.items():
        target = data if key in data else data["pairs"][0]
        target.pop(key, None)
        if value is not None:
            target[key] = value
    path.write_text(json.dumps(data))
    return path


def test_round_trip(tmp_path):
    before = sample(tmp_path)
    write_pair_list(tmp_path / "lists" / "sample.json", before)
    (after,) = read_pair_lists(tmp_path / "lists")
    assert (after.name, after.note) == ("sample", "made up")
    pair = after.pairs[0]
    assert (pair.name_a, pair.name_b, pair.camera_a, pair.camera_b) == ("a.jpg", "b 2.jpg", PINHOLE, BENT)
    assert torch.allclose(pair.b_from_a.matrix, before.pairs[0].b_from_a.matrix, atol=1e-15)
    assert pair.overlap == 0.4
    assert after.folder.samefile(before.folder)


def test_a_rounded_rotation_becomes_exact(tmp_path):
    matrix = np.eye(4)
    matrix[0, 1] = 2e-3
    pose = read_pair_list(damaged(tmp_path, T_0to1=matrix.tolist())).pairs[0].b_from_a
    assert torch.allclose(pose.rotation @ pose.rotation.T, torch.eye(3, dtype=torch.float64), atol=1e-15)
    assert float(pose.rotation[0, 1]) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"T_0to1": [[math.nan] * 4] * 4}, "NaN"),
        ({"T_0to1": np.diag([1.0, 1, -1, 1]).tolist()}, "not a rotation"),
        ({"T_0to1": np.diag([2.0, 2, 2, 1]).tolist()}, "not a rotation"),
        ({"T_0to1": np.eye(3).tolist()}, "T_0to1"),
        ({"T_0to1": np.ones((4, 4)).tolist()}, "last row"),
        ({"K0": [[1, 2, 3], [0, 1, 0], [0, 0, 1]]}, "skew"),
        ({"K1": [[-5.0, 0, 3], [0, 1, 0], [0, 0, 1]]}, "focal length"),
        ({"size1": [640, 0]}, "not a camera"),
        ({"size1": [640.5, 480]}, "whole numbers"),
        ({"dist1": [1.0, 2.0]}, "dist1"),
        ({"name0": None}, "name0"),
        ({"name0": "../../etc/passwd"}, "etc/passwd"),
        ({"pairs": []}, "no pairs"),
        ({"pairs": [1]}, "pairs"),
        ({"folder": None}, "folder"),
    ],
)
def test_damaged_lists_are_one_clear_line(tmp_path, changes, message):
    with pytest.raises(FormatError, match=message) as caught:
        read_pair_list(damaged(tmp_path, **changes))
    assert "list.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_images_are_named(tmp_path):
    path = damaged(tmp_path)
    (tmp_path / "photos" / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"a\.jpg is missing"):
        read_pair_list(path)
    with pytest.raises(InputError, match="no such file"):
        read_pair_list(tmp_path / "none.json")
    with pytest.raises(InputError, match="no pair lists"):
        read_pair_lists(tmp_path / "photos")


def test_name_pairs_as_hloc_writes_them(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("# comment\na.jpg b/c.jpg\nb/c.jpg a.jpg\n\na.jpg\td e.jpg\n")
    assert read_name_pairs(path) == (("a.jpg", "b/c.jpg"), ("a.jpg", "d e.jpg"))
    path.write_text("a.jpg d e.jpg\n")
    assert read_name_pairs(path, {"a.jpg", "d e.jpg"}) == (("a.jpg", "d e.jpg"),)
    with pytest.raises(FormatError, match=r"line 1.*not two names"):
        read_name_pairs(path)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"a.jpg c.jgp\n", InputError, r"line 1: there is no image c\.jgp; did you mean c\.jpg"),
        (b"a.jpg\n", FormatError, "not two names"),
        (b"a.jpg a.jpg\n", FormatError, "with itself"),
        (b"\n#\n", FormatError, "no pairs"),
        (b"\xff\xfe\x00", FormatError, "not a text file"),
    ],
)
def test_bad_name_pairs(tmp_path, content, error, message):
    path = tmp_path / "pairs.txt"
    path.write_bytes(content)
    with pytest.raises(error, match=message):
        read_name_pairs(path, {"a.jpg", "c.jpg"})


@pytest.mark.data
def test_the_real_lists_are_read():
    lists = {found.name: found for found in read_pair_lists(data_folder("pairs"))}
    assert len(lists["strecha_fountain_P11"].pairs) == 39
    assert lists["ingp_fox"].pairs[0].camera_a.model == "OPENCV"
    assert lists["superglue_scannet15"].pairs[0].camera_a.is_pinhole
    assert len(lists["strecha_fountain_P11"].every(2).pairs) == 20
