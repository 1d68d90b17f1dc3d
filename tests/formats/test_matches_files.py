"""Files of matches: round trips, the origin of pixels, what other programs find in them, damaged files."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.hloc import (
    PairRows,
    read_hloc_features,
    read_hloc_matches,
    write_hloc_features,
    write_hloc_matches,
    write_hloc_pairs,
)
from splatmatch.formats.matches_npz import read_matches_npz, write_matches_npz
from splatmatch.scene.matches import Features, Matches

RANDOM = np.random.default_rng(2)


def some_matches(count=5, keypoints=9, **changes):
    a, b = (RANDOM.uniform(0, 3000, (keypoints, 2)).astype(np.float32) for _ in range(2))
    rows = np.stack([RANDOM.permutation(keypoints)[:count] for _ in range(2)], axis=1).astype(np.int64)
    scores = np.sort(RANDOM.uniform(0.1, 1, count)).astype(np.float32)[::-1]
    matches = Matches(a[rows[:, 0]], b[rows[:, 1]], scores, (3000, 2000), (2000, 3000), "xfeat", "ab", "MIT", rows=rows)
    return replace(matches, **changes), a, b


def assert_same(found, expected):
    for name in ("points_a", "points_b"):
        assert np.abs(getattr(found, name) - getattr(expected, name)).max(initial=0) <= 2e-4  # float32 at 3000 px
    assert (found.scores == expected.scores).all()
    for name in ("size_a", "size_b", "model", "weights", "licence"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("full", [False, True])
def test_npz_round_trip(tmp_path, full):
    """With all keypoints the rows survive; without, each match has a row of its own. Inliers and covariance too."""
    matches, a, b = some_matches(covariance=RANDOM.normal(size=(5, 2, 2)).astype(np.float32))
    inliers = np.array([True, False, True, True, False])
    write_matches_npz(tmp_path / "m.npz", matches, *((a, b) if full else ()), inliers=inliers)
    found = read_matches_npz(tmp_path / "m.npz")
    assert_same(found.matches, matches)
    assert (found.inliers == inliers).all()
    assert (found.matches.covariance == matches.covariance).all()
    assert (found.matches.rows == (matches.rows if full else np.repeat(np.arange(5)[:, None], 2, 1))).all()
    assert len(found.keypoints_a) == (9 if full else 5)


def test_npz_of_no_matches(tmp_path):
    """Nothing found is no error."""
    matches, _, _ = some_matches(count=0)
    write_matches_npz(tmp_path / "m.npz", matches)
    assert len(read_matches_npz(tmp_path / "m.npz").matches) == 0


def test_one_dot(tmp_path):
    """A match at the centre of the first pixel (0.5, 0.5) is stored at (0, 0), as SuperGlue and hloc do."""
    dot = np.full((1, 2), 0.5, np.float32)
    matches, _, _ = some_matches(count=1, points_a=dot, points_b=dot, rows=np.zeros((1, 2), np.int64))
    write_matches_npz(tmp_path / "m.npz", matches)
    with np.load(tmp_path / "m.npz") as stored:
        assert (stored["keypoints0"] == 0).all()
        assert stored["keypoints0"].dtype == np.float32
    assert (read_matches_npz(tmp_path / "m.npz").matches.points_a == dot).all()
    features = Features(dot, np.ones(1, np.float32), np.ones((1, 4), np.float32), (10, 8), "sift")
    write_hloc_features(tmp_path / "f.h5", [("a.jpg", features)])
    with h5py.File(tmp_path / "f.h5") as file:
        assert (file["a.jpg/keypoints"][:] == 0).all()
    assert (read_hloc_features(tmp_path / "f.h5", "a.jpg").points == dot).all()


def test_npz_of_superglue(tmp_path):
    """Its four arrays alone are enough, if the sizes are given."""
    np.savez(
        tmp_path / "m.npz",
        keypoints0=np.array([[1.0, 2], [3, 4]], np.float32),
        keypoints1=np.array([[5.0, 6]], np.float32),
        matches=np.array([-1, 0]),
        match_confidence=np.array([0, 0.7], np.float32),
    )
    with pytest.raises(InputError, match="sizes"):
        read_matches_npz(tmp_path / "m.npz")
    found = read_matches_npz(tmp_path / "m.npz", (8, 6), (8, 6)).matches
    assert found.points_a.tolist() == [[3.5, 4.5]]
    assert found.points_b.tolist() == [[5.5, 6.5]]
    assert found.model == "unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"matches": np.array([0, 7, -1])},
        {"matches": np.array([0.0, 1, -1])},
        {"match_confidence": np.zeros(2, np.float32)},
        {"keypoints0": np.full((3, 2), np.nan)},
        {"keypoints1": np.zeros((3, 3))},
        {"size0": np.array([0, 4])},
        {"inliers": np.zeros(1, bool)},
        {"covariance": np.zeros((3, 2))},
        {"keypoints0": np.array([{}, 1], dtype=object)},
    ],
)
def test_npz_contradictions(tmp_path, change):
    """One clear line, and no pickle is ever opened."""
    good = {
        "keypoints0": np.zeros((3, 2), np.float32),
        "keypoints1": np.zeros((2, 2), np.float32),
        "matches": np.array([0, 1, -1]),
        "match_confidence": np.zeros(3, np.float32),
        "size0": np.array([4, 4]),
        "size1": np.array([4, 4]),
    }
    np.savez(tmp_path / "m.npz", **(good | change))
    with pytest.raises(FormatError, match=r"m\.npz"):
        read_matches_npz(tmp_path / "m.npz")


def test_npz_damaged(tmp_path):
    """Truncated, something else, missing."""
    matches, _, _ = some_matches()
    path = tmp_path / "m.npz"
    write_matches_npz(path, matches)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError):
        read_matches_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"no array")
    with pytest.raises(FormatError):
        read_matches_npz(path)
    with pytest.raises(InputError, match="no such file"):
        read_matches_npz(tmp_path / "other.npz")


@given(arrays(np.float32, (7, 2), elements=st.floats(0, 8192, width=32)), st.integers(0, 7))
def test_hloc_round_trip(tmp_path_factory, points, count):
    """Positions to a thousandth of a pixel on photos of 8192; names in folders; either order; the older separator."""
    folder = tmp_path_factory.mktemp("hloc")
    features = Features(
        points, np.linspace(0, 1, 7, dtype=np.float32), np.eye(7, 16, dtype=np.float32), (8192, 99), "x"
    )
    photos = {"day/a.jpg": features, "day/b.jpg": features}
    counts = write_hloc_features(folder / "f.h5", photos.items())
    assert counts == {"day/a.jpg": 7, "day/b.jpg": 7}
    found = read_hloc_features(folder / "f.h5", "day/b.jpg")
    assert np.abs(found.points - points).max() <= 1e-3
    assert (found.descriptors == features.descriptors).all()
    assert found.size == (8192, 99)
    rows = np.stack([np.arange(count), np.arange(7)[::-1][:count]], axis=1)
    pair = PairRows("day/a.jpg", "day/b.jpg", rows, np.linspace(0.1, 1, count, dtype=np.float32))
    assert write_hloc_matches(folder / "m.h5", [pair], counts) == 1
    assert (read_hloc_matches(folder / "m.h5", "day/a.jpg", "day/b.jpg").rows == rows).all()
    turned = read_hloc_matches(folder / "m.h5", "day/b.jpg", "day/a.jpg")
    assert {tuple(row) for row in turned.rows.tolist()} == {(b, a) for a, b in rows.tolist()}
    with h5py.File(folder / "m.h5", "a") as file:
        assert file["day-a.jpg/day-b.jpg/matches0"].shape == (7,)
        file.move("day-a.jpg/day-b.jpg", "day-a.jpg_day-b.jpg")
    assert (read_hloc_matches(folder / "m.h5", "day/a.jpg", "day/b.jpg").rows == rows).all()


def test_hloc_layout(tmp_path):
    """Descriptors D x N, the attribute uncertainty, as hloc's own reader expects."""
    features = Features(np.ones((3, 2), np.float32), np.ones(3, np.float32), np.ones((3, 64), np.float32), (4, 5), "x")
    write_hloc_features(tmp_path / "f.h5", [("a.jpg", features)])
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["a.jpg/descriptors"].shape == (64, 3)
        assert file["a.jpg/keypoints"].attrs["uncertainty"] == 1
        assert file["a.jpg/keypoints"].dtype == np.float32
        assert file["a.jpg/image_size"][:].tolist() == [4, 5]


def test_hloc_names_that_clash(tmp_path):
    """a/b.jpg and a-b.jpg would become one pair; lists cannot hold spaces."""
    rows, scores = np.zeros((1, 2), np.int64), np.ones(1, np.float32)
    counts = {"a/b.jpg": 1, "a-b.jpg": 1, "c.jpg": 1}
    pairs = [PairRows(name, "c.jpg", rows, scores) for name in ("a/b.jpg", "a-b.jpg")]
    with pytest.raises(InputError, match="rename"):
        write_hloc_matches(tmp_path / "m.h5", pairs, counts)
    assert not (tmp_path / "m.h5").exists()
    with pytest.raises(InputError, match="spaces"):
        write_hloc_pairs(tmp_path / "pairs.txt", [("my photo.jpg", "c.jpg")])
    write_hloc_pairs(tmp_path / "pairs.txt", [("a.jpg", "c.jpg")])
    assert (tmp_path / "pairs.txt").read_text() == "a.jpg c.jpg\n"


def test_hloc_damaged(tmp_path):
    """Missing, not HDF5, without the pair."""
    with pytest.raises(InputError, match="no such file"):
        read_hloc_matches(tmp_path / "m.h5", "a", "b")
    (tmp_path / "m.h5").write_bytes(b"no hdf5" * 99)
    with pytest.raises(FormatError):
        read_hloc_matches(tmp_path / "m.h5", "a", "b")
    write_hloc_matches(tmp_path / "m.h5", [], {})
    with pytest.raises(InputError, match="no matches"):
        read_hloc_matches(tmp_path / "m.h5", "a", "b")
