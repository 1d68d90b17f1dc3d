"""``evaluate_pairs``: relative poses of pairs, many matchers, one protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from splatmatch.correspondence.verification import ESTIMATORS, Estimator
from splatmatch.errors import InputError
from splatmatch.evaluation.matching.pairs_result import MatcherScores, PairsResult
from splatmatch.evaluation.matching.predictions import ImagePair, predict, prediction_folder
from splatmatch.evaluation.matching.protocols import PAIRS_PROTOCOLS, PairsProtocol
from splatmatch.evaluation.matching.scores import score_pair
from splatmatch.formats.pair_list import PairList, PosedPair
from splatmatch.scene.matcher import Matcher

Report = Callable[[str, int, int], None]
"""Called with what is done, how many pairs are done, and of how many."""


@dataclass(frozen=True)
class PairsConfig:
    """What an evaluation of pairs depends on besides lists, matchers and protocol."""

    cache: Path | None = None
    """Folder of predictions; None = ``prediction_folder()``."""
    all_estimators: bool = False
    """Score with every estimator, side by side, from the same predictions."""
    baseline: str = ""
    """Matcher to which the others are compared pair by pair; empty = none."""


def evaluate_pairs(
    lists: Sequence[PairList],
    matchers: Sequence[Matcher],
    protocol: PairsProtocol = PAIRS_PROTOCOLS[0],
    config: PairsConfig = PairsConfig(),
    report: Report | None = None,
) -> PairsResult:
    """Match every pair of ``lists`` with every matcher, estimate the relative pose and compare it with the truth.

    Args:
        lists: see ``formats.pair_list``.
        matchers: that work at the size they are given (``size=0`` where they have such a setting), since the protocol
            resizes.
        protocol: see ``evaluation.matching.protocols``.
        config: see ``PairsConfig``.
        report: see ``Report``.

    Raises:
        InputError: no lists or matchers, two matchers of one name, an unknown baseline, an image of another size than
            its list states.
    """
    names = [matcher.card.name for matcher in matchers]
    if not lists or not names:
        raise InputError("an evaluation needs a pair list and a matcher")
    if len(set(names)) < len(names):
        raise InputError(f"the matcher {next(n for n in names if names.count(n) > 1)} stands there twice")
    if config.baseline and config.baseline not in names:
        raise InputError(f"the baseline {config.baseline} is not among the matchers {', '.join(names)}")
    cache = config.cache or prediction_folder()
    estimators: tuple[Estimator, ...] = ESTIMATORS if config.all_estimators else (protocol.verification.estimator,)
    scores = []
    for matcher in matchers:
        found = []
        for pair_list in lists:
            images = [image_pair(pair_list.folder, pair) for pair in pair_list.pairs]
            predictions = predict(matcher, images, protocol.images, cache)
            stage = f"{matcher.card.name}, {pair_list.name}"
            for done, (pair, prediction) in enumerate(zip(pair_list.pairs, predictions, strict=True), 1):
                found.append(score_pair(pair_list.name, pair, prediction, protocol, estimators))
                if report is not None:
                    report(stage, done, len(images))
        scores.append(MatcherScores(matcher.card, matcher.settings_hash, tuple(found)))
    return PairsResult(protocol, tuple(lists), tuple(scores), estimators, config.baseline)


def image_pair(folder: Path, pair: PosedPair) -> ImagePair:
    """The files of a pair, and the sizes that they must have."""
    a, b = pair.camera_a, pair.camera_b
    return ImagePair(folder / pair.name_a, folder / pair.name_b, (a.width, a.height), (b.width, b.height))
