"""Which pairs of photos are matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splatmatch.correspondence.vlad import Descriptors, unit_vectors, vlad_similarity

Pair = tuple[int, int]
PairChoice = Literal["auto", "all", "sequence"]


@dataclass(frozen=True)
class PairOptions:
    """How pairs are chosen.

    ``all``: every pair. ``sequence``: the photos are in order, as frames of a video are. ``auto``: every pair of up to
    ``all_up_to`` photos; of up to ``screened_up_to``, every pair is first tried with few features and each photo keeps
    its best partners; above, neighbours in the sequence and the photos that look most alike.
    """

    choice: PairChoice = "auto"
    all_up_to: int = 20
    screened_up_to: int = 60
    partners: int = 15
    """Best partners that each photo keeps."""
    overlap: int = 10
    """Neighbours on each side in the sequence; twice as far in steps of 2, 4, 8 ..."""
    screening_features: int = 512
    """Features that pairs are tried with."""
    seed: int = 0


def choose_pairs(descriptors: Sequence[Descriptors], options: PairOptions) -> list[Pair]:
    """Pairs (a, b), a < b, sorted, of photos in the order of their names.

    Args:
        descriptors: of each photo (K_i, D), the most telling first: SIFT by size, learned features by score.
        options: see ``PairOptions``.
    """
    count = len(descriptors)
    every = [(a, b) for a in range(count) for b in range(a + 1, count)]
    if options.choice == "all" or (options.choice == "auto" and count <= options.all_up_to):
        return every
    if options.choice == "auto" and count <= options.screened_up_to:
        likeness = screening_matches([d[: options.screening_features] for d in descriptors])
        return sorted(set(sequence_pairs(count, 2)) | set(best_partners(likeness, options.partners, least=3)))
    alike = retrieval_pairs(descriptors, options.partners, options.seed, least=0)
    return sorted(set(sequence_pairs(count, options.overlap)) | set(alike))


def retrieval_pairs(
    descriptors: Sequence[Descriptors], partners: int, seed: int = 0, least: float = -1.0
) -> list[Pair]:
    """Each photo with the ``partners`` photos that look most like it (VLAD), of those more alike than ``least``.

    Likeness is relative to the set: between photos that all show one thing it is near zero, or below.
    """
    return best_partners(vlad_similarity(descriptors, seed=seed), partners, least)


def sequence_pairs(count: int, overlap: int) -> list[Pair]:
    """Each photo with its ``overlap`` successors, and with those 2, 4, 8 ... steps ahead up to 2^overlap."""
    steps = sorted({*range(1, overlap + 1), *(2**k for k in range(overlap))})
    return [(a, a + step) for a in range(count) for step in steps if a + step < count]


def best_partners(likeness: NDArray[np.floating], partners: int, least: float) -> list[Pair]:
    """Every photo with the ``partners`` photos most like it, of those above ``least``; ``likeness`` is (N, N)."""
    table = np.array(likeness, np.float64)
    np.fill_diagonal(table, -np.inf)
    chosen = np.argsort(-table, axis=1, kind="stable")[:, : min(partners, len(table) - 1)]
    return sorted(
        {(min(a, b), max(a, b)) for a, row in enumerate(chosen.tolist()) for b in row if table[a, b] >= least}
    )


def screening_matches(descriptors: Sequence[Descriptors], ratio: float = 0.8) -> NDArray[np.float64]:
    """(N, N) mutual nearest neighbours that pass the ratio test, for every pair of few descriptors (K_i, D).

    Preemptive matching (Wu, 2013): where the best features of two photos do not match, the rest will not either.
    """
    tables = [unit_vectors(d) for d in descriptors]
    counts = np.zeros((len(tables), len(tables)))
    for a, first in enumerate(tables):
        for b in range(a + 1, len(tables)):
            counts[a, b] = counts[b, a] = _mutual(first, tables[b], ratio)
    return counts


def _mutual(first: NDArray[np.float32], second: NDArray[np.float32], ratio: float) -> int:
    if min(len(first), len(second)) < 2:
        return 0
    cosines = first @ second.T
    rows = np.arange(len(first))
    nearest = cosines.argmax(axis=1)
    mutual = cosines.argmax(axis=0)[nearest] == rows
    best = cosines[rows, nearest]
    cosines[rows, nearest] = -1
    runner_up = cosines.max(axis=1)
    tiny = 1e-6  # rounding of the cosines: equal descriptors are no match
    return int((mutual & (1 - best + tiny < ratio**2 * (1 - runner_up + tiny))).sum())
