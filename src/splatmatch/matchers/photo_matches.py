"""All chosen pairs of a set of photos, matched by any matcher, as keypoints and rows; a killed run goes on.

A matcher of features keeps its features as keypoints. The matches of others become tracks (``correspondence.tracks``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.correspondence.tracks import tracks_of
from splatmatch.errors import FormatError, InputError
from splatmatch.files import sha256
from splatmatch.formats.images import read_image
from splatmatch.jobs.progress import Progress
from splatmatch.matchers.feature_store import FeatureStore
from splatmatch.matchers.many import extract_photos, match_pairs
from splatmatch.matchers.match_journal import MatchJournal
from splatmatch.matchers.pair_selection import PairSelection
from splatmatch.matchers.photo_features import PhotoFeatures, Read
from splatmatch.matchers.registry import open_matcher
from splatmatch.scene.keypoint_matches import KeypointMatches, Pair
from splatmatch.scene.matcher import FeatureMatcher, Matcher
from splatmatch.scene.matches import Features, Size

_RETRIEVAL = "sift"
"""What retrieval looks at where the matcher has no features of its own."""


@dataclass(frozen=True)
class PhotoSource:
    """A photo of the set."""

    path: Path
    size: Size
    """As it is read."""
    upright: bool = True
    """Whether the EXIF orientation is applied."""


@dataclass(frozen=True, eq=False)
class PhotoSetMatches:
    """A matched set of photos."""

    matches: KeypointMatches
    pairs: tuple[Pair, ...]
    """All that were tried, sorted."""
    problems: dict[int, str]
    """Why photos could not be read, by index."""
    features: PhotoFeatures | None
    """Features by index, whose rows the keypoints are; None for a matcher without features."""

    def features_of(self, index: int) -> Features | None:
        """Features of a photo that could be read; None for a matcher without features."""
        return None if self.features is None else self.features.get(index)


def match_photo_set(
    matcher: Matcher, photos: Sequence[PhotoSource], selection: PairSelection, work: Path, progress: Progress
) -> PhotoSetMatches:
    """Match the selected pairs of ``photos``.

    Features and matches are kept in ``work`` by what photos hold, not by their names, as soon as they are known: the
    same call again goes on with them, and so does one with more photos or other pairs.

    Args:
        matcher: any matcher.
        photos: of any number; those that cannot be read are left out.
        selection: which pairs.
        work: folder, made where there is none.
        progress: told about every photo and pair.

    Raises:
        InputError: fewer than two photos can be read, or another run works in ``work``.
        OutputError: ``work`` cannot be written to.
    """
    reader = _Reader(photos)
    looks = matcher if isinstance(matcher, FeatureMatcher) else None
    if looks is None and selection.looks:
        opened = open_matcher(_RETRIEVAL)
        assert isinstance(opened, FeatureMatcher)
        looks = opened
    store = FeatureStore(work / "features")
    if looks is None:
        problems = _unreadable(photos, reader.read, progress)
        features = None
    else:
        problems = _extract(looks, photos, store, reader.read, progress)
        features = PhotoFeatures(looks, reader.paths, store, read=reader.read)
    usable = [index for index in range(len(photos)) if index not in problems]
    if len(usable) < 2:
        why = "; ".join(list(problems.values())[:3])
        raise InputError(f"{len(usable)} of {len(photos)} photos can be read{': ' + why if why else ''}")
    progress.update("pairs")
    pairs = selection.pairs(usable, lambda index: _descriptors(features, index))
    with MatchJournal(work / "matches") as journal:
        keys = {pair: reader.key(matcher, pair) for pair in pairs}
        _match(matcher, reader, pairs, keys, journal, store, progress)
        progress.update("keypoints")
        if isinstance(matcher, FeatureMatcher):
            assert features is not None
            found = _rows(features, len(photos), problems, keys, journal)
        else:
            found = tracks_of([photo.size for photo in photos], pairs, lambda pair: journal.read(keys[pair]))
    own = features if isinstance(matcher, FeatureMatcher) else None
    return PhotoSetMatches(found, tuple(pairs), problems, own)


class _Reader:
    """Reads photos by path, each as its source says, and knows what they hold."""

    def __init__(self, photos: Sequence[PhotoSource]) -> None:
        self.paths = [photo.path for photo in photos]
        self._upright = {photo.path: photo.upright for photo in photos}
        self._hashes: dict[int, str] = {}

    def read(self, path: Path) -> NDArray[np.uint8]:
        return read_image(path, upright=self._upright[path])

    def key(self, matcher: Matcher, pair: Pair) -> str:
        """What the matches of a pair depend on."""
        return " ".join([matcher.settings_hash, *(self._hash(index) for index in pair)])

    def _hash(self, index: int) -> str:
        if index not in self._hashes:
            turned = "" if self._upright[self.paths[index]] else "-as-stored"
            self._hashes[index] = sha256(self.paths[index]) + turned
        return self._hashes[index]


def _extract(
    matcher: FeatureMatcher, photos: Sequence[PhotoSource], store: FeatureStore, read: Read, progress: Progress
) -> dict[int, str]:
    """Put the features of all photos into the store; why some could not be read."""
    problems: dict[int, str] = {}
    left = list(range(len(photos)))
    while left:
        done = 0
        try:
            for _ in extract_photos(matcher, [photos[index].path for index in left], store, read=read):
                done += 1
                count = len(photos) - len(left) + done
                progress.update("features", count / len(photos), f"{count} of {len(photos)} photos")
            return problems
        except (FormatError, InputError) as error:  # photos come in order: it is the next one
            problems[left[done]] = str(error)
            left = left[done + 1 :]
    return problems


def _unreadable(photos: Sequence[PhotoSource], read: Read, progress: Progress) -> dict[int, str]:
    problems = {}
    for index, photo in enumerate(photos):
        try:
            read(photo.path)
        except (FormatError, InputError) as error:
            problems[index] = str(error)
        progress.update("photos", (index + 1) / len(photos), f"{index + 1} of {len(photos)}")
    return problems


def _match(
    matcher: Matcher,
    reader: _Reader,
    pairs: Sequence[Pair],
    keys: dict[Pair, str],
    journal: MatchJournal,
    store: FeatureStore,
    progress: Progress,
) -> None:
    """Add the matches of all pairs to the journal that does not have them yet."""
    left = [pair for pair in pairs if keys[pair] not in journal]
    if len(left) < len(pairs):
        progress.say(f"{len(pairs) - len(left)} of {len(pairs)} pairs are matched already")
    done = len(pairs) - len(left)
    progress.update("matching", done / max(len(pairs), 1), f"{done} of {len(pairs)} pairs")
    for pair, matches in match_pairs(matcher, reader.paths, left, store, read=reader.read):
        journal.add(keys[pair], matches)
        done += 1
        progress.update("matching", done / len(pairs), f"{done} of {len(pairs)} pairs")


def _rows(
    features: PhotoFeatures, count: int, problems: dict[int, str], keys: dict[Pair, str], journal: MatchJournal
) -> KeypointMatches:
    """Keypoints that are the features, and the rows of all pairs that have matches."""
    nothing = np.zeros((0, 2), np.float32)
    rows, scores = {}, {}
    for pair, key in keys.items():
        matches = journal.read(key)
        assert matches.rows is not None
        if len(matches):
            rows[pair], scores[pair] = matches.rows, matches.scores
    return KeypointMatches(
        tuple(nothing if index in problems else features.get(index).points for index in range(count)), rows, scores
    )


def _descriptors(features: PhotoFeatures | None, index: int) -> NDArray[np.float32]:
    """The most certain first, as matchers give them."""
    assert features is not None
    return features.get(index).descriptors
