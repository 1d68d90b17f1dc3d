"""Evaluation of pairs with a matcher that knows the truth."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from splatmatch.cli.output import plain
from splatmatch.errors import InputError
from splatmatch.evaluation.matching.pairs import PairsConfig, evaluate_pairs
from splatmatch.evaluation.matching.pairs_result import MatcherScores, PairsResult
from splatmatch.evaluation.matching.protocols import PAIRS_PROTOCOLS, ImageRule, named
from splatmatch.evaluation.matching.scores import Attempt, PairScore
from splatmatch.evaluation.matching.worst import worst_pairs
from splatmatch.formats.images import write_image
from splatmatch.metrics.bootstrap import auc_deviation, auc_difference
from splatmatch.viewer.pairs_page import write_pairs_page
from tests.evaluation.known_pairs import PINHOLE, Oracle, pair_list

POSELIB, LARGE, LOFTR = PAIRS_PROTOCOLS


@pytest.fixture
def known(tmp_path):
    return pair_list(tmp_path / "photos")


@pytest.mark.parametrize("protocol", PAIRS_PROTOCOLS, ids=lambda protocol: protocol.name)
def test_true_matches_have_no_error_under_any_protocol(known, tmp_path, protocol):
    """Both axes have their own scale after resizing, and half of the cameras are distorted: nothing may be lost."""
    result = evaluate_pairs([known], [Oracle()], protocol, PairsConfig(tmp_path / "cache"))
    (row,) = result.summaries()
    assert row.pairs == 6
    assert row.median_error < (0.02 if protocol is not LOFTR else 0.3)  # opencv does not refine
    assert min(row.auc) > 97
    assert row.precision_pixels == row.precision_epipolar == 100
    assert (row.matches, row.inliers) == (80, 80)


def test_half_a_pixel_is_seen(known, tmp_path):
    exact, shifted = (
        evaluate_pairs([known], [Oracle(shift=shift)], POSELIB, PairsConfig(tmp_path)).summaries()[0].median_error
        for shift in ((0.0, 0.0), (0.5, 0.5))
    )
    assert shifted > 3 * exact
    assert shifted > 0.02


def test_precision_counts_what_is_right(known, tmp_path):
    result = evaluate_pairs([known], [Oracle(wrong=0.5, count=400)], POSELIB, PairsConfig(tmp_path))
    (row,) = result.summaries()
    assert row.precision_pixels == pytest.approx(50, abs=4)
    assert row.precision_pixels <= row.precision_epipolar < 60
    assert row.inliers == pytest.approx(200, abs=20)


@pytest.mark.parametrize(("protocol", "failure"), [(POSELIB, 180.0), (LOFTR, math.inf)])
def test_no_pose_counts_as_the_protocol_says(known, tmp_path, protocol, failure):
    result = evaluate_pairs([known], [Oracle(count=4)], protocol, PairsConfig(tmp_path))
    (row,) = result.summaries()
    assert row.auc == (0, 0, 0)
    assert row.median_error == failure
    assert row.inliers == 0
    text = json.dumps(plain(result.to_json()), allow_nan=False)
    assert protocol.name in text


def test_predictions_are_made_once(known, tmp_path):
    config = PairsConfig(tmp_path / "cache")
    first, second = Oracle(), Oracle()
    one = evaluate_pairs([known], [first], POSELIB, config)
    assert first.calls == [(0, 1), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]  # the first one warms up
    other = evaluate_pairs([known], [second], POSELIB, replace(config, all_estimators=True))
    assert second.calls == []
    assert other.matchers[0].pairs[0].attempts["poselib"] == one.matchers[0].pairs[0].attempts["poselib"]
    assert set(other.matchers[0].pairs[0].attempts) == {"poselib", "opencv", "opencv-magsac", "pycolmap"}
    assert all(row.median_error < 0.3 for row in other.summaries())
    for changed in (Oracle(noise=0.1), Oracle(count=99)):
        evaluate_pairs([known], [changed], POSELIB, config)
        assert len(changed.calls) == 7
    evaluate_pairs([known], [second], LARGE, config)
    assert len(second.calls) == 7


def test_a_killed_run_goes_on_and_torn_files_are_made_again(known, tmp_path):
    config = PairsConfig(tmp_path / "cache")
    with pytest.raises(KeyboardInterrupt):
        evaluate_pairs([known], [Oracle(fails_at=4)], POSELIB, config)
    files = sorted((tmp_path / "cache").glob("*/*"))
    assert [file.suffix for file in files] == [".npz"] * 3
    files[0].write_bytes(files[0].read_bytes()[:200])
    files[1].write_bytes(b"")
    matcher = Oracle()
    result = evaluate_pairs([known], [matcher], POSELIB, config)
    assert len(matcher.calls) == 1 + 5
    assert result.summaries()[0].median_error < 0.02


def test_an_image_that_changed_is_matched_again(known, tmp_path):
    config = PairsConfig(tmp_path / "cache")
    evaluate_pairs([known], [Oracle()], POSELIB, config)
    pixels = np.full((PINHOLE.height, PINHOLE.width, 3), 1, np.uint8)
    pixels[-1, -1] = 2
    write_image(known.folder / "0.png", pixels)
    matcher = Oracle()
    evaluate_pairs([known], [matcher], POSELIB, config)
    assert matcher.calls == [(0, 1), (0, 1), (0, 2), (0, 3)]
    write_image(known.folder / "0.png", pixels[1:])
    with pytest.raises(InputError, match=r"0\.png: is 1001 x 700, but its truth is for 1001 x 701"):
        evaluate_pairs([known], [matcher], POSELIB, config)


def test_bad_calls_are_refused(known, tmp_path):
    config = PairsConfig(tmp_path)
    with pytest.raises(InputError, match="twice"):
        evaluate_pairs([known], [Oracle(), Oracle()], POSELIB, config)
    with pytest.raises(InputError, match="baseline other"):
        evaluate_pairs([known], [Oracle()], POSELIB, replace(config, baseline="other"))
    with pytest.raises(InputError, match="a pair list and a matcher"):
        evaluate_pairs([], [Oracle()], POSELIB, config)
    with pytest.raises(InputError, match="did you mean pairs/poselib-1px@640"):
        named("pairs/poselib-1px@604", PAIRS_PROTOCOLS)


def scored(name: str, list_name: str, errors, matches=10, precision=0.5) -> PairScore:
    attempts = tuple(Attempt(math.nan if e is None else e, 0.0, 0 if e is None else 7) for e in errors)
    return PairScore(list_name, "a", "b", matches, precision, precision / 2, 1.0, 2.0, {"poselib": attempts})


def test_summaries_by_hand(known):
    one, two = replace(known, name="one"), replace(known, name="two")
    scores = tuple(
        scored("m", name, errors)
        for name, errors in (("one", (0, 0, 0)), ("one", (None, None, 20)), ("two", (5, 5, 5)), ("two", (0, 0, 0)))
    )
    result = PairsResult(POSELIB, (one, two), (MatcherScores(Oracle().card, "", scores),), ("poselib",))
    first, second, pooled = result.summaries()
    assert first.auc == pytest.approx((50, 50, 50 + 100 * 0 / 3), abs=9)
    assert first.auc[0] == pytest.approx(50)
    assert first.median_error == pytest.approx(10)  # 0 0 0 20 180 180
    assert second.spread == 0
    assert second.auc[1] == pytest.approx(100 * (0.5 + (0.5 * 5 * 0.5 + 5 * 0.5) / 10))
    assert (pooled.list, pooled.pairs, pooled.matches, pooled.inliers) == ("pooled", 4, 10, 7)
    assert pooled.precision_epipolar == 50
    (mean,) = result.means()
    assert mean.auc[1] == pytest.approx((first.auc[1] + second.auc[1]) / 2)
    table = result.figures().to_markdown()
    assert "mean of lists" in table and "3 seeds @10" in table


def test_paired_intervals_are_tighter_than_each_alone():
    rng = np.random.default_rng(0)
    hardness = rng.uniform(0, 25, (150, 1))
    base, method = hardness + rng.uniform(0, 1, (150, 3)), hardness * 0.9
    found = auc_difference(method, base, 10.0, 400)
    assert found.low < found.difference < found.high
    assert found.low > 0
    alone = auc_deviation(base, [10.0], 400)[0]
    assert (found.high - found.low) / 4 < 0.3 * alone
    same = auc_difference(base, base, 10.0, 50)
    assert (same.difference, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="pair by pair"):
        auc_difference(base, base[:-1], 10.0)


def test_image_rules():
    assert ImageRule(640).size_of((1536, 1024)) == (640, 427)
    assert ImageRule(640).size_of((600, 320)) == (600, 320)
    assert ImageRule(840, enlarge=True, multiple=8).size_of((640, 481)) == (840, 624)
    image = np.zeros((10, 20, 3), np.uint8)
    assert ImageRule(640).apply(image) is image
    assert ImageRule(10).apply(image).shape == (5, 10, 3)


def test_the_page_shows_the_worst_pairs(known, tmp_path):
    config = PairsConfig(tmp_path / "cache", baseline="oracle")
    matchers = [Oracle(), Oracle("noisy <b>", noise=3.0, wrong=0.7)]
    result = evaluate_pairs([known], matchers, POSELIB, config)
    specimens = worst_pairs(result, matchers, 2, config.cache)
    assert [s.matcher for s in specimens] == ["oracle"] * 2 + ["noisy <b>"] * 2
    noisy = [np.median(pair.errors("poselib", 180)) for pair in result.matchers[1].pairs]
    assert np.median(specimens[2].errors) == max(noisy)
    assert specimens[0].right.all() and specimens[2].right.mean() < 0.5
    write_pairs_page(result, specimens, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/jpeg") == 4
    assert "<b>" not in page.replace('<div class="key"><b>', "") and "minus oracle" in page
    assert POSELIB.name in page
