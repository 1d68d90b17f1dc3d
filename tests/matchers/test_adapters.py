"""Every matcher against known truth: pixels, sizes, tiles, swapped photos, repeated runs, photos without content."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.spatial import cKDTree

from splatmatch.errors import InputError, MissingDependencyError
from splatmatch.formats.images import read_image
from splatmatch.matchers.registry import card, matcher_names, open_matcher
from splatmatch.scene.matcher import FeatureMatcher
from splatmatch.weights.load import load_tensors
from splatmatch.weights.registry import PyPiMember, entry
from tests.conftest import data_folder
from tests.matchers.warped_pair import photo, transferred, warped

DEAR = {"disk-lightglue", "aliked-lightglue"}
CHEAP = sorted(set(matcher_names()) - DEAR)
EVERY = [pytest.param(name, marks=pytest.mark.slow) if name in DEAR else name for name in matcher_names()]


def opened(name: str, **settings) -> FeatureMatcher:
    """The matcher; skips where its package or weights are not on this machine."""
    try:
        for weights in card(name).weights:
            if isinstance(entry(weights).source, PyPiMember):
                load_tensors(weights, fetch=False)  # a hundred megabytes are not downloaded for a test
        matcher = open_matcher(name, device="cpu", **settings)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    assert isinstance(matcher, FeatureMatcher)
    return matcher


@pytest.mark.data
@pytest.mark.parametrize("name", EVERY)
def test_matches_lie_on_a_known_homography_without_offset(name):
    # SIFT, DISK and ALIKED stay within a twentieth of a pixel. XFeat's keypoints are whole pixels that scatter by
    # 0.8 px, and those it prefers drift with scale and rotation (0.3 px at 20 degrees), so its mean is only good to
    # 0.1 px; that its origin is right is tested below.
    a = photo()
    matches = opened(name).match(a, warped(a))
    error = matches.points_b - transferred(matches.points_a)
    right = np.linalg.norm(error, axis=1) < 3
    assert right.sum() > 500 and right.mean() > 0.8
    assert np.abs(error[right].mean(axis=0)).max() < (0.1 if "xfeat" in name else 0.05)
    assert (np.diff(matches.scores) <= 0).all() and 0 <= matches.scores[-1] <= matches.scores[0] <= 1
    assert (matches.points_a >= 0).all() and (matches.points_a <= [640, 480]).all()


@pytest.mark.data
@pytest.mark.parametrize("name", EVERY)
def test_features_lie_on_corners_and_not_half_a_pixel_beside(name):
    # The homography above hardly moves an offset that both photos share. Here features are compared with corners found
    # by their symmetry (Foerstner's estimate, cv2.cornerSubPix, whose pixel origin is the centre). Learned keypoints
    # sit up to 0.2 px off in some direction; half a pixel would show.
    pixels = read_image(data_folder("ingp_fox") / "images" / "0001.jpg")
    pixels = cv2.resize(pixels, (352, 640), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    corners = cv2.goodFeaturesToTrack(grey, 2000, 0.01, 6)
    corners = cv2.cornerSubPix(grey, corners, (3, 3), (-1, -1), (3, 30, 0.01))[:, 0] + 0.5
    points = opened(name).extract(pixels).points
    offset = points[cKDTree(points).query(corners)[1]] - corners
    close = np.linalg.norm(offset, axis=1) < 2
    assert close.sum() > 80
    assert np.abs(offset[close].mean(axis=0)).max() < 0.25


@pytest.mark.data
@pytest.mark.parametrize("name", CHEAP)
def test_a_larger_photo_of_the_same_pixels_gives_the_same_points_scaled(name):
    # 832 x 608 at size 416 is averaged back to the very pixels it was doubled from
    small = photo((416, 304))
    large = np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)
    matcher = opened(name, size=416)
    first, second = matcher.extract(small), matcher.extract(large)
    np.testing.assert_allclose(second.points, 2 * first.points, atol=1e-3)
    np.testing.assert_array_equal(second.descriptors, first.descriptors)


@pytest.mark.data
@pytest.mark.parametrize("name", ["sift", "xfeat"])
def test_tiles_find_what_one_piece_finds_and_nothing_twice(name):
    pixels = photo((960, 640))
    whole = opened(name, size=0, count=20000).extract(pixels)
    tiled = opened(name, size=0, count=20000, tiles=384).extract(pixels)
    assert abs(len(tiled) - len(whole)) < 0.1 * len(whole)
    distance, _ = cKDTree(whole.points).query(tiled.points)
    assert (distance < 0.5).mean() > 0.85
    if name != "sift":  # which finds one place at several scales and angles
        assert len(np.unique(tiled.points, axis=0)) == len(tiled)
    chosen = opened(name, size=0, count=100, tiles=384).extract(pixels)
    np.testing.assert_array_equal(np.sort(chosen.scores)[::-1], np.sort(tiled.scores)[::-1][:100])


@pytest.mark.data
@pytest.mark.parametrize("name", CHEAP)
def test_runs_repeat_to_the_bit_and_swapped_photos_give_swapped_matches(name):
    a = photo((480, 320))
    b = warped(a)
    matcher = opened(name)
    first, again, swapped = matcher.match(a, b), matcher.match(a, b), matcher.match(b, a)
    for table in ("points_a", "points_b", "scores", "rows"):
        np.testing.assert_array_equal(getattr(first, table), getattr(again, table))
    there = {tuple(row) for row in first.rows}
    back = {tuple(row[::-1]) for row in swapped.rows}
    # mutual nearest neighbours are the same both ways; the ratio test looks from a only, and a network rounds
    assert len(there & back) >= {"xfeat": 1.0}.get(name, 0.9) * max(len(there), len(back))


@pytest.mark.data
@pytest.mark.parametrize("name", CHEAP)
def test_identical_photos_match_themselves(name):
    a = photo((480, 320))
    matches = opened(name).match(a, a.copy())
    assert len(matches) > 200
    assert (np.linalg.norm(matches.points_a - matches.points_b, axis=1) < 1e-3).mean() > 0.97


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("size", [(8, 8), (300, 8), (33, 65), (1, 1)])
def test_tiny_photos_and_photos_of_one_colour_give_no_false_points(name, size):
    matcher = opened(name)
    even = np.full((size[1], size[0], 3), 90, np.uint8)
    assert len(matcher.extract(even)) == 0
    rough = np.random.default_rng(0).integers(0, 255, even.shape).astype(np.uint8)
    features = matcher.extract(rough)
    assert (features.points > 0).all() and (features.points < size).all()
    matches = matcher.match(rough, even)
    assert len(matches) == 0 and matches.points_a.shape == (0, 2) and matches.rows.shape == (0, 2)
    assert matches.size_a == size == matches.size_b


@pytest.mark.data
@pytest.mark.parametrize("name", CHEAP)
def test_portrait_matches_landscape(name):
    square = photo((420, 420))
    wide, tall = square[60:360].copy(), square[:, 60:360].copy()
    matches = opened(name).match(wide, tall)
    assert matches.size_a == (420, 300) and matches.size_b == (300, 420)
    error = np.linalg.norm(matches.points_b - (matches.points_a + np.array([-60, 60])), axis=1)
    assert len(matches) > 50 and (error < 4).mean() > 0.8  # XFeat squeezes 300 to 288 here


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)],
)
def test_arrays_that_are_no_photos_are_refused(wrong):
    with pytest.raises(InputError, match="a photo is"):
        open_matcher("sift", device="cpu").extract(wrong)


def test_missing_and_wrong_weights_say_which_file_goes_where(tmp_path, monkeypatch):
    monkeypatch.delenv("SPLATMATCH_WEIGHTS", raising=False)
    with pytest.raises(MissingDependencyError, match=r"put xfeat\.onnx .* into a folder and name that folder"):
        open_matcher("xfeat")
    monkeypatch.setenv("SPLATMATCH_WEIGHTS", str(tmp_path))
    (tmp_path / "xfeat.onnx").write_bytes(b"something else")
    with pytest.raises(InputError, match=r"not the registered xfeat"):
        open_matcher("xfeat-lighterglue")
