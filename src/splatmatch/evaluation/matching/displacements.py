"""Matches against a truth that says where each point of a lies in b: homographies and disparities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from splatmatch.evaluation.matching.protocols import HomographyProtocol, StereoProtocol
from splatmatch.evaluation.tables import Column, Figures, Value
from splatmatch.metrics.correspondence import shares_within
from splatmatch.metrics.relative_pose import recall_auc
from splatmatch.solvers.two_view import Floats

MEDIAN_WITHIN = 3.0
"""Pixels: the median error is over the matches within it."""


@dataclass(frozen=True)
class DisplacementScore:
    """One matcher on one pair; pixels of the resized image."""

    pair: str
    matcher: str
    matches: int
    known: int
    """Matches whose truth is known."""
    within: tuple[float, ...]
    """Percent of the known ones within each threshold of the protocol."""
    median: float
    """Of those within 3 px; NaN where there are none."""
    seconds: float
    """CPU seconds, features of both images and matching."""
    corner_errors: tuple[float, ...] = ()
    """One per seed, infinite where there is no homography; empty for stereo."""


def displacement_score(
    pair: str,
    matcher: str,
    errors: Floats,
    thresholds: Sequence[float],
    seconds: float,
    corner_errors: Sequence[float] = (),
) -> DisplacementScore:
    """From end-point errors (M,) of all matches, NaN where the truth is unknown."""
    known = errors[~np.isnan(errors)]
    near = known[known <= MEDIAN_WITHIN]
    return DisplacementScore(
        pair=pair,
        matcher=matcher,
        matches=len(errors),
        known=len(known),
        within=tuple(100 * share for share in shares_within(known, thresholds)),
        median=float(np.median(near)) if len(near) else float("nan"),
        seconds=seconds,
        corner_errors=tuple(corner_errors),
    )


@dataclass(frozen=True)
class DisplacementResult:
    """All matchers on all pairs."""

    protocol: HomographyProtocol | StereoProtocol
    scores: tuple[DisplacementScore, ...]
    """Pair by pair, matcher by matcher."""

    def means(self) -> tuple[DisplacementScore, ...]:
        """Per matcher the mean over pairs; corner errors are medians over pairs, seed by seed."""
        result = []
        for name in dict.fromkeys(score.matcher for score in self.scores):
            own = [score for score in self.scores if score.matcher == name]
            medians = [score.median for score in own if not np.isnan(score.median)]
            result.append(
                DisplacementScore(
                    pair=f"{len(own)} pairs",
                    matcher=name,
                    matches=round(float(np.mean([score.matches for score in own]))),
                    known=round(float(np.mean([score.known for score in own]))),
                    within=tuple(float(v) for v in np.mean([score.within for score in own], axis=0)),
                    median=float(np.mean(medians)) if medians else float("nan"),
                    seconds=float(np.mean([score.seconds for score in own])),
                    corner_errors=tuple(
                        float(np.median(errors)) for errors in zip(*(s.corner_errors for s in own), strict=True)
                    ),
                )
            )
        return tuple(result)

    def corner_auc(self, matcher: str) -> tuple[float, ...]:
        """Percent at the corner thresholds over all pairs, mean over seeds; empty for stereo."""
        if not isinstance(self.protocol, HomographyProtocol):
            return ()
        table = np.array([score.corner_errors for score in self.scores if score.matcher == matcher])
        areas = [recall_auc(column, self.protocol.corner_thresholds) for column in table.T]
        return tuple(float(100 * value) for value in np.mean(areas, axis=0))

    def figures(self) -> Figures:
        """The table, ready for any medium."""
        homography = isinstance(self.protocol, HomographyProtocol)
        columns = [
            Column("pair"),
            Column("matcher"),
            Column("matches"),
            Column("with truth"),
            *(Column(f"≤ {_pixels(threshold)} px", 1, "%") for threshold in self.protocol.thresholds),
            Column("median", 2, "px, within 3"),
            Column("time", 2, "CPU s"),
        ]
        if homography:
            columns += [Column("corner error", 2, "px, mean of seeds"), Column("spread", 2, "seeds")]
        rows = [_cells(score) for score in self.scores]
        if len({score.pair for score in self.scores}) > 1:
            rows += [_cells(score) for score in self.means()]
        return Figures(str(self.protocol), tuple(columns), tuple(rows))

    def to_json(self) -> dict[str, Any]:
        """{protocol, config, mean, items}."""
        return {
            "protocol": {**asdict(self.protocol), "text": str(self.protocol)},
            "config": {"matchers": list(dict.fromkeys(score.matcher for score in self.scores))},
            "mean": [{**asdict(mean), "corner_auc": self.corner_auc(mean.matcher)} for mean in self.means()],
            "items": [asdict(score) for score in self.scores],
        }


def _cells(score: DisplacementScore) -> tuple[Value, ...]:
    corner: tuple[Value, ...] = ()
    if score.corner_errors:
        finite = np.isfinite(score.corner_errors).all()
        spread = max(score.corner_errors) - min(score.corner_errors) if finite else float("nan")
        corner = (float(np.mean(score.corner_errors)), spread)
    return (
        score.pair, score.matcher, score.matches, score.known, *score.within, score.median, score.seconds, *corner,
    )  # fmt: skip


def _pixels(threshold: float) -> str:
    return "1/3" if abs(threshold - 1 / 3) < 1e-9 else f"{threshold:g}"
