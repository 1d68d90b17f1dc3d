"""The journal of matches: what is added is read again, also after a kill in the middle of a write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import InputError
from splatmatch.matchers.match_journal import MatchJournal
from splatmatch.scene.matches import Matches


def some(count, seed=0, **changes):
    random = np.random.default_rng(seed)
    a, b = (random.uniform(0, 999, (count, 2)).astype(np.float32) for _ in range(2))
    rows = random.integers(0, 4096, (count, 2))
    matches = Matches(
        a, b, random.random(count).astype(np.float32), (9, 8), (7, 6), "sift", "", "Apache-2.0", None, rows
    )
    return replace(matches, **changes)


def assert_equal(found, expected):
    for name in ("points_a", "points_b", "scores", "rows", "covariance"):
        one, other = getattr(found, name), getattr(expected, name)
        assert (one is None and other is None) or (one.dtype == other.dtype and (one == other).all())
    for name in ("size_a", "size_b", "model", "weights", "licence"):
        assert getattr(found, name) == getattr(expected, name)


def test_round_trip(tmp_path):
    """Sparse, dense with covariance, and no matches at all; before and after closing."""
    wanted = {
        "a b": some(5),
        "a c": some(3, rows=None, covariance=np.ones((3, 2, 2), np.float32)),
        "ä ö": some(0),
    }
    with MatchJournal(tmp_path / "work" / "matches") as journal:
        for key, matches in wanted.items():
            journal.add(key, matches)
        assert_equal(journal.read("a b"), wanted["a b"])
        journal.add("b c", some(4, seed=3))
    with MatchJournal(tmp_path / "work" / "matches") as journal:
        assert len(journal) == 4 and "a c" in journal and "c a" not in journal
        for key, matches in wanted.items():
            assert_equal(journal.read(key), matches)


@given(st.integers(0, 1500), st.binary(max_size=40))
def test_a_torn_end_is_cut_off(tmp_path_factory, cut, junk):
    """Whatever is missing or added at the end, whole records before it stay, and new ones follow them."""
    path = tmp_path_factory.mktemp("journal") / "matches"
    with MatchJournal(path) as journal:
        journal.add("first", some(5))
        journal.add("second", some(6, seed=1))
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)] + junk)
    with MatchJournal(path) as journal:
        before = len(journal)
        assert before == 2 or cut > 0
        journal.add("third", some(7, seed=2))
    with MatchJournal(path) as journal:
        assert len(journal) == before + 1
        assert_equal(journal.read("third"), some(7, seed=2))
        if "first" in journal:
            assert_equal(journal.read("first"), some(5))


def test_a_flipped_byte_ends_the_journal_there(tmp_path):
    """The checksum is looked at."""
    path = tmp_path / "matches"
    with MatchJournal(path) as journal:
        journal.add("first", some(5))
        length = path.stat().st_size
        journal.add("second", some(5))
    data = bytearray(path.read_bytes())
    data[length + 200] ^= 1
    path.write_bytes(data)
    with MatchJournal(path) as journal:
        assert "first" in journal and "second" not in journal


def test_two_writers(tmp_path):
    """The second is told to wait."""
    with MatchJournal(tmp_path / "matches"), pytest.raises(InputError, match="another run"):
        MatchJournal(tmp_path / "matches")


def test_kill(tmp_path):
    """A writer that is killed with SIGKILL loses nothing that it had added."""
    code = (
        "import sys; from pathlib import Path\n"
        "from splatmatch.matchers.match_journal import MatchJournal\n"
        "from tests.matchers.test_match_journal import some\n"
        "with MatchJournal(Path(sys.argv[1])) as journal:\n"
        "    for k in range(10**6):\n"
        "        journal.add(str(k), some(300, seed=k)); print(k, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "matches"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(5):
        last = int(process.stdout.readline())
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    last = max([last, *(int(line) for line in process.stdout.read().splitlines())])
    process.wait()
    with MatchJournal(tmp_path / "matches") as journal:
        assert len(journal) >= last + 1
        for k in range(last + 1):
            assert_equal(journal.read(str(k)), some(300, seed=k))
