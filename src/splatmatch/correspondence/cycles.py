"""Cycle checks: matches between keypoints that contradict the others are taken out, so that tracks are consistent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]
Rows = NDArray[np.int64]
_MOST_THIRDS = 16


def cycle_votes(rows: Mapping[Pair, Rows], counts: list[int]) -> dict[Pair, NDArray[np.int64]]:
    """How many more triplets of photos confirm each match than contradict it.

    A third photo in which both ends of a match have a partner confirms it if that is the same keypoint, and contradicts
    it otherwise. The sixteen photos that share most matches with the two are asked.

    Args:
        rows: by pair (a, b), a < b: (M, 2) keypoints of a and b, one to one.
        counts: number of keypoints of each photo.
    """
    partners: dict[Pair, NDArray[np.int32]] = {}
    neighbours: dict[int, set[int]] = {}
    for (a, b), table in rows.items():
        for (first, second), (i, j) in (((a, b), table.T), ((b, a), table.T[::-1])):
            partners[first, second] = np.full(counts[first], -1, np.int32)
            partners[first, second][i] = j
            neighbours.setdefault(first, set()).add(second)
    result = {}
    for (a, b), table in rows.items():
        votes = np.zeros(len(table), np.int64)
        for c in _thirds(a, b, rows, neighbours):
            third, other = partners[a, c][table[:, 0]], partners[b, c][table[:, 1]]
            votes += np.where((third >= 0) & (other >= 0), np.where(third == other, 1, -1), 0)
        result[a, b] = votes
    return result


def _thirds(a: int, b: int, rows: Mapping[Pair, Rows], neighbours: Mapping[int, set[int]]) -> list[int]:
    def shared(c: int) -> int:
        return min(len(rows[min(a, c), max(a, c)]), len(rows[min(b, c), max(b, c)]))

    return sorted(neighbours[a] & neighbours[b], key=lambda c: (-shared(c), c))[:_MOST_THIRDS]


def consistent(
    rows: Mapping[Pair, Rows], trust: Mapping[Pair, NDArray[np.floating]], counts: list[int]
) -> dict[Pair, NDArray[np.bool_]]:
    """Which matches to keep so that no track sees one photo at two keypoints.

    Matches are joined into tracks from the most trusted to the least; one that would join two tracks which share a
    photo, or that has negative trust, is left out.

    Args:
        rows: by pair, (M, 2) keypoints of a and b.
        trust: by pair, (M,).
        counts: number of keypoints of each photo.
    """
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    photo = np.repeat(np.arange(len(counts)), counts)
    order = [(float(s), pair, k) for pair, values in trust.items() for k, s in enumerate(values.tolist()) if s >= 0]
    order.sort(key=lambda item: (-item[0], item[1], item[2]))
    parent = list(range(int(starts[-1])))
    photos: dict[int, set[int]] = {}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    keep = {pair: np.zeros(len(table), bool) for pair, table in rows.items()}
    for _, pair, k in order:
        i, j = rows[pair][k].tolist()
        first, second = root(int(starts[pair[0]]) + i), root(int(starts[pair[1]]) + j)
        if first != second:
            some = photos.get(first) or {int(photo[first])}
            others = photos.get(second) or {int(photo[second])}
            if some & others:
                continue
            if len(some) < len(others):
                first, second = second, first
            parent[second] = first
            photos[first] = some | others
            photos.pop(second, None)
        keep[pair][k] = True
    return keep
