"""Keypoints and matches of a set of photos: round trip, contradictions, masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.keypoint_matches import read_keypoint_matches, write_keypoint_matches
from splatmatch.scene.keypoint_matches import KeypointMatches


def some(seed, photos=4):
    random = np.random.default_rng(seed)
    counts = random.integers(0, 9, photos)
    keypoints = tuple(random.uniform(0, 4000, (count, 2)).astype(np.float32) for count in counts)
    rows, scores = {}, {}
    for a in range(photos):
        for b in range(a + 1, photos):
            most = min(counts[a], counts[b])
            if random.random() < 0.7:
                size = int(random.integers(0, most + 1))
                rows[a, b] = np.stack([random.permutation(counts[a])[:size], random.permutation(counts[b])[:size]], 1)
                scores[a, b] = random.random(size).astype(np.float32)
    return KeypointMatches(keypoints, rows, scores)


@given(st.integers(0, 999))
def test_round_trip(tmp_path_factory, seed):
    """Bit for bit, with photos and pairs that have nothing."""
    path, wanted = tmp_path_factory.mktemp("k") / "m.safetensors", some(seed)
    write_keypoint_matches(path, wanted)
    found = read_keypoint_matches(path)
    assert all((a == b).all() for a, b in zip(found.keypoints, wanted.keypoints, strict=True))
    assert found.rows.keys() == wanted.rows.keys()
    for pair in wanted.rows:
        assert (found.rows[pair] == wanted.rows[pair]).all()
        assert (found.scores[pair] == wanted.scores[pair]).all()


def test_contradictions(tmp_path):
    """Rows beyond the keypoints, pairs the wrong way round, damaged and missing files."""
    keypoints, score = (np.zeros((2, 2), np.float32),) * 2, np.ones(1, np.float32)
    for pair, row in (((0, 1), [0, 2]), ((0, 1), [-1, 0]), ((1, 0), [0, 0]), ((0, 2), [0, 0])):
        with pytest.raises(ValueError, match="photos"):
            KeypointMatches(keypoints, {pair: np.array([row])}, {pair: score})
    path = tmp_path / "m.safetensors"
    with pytest.raises(InputError, match="no such file"):
        read_keypoint_matches(path)
    write_keypoint_matches(path, some(0))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FormatError):
        read_keypoint_matches(path)


def test_masks():
    """Matches of masked keypoints are gone; the keypoints stay, so rows mean the same."""
    keypoints = (np.zeros((3, 2), np.float32),) * 2
    rows, scores = {(0, 1): np.array([[0, 1], [1, 2], [2, 0]])}, {(0, 1): np.array([0.9, 0.8, 0.7], np.float32)}
    left = KeypointMatches(keypoints, rows, scores).restricted({0: np.array([True, False, True])})
    assert left.rows[0, 1].tolist() == [[0, 1], [2, 0]]
    assert left.scores[0, 1].tolist() == pytest.approx([0.9, 0.7])
    assert len(left.keypoints[0]) == 3
