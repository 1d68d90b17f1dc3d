"""Which pairs are matched: all, alike, neighbours, listed; never a photo that could not be read."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.errors import InputError
from splatmatch.matchers.pair_selection import PairSelection, listed_pairs
from tests.correspondence.test_pair_choice import places


def never(index):
    raise AssertionError("descriptors are not needed")


def test_all_and_sequential():
    """Photo 2 could not be read: its neighbours become neighbours."""
    usable = [0, 1, 3, 4]
    assert PairSelection("all").pairs(usable, never) == [(0, 1), (0, 3), (0, 4), (1, 3), (1, 4), (3, 4)]
    assert PairSelection("sequential", overlap=1).pairs(usable, never) == [(0, 1), (1, 3), (3, 4)]


def test_retrieval_finds_neighbours():
    """Each photo with those that share descriptors; indices are those of the photos, not of the readable ones."""
    tables = [table.astype(np.float32) for table in places(12)]
    usable = list(range(0, 24, 2))
    found = PairSelection("retrieval", partners=3).pairs(usable, lambda index: tables[index // 2])
    assert all((k, k + 2) in found for k in range(0, 22, 2))
    assert len(found) <= 36 and all(a < b for a, b in found)


def test_a_list(tmp_path):
    """Either order, unreadable photos left out, unknown names refused with the closest."""
    path = tmp_path / "pairs.txt"
    path.write_text("b.jpg a.jpg\nb.jpg my c.jpg\na.jpg d.jpg\n")
    chosen = listed_pairs(path, ["a.jpg", "b.jpg", "my c.jpg", "d.jpg"])
    assert chosen.pairs([0, 1, 2, 3], never) == [(0, 1), (0, 3), (1, 2)]
    assert chosen.pairs([0, 1, 2], never) == [(0, 1), (1, 2)]
    path.write_text("a.jpg b.jpeg\n")
    with pytest.raises(InputError, match=r"line 1.*b\.jpeg.*did you mean b\.jpg"):
        listed_pairs(path, ["a.jpg", "b.jpg"])


def test_numbers_below_one():
    with pytest.raises(InputError, match="1 or more"):
        PairSelection(partners=0)
