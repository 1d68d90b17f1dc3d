"""The tree of boxes over a scene's primitives (surface-area heuristic, Wald 2007), in depth-first order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAF_SIZE = 2


@dataclass(frozen=True, eq=False)
class BoxTree:
    """Nodes in depth-first order over primitives that were put into ``order``."""

    boxes: NDArray[np.float64]
    """(M, 6) lower and upper corner."""
    links: NDArray[np.int64]
    """(M, 3) next node when the box is missed, first primitive, how many (0 for inner nodes)."""
    order: NDArray[np.int64]
    """(N,) the primitive that stands at each place."""


def build_tree(low: NDArray[np.float64], high: NDArray[np.float64]) -> BoxTree:
    """The tree over boxes low..high, both (N, 3) with N >= 1."""
    boxes: list[NDArray[np.float64]] = []
    links: list[list[int]] = []
    order: list[int] = []
    # Depth first without recursion; the node that follows a subtree is known once the subtree is complete.
    todo: list[tuple[NDArray[np.int64], list[int]]] = [(np.arange(len(low)), [])]
    while todo:
        members, closes = todo.pop()
        node = len(boxes)
        boxes.append(np.concatenate([low[members].min(0), high[members].max(0)]))
        if len(members) <= LEAF_SIZE:
            links.append([0, len(order), len(members)])
            order.extend(members.tolist())
            for done in [*closes, node]:
                links[done][0] = len(boxes)
        else:
            links.append([0, 0, 0])
            first, second = _split(members, low[members], high[members])
            todo.append((second, [*closes, node]))
            todo.append((first, []))
    return BoxTree(np.array(boxes), np.array(links, dtype=np.int64), np.array(order, dtype=np.int64))


def _split(
    members: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cut along one axis after which a ray is expected to meet the fewest primitives."""
    centres = low + high
    best_cost, best_order, best_cut = np.inf, np.arange(len(members)), len(members) // 2
    counts = np.arange(1, len(members))
    for axis in range(3):
        order = np.argsort(centres[:, axis], kind="stable")
        a, b = low[order], high[order]
        left = _areas(np.minimum.accumulate(a), np.maximum.accumulate(b))[:-1]
        right = _areas(np.minimum.accumulate(a[::-1])[::-1], np.maximum.accumulate(b[::-1])[::-1])[1:]
        cost = left * counts + right * counts[::-1]
        cut = int(cost.argmin())
        if cost[cut] < best_cost:
            best_cost, best_order, best_cut = float(cost[cut]), order, cut + 1
    return members[best_order[:best_cut]], members[best_order[best_cut:]]


def _areas(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = (high - low).T
    areas: NDArray[np.float64] = x * y + y * z + z * x
    return areas
