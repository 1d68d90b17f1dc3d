"""Homographies, disparities and map-free submissions: by value, and against published numbers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from splatmatch.cli.main import main
from splatmatch.errors import InputError
from splatmatch.evaluation.matching.displacements import displacement_score
from splatmatch.evaluation.matching.known_displacements import evaluate_homographies, evaluate_stereo
from splatmatch.evaluation.matching.mapfree import evaluate_mapfree
from splatmatch.evaluation.matching.protocols import HOMOGRAPHY_PROTOCOLS
from splatmatch.formats.homography_pairs import HomographyPair
from splatmatch.formats.images import write_image
from splatmatch.formats.mapfree import read_mapfree_submission, read_mapfree_truth
from splatmatch.formats.stereo_pairs import StereoPair
from splatmatch.metrics.correspondence import apply_homography
from splatmatch.scene.matcher import MatcherCard
from splatmatch.scene.matches import Matches
from tests.conftest import data_folder

SIZE_A, SIZE_B = (1301, 903), (1100, 1207)
TRUTH = np.array([[0.7, -0.1, 200.0], [0.15, 0.9, 40.0], [1e-4, -5e-5, 1.0]])


@dataclass
class Mapped:
    """A matcher that carries points of a over by a function of file pixels, plus an offset in pixels as matched."""

    carry: object
    offset: tuple[float, float] = (0.0, 0.0)
    name: str = "mapped"
    count: int = 100
    settings_hash: str = field(init=False)

    def __post_init__(self):
        self.settings_hash = f"{self.name} {self.offset} {self.count}"

    @property
    def card(self):
        return MatcherCard(self.name, "sparse", "", "", True)

    def match(self, a, b):
        rng = np.random.default_rng(0)
        sizes = [(image.shape[1], image.shape[0]) for image in (a, b)]
        files = rng.uniform(250, 800, (self.count, 2))
        points = [files * np.divide(sizes[0], SIZE_A), self.carry(files) * np.divide(sizes[1], SIZE_B) + self.offset]
        scores = np.ones(self.count, np.float32)
        return Matches(*(p.astype(np.float32) for p in points), scores, *sizes, self.name, "", "")


@pytest.fixture
def photos(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, (width, height) in zip(paths, (SIZE_A, SIZE_B), strict=True):
        write_image(path, np.zeros((height, width, 3), np.uint8))
    return paths


@pytest.mark.parametrize("protocol", HOMOGRAPHY_PROTOCOLS, ids=lambda protocol: protocol.name)
def test_homography_errors_are_in_pixels_as_matched(photos, tmp_path, protocol):
    pairs = [HomographyPair("plane", *photos, TRUTH)]
    matchers = [
        Mapped(lambda p: apply_homography(TRUTH, p)),
        Mapped(lambda p: apply_homography(TRUTH, p), (0.6, 0.8), "shifted"),
    ]
    exact, shifted = evaluate_homographies(pairs, matchers, protocol, tmp_path / "cache").scores
    assert exact.within == (100, 100, 100) and exact.median < 1e-3 and max(exact.corner_errors) < 0.05
    assert shifted.within[0] == 0 and shifted.within[2] == 100
    assert shifted.median == pytest.approx(1, abs=1e-3)
    assert shifted.corner_errors == pytest.approx((1, 1, 1), abs=0.1)


def test_no_homography_is_infinite(photos, tmp_path):
    pairs = [HomographyPair("plane", *photos, TRUTH)] * 2
    result = evaluate_homographies(pairs, [Mapped(lambda p: p, count=3)], cache=tmp_path)
    assert result.scores[0].corner_errors == (math.inf,) * 3
    assert result.corner_auc("mapped") == (0, 0, 0)
    with pytest.raises(InputError, match="twice"):
        evaluate_homographies(pairs, [Mapped(lambda p: p)] * 2, cache=tmp_path)


def test_stereo_errors_are_in_pixels_as_matched(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        write_image(path, np.zeros((SIZE_A[1], SIZE_A[0], 3), np.uint8))
    disparity = np.full(SIZE_A[::-1], 40.0)
    disparity[:400] = np.nan
    scale = np.divide(SIZE_A, SIZE_B)  # Mapped divides by SIZE_B, the right photo has SIZE_A

    def carry(points):
        return (points - [40.0, 0.0]) / scale

    matchers = [Mapped(carry), Mapped(carry, (0.0, 2.0), "shifted")]
    exact, shifted = evaluate_stereo([StereoPair("wall", *paths, disparity)], matchers, cache=tmp_path).scores
    assert exact.within == (100,) * 4 and exact.median < 1e-3
    assert exact.known < exact.matches == 100
    assert shifted.median == pytest.approx(2, abs=5e-3)
    assert shifted.within == (0, 0, 100, 100)
    assert exact.corner_errors == ()


def test_scores_by_hand():
    score = displacement_score("p", "m", np.array([0.1, 0.2, 2.0, 9.0, np.nan]), (1 / 3, 3.0), 1.0)
    assert (score.matches, score.known, score.within, score.median) == (5, 4, (50.0, 75.0), 0.2)
    empty = displacement_score("p", "m", np.zeros(0), (1.0,), 1.0)
    assert empty.within == (0.0,) and math.isnan(empty.median)


@pytest.mark.data
@pytest.mark.slow
def test_sift_on_graf_motorcycle_and_aloe(tmp_path):
    """Shares within 1/3, 1 and 3 px as measured elsewhere with the same settings of SIFT."""
    cases = [
        ("homography", "opencv_samples", "graf 1-3", (627, 627), (11.0, 47.2, 70.2)),
        ("stereo", "skimage_data", "motorcycle", (959, 878), (55.2, 82.7, 93.2)),
        ("stereo", "opencv_samples", "aloe", (1417, 1392), (51.5, 85.1, 86.6)),
    ]
    for command, folder, pair, counts, shares in cases:
        words = ["--models", "sift", "--cache", str(tmp_path), "--json", str(tmp_path / "result.json")]
        assert main(["evaluate", command, "--data", str(data_folder(folder)), *words]) == 0
        (item,) = json.loads((tmp_path / "result.json").read_text())["items"]
        assert item["pair"] == pair
        assert (item["matches"], item["known"]) == pytest.approx(counts, rel=0.01)
        assert item["within"][:3] == pytest.approx(shares, abs=0.5)


@pytest.mark.data
def test_a_whole_mapfree_evaluation_equals_the_benchmark(tmp_path):
    folder = data_folder("mast3r_vectors") / "mapfree_miniature"
    expected = json.loads((folder / "expected.json").read_text())
    truth, answers = read_mapfree_truth(folder / "val"), read_mapfree_submission(folder / "submission.zip")
    result = evaluate_mapfree(truth, answers)
    assert result.failures == expected["failures"]
    assert result.summary == pytest.approx(expected["summary"], rel=1e-6)
    for scene, frames in expected["frames"].items():
        own = [item for item in result.items if item.scene == scene]
        for name, key in (("translation", "trans_err"), ("rotation", "rot_err"), ("vcre", "reproj_err")):
            assert [getattr(item, name) for item in own] == pytest.approx(frames.get(key, []), rel=1e-6)
    words = [str(folder / "submission.zip"), "--truth", str(folder / "val"), "--json", str(tmp_path / "r.json")]
    assert main(["evaluate", "mapfree", *words]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["mean"] == pytest.approx(expected["summary"], rel=1e-6)
    with pytest.raises(InputError, match="answers the scene s9"):
        evaluate_mapfree(truth, {"s9": {}})
