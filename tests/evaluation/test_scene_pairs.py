"""Pair lists made from posed scenes."""

from __future__ import annotations

import pytest
import torch

from splatmatch.errors import InputError
from splatmatch.evaluation.matching.scene_pairs import ScenePairsConfig, scene_pairs
from splatmatch.formats.images import write_image
from splatmatch.formats.pair_list import read_pair_list, write_pair_list
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import SparsePoints, Tracks

CAMERA = DistortedCamera("PINHOLE", 40, 40, (20.0, 20.0, 20.0, 20.0))


def capture(folder, tracks: Tracks | None = None, points: bool = True) -> PosedCapture:
    """Cameras at x = 0, 1, 2 .. 5 that look along z at a row of 101 points from x = -2 to 8 at z = 2."""
    images = []
    for index in range(6):
        path = folder / "images" / f"{index}.png"
        write_image(path, torch.zeros(40, 40, 3).numpy())
        pose = Pose(torch.eye(3).double(), torch.tensor([-float(index), 0, 0], dtype=torch.float64))
        images.append(PosedImage(path.name, CAMERA, pose, path))
    x = torch.linspace(-2, 8, 101, dtype=torch.float64)
    positions = torch.stack([x, torch.zeros(101).double(), torch.full((101,), 2.0).double()], 1)
    sparse = SparsePoints(positions, torch.zeros(101, 3, dtype=torch.uint8), torch.zeros(101).double(), tracks)
    return PosedCapture(tuple(images), sparse if points else SparsePoints.empty())


def test_overlap_is_the_smaller_share_of_common_points(tmp_path):
    """Each camera sees 4 units of the row; neighbours share 3 of them, and so on."""
    found = scene_pairs(capture(tmp_path), "row", ScenePairsConfig(100, 0.2))
    overlaps = {(pair.name_a, pair.name_b): pair.overlap for pair in found.pairs}
    assert overlaps["0.png", "1.png"] == pytest.approx(0.75, abs=0.03)
    assert overlaps["2.png", "4.png"] == pytest.approx(0.5, abs=0.03)
    assert len(overlaps) == 5 + 4
    assert torch.allclose(found.pairs[0].b_from_a.rotation, torch.eye(3).double())
    assert found.folder == tmp_path / "images"


def test_directions_farther_apart_do_not_count(tmp_path):
    """Cameras 3 units apart share 1 unit of the row, but see it 74 degrees apart."""
    near = scene_pairs(capture(tmp_path), "row", ScenePairsConfig(100, 0.01))
    assert {int(pair.name_b[0]) - int(pair.name_a[0]) for pair in near.pairs} == {1, 2}


def test_tracks_say_what_a_view_sees(tmp_path):
    rows = torch.arange(30, 50)
    tracks = Tracks(
        torch.cat([rows, rows + 5]), torch.tensor([0] * 20 + [1] * 20), torch.zeros(40, 2, dtype=torch.float64)
    )
    found = scene_pairs(capture(tmp_path, tracks), "row", ScenePairsConfig(100, 0.1))
    assert [(pair.name_a, pair.name_b) for pair in found.pairs] == [("0.png", "1.png")]


def test_pairs_are_spread_over_the_overlaps_and_can_be_stored(tmp_path):
    found = scene_pairs(capture(tmp_path), "row", ScenePairsConfig(3, 0.2))
    overlaps = [pair.overlap for pair in found.pairs]
    assert overlaps == pytest.approx([0.5, 0.75, 0.75], abs=0.03)
    write_pair_list(tmp_path / "row.json", found)
    again = read_pair_list(tmp_path / "row.json")
    assert [pair.overlap for pair in again.pairs] == overlaps


def test_without_points_pairs_are_spread_over_the_angle(tmp_path):
    found = scene_pairs(capture(tmp_path, points=False), "row", ScenePairsConfig(4))
    assert len(found.pairs) == 4
    assert found.pairs[0].overlap is None


def test_scenes_without_pairs_are_refused(tmp_path):
    whole = capture(tmp_path)
    with pytest.raises(InputError, match=r"no two photos have an overlap of 0\.9"):
        scene_pairs(whole, "row", ScenePairsConfig(10, 0.9))
    with pytest.raises(InputError, match="needs two posed photos, here are 1"):
        scene_pairs(PosedCapture(whole.images[:1], whole.points), "row")
    with pytest.raises(InputError, match="give 1 or more"):
        scene_pairs(whole, "row", ScenePairsConfig(0))
