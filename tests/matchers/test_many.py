"""Many pairs: order, workers, the store of features, and a run that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from splatmatch.errors import FormatError, InputError
from splatmatch.files import sha256
from splatmatch.formats.images import write_image
from splatmatch.matchers.feature_store import FeatureStore, read_features
from splatmatch.matchers.many import extract_photos, match_pairs
from splatmatch.matchers.photo_features import Recent
from splatmatch.matchers.registry import open_matcher
from splatmatch.scene.matches import Features, Matches
from tests.matchers.warped_pair import noise, warped


class Counting:
    """SIFT that counts the photos it looks at."""

    def __init__(self):
        self._sift = open_matcher("sift", device="cpu", count=200)
        self.card, self.settings_hash = self._sift.card, self._sift.settings_hash
        self.features_hash = self._sift.features_hash
        self.looked = 0

    def extract(self, photo):
        self.looked += 1
        return self._sift.extract(photo)

    def match_features(self, a, b):
        return self._sift.match_features(a, b)

    def match(self, a, b):
        return self._sift.match(a, b)


class Pixelwise:
    """A matcher without features."""

    card = None
    settings_hash = "pixelwise"

    def match(self, a, b):
        points = np.array([[a.shape[1], b.shape[1]]], np.float32)
        size_a, size_b = a.shape[1::-1], b.shape[1::-1]
        return Matches(points, points, np.ones(1, np.float32), size_a, size_b, "pixelwise", "", "CC0")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> list[Path]:
    """Five views of one texture."""
    folder, base, paths = tmp_path_factory.mktemp("photos"), noise(), []
    for i in range(5):
        turn = np.array([[1, 0.02 * i, 3.0 * i], [-0.02 * i, 1, 2.0 * i], [0, 0, 1]])
        paths.append(folder / f"{i}.png")
        write_image(paths[-1], warped(base, turn))
    return paths


PAIRS = [(a, b) for a in range(5) for b in range(a + 1, 5)][::-1]


def same(first: Matches, second: Matches) -> bool:
    """Whether all tables are equal to the bit."""
    return all(
        np.array_equal(getattr(first, n), getattr(second, n)) for n in ("points_a", "points_b", "scores", "rows")
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_matches_come_in_the_order_of_the_pairs_and_do_not_depend_on_workers(photos, workers):
    matcher = Counting()
    alone = [(p, matcher.match(*(read_photo(photos[i]) for i in p))) for p in PAIRS]
    together = list(match_pairs(Counting(), photos, PAIRS, workers=workers))
    assert [pair for pair, _ in together] == PAIRS
    assert all(same(a, b) for (_, a), (_, b) in zip(alone, together, strict=True))
    assert min(len(matches) for _, matches in together) > 50


def read_photo(path: Path) -> np.ndarray:
    from splatmatch.formats.images import read_image

    return read_image(path)


def test_each_photo_is_looked_at_once_even_without_room_and_never_again_with_a_store(photos, tmp_path):
    matcher, store = Counting(), FeatureStore(tmp_path)
    first = list(match_pairs(matcher, photos, PAIRS, store, memory=0))
    assert matcher.looked == 5
    again = list(match_pairs(matcher, photos, PAIRS, store, workers=2))
    assert matcher.looked == 5
    assert all(same(a, b) for (_, a), (_, b) in zip(first, again, strict=True))


def test_extracting_fills_the_store_and_goes_on_where_it_was(photos, tmp_path):
    matcher, store = Counting(), FeatureStore(tmp_path)
    steps = extract_photos(matcher, photos, store, workers=1)
    assert [next(steps), next(steps)] == [0, 1]
    steps.close()
    before = matcher.looked
    assert 2 <= before < 5
    assert list(extract_photos(matcher, photos, store)) == [0, 1, 2, 3, 4]
    assert matcher.looked == 5


def test_a_matcher_without_features_sees_the_photos(photos, tmp_path):
    results = list(match_pairs(Pixelwise(), photos, [(1, 2), (2, 1)], FeatureStore(tmp_path)))
    assert [matches.size_a for _, matches in results] == [(320, 240)] * 2
    assert not list(tmp_path.iterdir())


def test_wrong_indices_and_missing_photos_are_told(photos, tmp_path):
    with pytest.raises(InputError, match=r"pair \(0, 7\) names a photo outside 0\.\.4"):
        list(match_pairs(Counting(), photos, [(0, 7)]))
    with pytest.raises(InputError, match=r"gone\.png"):
        list(match_pairs(Counting(), [*photos, tmp_path / "gone.png"], [(0, 5)], FeatureStore(tmp_path)))
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(FormatError, match=r"text\.png"):
        list(match_pairs(Counting(), [tmp_path / "text.png", photos[0]], [(0, 1)]))


def some_features(count: int = 20) -> Features:
    generator = np.random.default_rng(1)
    return Features(
        generator.random((count, 2), np.float32) * 1e4 + np.float32(1 / 3),
        generator.random(count, np.float32),
        generator.standard_normal((count, 8)).astype(np.float32),
        (20000, 15000),
        "test",
    )


@pytest.mark.parametrize("count", [0, 1, 20])
def test_stored_features_come_back_to_the_bit(tmp_path, count):
    store, features = FeatureStore(tmp_path), some_features(count)
    assert store.read("ab" * 32, "cd" * 32) is None
    store.write("ab" * 32, "cd" * 32, features)
    back = store.read("ab" * 32, "cd" * 32)
    for name in ("points", "scores", "descriptors"):
        np.testing.assert_array_equal(getattr(back, name), getattr(features, name))
    assert (back.size, back.model) == (features.size, features.model)
    assert store.read("ab" * 32, "ce" * 32) is None and store.read("ac" * 32, "cd" * 32) is None


def test_half_descriptors_leave_positions_exact(tmp_path):
    store, features = FeatureStore(tmp_path, half=True), some_features()
    store.write("ab" * 32, "cd" * 32, features)
    back = store.read("ab" * 32, "cd" * 32)
    np.testing.assert_array_equal(back.points, features.points)
    assert back.descriptors.dtype == np.float32
    np.testing.assert_allclose(back.descriptors, features.descriptors, rtol=1e-3)
    assert not np.array_equal(back.descriptors, features.descriptors)


def test_damaged_files_are_replaced_and_foreign_ones_refused(tmp_path):
    store, features = FeatureStore(tmp_path), some_features()
    store.write("ab" * 32, "cd" * 32, features)
    path = store.path("ab" * 32, "cd" * 32)
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert store.read("ab" * 32, "cd" * 32) is None and not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole)
    with pytest.raises(FormatError, match="another photo or matcher"):
        read_features(path, "ef" * 32, "cd" * 32)
    with h5py.File(path, "r+") as file:
        del file["scores"]
        file["scores"] = np.zeros(3, np.float32)
    with pytest.raises(FormatError, match="different lengths"):
        read_features(path, "ab" * 32, "cd" * 32)
    with h5py.File(path, "r+") as file:
        del file["scores"]
        file.create_dataset("scores", (1 << 40,), np.float32, chunks=(1024,))
    with pytest.raises(FormatError, match="absurd size"):
        read_features(path, "ab" * 32, "cd" * 32)


def test_what_was_used_last_is_kept_up_to_a_size():
    made = []

    def make(key: int) -> bytes:
        made.append(key)
        return bytes(10)

    recent = Recent(make, len, 25)
    for key in (1, 2, 1, 3, 1, 2):
        assert len(recent.get(key)) == 10
    assert made == [1, 2, 3, 2]


def test_a_killed_run_goes_on_with_the_features_it_had(photos, tmp_path):
    code = """
        import sys, time
        from pathlib import Path
        from splatmatch.matchers.feature_store import FeatureStore
        from splatmatch.matchers.many import extract_photos
        from splatmatch.matchers.registry import open_matcher
        photos = [Path(p) for p in sys.argv[2:]]
        sift, store = open_matcher("sift", device="cpu", count=200), FeatureStore(Path(sys.argv[1]))
        for index in extract_photos(sift, photos, store, workers=1):
            print(index, flush=True)
            time.sleep(0.2)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), *map(str, photos)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert [process.stdout.readline().strip() for _ in range(2)] == ["0", "1"]
        os.kill(process.pid, signal.SIGKILL)
    matcher, store = Counting(), FeatureStore(tmp_path)
    kept = sum(store.has(sha256(path), matcher.features_hash) for path in photos)
    assert kept >= 2
    killed = list(match_pairs(matcher, photos, PAIRS, store))
    assert matcher.looked == 5 - kept
    fresh = list(match_pairs(Counting(), photos, PAIRS))
    assert all(same(a, b) for (_, a), (_, b) in zip(killed, fresh, strict=True))


def test_matches_of_features_with_nan_are_refused():
    sift = open_matcher("sift", device="cpu", count=200)
    features = sift.extract(noise())
    spoilt = features.descriptors.copy()
    spoilt[3, 5] = np.nan
    with pytest.raises(InputError, match="hold NaN"):
        sift.match_features(replace(features, descriptors=spoilt), features)
    with pytest.raises(InputError, match="sift matches features of sift, not xfeat"):
        sift.match_features(features, replace(features, model="xfeat"))
