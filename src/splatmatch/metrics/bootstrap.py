"""How far a difference between two methods can be trusted, given the pairs it was measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.metrics.relative_pose import recall_auc

RESAMPLES = 1000


@dataclass(frozen=True)
class PairedDifference:
    """Of the AUC at one threshold, method minus baseline, 0..1."""

    difference: float
    low: float
    """2.5 % of the resampled differences."""
    high: float
    """97.5 %."""


def auc_difference(
    errors: NDArray[np.float64],
    baseline: NDArray[np.float64],
    threshold: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedDifference:
    """Difference of the AUC, mean over seeds, with a 95 % bootstrap interval over the pairs.

    The same resampled pairs serve both methods, so what makes pairs hard for both cancels out. Pairs that share images
    are not independent, so the interval is somewhat too narrow.

    Args:
        errors: (N, S) of the method: N pairs, S seeds of the estimator.
        baseline: (N, T) of the baseline on the same pairs.
        threshold: of the AUC.
        resamples: how many.
        seed: of the resampling.

    Raises:
        ValueError: the numbers of pairs differ.
    """
    if len(errors) != len(baseline):
        raise ValueError(f"{len(errors)} and {len(baseline)} pairs cannot be compared pair by pair")

    def mean_auc(table: NDArray[np.float64], rows: NDArray[np.int64] | slice) -> float:
        return float(np.mean([recall_auc(column[rows], [threshold])[0] for column in table.T]))

    rng = np.random.default_rng(seed)
    differences = []
    for _ in range(resamples):
        rows = rng.integers(0, len(errors), len(errors))
        differences.append(mean_auc(errors, rows) - mean_auc(baseline, rows))
    low, high = np.quantile(differences, [0.025, 0.975])
    whole = slice(None)
    return PairedDifference(mean_auc(errors, whole) - mean_auc(baseline, whole), float(low), float(high))


def auc_deviation(
    errors: NDArray[np.float64], thresholds: Sequence[float], resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Standard deviation (T,) of the AUC, mean over seeds, under resampling of the pairs; ``errors`` is (N, S)."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        rows = rng.integers(0, len(errors), len(errors))
        values.append(np.mean([recall_auc(column[rows], thresholds) for column in errors.T], axis=0))
    return np.asarray(np.std(values, axis=0))
