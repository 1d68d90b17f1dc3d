"""The first of two loops: what matchers find, kept on disk, so that scoring never runs a matcher.

A prediction is named by the settings of the matcher, the image part of the protocol and the content of both images.
Each is one small file that is written atomically: a run that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import io
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError
from splatmatch.evaluation.matching.protocols import ImageRule
from splatmatch.files import sha256, write_bytes
from splatmatch.formats.images import read_image
from splatmatch.scene.matcher import FeatureMatcher, Matcher, Pixels
from splatmatch.scene.matches import Features, Matches, Size
from splatmatch.weights.load import cache_folder

_KEPT = 48
"""Photos whose features stay in memory."""


@dataclass(frozen=True)
class ImagePair:
    """Two image files to be matched."""

    path_a: Path
    path_b: Path
    size_a: Size
    """That the file must have."""
    size_b: Size


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one matcher finds in one pair.

    Convention: corner pixels of the resized images.
    """

    points_a: NDArray[np.float32]
    """(M, 2)."""
    points_b: NDArray[np.float32]
    """(M, 2)."""
    scores: NDArray[np.float32]
    """(M,) 0..1."""
    size_a: Size
    """Of the resized image."""
    size_b: Size
    seconds_extract: float
    """CPU seconds for the features of both images; 0 for a matcher without features."""
    seconds_match: float
    """CPU seconds for the rest."""


def prediction_folder() -> Path:
    """Where predictions are kept unless the user says otherwise: beside the cached weights."""
    return cache_folder().parent / "predictions"


def predict(
    matcher: Matcher,
    pairs: Sequence[ImagePair],
    rule: ImageRule,
    cache: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Prediction]:
    """Predictions of all pairs in order, from ``cache`` where they are there.

    Pairs are worked on in their order; features of a photo are found once. The first call of the matcher is done twice,
    so that its time is not that of loading.

    Raises:
        InputError: an image has another size than stated, or is missing.
        FormatError: an image is damaged.
        OutputError: the cache cannot be written to.
    """
    store = _Store(matcher, rule, cache)
    workbench: _Workbench | None = None
    for done, pair in enumerate(pairs, 1):
        path = store.path(pair)
        found = _read(path)
        if found is None:
            workbench = workbench or _Workbench(matcher, rule, pair)
            found = workbench.prediction(pair)
            write_bytes(path, _packed(found))
        if progress is not None:
            progress(done, len(pairs))
        yield found


class _Store:
    """Names of the files of one matcher under one image rule."""

    def __init__(self, matcher: Matcher, rule: ImageRule, cache: Path) -> None:
        key = hashlib.sha256(f"{matcher.settings_hash} {rule!r}".encode()).hexdigest()[:16]
        self._folder = cache / f"{matcher.card.name}-{key}"
        self._hashes: dict[Path, str] = {}

    def path(self, pair: ImagePair) -> Path:
        both = "".join(self._hash(path) for path in (pair.path_a, pair.path_b))
        return self._folder / f"{hashlib.sha256(both.encode()).hexdigest()[:32]}.npz"

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            if not path.is_file():
                raise InputError(f"{path}: no such image")
            self._hashes[path] = sha256(path)
        return self._hashes[path]


class _Workbench:
    """A matcher at work, with the features of the last photos at hand."""

    def __init__(self, matcher: Matcher, rule: ImageRule, first: ImagePair) -> None:
        self._matcher, self._rule = matcher, rule
        self._features: OrderedDict[Path, tuple[Features, float]] = OrderedDict()
        matcher.match(self._image(first.path_a, first.size_a), self._image(first.path_b, first.size_b))

    def prediction(self, pair: ImagePair) -> Prediction:
        if isinstance(self._matcher, FeatureMatcher):
            a, seconds_a = self._extracted(self._matcher, pair.path_a, pair.size_a)
            b, seconds_b = self._extracted(self._matcher, pair.path_b, pair.size_b)
            began = time.process_time()
            matches = self._matcher.match_features(a, b)
            return _prediction(matches, seconds_a + seconds_b, time.process_time() - began)
        images = self._image(pair.path_a, pair.size_a), self._image(pair.path_b, pair.size_b)
        began = time.process_time()
        return _prediction(self._matcher.match(*images), 0.0, time.process_time() - began)

    def _extracted(self, matcher: FeatureMatcher, path: Path, size: Size) -> tuple[Features, float]:
        if path not in self._features:
            image = self._image(path, size)
            began = time.process_time()
            features = matcher.extract(image)
            self._features[path] = features, time.process_time() - began
            if len(self._features) > _KEPT:
                self._features.popitem(last=False)
        self._features.move_to_end(path)
        return self._features[path]

    def _image(self, path: Path, size: Size) -> Pixels:
        """The resized image; pixels as stored, since intrinsics describe those."""
        photo = read_image(path, upright=False)
        if (photo.shape[1], photo.shape[0]) != size:
            stored = f"{photo.shape[1]} x {photo.shape[0]}"
            raise InputError(f"{path}: is {stored}, but its truth is for {size[0]} x {size[1]}")
        return self._rule.apply(photo)


def _prediction(matches: Matches, extract: float, match: float) -> Prediction:
    return Prediction(
        matches.points_a, matches.points_b, matches.scores, matches.size_a, matches.size_b, extract, match
    )


def _packed(found: Prediction) -> bytes:
    file = io.BytesIO()
    np.savez(
        file,
        points_a=found.points_a.astype(np.float32),
        points_b=found.points_b.astype(np.float32),
        scores=found.scores.astype(np.float32),
        sizes=np.array([found.size_a, found.size_b], np.int64),
        seconds=np.array([found.seconds_extract, found.seconds_match]),
    )
    return file.getvalue()


def _read(path: Path) -> Prediction | None:
    """The prediction in a file; None where there is none, or a damaged one that is made again."""
    try:
        with np.load(path, allow_pickle=False) as file:
            a, b, scores, sizes, seconds = (
                file[name] for name in ("points_a", "points_b", "scores", "sizes", "seconds")
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    fits = a.shape == b.shape == (len(scores), 2) and sizes.shape == (2, 2) and seconds.shape == (2,)
    if not fits or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    size_a, size_b = ((int(width), int(height)) for width, height in sizes)
    return Prediction(a, b, scores, size_a, size_b, float(seconds[0]), float(seconds[1]))
