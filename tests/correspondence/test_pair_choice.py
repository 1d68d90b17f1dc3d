"""Choice of pairs: nothing is missed in small sets, neighbours and look-alikes are found in large ones."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.correspondence.pair_choice import (
    PairOptions,
    best_partners,
    choose_pairs,
    retrieval_pairs,
    screening_matches,
    sequence_pairs,
)
from splatmatch.correspondence.vlad import unit_vectors, vlad_similarity

RANDOM = np.random.default_rng(5)


def places(count, words=60):
    """Photos along a line that share three quarters of their descriptors with the next, a quarter with the third."""
    step = words // 4
    table = RANDOM.uniform(0, 1, (count * step + words, 128)) ** 4
    table = np.sqrt(table / table.sum(1, keepdims=True))
    photos = []
    for index in range(count):
        rows = table[index * step : index * step + words] + RANDOM.normal(0, 0.003, (words, 128))
        photos.append(np.rint(512 * rows.clip(0)).clip(0, 255).astype(np.uint8))
    return photos


def test_few_photos_give_every_pair():
    """Up to twenty, and whenever it is asked for."""
    assert len(choose_pairs(places(20), PairOptions())) == 190
    assert len(choose_pairs(places(25), PairOptions(choice="all"))) == 300


@pytest.mark.parametrize("count", [40, 80])
def test_more_photos_give_the_pairs_that_share_something(count):
    """In a shuffled sequence all strong overlaps are chosen, by screening (40) and by VLAD (80), and few others."""
    photos = places(count)
    order = np.random.default_rng(1).permutation(count)
    pairs = choose_pairs([photos[i] for i in order], PairOptions(partners=6, overlap=2))
    chosen = {frozenset((int(order[a]), int(order[b]))) for a, b in pairs}
    assert all(frozenset((i, i + 1)) in chosen for i in range(count - 1))
    assert len(pairs) < 8 * count
    assert all(a < b for a, b in pairs)
    assert pairs == sorted(set(pairs))


def test_sequences_reach_far():
    """All close neighbours, then 2, 4, 8 ... steps ahead."""
    pairs = set(sequence_pairs(100, 4))
    assert {(0, 1), (0, 4), (0, 8), (92, 96)} <= pairs
    assert (0, 5) not in pairs
    assert (0, 16) not in pairs
    assert max(b for _, b in pairs) == 99


def test_partners_are_mutual_or_not_but_never_oneself():
    """The best of each row above the limit."""
    likeness = np.array([[9.0, 5, 1, 0], [5, 9, 2, 0], [1, 2, 9, 0], [0, 0, 0, 9]])
    assert best_partners(likeness, 1, least=1) == [(0, 1), (1, 2)]
    assert best_partners(likeness, 3, least=0) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_screening_counts_mutual_unambiguous_matches():
    """Equal sets match in full, unrelated ones hardly, ambiguous (doubled) descriptors and empty sets not at all."""
    a, b = places(2)[0], places(1)[0]
    doubled = np.concatenate([a, a])
    counts = screening_matches([a, a, b, doubled, a[:0]])
    assert counts[0, 1] == len(a)
    assert counts[0, 2] <= 2
    assert counts[0, 3] == 0
    assert (counts[4] == 0).all()
    assert (counts == counts.T).all()


def test_vlad_is_one_for_equal_sets_and_knows_neighbours():
    """Order of descriptors does not matter; the most similar other photo is a neighbour; seeded, so repeatable."""
    photos = places(12)
    photos.append(photos[3][::-1])
    similarity = vlad_similarity(photos, clusters=16)
    assert similarity[3, 12] == pytest.approx(1, abs=1e-5)
    np.fill_diagonal(similarity, -1)
    nearest = similarity[:12, :12].argmax(1)
    assert (np.abs(nearest - np.arange(12)) <= 2).mean() > 0.9
    again = vlad_similarity(photos, clusters=16)
    np.fill_diagonal(again, -1)
    assert (again == similarity).all()


def test_vlad_of_photos_without_features():
    """Zeros instead of a crash."""
    empty = np.zeros((0, 128), np.uint8)
    assert (vlad_similarity([empty, empty]) == 0).all()


def test_descriptors_may_be_floats_of_any_length_and_spoilt_ones_do_no_harm():
    """Bytes and the same numbers as floats give the same pairs; NaN counts as no direction."""
    photos = places(12)
    floats = [3 * photo.astype(np.float32) for photo in photos]
    assert retrieval_pairs(photos, 3) == retrieval_pairs(floats, 3)
    assert all(any(frozenset((i, i + 1)) == frozenset(p) for p in retrieval_pairs(photos, 3)) for i in range(11))
    short = [photo[:, :64] for photo in floats]
    short[2][5, 7] = np.nan
    assert np.isfinite(vlad_similarity(short)).all()
    assert (unit_vectors(short[2])[5] == 0)[7]
