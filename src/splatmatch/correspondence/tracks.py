"""Dense and semi-dense matches become keypoints and matches between them, which structure from motion can use.

A dense matcher gives every pair its own points, so no point of a photo is seen in three photos. Here the matches of a
pair are a field that is read at keypoints (``transfer``): photo by photo, in order,

1. the photo gets anchors: matched points, the most certain first, where it has no keypoint yet;
2. all its keypoints are transferred into the later photos it is matched with;
3. there a transferred point becomes the keypoint it agrees with within the covariance of both, or a new one.

So positions are never rounded to a grid. Then matches are checked in cycles (``cycles``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from splatmatch.correspondence.cycles import Pair, Rows, consistent, cycle_votes
from splatmatch.correspondence.transfer import CHI2_99, Transferred, field_spacing, transfer
from splatmatch.scene.keypoint_matches import KeypointMatches
from splatmatch.scene.matches import Matches, Size

Floats = NDArray[np.float64]
_OWN_SPACING = 0.75


@dataclass(frozen=True)
class TrackOptions:
    """How dense matches become keypoints. Lengths are pixels of a photo with a long side of 1000."""

    spacing: float = 6.0
    """Least distance of anchors; matches that are further apart set a larger one."""
    sigma: float = 0.7
    """Standard deviation of a match where its matcher does not tell."""
    least_sigma: float = 0.2
    """What a matcher tells is not believed below this."""
    most: int = 8192
    """Anchors per photo."""
    least_score: float = 0.0
    """Matches below are not used."""

    def __post_init__(self) -> None:
        if not (self.spacing > 0 and self.sigma > 0 and self.least_sigma > 0 and self.most > 0):
            raise ValueError("spacing, sigmas and most are positive")


def tracks_of(
    sizes: Sequence[Size],
    pairs: Sequence[Pair],
    matches_of: Callable[[Pair], Matches],
    options: TrackOptions = TrackOptions(),
) -> KeypointMatches:
    """Keypoints and consistent matches of photos that were matched densely.

    Args:
        sizes: of the photos.
        pairs: (a, b) with a < b that were matched.
        matches_of: the matches of such a pair; called once for each, so they need not be in memory together.
        options: see ``TrackOptions``.
    """
    photos = [_Photo(max(size) / 1000) for size in sizes]
    rows: dict[Pair, Rows] = {}
    scores: dict[Pair, NDArray[np.float32]] = {}
    for a, photo in enumerate(photos):
        fields = [
            _field(pair, matches_of(pair), photos[pair[1]].unit, options) for pair in sorted(pairs) if pair[0] == a
        ]
        _add_anchors(photo, fields, options)
        for field in fields:
            found = transfer(photo.points, field.points_a, field.points_b, field.scores, field.covariance)
            found.covariance[:] += photo.covariance  # what is not known in a is not known in b, to first order
            joined = _join(photos[field.pair[1]], sizes[field.pair[1]], found)
            if len(joined):
                rows[field.pair] = joined
                scores[field.pair] = found.scores[joined[:, 0]].astype(np.float32)
    counts = [len(photo.points) for photo in photos]
    votes = cycle_votes(rows, counts)
    trust = {pair: np.where(votes[pair] < 0, -1.0, votes[pair] + scores[pair]) for pair in rows}
    rows, scores = _chosen(rows, scores, consistent(rows, trust, counts))
    return _compact(photos, rows, scores)


class _Photo:
    """The keypoints of a photo so far."""

    def __init__(self, unit: float) -> None:
        self.unit = unit
        self.points: Floats = np.zeros((0, 2))
        self.covariance: Floats = np.zeros((0, 2, 2))

    def add(self, points: Floats, covariance: Floats) -> NDArray[np.int64]:
        """Append keypoints (K, 2) and return their rows."""
        first = len(self.points)
        self.points = np.concatenate([self.points, points])
        self.covariance = np.concatenate([self.covariance, covariance])
        return np.arange(first, len(self.points))


@dataclass(frozen=True, eq=False)
class _Field:
    """The matches of one pair, as ``transfer`` takes them."""

    pair: Pair
    points_a: Floats
    points_b: Floats
    scores: Floats
    covariance: Floats


def _field(pair: Pair, matches: Matches, unit: float, options: TrackOptions) -> _Field:
    use = matches.scores >= options.least_score
    a, b = matches.points_a[use].astype(np.float64), matches.points_b[use].astype(np.float64)
    if matches.covariance is None:
        covariance = np.broadcast_to((options.sigma * unit) ** 2 * np.eye(2), (len(a), 2, 2))
    else:
        covariance = matches.covariance[use].astype(np.float64) + (options.least_sigma * unit) ** 2 * np.eye(2)
    return _Field(pair, a, b, matches.scores[use].astype(np.float64), covariance)


def _add_anchors(photo: _Photo, fields: Sequence[_Field], options: TrackOptions) -> None:
    """Matched points at least ``spacing`` apart, the most certain first, where there is no keypoint yet."""
    fields = [field for field in fields if len(field.points_a)]
    if not fields:
        return
    points = np.concatenate([field.points_a for field in fields])
    scores = np.concatenate([field.scores for field in fields])
    points = points[np.argsort(-scores, kind="stable")]
    spacing = max(options.spacing * photo.unit, _OWN_SPACING * min(field_spacing(f.points_a) for f in fields))
    if len(photo.points) and len(points):
        points = points[cKDTree(photo.points).query(points)[0] >= spacing]
    chosen = spread_out(points, spacing)[: options.most]
    photo.add(points[chosen], np.zeros((len(chosen), 2, 2)))


def spread_out(points: Floats, spacing: float) -> NDArray[np.int64]:
    """Rows of points (N, 2), earlier ones preferred, of which no two are nearer than ``spacing``."""
    cells: dict[tuple[int, int], list[int]] = {}
    chosen = []
    for row, (x, y) in enumerate(points.tolist()):
        column, line = math.floor(x / spacing), math.floor(y / spacing)
        around = (other for i in (-1, 0, 1) for j in (-1, 0, 1) for other in cells.get((column + i, line + j), ()))
        if all((points[o, 0] - x) ** 2 + (points[o, 1] - y) ** 2 >= spacing**2 for o in around):
            cells.setdefault((column, line), []).append(row)
            chosen.append(row)
    return np.array(chosen, np.int64)


def _join(photo: _Photo, size: Size, found: Transferred) -> Rows:
    """Give transferred points their keypoints in ``photo``; (M, 2) rows of the queries and of the keypoints."""
    inside = np.isfinite(found.points).all(axis=1)
    inside &= ((np.nan_to_num(found.points, nan=-1) >= 0) & (np.nan_to_num(found.points, nan=-1) <= size)).all(axis=1)
    queries = np.flatnonzero(inside)
    points, covariance = found.points[queries], found.covariance[queries]
    target = np.full(len(queries), -1, np.int64)
    if len(photo.points) and len(queries):
        target = _nearest_agreeing(photo, points, covariance)
    merged = np.flatnonzero(target >= 0)
    _average(photo, target[merged], points[merged], covariance[merged])
    new = np.flatnonzero(target == -1)
    target[new] = photo.add(points[new], covariance[new])
    kept = target >= 0
    return np.stack([queries[kept], target[kept]], axis=1)


def _nearest_agreeing(photo: _Photo, points: Floats, covariance: Floats) -> NDArray[np.int64]:
    """Row of the keypoint that each point agrees with, -1 = none; -2 where a nearer point has taken it."""
    _, rows = cKDTree(photo.points).query(points)
    offset = photo.points[rows] - points
    both = covariance + photo.covariance[rows] + 1e-9 * np.eye(2)
    distance = np.einsum("qi,qij,qj->q", offset, np.linalg.inv(both), offset)
    target = np.where(distance <= CHI2_99, rows, -1)
    order = np.argsort(distance, kind="stable")
    _, first = np.unique(target[order], return_index=True)
    winners = np.zeros(len(points), bool)
    winners[order[first]] = True
    return np.where((target >= 0) & ~winners, -2, target)


def _average(photo: _Photo, rows: NDArray[np.int64], points: Floats, covariance: Floats) -> None:
    """Move keypoints to the mean of what was known and what is new, weighted by covariance (a Kalman update)."""
    known = photo.covariance[rows]
    gain = known @ np.linalg.inv(known + covariance + 1e-9 * np.eye(2))
    photo.points[rows] += np.einsum("qij,qj->qi", gain, points - photo.points[rows])
    photo.covariance[rows] = known - gain @ known


def _chosen(
    rows: dict[Pair, Rows], scores: dict[Pair, NDArray[np.float32]], keep: dict[Pair, NDArray[np.bool_]]
) -> tuple[dict[Pair, Rows], dict[Pair, NDArray[np.float32]]]:
    return (
        {pair: table[keep[pair]] for pair, table in rows.items() if keep[pair].any()},
        {pair: values[keep[pair]] for pair, values in scores.items() if keep[pair].any()},
    )


def _compact(
    photos: Sequence[_Photo], rows: dict[Pair, Rows], scores: dict[Pair, NDArray[np.float32]]
) -> KeypointMatches:
    """Without the keypoints that no match uses."""
    used = [np.zeros(len(photo.points), bool) for photo in photos]
    for (a, b), table in rows.items():
        used[a][table[:, 0]] = True
        used[b][table[:, 1]] = True
    new = [np.cumsum(mask) - 1 for mask in used]
    return KeypointMatches(
        tuple(photo.points[mask].astype(np.float32) for photo, mask in zip(photos, used, strict=True)),
        {(a, b): np.stack([new[a][t[:, 0]], new[b][t[:, 1]]], axis=1) for (a, b), t in rows.items()},
        scores,
    )
