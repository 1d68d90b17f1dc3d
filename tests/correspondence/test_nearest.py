"""Mutual nearest neighbours against the definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.correspondence import nearest
from splatmatch.correspondence.nearest import distance_ratio, mutual_nearest


def unit(count: int, seed: int) -> torch.Tensor:
    """Random unit vectors (count, 8)."""
    vectors = torch.from_numpy(np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32))
    return vectors / vectors.norm(dim=1, keepdim=True)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 99), st.sampled_from([3, 7, 2048]))
def test_pairs_are_those_of_the_definition_for_any_chunk(n, m, seed, chunk):
    a, b = unit(n, seed), unit(m, seed + 1000)
    before, nearest.CHUNK = nearest.CHUNK, chunk
    try:
        found = mutual_nearest(a, b)
    finally:
        nearest.CHUNK = before
    table = (a.double() @ b.double().T).numpy()
    expected = [(i, int(table[i].argmax())) for i in range(n) if m and table[:, table[i].argmax()].argmax() == i]
    assert [tuple(row) for row in found.rows.tolist()] == expected
    for (i, j), cosine, second in zip(expected, found.cosine.tolist(), found.second_a.tolist(), strict=True):
        assert cosine == pytest.approx(table[i, j], abs=1e-5)
        assert second == pytest.approx(np.delete(table[i], j).max(initial=-1), abs=1e-5)


def test_swapping_the_sets_swaps_the_pairs():
    a, b = unit(200, 1), unit(150, 2)
    there, back = mutual_nearest(a, b).rows, mutual_nearest(b, a).rows
    assert {tuple(row) for row in there.tolist()} == {tuple(row[::-1]) for row in back.tolist()}


def test_the_ratio_is_that_of_distances_and_repeated_descriptors_have_none():
    a = torch.tensor([[1.0, 0.0]])
    b = torch.tensor([[np.cos(0.2), np.sin(0.2)], [np.cos(0.5), np.sin(0.5)]], dtype=torch.float32)
    assert distance_ratio(mutual_nearest(a, b)).item() == pytest.approx(np.sin(0.1) / np.sin(0.25), rel=1e-3)
    assert distance_ratio(mutual_nearest(a, a.repeat(2, 1))).item() == 1
    assert mutual_nearest(a.repeat(3, 1), a).rows.tolist() == [[0, 0]]
