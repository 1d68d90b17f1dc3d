"""Closest and any hit of a ray among all primitives: a tree of boxes in depth-first order, walked without a stack.

Each node knows which node comes next when its box is missed. The order is fixed, so a good first guess (the primitive
that the neighbouring ray hit) matters more than the order: it shortens the ray before the walk begins.
"""

from __future__ import annotations

from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.intersection import hit_primitive
from splatmatch.synthetic.kernels.layout import COUNT, FAR, FIRST, SKIP


@kernel(__file__)
def _inverse(d: float) -> float:
    if abs(d) < 1e-12:
        return 1e12 if d >= 0.0 else -1e12
    return 1.0 / d


@kernel(__file__)
def closest_hit(
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    t_max: float,
    guess: int,
    nodes: Any,
    primitives: Any,
    heights: Any,
) -> tuple[float, int]:
    """Distance (in units of d) and primitive of the first hit in (NEAR, t_max), or (FAR, -1).

    Of equal distances the primitive with the lower number wins, so the guess never changes the answer.
    """
    best, hit = t_max, -1
    if guess >= 0:
        t = hit_primitive(guess, ox, oy, oz, dx, dy, dz, best, primitives, heights)
        if t < FAR:
            best, hit = t, guess
    ix, iy, iz = _inverse(dx), _inverse(dy), _inverse(dz)
    node, end = 0, len(nodes)
    while node < end:
        ax, bx = (nodes[node, 0] - ox) * ix, (nodes[node, 3] - ox) * ix
        ay, by = (nodes[node, 1] - oy) * iy, (nodes[node, 4] - oy) * iy
        az, bz = (nodes[node, 2] - oz) * iz, (nodes[node, 5] - oz) * iz
        near = max(min(ax, bx), min(ay, by), min(az, bz), 0.0)
        far = min(max(ax, bx), max(ay, by), max(az, bz), best)
        if near > far:
            node = int(nodes[node, SKIP])
            continue
        first = int(nodes[node, FIRST])
        for i in range(first, first + int(nodes[node, COUNT])):
            if i != guess:
                t = hit_primitive(i, ox, oy, oz, dx, dy, dz, best, primitives, heights)
                if t < best or (t == best and i < hit):
                    best, hit = t, i
        node += 1
    return (best, hit) if hit >= 0 else (FAR, -1)


@kernel(__file__)
def any_hit(
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    t_max: float,
    guess: int,
    nodes: Any,
    primitives: Any,
    heights: Any,
) -> int:
    """Some primitive that the ray hits in (NEAR, t_max), or -1; ``guess`` is tried first."""
    if guess >= 0 and hit_primitive(guess, ox, oy, oz, dx, dy, dz, t_max, primitives, heights) < FAR:
        return guess
    ix, iy, iz = _inverse(dx), _inverse(dy), _inverse(dz)
    node, end = 0, len(nodes)
    while node < end:
        ax, bx = (nodes[node, 0] - ox) * ix, (nodes[node, 3] - ox) * ix
        ay, by = (nodes[node, 1] - oy) * iy, (nodes[node, 4] - oy) * iy
        az, bz = (nodes[node, 2] - oz) * iz, (nodes[node, 5] - oz) * iz
        near = max(min(ax, bx), min(ay, by), min(az, bz), 0.0)
        far = min(max(ax, bx), max(ay, by), max(az, bz), t_max)
        if near > far:
            node = int(nodes[node, SKIP])
            continue
        first = int(nodes[node, FIRST])
        for i in range(first, first + int(nodes[node, COUNT])):
            if hit_primitive(i, ox, oy, oz, dx, dy, dz, t_max, primitives, heights) < FAR:
                return i
        node += 1
    return -1
