"""Tables of an evaluation of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.correspondence.verification import Estimator, solver_version
from splatmatch.evaluation.matching.protocols import PairsProtocol
from splatmatch.evaluation.matching.scores import PairScore
from splatmatch.evaluation.tables import Column, Figures, Value
from splatmatch.formats.pair_list import PairList
from splatmatch.metrics.bootstrap import PairedDifference, auc_deviation, auc_difference
from splatmatch.metrics.relative_pose import recall_auc
from splatmatch.scene.matcher import MatcherCard

POOLED, MEAN = "pooled", "mean of lists"


@dataclass(frozen=True)
class MatcherScores:
    """One matcher on all pairs of all lists, in order."""

    card: MatcherCard
    settings_hash: str
    pairs: tuple[PairScore, ...]


@dataclass(frozen=True)
class PairsSummary:
    """One row: a matcher and an estimator on one list, or on all pairs together."""

    list: str
    matcher: str
    estimator: Estimator
    pairs: int
    auc: tuple[float, ...]
    """Percent at the thresholds of the protocol, mean over seeds."""
    spread: float
    """Largest difference between seeds of the AUC at the middle threshold, percent points."""
    deviation: float
    """Standard deviation of the AUC at the middle threshold under resampling of the pairs, percent points."""
    median_error: float
    """Degrees over all pairs and seeds, failures included."""
    matches: float
    """Median over pairs."""
    inliers: float
    """Median over pairs and seeds."""
    precision_epipolar: float
    """Percent, mean over pairs."""
    precision_pixels: float
    """Percent, mean over pairs."""
    seconds_extract: float
    """CPU seconds, median over pairs, both images."""
    seconds_match: float
    """CPU seconds, median over pairs."""


@dataclass(frozen=True, eq=False)
class PairsResult:
    """Figures of all matchers on all pairs."""

    protocol: PairsProtocol
    lists: tuple[PairList, ...]
    matchers: tuple[MatcherScores, ...]
    estimators: tuple[Estimator, ...]
    baseline: str = ""

    def errors(self, scores: MatcherScores, estimator: Estimator, list_name: str = "") -> NDArray[np.float64]:
        """(N, S) degrees of the pairs of one list, or of all; one column per seed."""
        chosen = [pair for pair in scores.pairs if not list_name or pair.list == list_name]
        return np.array([pair.errors(estimator, self.protocol.failure) for pair in chosen], np.float64)

    def summaries(self) -> tuple[PairsSummary, ...]:
        """Per list, then pooled."""
        names = [pair_list.name for pair_list in self.lists]
        return tuple(
            self._summary(name, scores, estimator)
            for name in [*names, *([POOLED] if len(names) > 1 else [])]
            for scores in self.matchers
            for estimator in self.estimators
        )

    def means(self) -> tuple[PairsSummary, ...]:
        """AUC as the mean over lists with equal weight; the other figures are pooled."""
        result = []
        for scores in self.matchers:
            for estimator in self.estimators:
                rows = [self._summary(pair_list.name, scores, estimator) for pair_list in self.lists]
                pooled = asdict(self._summary(POOLED, scores, estimator))
                auc = tuple(float(value) for value in np.mean([row.auc for row in rows], axis=0))
                spread = float(np.mean([row.spread for row in rows]))
                result.append(PairsSummary(**pooled | {"list": MEAN, "auc": auc, "spread": spread}))
        return tuple(result)

    def figures(self) -> Figures:
        """The table, ready for any medium."""
        seeds = f"{len(self.protocol.seeds)} seeds @{self.protocol.thresholds[1]:g}"
        several = len(self.estimators) > 1
        columns = (
            Column("list"),
            Column("matcher"),
            *([Column("estimator")] if several else []),
            Column("pairs"),
            *(Column(f"AUC@{threshold:g}", 1, "%") for threshold in self.protocol.thresholds),
            Column("spread", 1, seeds),
            Column("±", 1, "pairs"),
            Column("median", 2, "degrees"),
            Column("matches", 0),
            Column("inliers", 0),
            Column("P(1e-4)", 0, "%"),
            Column("P(2 px)", 0, "%"),
            Column("extract", 2, "CPU s"),
            Column("match", 2, "CPU s"),
        )
        rows = [_cells(row, several) for row in self.summaries()]
        if len(self.lists) > 1:
            rows += [_cells(row, several) for row in self.means()]
        return Figures(str(self.protocol), columns, tuple(rows))

    @property
    def solvers(self) -> dict[str, str]:
        """Library and version by estimator."""
        return {estimator: solver_version(estimator) for estimator in self.estimators}

    def differences(self) -> dict[tuple[str, str, Estimator], PairedDifference]:
        """Of AUC at the middle threshold to the baseline, by list (or pooled), matcher and estimator."""
        base = next((scores for scores in self.matchers if scores.card.name == self.baseline), None)
        if base is None:
            return {}
        names = [pair_list.name for pair_list in self.lists]
        found = {}
        for name in [*names, *([POOLED] if len(names) > 1 else [])]:
            only = "" if name == POOLED else name
            for scores in self.matchers:
                for estimator in self.estimators:
                    if scores is not base:
                        tables = self.errors(scores, estimator, only), self.errors(base, estimator, only)
                        key = (name, scores.card.name, estimator)
                        found[key] = auc_difference(*tables, self.protocol.thresholds[1])
        return found

    def difference_figures(self) -> Figures | None:
        """Paired differences to the baseline; None without one."""
        found = self.differences()
        if not found:
            return None
        columns = (
            Column("list"),
            Column(f"minus {self.baseline}"),
            Column("estimator"),
            Column(f"AUC@{self.protocol.thresholds[1]:g}", 1, "points"),
            Column("from", 1, "95 %"),
            Column("to", 1, "95 %"),
        )
        rows = tuple((*key, 100 * d.difference, 100 * d.low, 100 * d.high) for key, d in found.items())
        title = "Paired differences, bootstrap over pairs (pairs share images: intervals are somewhat too narrow)"
        return Figures(title, columns, rows)

    def to_json(self) -> dict[str, Any]:
        """{protocol, config, mean, items}; infinite and absent figures are the caller's to turn into null."""
        return {
            "protocol": {**asdict(self.protocol), "text": str(self.protocol)},
            "config": {
                "lists": {found.name: {"pairs": len(found.pairs), "note": found.note} for found in self.lists},
                "matchers": [{**asdict(s.card), "settings_hash": s.settings_hash} for s in self.matchers],
                "estimators": self.solvers,
                "baseline": self.baseline,
            },
            "mean": {
                "rows": [asdict(row) for row in (*self.summaries(), *self.means())],
                "differences": [
                    {"list": name, "matcher": matcher, "estimator": estimator, **asdict(difference)}
                    for (name, matcher, estimator), difference in self.differences().items()
                ],
            },
            "items": [{"matcher": s.card.name, **asdict(pair)} for s in self.matchers for pair in s.pairs],
        }

    def _summary(self, name: str, scores: MatcherScores, estimator: Estimator) -> PairsSummary:
        pairs = [pair for pair in scores.pairs if name in (pair.list, POOLED)]
        errors = self.errors(scores, estimator, "" if name == POOLED else name)
        areas = 100 * np.array([recall_auc(column, self.protocol.thresholds) for column in errors.T])
        middle = areas[:, 1]
        inliers = [attempt.inliers for pair in pairs for attempt in pair.attempts[estimator]]
        return PairsSummary(
            list=name,
            matcher=scores.card.name,
            estimator=estimator,
            pairs=len(pairs),
            auc=tuple(float(value) for value in areas.mean(0)),
            spread=float(middle.max() - middle.min()),
            deviation=100 * float(auc_deviation(errors, self.protocol.thresholds[1:2])[0]),
            median_error=_median(errors.ravel()),
            matches=_median([pair.matches for pair in pairs]),
            inliers=_median(inliers),
            precision_epipolar=100 * float(np.mean([pair.precision_epipolar for pair in pairs])),
            precision_pixels=100 * float(np.mean([pair.precision_pixels for pair in pairs])),
            seconds_extract=_median([pair.seconds_extract for pair in pairs]),
            seconds_match=_median([pair.seconds_match for pair in pairs]),
        )


def _median(values: Sequence[float] | NDArray[np.float64]) -> float:
    with np.errstate(invalid="ignore"):  # the mean of two infinite errors
        return float(np.median(values))


def _cells(row: PairsSummary, with_estimator: bool) -> tuple[Value, ...]:
    return (
        row.list,
        row.matcher,
        *((row.estimator,) if with_estimator else ()),
        row.pairs,
        *row.auc,
        row.spread,
        row.deviation,
        row.median_error,
        row.matches,
        row.inliers,
        row.precision_epipolar,
        row.precision_pixels,
        row.seconds_extract,
        row.seconds_match,
    )
