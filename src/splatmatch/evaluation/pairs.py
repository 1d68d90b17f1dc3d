"""Tables of an audit of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from splatmatch.evaluation.tables import Column, Figures
from splatmatch.pairs.audit import Audit, Errors, PairAudit

OVERLAP_EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
ROTATION_EDGES = (0.0, 5.0, 10.0, 20.0, 30.0, 45.0, 90.0, 180.0)
ZOOM_EDGES = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0)
EPIPOLAR_NOTE = (
    "The epipolar distance proves nothing about depth: a point that is carried over by depth and pose lies on its "
    "epipolar line for any depth, right or wrong. Only the end-point error against exact geometry judges labels."
)


@dataclass(frozen=True)
class Histogram:
    """How many pairs fall into which bin."""

    title: str
    bins: tuple[str, ...]
    counts: tuple[int, ...]


def histograms(audit: Audit) -> tuple[Histogram, ...]:
    """Pairs by overlap, by rotation and by zoom."""
    zooms = [max(pair.zoom, 1 / pair.zoom) for pair in audit.pairs]
    return (
        _histogram("overlap", [pair.overlap for pair in audit.pairs], OVERLAP_EDGES, "{:g}–{:g}"),
        _histogram("rotation", [pair.rotation for pair in audit.pairs], ROTATION_EDGES, "{:g}–{:g}°"),
        _histogram("zoom, either way", zooms, ZOOM_EDGES, "{:g}–{:g}×"),
    )


def difficulty_table(audit: Audit) -> Figures:
    """The histograms below each other."""
    rows = [
        (histogram.title, name, count, 100 * count / max(len(audit.pairs), 1))
        for histogram in histograms(audit)
        for name, count in zip(histogram.bins, histogram.counts, strict=True)
    ]
    columns = (Column("pairs by"), Column("range"), Column("pairs"), Column("share", 0, "%"))
    return Figures(f"{len(audit.pairs)} of {audit.total} pairs", columns, tuple(rows))


def consistency_table(audit: Audit) -> Figures:
    """Label density and consistency per depth mode, means over the pairs.

    Of these, |Δz| / z of all points that land on a surface, hidden or not, is the relative reprojection error that
    others report.
    """
    columns = (
        Column("depth"),
        Column("pairs"),
        Column("labelled", 1, "% of a"),
        Column("kept", 1, "% of valid"),
        Column("cycle", 4, "px, labels"),
        Column("|Δz| / z", 5, "all that lands"),
        Column("±", 5, "over pairs"),
        Column("|Δz| / z", 6, "labels"),
        Column("epipolar", 7, "px"),
    )
    modes = sorted({pair.depth_mode for pair in audit.pairs})
    rows = [(mode, *_consistency([pair for pair in audit.pairs if pair.depth_mode == mode])) for mode in modes]
    return Figures("Labels", columns, tuple(rows))


def exactness_table(audit: Audit) -> Figures | None:
    """End-point errors against exact geometry; None where there is none."""
    if not audit.exactness:
        return None
    columns = (
        Column("depth"),
        Column("pairs"),
        Column("median", 4, "px"),
        Column("95 %", 4, "px"),
        Column("coverage", 1, "% of covisible"),
        Column("labels"),
        Column("rank corr.", 3, "sigma, error"),
    )
    rows: list[tuple[float | int | str | None, ...]] = []
    for found in audit.exactness:
        if found.ordinary is not None:
            rows.append((found.depth_mode, "without zoom", *_cells(found.ordinary), found.rank_correlation))
        rows += [
            (found.depth_mode, _between(low, high), *_cells(errors), None) for low, high, errors in found.by_baseline
        ]
        if found.zoomed is not None:
            rows.append((found.depth_mode, "zoom, error / zoom", *_cells(found.zoomed), None))
    return Figures("Against exact geometry", columns, tuple(rows))


def _between(low: float, high: float) -> str:
    return f"baseline {low:g}–{high:g} z" if np.isfinite(high) else f"baseline above {low:g} z"


def _cells(errors: Errors) -> tuple[float, float, float, int]:
    return errors.median, errors.percentile_95, 100 * errors.coverage, errors.labels


def _consistency(pairs: Sequence[PairAudit]) -> tuple[float | int, ...]:
    def over(values: Sequence[float]) -> float:
        known = [value for value in values if np.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")

    spread = [pair.reprojection for pair in pairs if np.isfinite(pair.reprojection)]
    return (
        len(pairs),
        100 * over([pair.density for pair in pairs]),
        100 * over([pair.kept for pair in pairs]),
        over([pair.cycle for pair in pairs]),
        over([pair.reprojection for pair in pairs]),
        float(np.std(spread)) if spread else float("nan"),
        over([pair.label_reprojection for pair in pairs]),
        over([pair.epipolar for pair in pairs]),
    )


def _histogram(title: str, values: Sequence[float], edges: Sequence[float], label: str) -> Histogram:
    clipped = np.clip(values, edges[0], edges[-1]) if len(values) else np.zeros(0)
    counts, _ = np.histogram(clipped, bins=np.asarray(edges))
    return Histogram(title, tuple(label.format(*pair) for pair in pairwise(edges)), tuple(int(n) for n in counts))
