"""What a whole block of rays may hit: the tree is walked once per block instead of once per ray."""

from __future__ import annotations

from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.intersection import hit_primitive
from splatmatch.synthetic.kernels.layout import COUNT, DISC, FAR, FIRST, KIND, SKIP, WORLD

SLACK = 1e-9
"""Metres that a box is widened by, so that rounding never loses a primitive that a ray just touches."""


@kernel(__file__)
def _least_depth(i: int, ox: float, oy: float, oz: float, planes: Any, primitives: Any) -> float:
    """The least depth that the turned box around primitive ``i`` can have, FAR if it is outside; see ``in_view``."""
    at = primitives[i, WORLD : WORLD + 12]
    thick = 0.0 if primitives[i, KIND] <= DISC else 1.0
    x, y, z = at[3] - ox, at[7] - oy, at[11] - oz
    least = 0.0
    for k in range(5):
        a, b, c = planes[k, 0], planes[k, 1], planes[k, 2]
        middle = a * x + b * y + c * z
        reach = abs(a * at[0] + b * at[4] + c * at[8]) + abs(a * at[1] + b * at[5] + c * at[9])
        reach += thick * abs(a * at[2] + b * at[6] + c * at[10]) + SLACK
        if middle + reach < 0.0:
            return FAR
        least = middle - reach
    return least


@kernel(__file__)
def in_view(ox: float, oy: float, oz: float, planes: Any, nodes: Any, primitives: Any, found: Any, near: Any) -> int:
    """Primitives in the pyramid from o, nearest first.

    ``planes`` (5, 3) are the inward normals of the four sides, then the camera's forward axis; ``found`` (P,) is filled
    with primitives, ``near`` (P,) with the least depth that each can have.

    Returns:
        How many there are; -1 if they do not fit.
    """
    count, node = 0, 0
    while node < len(nodes):
        outside = False
        for k in range(4):
            a, b, c = planes[k, 0], planes[k, 1], planes[k, 2]
            x = nodes[node, 3] if a > 0.0 else nodes[node, 0]
            y = nodes[node, 4] if b > 0.0 else nodes[node, 1]
            z = nodes[node, 5] if c > 0.0 else nodes[node, 2]
            if a * (x - ox) + b * (y - oy) + c * (z - oz) < 0.0:
                outside = True
                break
        if outside:
            node = int(nodes[node, SKIP])
            continue
        first = int(nodes[node, FIRST])
        for i in range(first, first + int(nodes[node, COUNT])):
            depth = _least_depth(i, ox, oy, oz, planes, primitives)
            if depth == FAR:
                continue
            if count == len(found):
                return -1
            at = count
            while at > 0 and near[at - 1] > depth:
                near[at], found[at] = near[at - 1], found[at - 1]
                at -= 1
            near[at], found[at] = depth, i
            count += 1
        node += 1
    return count


@kernel(__file__)
def in_shaft(low: Any, high: Any, target: Any, spread: float, nodes: Any, found: Any) -> int:
    """Primitives that may stand between the points low..high and a light.

    ``low`` and ``high`` (3,) bound the points. ``target`` (4,) is the unit direction to the sun and 0, or the place of
    a lamp and 1; ``spread`` the tangent of the sun's radius, or the lamp's radius in metres. ``found`` (P,) is filled.

    Returns:
        How many there are; -1 if they do not fit.
    """
    cx, cy, cz = 0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2])
    ex, ey, ez = 0.5 * (high[0] - low[0]), 0.5 * (high[1] - low[1]), 0.5 * (high[2] - low[2])
    lamp = target[3] == 1.0
    dx, dy, dz, end = target[0], target[1], target[2], FAR
    if lamp:
        dx, dy, dz, end = dx - cx, dy - cy, dz - cz, 1.0
        ex, ey, ez = max(ex, spread), max(ey, spread), max(ez, spread)
    ix = 1.0 / dx if abs(dx) > 1e-12 else 1e12
    iy = 1.0 / dy if abs(dy) > 1e-12 else 1e12
    iz = 1.0 / dz if abs(dz) > 1e-12 else 1e12
    count, node = 0, 0
    while node < len(nodes):
        x0, y0, z0 = nodes[node, 0] - cx, nodes[node, 1] - cy, nodes[node, 2] - cz
        x1, y1, z1 = nodes[node, 3] - cx, nodes[node, 4] - cy, nodes[node, 5] - cz
        wide = 0.0
        if not lamp:
            reach = max(x0 * dx, x1 * dx) + max(y0 * dy, y1 * dy) + max(z0 * dz, z1 * dz)
            wide = spread * max(0.0, reach + ex + ey + ez)
        ax, bx = (x0 - ex - wide) * ix, (x1 + ex + wide) * ix
        ay, by = (y0 - ey - wide) * iy, (y1 + ey + wide) * iy
        az, bz = (z0 - ez - wide) * iz, (z1 + ez + wide) * iz
        near = max(min(ax, bx), min(ay, by), min(az, bz), 0.0)
        far = min(max(ax, bx), max(ay, by), max(az, bz), end)
        if near > far:
            node = int(nodes[node, SKIP])
            continue
        first = int(nodes[node, FIRST])
        for i in range(first, first + int(nodes[node, COUNT])):
            if count == len(found):
                return -1
            found[count] = i
            count += 1
        node += 1
    return count


@kernel(__file__)
def closest_of(
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    guess: int,
    found: Any,
    near: Any,
    count: int,
    primitives: Any,
    heights: Any,
) -> tuple[float, int]:
    """Depth and primitive of the first hit among the ``count`` primitives of ``in_view``, or (FAR, -1).

    d has length one along the camera's forward axis, so that distances are depths.
    """
    best, hit = FAR, -1
    if guess >= 0:
        best = hit_primitive(guess, ox, oy, oz, dx, dy, dz, FAR, primitives, heights)
        hit = guess if best < FAR else -1
    for at in range(count):
        if near[at] > best:
            break
        i = found[at]
        if i != guess:
            t = hit_primitive(i, ox, oy, oz, dx, dy, dz, best, primitives, heights)
            if t < best or (t == best and i < hit):
                best, hit = t, i
    return best, hit
