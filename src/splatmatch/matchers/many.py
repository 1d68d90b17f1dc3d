"""Matching many pairs of photos: in order, on all cores, within a bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from splatmatch.errors import InputError
from splatmatch.formats.images import read_image
from splatmatch.matchers.feature_store import FeatureStore
from splatmatch.matchers.photo_features import PhotoFeatures, Read, Recent
from splatmatch.scene.matcher import FeatureMatcher, Matcher
from splatmatch.scene.matches import Matches

Pair = tuple[int, int]
Task = TypeVar("Task")
Result = TypeVar("Result")
AHEAD = 2
"""Pairs per worker that are matched before the caller takes the first of their results."""


def match_pairs(
    matcher: Matcher,
    photos: Sequence[Path],
    pairs: Iterable[Pair],
    store: FeatureStore | None = None,
    *,
    workers: int = 0,
    memory: int = 256_000_000,
    read: Read = read_image,
) -> Iterator[tuple[Pair, Matches]]:
    """Matches of each pair, in the order of ``pairs``.

    A matcher of features looks at each photo once: its features come from memory, else from the store, else from the
    matcher, and are kept in the store as soon as they are known, so that a run that was killed goes on with them.
    Networks release Python's lock while they run, so threads keep all cores busy where one pair cannot; results do not
    depend on their number.

    Args:
        matcher: any matcher.
        photos: image files.
        pairs: indices into ``photos``; drawn a few ahead of the results.
        store: where features are kept; only in memory if None. Not used by matchers without features.
        workers: pairs matched at a time; as many as torch has threads if 0.
        memory: bytes of features, or of photos for a matcher without features, kept in memory.
        read: reads a photo.

    Raises:
        InputError: an index outside ``photos``, or no such file.
        FormatError: a photo cannot be read.
        OutputError: the store cannot be written to.
    """
    match = _matching(matcher, photos, store, memory, read)
    for pair, future in _ahead(match, _checked(pairs, len(photos)), workers or _threads()):
        yield pair, future.result()


def extract_photos(
    matcher: FeatureMatcher,
    photos: Sequence[Path],
    store: FeatureStore,
    *,
    workers: int = 0,
    read: Read = read_image,
) -> Iterator[int]:
    """Fill the store with the features of all photos; yields the index of each photo, in order, once it is stored.

    Args:
        matcher: finds features.
        photos: image files.
        store: where features are kept.
        workers: photos looked at at a time; as many as torch has threads if 0.
        read: reads a photo.

    Raises:
        InputError: there is no such file.
        FormatError: a photo cannot be read.
        OutputError: the store cannot be written to.
    """
    features = PhotoFeatures(matcher, photos, store, memory=0, read=read)

    def fill(index: int) -> None:
        if not features.is_stored(index):
            features.get(index)

    for index, future in _ahead(fill, iter(range(len(photos))), workers or _threads()):
        future.result()
        yield index


def _matching(
    matcher: Matcher, photos: Sequence[Path], store: FeatureStore | None, memory: int, read: Read
) -> Callable[[Pair], Matches]:
    if isinstance(matcher, FeatureMatcher):
        features = PhotoFeatures(matcher, photos, store, memory, read)
        return lambda pair: matcher.match_features(features.get(pair[0]), features.get(pair[1]))
    pixels = Recent(lambda index: read(photos[index]), lambda photo: photo.nbytes, memory)
    return lambda pair: matcher.match(pixels.get(pair[0]), pixels.get(pair[1]))


def _checked(pairs: Iterable[Pair], count: int) -> Iterator[Pair]:
    for a, b in pairs:
        if not (0 <= a < count and 0 <= b < count):
            raise InputError(f"the pair ({a}, {b}) names a photo outside 0..{count - 1}")
        yield a, b


def _ahead(
    work: Callable[[Task], Result], tasks: Iterator[Task], workers: int
) -> Iterator[tuple[Task, Future[Result]]]:
    """Tasks with their futures, in order; at most ``AHEAD`` per worker are under way."""
    with ThreadPoolExecutor(workers, thread_name_prefix="match") as pool:
        waiting: deque[tuple[Task, Future[Result]]] = deque()
        try:
            waiting.extend((task, pool.submit(work, task)) for task in islice(tasks, AHEAD * workers))
            while waiting:
                task, future = waiting.popleft()
                future.exception()  # wait before the next is drawn
                waiting.extend((following, pool.submit(work, following)) for following in islice(tasks, 1))
                yield task, future
        finally:
            for _, future in waiting:
                future.cancel()


def _threads() -> int:
    import torch

    return torch.get_num_threads()
