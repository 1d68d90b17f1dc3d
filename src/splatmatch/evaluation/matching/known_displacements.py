"""``evaluate_homographies`` and ``evaluate_stereo``: matches against a known displacement of every point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from splatmatch.correspondence.verification import homography
from splatmatch.errors import InputError
from splatmatch.evaluation.matching.displacements import DisplacementResult, DisplacementScore, displacement_score
from splatmatch.evaluation.matching.predictions import ImagePair, Prediction, predict, prediction_folder
from splatmatch.evaluation.matching.protocols import (
    HOMOGRAPHY_PROTOCOLS,
    STEREO_PROTOCOLS,
    HomographyProtocol,
    ImageRule,
    StereoProtocol,
)
from splatmatch.formats.homography_pairs import HomographyPair
from splatmatch.formats.images import read_photo_info
from splatmatch.formats.stereo_pairs import StereoPair
from splatmatch.metrics.correspondence import corner_error, disparity_errors, transfer_errors
from splatmatch.scene.matcher import Matcher
from splatmatch.scene.matches import Size

Report = Callable[[str, int, int], None]


def evaluate_homographies(
    pairs: Sequence[HomographyPair],
    matchers: Sequence[Matcher],
    protocol: HomographyProtocol = HOMOGRAPHY_PROTOCOLS[0],
    cache: Path | None = None,
    report: Report | None = None,
) -> DisplacementResult:
    """Match pairs of known homography; distances of the matches from it, and the corner error of the one they give.

    Args:
        pairs: see ``formats.homography_pairs``.
        matchers: that work at the size they are given, as in ``evaluate_pairs``.
        protocol: see ``evaluation.matching.protocols``.
        cache: folder of predictions; None = ``prediction_folder()``.
        report: called with what is done, how many pairs are done, and of how many.

    Raises:
        InputError: no pairs or matchers, or an image is missing.
        FormatError: an image is damaged.
    """

    def score(row: int, found: Prediction, name: str) -> DisplacementScore:
        pair = pairs[row]
        size_a, size_b = (_stored_size(path) for path in (pair.path_a, pair.path_b))
        truth = _scaling(size_b, found.size_b) @ pair.homography @ np.linalg.inv(_scaling(size_a, found.size_a))
        a, b = found.points_a.astype(np.float64), found.points_b.astype(np.float64)
        corners = []
        for seed in protocol.seeds:
            estimate = homography(a, b, replace(protocol.verification, seed=seed)).matrix
            corners.append(float("inf") if estimate is None else corner_error(estimate, truth, found.size_a))
        seconds = found.seconds_extract + found.seconds_match
        return displacement_score(pair.name, name, transfer_errors(truth, a, b), protocol.thresholds, seconds, corners)

    files = [(pair.path_a, pair.path_b) for pair in pairs]
    return DisplacementResult(protocol, _scores(files, matchers, protocol.images, cache, report, score))


def evaluate_stereo(
    pairs: Sequence[StereoPair],
    matchers: Sequence[Matcher],
    protocol: StereoProtocol = STEREO_PROTOCOLS[0],
    cache: Path | None = None,
    report: Report | None = None,
) -> DisplacementResult:
    """Match rectified pairs; end-point errors of the matches against dense disparity.

    Arguments and errors as in ``evaluate_homographies``, pairs of ``formats.stereo_pairs``.
    """

    def score(row: int, found: Prediction, name: str) -> DisplacementScore:
        pair = pairs[row]
        scale_a, scale_b = (
            np.divide(_stored_size(path), size)
            for path, size in ((pair.path_a, found.size_a), (pair.path_b, found.size_b))
        )
        a, b = found.points_a.astype(np.float64) * scale_a, found.points_b.astype(np.float64) * scale_b
        # one scale for both axes of the error: those of the two differ by rounding alone
        errors = disparity_errors(a, b, pair.disparity) / float(np.mean(scale_b))
        return displacement_score(
            pair.name, name, errors, protocol.thresholds, found.seconds_extract + found.seconds_match
        )

    files = [(pair.path_a, pair.path_b) for pair in pairs]
    return DisplacementResult(protocol, _scores(files, matchers, protocol.images, cache, report, score))


def _scores(
    files: Sequence[tuple[Path, Path]],
    matchers: Sequence[Matcher],
    rule: ImageRule,
    cache: Path | None,
    report: Report | None,
    score: Callable[[int, Prediction, str], DisplacementScore],
) -> tuple[DisplacementScore, ...]:
    """Pair by pair, matcher by matcher."""
    names = [matcher.card.name for matcher in matchers]
    if not files or not matchers:
        raise InputError("an evaluation needs a pair and a matcher")
    if len(set(names)) < len(names):
        raise InputError(f"the matcher {next(n for n in names if names.count(n) > 1)} stands there twice")
    images = [ImagePair(a, b, _stored_size(a), _stored_size(b)) for a, b in files]
    columns = []
    for name, matcher in zip(names, matchers, strict=True):
        column = []
        for row, found in enumerate(predict(matcher, images, rule, cache or prediction_folder())):
            column.append(score(row, found, name))
            if report is not None:
                report(name, row + 1, len(images))
        columns.append(column)
    return tuple(found for row in zip(*columns, strict=True) for found in row)


def _stored_size(path: Path) -> Size:
    info = read_photo_info(path)
    return info.stored_width, info.stored_height


def _scaling(before: Size, after: Size) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(3, 3) corner pixels of an image to those of the same image resized."""
    return np.diag([after[0] / before[0], after[1] / before[1], 1.0])
