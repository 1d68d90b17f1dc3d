"""Structure from motion on the matches of another matcher."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.correspondence.pair_choice import PairOptions
from splatmatch.errors import InputError
from splatmatch.formats.images import write_image
from splatmatch.formats.keypoint_matches import read_keypoint_matches
from splatmatch.jobs.progress import Silent
from splatmatch.reconstruction import other_matcher
from splatmatch.reconstruction.cameras import cameras_from_photos
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.other_matcher import INSIDE, MatcherChoice, matches_by
from splatmatch.reconstruction.photos import find_photos
from splatmatch.reconstruction.reconstruct import reconstruct
from splatmatch.reconstruction.structure.features import PhotoFile
from tests.conftest import data_folder, weight_file
from tests.matchers.shifted_photos import SIZE, Watched, write_photos


@pytest.fixture
def watched(monkeypatch):
    """A matcher that is registered under no name but opened by any."""
    matcher = Watched()
    monkeypatch.setattr(other_matcher, "open_matcher", lambda name, **settings: matcher)
    return matcher


def files(folder, mask=None):
    return [PhotoFile(f"{k}.png", folder / f"{k}.png", True, 0, mask) for k in range(4)]


def test_the_one_inside_needs_nothing(tmp_path):
    assert matches_by(INSIDE, [], [], PairOptions(), tmp_path, Silent()) is None
    assert list(tmp_path.iterdir()) == []


def test_masked_matches_are_left_out(watched, tmp_path):
    """No match begins or ends where the mask of its photo is black; the same call again matches nothing anew."""
    folder = write_photos(tmp_path / "photos")
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, 100:] = 255
    write_image(tmp_path / "mask.png", mask)
    for _ in range(2):
        given = matches_by(
            MatcherChoice("any"), files(folder, tmp_path / "mask.png"), [SIZE] * 4, PairOptions(), tmp_path, Silent()
        )
    assert watched.matched == 6 and len(given.pairs) == 6 and given.problems == ()
    found = read_keypoint_matches(given.path)
    for (a, b), rows in found.rows.items():
        assert len(rows) > 10
        for side, photo in enumerate((a, b)):
            assert found.keypoints[photo][rows[:, side], 0].min() >= 100


def test_cameras_from_its_matches(watched, corner, tmp_path):
    """All eight photos of the corner, verified pairs and reprojection errors as with SIFT; the matcher is recorded."""
    config = ReconstructConfig(matcher="xfeat")
    photos = find_photos(corner[0], None, Silent())
    options = config.structure(len(photos.photos), 1)
    found = cameras_from_photos(photos, options, "auto", None, tmp_path, Silent(), MatcherChoice("any"))
    assert len(found.capture.images) == 8 and watched.extracted == 8
    assert found.record.matcher == "any" and found.record.pairs_matched == 28
    assert found.record.reprojection_error < 1
    assert found.seconds["matcher"] > 0


def test_options_that_cannot_be(corner, tmp_path):
    """Unknown names are told before any work is done."""
    with pytest.raises(InputError, match="no matcher 'xfeet'"):
        reconstruct(corner[0], tmp_path / "scene", config=ReconstructConfig(matcher="xfeet"))
    assert not (tmp_path / "scene").exists()
    with pytest.raises(InputError, match="with sift the preset decides"):
        ReconstructConfig(matcher_size=640)


@pytest.mark.data
@pytest.mark.slow
def test_a_learned_matcher_on_the_fountain(tmp_path):
    """XFeat with LighterGlue registers every photo."""
    weight_file("lighterglue_L3.onnx")
    folder = data_folder("strecha_fountain_P11") / "images"
    photos = find_photos(folder, None, Silent())
    options = ReconstructConfig().structure(len(photos.photos), 1)
    choice = MatcherChoice("xfeat-lighterglue", 640)
    found = cameras_from_photos(photos, options, "auto", None, tmp_path, Silent(), choice)
    assert len(found.capture.images) == len(photos.photos) == 11
