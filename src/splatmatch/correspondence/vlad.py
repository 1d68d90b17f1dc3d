"""Image retrieval by VLAD on the set's own descriptors (Jegou et al., 2010; Arandjelovic and Zisserman, 2013)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Descriptors = NDArray[np.uint8] | NDArray[np.float32]
"""(K, D) of one photo: bytes as SIFT is stored, or floats; only their directions matter."""
_ITERATIONS = 15


def vlad_similarity(
    descriptors: Sequence[Descriptors], clusters: int = 64, sample: int = 40_000, seed: int = 0
) -> Floats:
    """Cosine similarity (N, N) of N images by the VLAD of their descriptors (K_i, D); 0 where there are none.

    V_c = sum over the descriptors x nearest to centre c of (x - c), each V_c scaled to length one, then the whole. The
    centres are those of k-means on a random sample of the set itself, so nothing is downloaded.
    """
    random = np.random.default_rng(seed)
    share = max(1, sample // max(1, len(descriptors)))
    chosen = [d[random.permutation(len(d))[:share]] for d in descriptors]
    points = unit_vectors(np.concatenate([d.astype(np.float32) for d in chosen]))
    if len(points) == 0:
        return np.zeros((len(descriptors), len(descriptors)), np.float32)
    centres = _k_means(points, min(clusters, len(points)), random)
    table = np.stack([_vlad(unit_vectors(d), centres) for d in descriptors])
    return np.asarray(table @ table.T, np.float32)


def unit_vectors(descriptors: Descriptors) -> Floats:
    """Descriptors (K, D) as vectors of length one; what is not finite becomes zero."""
    vectors = np.nan_to_num(descriptors.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _k_means(points: Floats, count: int, random: np.random.Generator) -> Floats:
    centres = points[random.permutation(len(points))[:count]].copy()
    for _ in range(_ITERATIONS):
        nearest = _nearest(points, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, points)
        sizes = np.bincount(nearest, minlength=count)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres).astype(np.float32)
    return centres


def _vlad(points: Floats, centres: Floats) -> Floats:
    sums = np.zeros_like(centres)
    if len(points):
        nearest = _nearest(points, centres)
        np.add.at(sums, nearest, points - centres[nearest])
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    flat = sums.ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-12), np.float32)


def _nearest(points: Floats, centres: Floats) -> NDArray[np.int64]:
    distances = (centres**2).sum(axis=1)[None] - 2 * (points @ centres.T)
    return np.asarray(distances.argmin(axis=1), np.int64)
