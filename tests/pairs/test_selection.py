"""Overlap between candidates, and which pairs are drawn from it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from splatmatch.pairs.overlap import directed_overlaps
from splatmatch.pairs.selection import BANDS, band_of, select
from splatmatch.pairs.sources import Glance
from splatmatch.synthetic import build_scene, camera_path, cast_rays
from splatmatch.synthetic.rays import pixel_directions

from .splat_worlds import CAMERA, room_depth, room_views


def test_overlap_is_the_share_of_pixels_that_are_seen():
    """Against counting with exact rays in a synthetic room, every pair of eight views, both directions."""
    scene = build_scene("room", 0)
    views = camera_path(scene, "walk", 8, 0, 128, 96)
    poses = [view.camera_from_world for view in views]
    glances, points = [], []
    for view in views:
        ways = pixel_directions(view.camera, view.camera_from_world)
        hits = cast_rays(scene, view.camera_from_world.centre, ways)
        seen = (hits.instance >= 0).numpy()
        depth = np.where(seen, hits.distance.numpy(), 0).astype(np.float32).reshape(96, 128)
        glances.append(Glance(view.camera, depth, seen.astype(np.float32).reshape(96, 128), 1))
        points.append((view.camera_from_world.centre + hits.distance[seen][:, None] * ways[seen])[::11])
    shares = directed_overlaps(glances, poses)
    np.testing.assert_allclose(np.diag(shares), 1, atol=1e-6)
    for i in range(8):
        for j in range(8):
            ways = points[i] - poses[j].centre
            local = poses[j].apply(points[i])
            pixels = views[j].camera.project(local).numpy()
            inside = ((pixels > 0) & (pixels < [128, 96])).all(1) & (local[:, 2] > 0).numpy()
            first = cast_rays(scene, poses[j].centre, ways).distance.numpy() > 0.97
            assert shares[i, j] == pytest.approx((inside & first).mean(), abs=0.06)


def test_no_views_and_empty_views_have_no_overlap():
    assert directed_overlaps([], []).shape == (0, 0)
    empty = Glance(CAMERA, np.zeros((48, 64), np.float32), np.zeros((48, 64), np.float32), 0)
    pose = room_views()[0].camera_from_world
    assert not directed_overlaps([empty, empty], [pose, pose]).any()


def test_overlap_is_directed():
    """A zoomed view is seen whole by the wide one, which is seen in part by it."""
    view = room_views()[0]
    near = view.camera.zoomed(2.0)
    glances = [
        Glance(camera, room_depth(camera, view.camera_from_world).astype(np.float32), np.ones((48, 64), np.float32), 1)
        for camera in (view.camera, near)
    ]
    shares = directed_overlaps(glances, [view.camera_from_world] * 2)
    assert shares[1, 0] == pytest.approx(1, abs=0.01) and shares[0, 1] == pytest.approx(0.25, abs=0.03)


def random_shares(views=60, seed=0):
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0, 1, (views, views)).astype(np.float32)
    return shares


@pytest.mark.parametrize("count", [8, 200])
def test_uniform_pairs_fill_the_bands_alike_and_use_the_views_alike(count):
    shares = random_shares()
    chosen = select(shares, count, "uniform", (0, 1), np.random.default_rng(0))
    bands = np.bincount([band_of(pair.overlap) for pair in chosen], minlength=4)
    assert bands.tolist() == [count // 4] * 4
    assert len({frozenset((pair.a, pair.b)) for pair in chosen}) == count and all(p.a != p.b for p in chosen)
    used = np.bincount([row for pair in chosen for row in (pair.a, pair.b)], minlength=60)
    assert used.max() <= 2 * count / 60 + 3
    for pair in chosen:
        assert pair.overlap == pytest.approx(0.5 * (shares[pair.a, pair.b] + shares[pair.b, pair.a]))
    assert 0.2 < np.mean([pair.a < pair.b for pair in chosen]) < 0.8 or count == 8


def test_a_curriculum_goes_from_easy_to_hard():
    chosen = select(random_shares(80), 400, "curriculum", (0, 1), np.random.default_rng(0))
    quarters = [np.array([pair.overlap for pair in chosen[i : i + 100]]) for i in range(0, 400, 100)]
    assert quarters[0].min() >= BANDS[-2]
    assert quarters[1].min() >= BANDS[-3] and quarters[2].min() >= BANDS[-4] and quarters[3].min() < BANDS[1]
    assert all(first.mean() > second.mean() for first, second in itertools.pairwise(quarters))


def test_a_later_part_of_the_job_starts_where_the_curriculum_is():
    chosen = select(random_shares(), 50, "curriculum", (0.8, 1.0), np.random.default_rng(0))
    assert {band_of(pair.overlap) for pair in chosen} == {0, 1, 2, 3}


def test_where_a_band_is_empty_others_fill_in_and_where_all_are_there_are_fewer_pairs():
    shares = np.full((6, 6), 0.6, np.float32)
    chosen = select(shares, 40, "uniform", (0, 1), np.random.default_rng(0))
    assert len(chosen) == 15
    assert select(np.full((6, 6), 0.05, np.float32), 5, "uniform", (0, 1), np.random.default_rng(0)) == []


def test_bands():
    assert [band_of(x) for x in (0.0, 0.0999, 0.1, 0.3, 0.69, 0.7, 1.0)] == [None, None, 0, 1, 2, 3, 3]
