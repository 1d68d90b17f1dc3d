"""Keypoints of a set of photos and matches between them: what structure from motion starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]
"""Indices of two photos, the smaller first."""


@dataclass(frozen=True, eq=False)
class KeypointMatches:
    """Keypoints of a set of photos and matches between them.

    Convention: corner pixels of the original photos.
    """

    keypoints: tuple[NDArray[np.float32], ...]
    """(K_i, 2) x, y in each photo."""
    rows: Mapping[Pair, NDArray[np.int64]]
    """By pair (a, b): (M, 2) keypoints of a and of b, one to one."""
    scores: Mapping[Pair, NDArray[np.float32]]
    """(M,) 0..1 of each pair."""

    def __post_init__(self) -> None:
        for (a, b), table in self.rows.items():
            if not 0 <= a < b < len(self.keypoints):
                raise ValueError(f"({a}, {b}) is no pair of {len(self.keypoints)} photos")
            counts = (len(self.keypoints[a]), len(self.keypoints[b]))
            if len(table) and (table.min() < 0 or (table.max(axis=0) >= counts).any()):
                raise ValueError(f"the matches of photos {a} and {b} point beyond their keypoints")

    def restricted(self, allowed: Mapping[int, NDArray[np.bool_]]) -> KeypointMatches:
        """Without the matches of keypoints where ``allowed`` (K_i,) of their photo is False."""
        rows, scores = {}, {}
        for (a, b), table in self.rows.items():
            keep = np.ones(len(table), bool)
            for side, photo in enumerate((a, b)):
                if photo in allowed:
                    keep &= allowed[photo][table[:, side]]
            rows[a, b], scores[a, b] = table[keep], self.scores[a, b][keep]
        return KeypointMatches(self.keypoints, rows, scores)
