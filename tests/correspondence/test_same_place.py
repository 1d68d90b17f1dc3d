"""The same-place score: high for one place seen twice, low for chance, blind to the size of photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.correspondence.same_place import ACCEPTED, Evidence, evidence, probability, same_place
from splatmatch.correspondence.two_view import two_view_geometry
from tests.correspondence.dense_worlds import SIZE, cameras, semi_dense
from tests.correspondence.test_two_view import enlarged

POSES = cameras(3)


def judged(matches):
    return same_place(matches, two_view_geometry(matches).inliers)


def chance(count, seed):
    """Matches that mean nothing: random points."""
    random = np.random.default_rng(seed)
    points = [random.uniform((0, 0), SIZE, (count, 2)).astype(np.float32) for _ in range(2)]
    pattern = semi_dense(POSES[0], POSES[1]).chosen(np.arange(count))
    return replace(pattern, points_a=points[0], points_b=points[1])


@pytest.mark.parametrize("wrong", [0.0, 0.4, 0.7])
def test_one_place_seen_twice(wrong):
    """Also with most matches wrong, as long as enough are right."""
    assert judged(semi_dense(POSES[0], POSES[2], wrong=wrong, step=16)).score > 0.9


@pytest.mark.parametrize("count", [0, 5, 9, 15, 30, 60, 300])
def test_chance_is_not_a_place(count):
    """However many: what agrees with some geometry by chance is not accepted."""
    for seed in range(5):
        found = judged(chance(count, seed))
        assert not found.same and found.verdict == "no evidence"


def test_few_matches_tell_if_they_keep_their_arrangement():
    """Thirty right matches are accepted; thirty random ones are not (above)."""
    matches = semi_dense(POSES[0], POSES[1], wrong=0.0)
    some = matches.chosen(np.random.default_rng(0).permutation(len(matches))[:30])
    assert judged(some).same


@pytest.mark.parametrize("factors", [(8, 8), (0.5, 3)])
def test_the_size_of_photos_does_not_matter(factors):
    """The evidence is that of the photos at a common size."""
    matches = semi_dense(POSES[0], POSES[2], wrong=0.5, step=24)
    larger = enlarged(matches, *factors)
    one, other = (evidence(m, two_view_geometry(m).inliers) for m in (matches, larger))
    assert other.matches == one.matches
    assert other.inliers == pytest.approx(one.inliers, abs=2) and other.arranged == pytest.approx(one.arranged, abs=2)


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_probability(matches, inliers, arranged):
    """In 0..1, zero without inliers, and never smaller with more of either."""
    inliers, arranged = min(inliers, matches), min(arranged, matches)
    score = probability(Evidence(matches, inliers, arranged))
    assert 0 <= score <= 1 and (score == 0 or inliers > 0)
    assert probability(Evidence(matches + 1, inliers + 1, arranged + 1)) >= score - 1e-9
    assert 0 < ACCEPTED < 1
