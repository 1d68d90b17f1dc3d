"""Exact hits of any rays: the truth that labels are judged by."""

from __future__ import annotations

from typing import Any

import numba

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.intersection import surface
from splatmatch.synthetic.kernels.layout import FAR, INSTANCE
from splatmatch.synthetic.kernels.traversal import closest_hit


@kernel(__file__)
def _first(
    ray: int,
    origins: Any,
    directions: Any,
    nodes: Any,
    primitives: Any,
    heights: Any,
    distances: Any,
    normals: Any,
    instances: Any,
) -> None:
    """Ray number ``ray`` of ``cast``."""
    ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
    dx, dy, dz = directions[ray, 0], directions[ray, 1], directions[ray, 2]
    t, i = closest_hit(ox, oy, oz, dx, dy, dz, FAR, -1, nodes, primitives, heights)
    distances[ray] = t
    instances[ray] = -1
    if i < 0:
        normals[ray, 0], normals[ray, 1], normals[ray, 2] = 0.0, 0.0, 0.0
        return
    _, _, _, _, _, nx, ny, nz = surface(i, ox + t * dx, oy + t * dy, oz + t * dz, primitives, heights)
    sign = -1.0 if nx * dx + ny * dy + nz * dz > 0.0 else 1.0
    normals[ray, 0], normals[ray, 1], normals[ray, 2] = sign * nx, sign * ny, sign * nz
    instances[ray] = int(primitives[i, INSTANCE])


@kernel(__file__, parallel=True)
def cast(
    origins: Any,
    directions: Any,
    nodes: Any,
    primitives: Any,
    heights: Any,
    distances: Any,
    normals: Any,
    instances: Any,
) -> None:
    """Closest hits of N rays: ``distances`` (N,) in lengths of d, ``normals`` (N, 3), ``instances`` (N,), -1 = none."""
    for ray in numba.prange(len(origins)):
        _first(ray, origins, directions, nodes, primitives, heights, distances, normals, instances)
