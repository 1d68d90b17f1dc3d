"""Nearest neighbours among descriptors of unit length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 2048
"""Rows compared at a time: memory stays at CHUNK x M similarities."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Pairs of descriptors that are each other's nearest, and how near the runners-up are."""

    rows: Tensor
    """(K, 2) int64, rows of a and of b, ascending in a."""
    cosine: Tensor
    """(K,) of each pair."""
    second_a: Tensor
    """(K,) cosine between the row of a and its second-nearest row of b; -1 where b has only one."""


def mutual_nearest(a: Tensor, b: Tensor) -> Neighbours:
    """The pairs (i, j) where j is the nearest of ``b`` to i and i the nearest of ``a`` to j.

    Ties go to the first row, so of equal descriptors at most one is matched.

    Args:
        a: (N, D) float32 of unit length.
        b: (M, D) likewise, on the same device.
    """
    if not len(a) or not len(b):
        none = a.new_zeros(0)
        return Neighbours(torch.zeros((0, 2), dtype=torch.int64, device=a.device), none, none)
    best, second, nearest = [], [], []
    column = a.new_full((len(b),), -torch.inf)
    owner = torch.zeros(len(b), dtype=torch.int64, device=a.device)
    for start in range(0, len(a), CHUNK):
        similarity = a[start : start + CHUNK] @ b.T
        high, row = similarity.max(dim=0)
        better = high > column
        column = torch.where(better, high, column)
        owner = torch.where(better, row + start, owner)
        top, index = similarity.max(dim=1)
        similarity.scatter_(1, index[:, None], -1.0)
        best.append(top)
        nearest.append(index)
        second.append(similarity.max(dim=1).values)
    chosen = torch.cat(nearest)
    rows = torch.arange(len(a), device=a.device)
    mutual = owner[chosen] == rows
    return Neighbours(
        torch.stack([rows[mutual], chosen[mutual]], dim=1), torch.cat(best)[mutual], torch.cat(second)[mutual]
    )


def distance_ratio(neighbours: Neighbours) -> Tensor:
    """(K,) distance to the nearest over distance to the second nearest (Lowe, 2004, 7.1); 1 where both are 0."""
    first = (2 - 2 * neighbours.cosine).clamp(min=0).sqrt()
    second = (2 - 2 * neighbours.second_a).clamp(min=0).sqrt()
    return torch.where(second > 0, first / second.clamp(min=1e-12), torch.ones_like(first))
