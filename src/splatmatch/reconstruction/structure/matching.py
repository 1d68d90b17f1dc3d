"""Features, pairs and verified matches of photos, kept in a database that an interrupted run goes on with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2

from splatmatch.correspondence.pair_choice import PairOptions, choose_pairs
from splatmatch.errors import SplatmatchError
from splatmatch.formats.keypoint_matches import read_keypoint_matches
from splatmatch.jobs.progress import Progress
from splatmatch.reconstruction.structure.features import FeatureOptions, PhotoFile, largest_first, photo_features
from splatmatch.reconstruction.structure.stopwatch import Stopwatch
from splatmatch.solvers import match_database
from splatmatch.solvers.match_database import MatchingOptions
from splatmatch.solvers.pycolmap import Intrinsics, Pair

_DATABASE, _KEY = "features.db", "features.key"


@dataclass(frozen=True)
class GivenMatches:
    """Matches that another matcher than SIFT has found before; they are only verified here."""

    path: Path
    """File of ``KeypointMatches``, in the order of the photos."""
    key: str
    """Changes with the matcher and its settings."""
    pairs: frozenset[Pair]
    """The pairs that were tried."""
    problems: tuple[tuple[int, str], ...] = ()
    """Photos that could not be read, and why."""


@dataclass(frozen=True)
class CorrespondenceOptions:
    """What the matches between photos depend on."""

    features: FeatureOptions = field(default_factory=FeatureOptions)
    pairs: PairOptions = field(default_factory=PairOptions)
    matching: MatchingOptions = field(default_factory=MatchingOptions)
    threads: int = 1
    given: GivenMatches | None = None
    """Take these instead of SIFT; ``features`` and ``pairs`` then mean nothing."""


@dataclass(frozen=True)
class MatchedPhotos:
    """The photos' features and matches in the database."""

    database: Path
    features: dict[int, int]
    """Number of features by index, of the photos that could be read."""
    problems: dict[int, str]
    """Why the others could not be read, by index."""
    pairs: frozenset[Pair]
    """The pairs that were tried."""


def match_photos(
    progress: Progress,
    photos: Sequence[PhotoFile],
    cameras: Sequence[Intrinsics],
    options: CorrespondenceOptions,
    key: str,
    work: Path,
    clock: Stopwatch,
) -> MatchedPhotos:
    """Features of all photos, and verified matches of the pairs that the options choose.

    What a run before this one left in ``work`` is used again if it has the same ``key``, cameras and options.
    """
    if options.given is not None:
        return _given_matches(progress, photos, cameras, options, options.given, key, work, clock)
    cv2.setNumThreads(options.threads)  # of this child process
    database = work / _DATABASE
    with clock("features"):
        _open(database, work / _KEY, photos, cameras, options, key)
        problems = _store_features(progress, photos, options, database)
    counts = match_database.stored_features(database)
    with clock("pairs"):
        progress.update("pairs")
        usable = sorted(counts)
        descriptors = [largest_first(*match_database.read_features(database, index)) for index in usable]
        pairs = [(usable[a], usable[b]) for a, b in choose_pairs(descriptors, options.pairs)]
    match_pairs(progress, database, pairs, options, clock)
    return MatchedPhotos(database, counts, problems, frozenset(pairs))


def _given_matches(
    progress: Progress,
    photos: Sequence[PhotoFile],
    cameras: Sequence[Intrinsics],
    options: CorrespondenceOptions,
    given: GivenMatches,
    key: str,
    work: Path,
    clock: Stopwatch,
) -> MatchedPhotos:
    database = work / _DATABASE
    found = read_keypoint_matches(given.path)
    with clock("features"):
        _open(database, work / _KEY, photos, cameras, options, key)
        stored = match_database.stored_features(database)
        keypoints = [(index, points) for index, points in enumerate(found.keypoints) if index not in stored]
        match_database.write_keypoints(database, keypoints)
    with clock("matching"):
        match_database.write_matches(database, found.rows.items())
        progress.update("verification", 0.0, f"{len(found.rows)} pairs")
        report = partial(progress.update, "verification")
        match_database.verify(database, sorted(found.rows), options.matching, report)
    unreadable = dict(given.problems)
    counts = {index: len(points) for index, points in enumerate(found.keypoints) if index not in unreadable}
    return MatchedPhotos(database, counts, unreadable, given.pairs)


def match_pairs(
    progress: Progress, database: Path, pairs: Sequence[Pair], options: CorrespondenceOptions, clock: Stopwatch
) -> None:
    """Match and verify ``pairs`` of the database, but for those that it already has."""
    with clock("matching"):
        progress.update("matching", 0.0, f"{len(pairs)} pairs")
        match_database.match(database, pairs, options.matching, options.threads, partial(progress.update, "matching"))


def _open(
    database: Path,
    keyed: Path,
    photos: Sequence[PhotoFile],
    cameras: Sequence[Intrinsics],
    options: CorrespondenceOptions,
    key: str,
) -> None:
    """Make an empty database unless there is one for the same photos, cameras and options."""
    given = None if options.given is None else options.given.key
    content = (key, tuple(cameras), [photo.camera for photo in photos], options.features, options.matching, given)
    digest = hashlib.sha256(repr(content).encode()).hexdigest()
    if database.is_file() and keyed.is_file() and keyed.read_text() == digest:
        return
    for old in database.parent.glob(f"{database.name}*"):
        old.unlink()
    match_database.create_database(database, cameras, [photo.camera for photo in photos])
    keyed.write_text(digest)


def _store_features(
    progress: Progress, photos: Sequence[PhotoFile], options: CorrespondenceOptions, database: Path
) -> dict[int, str]:
    """Fill the database with the features it does not have yet; reasons of the photos that could not be read."""
    stored = match_database.stored_features(database)
    wanted = [index for index in range(len(photos)) if index not in stored]
    problems = {}
    for done, (index, result) in enumerate(photo_features(photos, wanted, options.features), 1):
        if isinstance(result, SplatmatchError):
            problems[index] = str(result)
        else:
            match_database.write_features(database, [(index, result.keypoints, result.descriptors)])
        progress.update("features", done / len(wanted), f"{len(stored) + done} of {len(photos)} photos")
    return problems
