"""Sets of photos: rows that mean the right points, work that is never done twice, photos that cannot be read."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.errors import InputError
from splatmatch.jobs.progress import Silent
from splatmatch.matchers.pair_selection import PairSelection
from splatmatch.matchers.photo_matches import PhotoSource, match_photo_set
from tests.matchers.shifted_photos import SHIFTS, SIZE, Grid, Watched, write_photos

ALL = PairSelection("all")


def sources(folder, count=4):
    return [PhotoSource(folder / f"{k}.png", SIZE) for k in range(count)]


def assert_shifts(found, tolerance, share, least):
    """The matches of each pair are points that the shift takes into each other."""
    for (a, b), rows in found.matches.rows.items():
        points_a, points_b = found.matches.keypoints[a][rows[:, 0]], found.matches.keypoints[b][rows[:, 1]]
        miss = np.abs(points_a + SHIFTS[a] - points_b - SHIFTS[b]).max(axis=1)
        assert (miss < tolerance).mean() > share
        assert len(rows) >= least


def test_features_become_keypoints(tmp_path):
    """Each photo is looked at once, each pair matched once; rows are those of the features."""
    folder, matcher = write_photos(tmp_path / "photos"), Watched()
    found = match_photo_set(matcher, sources(folder), ALL, tmp_path / "work", Silent())
    assert (matcher.extracted, matcher.matched) == (4, 6)
    assert found.pairs == ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    assert_shifts(found, 0.5, 0.9, 50)
    assert (found.features_of(2).points == found.matches.keypoints[2]).all()


def test_nothing_is_done_twice(tmp_path):
    """The same set again, renamed photos, one more photo: only what is new is done."""
    folder, matcher = write_photos(tmp_path / "photos"), Watched()
    first = match_photo_set(matcher, sources(folder, 3), ALL, tmp_path / "work", Silent())
    again = match_photo_set(matcher, sources(folder, 3), ALL, tmp_path / "work", Silent())
    assert (matcher.extracted, matcher.matched) == (3, 3)
    assert all((first.matches.rows[pair] == again.matches.rows[pair]).all() for pair in first.matches.rows)
    (folder / "0.png").rename(folder / "other.png")
    renamed = [PhotoSource(folder / "other.png", SIZE), *sources(folder)[1:]]
    match_photo_set(matcher, renamed, ALL, tmp_path / "work", Silent())
    assert (matcher.extracted, matcher.matched) == (4, 6)


def test_photos_that_cannot_be_read_are_left_out(tmp_path):
    """In the middle or at the end; the indices of the others stay; fewer than two are an error."""
    folder = write_photos(tmp_path / "photos")
    for name in ("1.png", "3.png"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    for matcher in (Watched(), Grid()):
        found = match_photo_set(matcher, sources(folder), ALL, tmp_path / "work", Silent())
        assert sorted(found.problems) == [1, 3] and "1.png" in found.problems[1]
        assert found.pairs == ((0, 2),) and len(found.matches.rows[0, 2]) > 30
        assert len(found.matches.keypoints) == 4 and len(found.matches.keypoints[1]) == 0
    (folder / "2.png").write_bytes(b"")
    with pytest.raises(InputError, match="1 of 4 photos can be read"):
        match_photo_set(Watched(), sources(folder), ALL, tmp_path / "work", Silent())


def test_dense_matches_become_tracks(tmp_path):
    """A matcher without features: keypoints on its grid, carried through all photos."""
    folder = write_photos(tmp_path / "photos")
    found = match_photo_set(Grid(), sources(folder), ALL, tmp_path / "work", Silent())
    assert_shifts(found, 0.01, 0.999, 200)
    assert found.features_of(0) is None
    through = [set(found.matches.rows[0, k][:, 0].tolist()) for k in (1, 2, 3)]
    assert len(set.intersection(*through)) > 200


def test_retrieval_of_a_matcher_without_features(tmp_path):
    """It is SIFT that looks for likeness then."""
    folder = write_photos(tmp_path / "photos")
    found = match_photo_set(Grid(), sources(folder), PairSelection(partners=1), tmp_path / "work", Silent())
    assert 2 <= len(found.pairs) < 6
