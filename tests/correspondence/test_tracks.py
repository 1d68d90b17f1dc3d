"""Dense matches become tracks: exact where matches are, accurate where they are noisy, consistent in any case."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from splatmatch.correspondence.cycles import consistent, cycle_votes
from splatmatch.correspondence.tracks import TrackOptions, spread_out, tracks_of
from splatmatch.correspondence.transfer import transfer
from tests.correspondence.dense_worlds import SIZE, cameras, project, semi_dense, wall_points

UNIT = np.eye(2)


@given(
    arrays(np.float64, (2, 2), elements=st.floats(-2, 2)),
    arrays(np.float64, 2, elements=st.floats(-100, 100)),
    st.integers(0, 9),
)
def test_transfer_is_exact_for_affine_maps(linear, shift, seed):
    """Between matches of an affine map the map itself is found, wherever they lie."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(0, 80, 8.0), np.arange(0, 80, 8.0))
    a = np.column_stack([x.ravel(), y.ravel()]) + random.uniform(-2, 2, (100, 2))
    queries = random.uniform(8, 64, (50, 2))
    found = transfer(queries, a, a @ linear.T + shift, np.ones(100), np.broadcast_to(UNIT, (100, 2, 2)))
    assert np.abs(found.points - (queries @ linear.T + shift)).max() < 1e-6
    assert (np.linalg.eigvalsh(found.covariance)[:, 1] < 1).all()  # eight matches tell more than one


def test_transfer_says_nothing_across_a_depth_edge_or_far_away():
    """Left half still, right half moved by 30 px: between them no answer but on a match; outside none."""
    x, y = np.meshgrid(np.arange(4, 160, 8.0), np.arange(4, 80, 8.0))
    a = np.column_stack([x.ravel(), y.ravel()])
    b = a + np.where(a[:, :1] < 80, 0.0, 30.0) * [1, 0]
    queries = np.array([[80.0, 40.0], [300.0, 40.0], [40.0, 40.0], [76.0, 44.0]])
    found = transfer(queries, a, b, np.ones(len(a)), np.broadcast_to(0.25 * UNIT, (len(a), 2, 2)))
    assert np.isnan(found.points[:2]).all()
    assert found.points[2] == pytest.approx([40, 40], abs=1e-6)
    assert found.points[3] == pytest.approx([76, 44], abs=1e-6)


def test_transfer_of_nothing():
    """No queries, no matches."""
    none = np.zeros((0, 2))
    assert transfer(none, np.ones((3, 2)), np.ones((3, 2)), np.ones(3), np.zeros((3, 2, 2))).points.shape == (0, 2)
    found = transfer(np.ones((3, 2)), none, none, np.zeros(0), np.zeros((0, 2, 2)))
    assert np.isnan(found.points).all()


@given(arrays(np.float64, (60, 2), elements=st.floats(0, 50)), st.floats(0.5, 20))
def test_spread_out(points, spacing):
    """No two chosen points nearer than the spacing; everything left out is near one; the first is always in."""
    chosen = spread_out(points, spacing)
    distance = np.linalg.norm(points[:, None] - points[chosen], axis=2)
    assert chosen[0] == 0
    assert (distance.min(axis=1) < spacing).all()
    between = distance[chosen] + 1e9 * np.eye(len(chosen))
    assert between.min() >= spacing - 1e-9


def tracked(count=5, **changes):
    poses = cameras(count)
    pairs = list(combinations(range(count), 2))
    matches = {(a, b): semi_dense(poses[a], poses[b], seed=10 * a + b, **changes) for a, b in pairs}
    return poses, tracks_of([SIZE] * count, pairs, matches.__getitem__), matches


def errors(poses, found):
    """Pixels by which each match of keypoints misses the truth, over all pairs."""
    misses = []
    for (a, b), rows in found.rows.items():
        truth = project(wall_points(found.keypoints[a][rows[:, 0]].astype(float), poses[a]), poses[b])
        misses.append(np.linalg.norm(truth - found.keypoints[b][rows[:, 1]], axis=1))
    return np.concatenate(misses)


def components(found):
    """Tracks as lists of (photo, keypoint)."""
    links = {}
    for (a, b), rows in found.rows.items():
        for i, j in rows.tolist():
            links.setdefault((a, i), set()).add((b, j))
            links.setdefault((b, j), set()).add((a, i))
    seen, tracks = set(), []
    for start in links:
        if start not in seen:
            track, front = [], [start]
            seen.add(start)
            while front:
                node = front.pop()
                track.append(node)
                front += [n for n in links[node] if n not in seen]
                seen.update(links[node])
            tracks.append(track)
    return tracks


@pytest.mark.parametrize("covariance", [False, True])
def test_tracks_of_a_noisy_matcher(covariance):
    """Better than the matches they are made of, through most photos, without the wrong matches, never torn."""
    poses, found, matches = tracked(covariance=covariance)
    misses = errors(poses, found)
    assert np.median(misses) < 0.3  # the matches themselves: median 0.35
    assert (misses > 3).mean() < 0.01  # of the matches 5 % are wrong
    tracks = components(found)
    assert all(len({photo for photo, _ in track}) == len(track) for track in tracks)
    lengths = np.array([len(track) for track in tracks])
    assert np.median(lengths) >= 3 and lengths.mean() > 3.2
    assert sum(len(rows) for rows in found.rows.values()) > 0.7 * sum(len(m) for m in matches.values())


def test_tracks_do_not_round_positions():
    """With exact matches of a smooth wall keypoints are exact to the curvature between the matches.

    Positions on a grid of whole pixels alone would miss by 0.4 px in the median.
    """
    poses, found, _ = tracked(count=4, noise=0.0, wrong=0.0)
    misses = errors(poses, found)
    assert np.median(misses) < 0.05
    assert np.quantile(misses, 0.99) < 0.25


def test_tracks_are_one_to_one_and_inside():
    """No keypoint twice in a pair, none outside its photo, none without a match."""
    _, found, _ = tracked(count=3)
    used = [set() for _ in found.keypoints]
    for (a, b), rows in found.rows.items():
        assert a < b
        for side, photo in enumerate((a, b)):
            assert len(np.unique(rows[:, side])) == len(rows)
            used[photo].update(rows[:, side].tolist())
        assert len(found.scores[a, b]) == len(rows)
    for keypoints, rows in zip(found.keypoints, used, strict=True):
        assert rows == set(range(len(keypoints)))
        assert (keypoints >= 0).all() and (keypoints <= SIZE).all()


def test_tracks_are_repeatable_and_anchors_bounded():
    """The same matches give the same bits; no more anchors than asked for."""
    _, first, matches = tracked(count=3)
    _, again, _ = tracked(count=3)
    assert all((a == b).all() for a, b in zip(first.keypoints, again.keypoints, strict=True))
    few = tracks_of([SIZE] * 3, list(matches), matches.__getitem__, TrackOptions(most=50))
    assert 0 < len(few.keypoints[0]) <= 50


def test_no_matches_no_tracks():
    """Photos that share nothing have no keypoints."""
    poses = cameras(2)
    nothing = semi_dense(poses[0], poses[1]).chosen(np.zeros(0, np.int64))
    found = tracks_of([SIZE] * 2, [(0, 1)], lambda pair: nothing)
    assert found.rows == {} and all(len(k) == 0 for k in found.keypoints)


def rows(*table):
    return np.array(table, np.int64).reshape(-1, 2)


def test_cycles_vote():
    """a0-b0-c0 closes; a1-b1 is contradicted by c, which a1 sees at 1 and b1 at 2; a2-b2 has no third."""
    table = {
        (0, 1): rows((0, 0), (1, 1), (2, 2)),
        (0, 2): rows((0, 0), (1, 1)),
        (1, 2): rows((0, 0), (1, 2)),
    }
    votes = cycle_votes(table, [3, 3, 3])
    assert votes[0, 1].tolist() == [1, -1, 0]
    assert votes[0, 2].tolist() == [1, 0]
    trust = {pair: v.astype(float) for pair, v in votes.items()}
    keep = consistent(table, trust, [3, 3, 3])
    assert keep[0, 1].tolist() == [True, False, True]


@given(st.integers(0, 1000))
def test_consistent_tracks_never_see_a_photo_twice(seed):
    """Random one-to-one matches; the most certain is always kept, and so is everything once nothing conflicts."""
    random = np.random.default_rng(seed)
    table, scores = {}, {}
    for a, b in combinations(range(4), 2):
        size = int(random.integers(0, 6))
        table[a, b] = np.stack([random.permutation(6)[:size], random.permutation(6)[:size]], axis=1).astype(np.int64)
        scores[a, b] = random.random(size)
    keep = consistent(table, scores, [6] * 4)
    kept = {pair: t[keep[pair]] for pair, t in table.items()}

    class Found:
        rows = kept

    assert all(len({p for p, _ in track}) == len(track) for track in components(Found))
    best = max(((s, pair, k) for pair, v in scores.items() for k, s in enumerate(v)), default=None)
    assert best is None or keep[best[1]][best[2]]
    again = consistent(kept, {pair: v[keep[pair]] for pair, v in scores.items()}, [6] * 4)
    assert all(mask.all() for mask in again.values())
