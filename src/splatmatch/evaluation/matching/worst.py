"""The pairs on which a matcher fails most, with everything that is needed to look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.evaluation.matching.pairs import image_pair
from splatmatch.evaluation.matching.pairs_result import MatcherScores, PairsResult
from splatmatch.evaluation.matching.predictions import Prediction, predict, prediction_folder
from splatmatch.evaluation.matching.scores import PIXEL_LIMIT, FlatPair, PairScore
from splatmatch.formats.images import read_image
from splatmatch.scene.matcher import Matcher, Pixels


@dataclass(frozen=True, eq=False)
class Specimen:
    """One pair as one matcher saw it."""

    matcher: str
    score: PairScore
    errors: tuple[float, ...]
    """Degrees, one per seed."""
    photo_a: Pixels
    """As the matcher saw it."""
    photo_b: Pixels
    prediction: Prediction
    right: NDArray[np.bool_]
    """(M,) within ``PIXEL_LIMIT`` of the epipolar lines of the true pose: a necessary sign, no proof."""


def worst_pairs(
    result: PairsResult, matchers: Sequence[Matcher], count: int, cache: Path | None = None
) -> tuple[Specimen, ...]:
    """For each matcher the ``count`` pairs of largest error, those with the fewest right matches first among equals.

    Args:
        result: of ``evaluate_pairs``.
        matchers: that it was made with.
        count: per matcher.
        cache: folder of the predictions, as in ``PairsConfig``.
    """
    specimens = []
    for matcher, scores in zip(matchers, result.matchers, strict=True):
        rows = sorted(range(len(scores.pairs)), key=lambda row: _rank(result, scores, row), reverse=True)
        specimens += [_specimen(result, matcher, scores, row, cache) for row in rows[:count]]
    return tuple(specimens)


def _rank(result: PairsResult, scores: MatcherScores, row: int) -> tuple[float, float]:
    score = scores.pairs[row]
    errors = score.errors(result.estimators[0], result.protocol.failure)
    return float(np.median(errors)), -score.precision_pixels


def _specimen(result: PairsResult, matcher: Matcher, scores: MatcherScores, row: int, cache: Path | None) -> Specimen:
    score = scores.pairs[row]
    pair_list, pair = [(found, pair) for found in result.lists for pair in found.pairs][row]
    rule = result.protocol.images
    (prediction,) = predict(matcher, [image_pair(pair_list.folder, pair)], rule, cache or prediction_folder())
    names = (pair.name_a, pair.name_b)
    photos = [rule.apply(read_image(pair_list.folder / name, upright=False)) for name in names]
    right = FlatPair.of(pair, prediction).line_distances(pair) < PIXEL_LIMIT
    errors = score.errors(result.estimators[0], result.protocol.failure)
    return Specimen(matcher.card.name, score, errors, photos[0], photos[1], prediction, right)
