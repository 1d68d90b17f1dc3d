"""What all matchers of features share: working size, tiles, checks, and the types that leave the house."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError
from splatmatch.matchers.sizes import SizeOptions, shrink, tile_side, tiles, to_photo, working_size
from splatmatch.scene.matcher import MatcherCard, Pixels
from splatmatch.scene.matches import Features, Matches
from splatmatch.weights.registry import entry


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector finds in an image of its own working size."""

    points: NDArray[np.float32]
    """(N, 2) corner pixels of that image."""
    scores: NDArray[np.float32]
    """(N,)."""
    descriptors: NDArray[np.float32]
    """(N, D)."""


class Detector(Protocol):
    """Finds features in an image that has a size it can take."""

    name: str
    """Of the feature."""
    width: int
    """D, the length of a descriptor."""
    multiple: int
    """Both sides of the images it takes are multiples of this."""
    smallest: int
    """No side of the images it takes is shorter."""
    bytes_per_pixel: float
    """Memory it takes at its peak, per pixel of the image."""

    def find(self, image: Pixels) -> Found:
        """Features of ``image``."""
        ...


class Pairing(Protocol):
    """Finds the rows that belong together."""

    def pair(self, a: Features, b: Features) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows (M, 2) of two non-empty sets of features, and scores (M,) in 0..1."""
        ...


class SparseMatcher:
    """A ``FeatureMatcher`` made of a detector and a pairing.

    Args:
        card: what it is.
        detector: finds features.
        pairing: pairs them.
        count: most features per photo; the best by score are kept.
        options: of size and tiles.
        feature_settings: everything else that features depend on.
        pair_settings: everything else that matches depend on.
        weights: SHA-256 that names the weights; None = those of the card.
    """

    def __init__(
        self,
        card: MatcherCard,
        detector: Detector,
        pairing: Pairing,
        count: int,
        options: SizeOptions,
        feature_settings: Any,
        pair_settings: Any,
        weights: str | None = None,
    ) -> None:
        if count < 1:
            raise InputError(f"count={count}: at least one feature per photo is needed")
        self.card = card
        self._detector, self._pairing, self._count, self._options = detector, pairing, count, options
        self.weights = weights_sha256(card.weights) if weights is None else weights
        size = {name: getattr(options, name) for name in ("size", "tiles", "memory")}
        self.features_hash = digest("features", detector.name, self.weights, size, count, feature_settings)
        self.settings_hash = digest("matches", card.name, self.features_hash, pair_settings)

    def extract(self, photo: Pixels) -> Features:
        """Features of one photo, best first; none where there is nothing to find.

        Raises:
            InputError: ``photo`` is no (H, W, 3) uint8 image.
        """
        check_photo(photo)
        height, width = photo.shape[:2]
        found = _nothing(self._detector.width)
        if photo.min() != photo.max():  # in one even colour a network finds its own padding
            detector = self._detector
            size = working_size((width, height), self._options.size, detector.multiple, detector.smallest)
            image, shown = shrink(photo, size)
            found = self._find(image)
            inside = (found.points[:, 0] < shown[0]) & (found.points[:, 1] < shown[1])
            order = np.flatnonzero(inside)[np.argsort(-found.scores[inside], kind="stable")[: self._count]]
            points = to_photo(found.points[order], shown, (width, height))
            found = Found(points, found.scores[order], found.descriptors[order])
        return Features(found.points, found.scores, found.descriptors, (width, height), self._detector.name)

    def match_features(self, a: Features, b: Features) -> Matches:
        """Correspondences between features of this matcher, best first, with ``rows``.

        Raises:
            InputError: the features are of another kind, or hold NaN.
        """
        for features in (a, b):
            self._check(features)
        rows, scores = np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
        if len(a) and len(b):
            rows, scores = self._pairing.pair(a, b)
        order = np.argsort(-scores, kind="stable")
        rows, scores = rows[order], np.clip(scores[order], 0, 1)
        return Matches(
            points_a=a.points[rows[:, 0]],
            points_b=b.points[rows[:, 1]],
            scores=np.asarray(scores, np.float32),
            size_a=a.size,
            size_b=b.size,
            model=self.card.name,
            weights=self.weights,
            licence=self.card.licence,
            rows=rows,
        )

    def match(self, a: Pixels, b: Pixels) -> Matches:
        """Correspondences between two photos, in their corner pixels, best first.

        Raises:
            InputError: a photo is no (H, W, 3) uint8 image.
        """
        return self.match_features(self.extract(a), self.extract(b))

    def _find(self, image: Pixels) -> Found:
        size = (image.shape[1], image.shape[0])
        side = tile_side(self._options, size, self._detector.bytes_per_pixel)
        if not side:
            return self._detector.find(image)
        parts = []
        for tile in tiles(size, side):
            piece = np.ascontiguousarray(image[tile.seen])
            if piece.min() == piece.max():
                continue
            found = self._detector.find(piece)
            points = found.points + np.array([tile.seen[1].start, tile.seen[0].start], np.float32)
            own = tile.owns(points)
            parts.append(Found(points[own], found.scores[own], found.descriptors[own]))
        return _joined(parts, self._detector.width)

    def _check(self, features: Features) -> None:
        if features.model != self._detector.name or features.descriptors.shape != (len(features), self._detector.width):
            shape = features.descriptors.shape
            raise InputError(
                f"{self.card.name} matches features of {self._detector.name}, not {features.model} {shape}",
                "extract them with the matcher that matches them",
            )
        if not (np.isfinite(features.descriptors).all() and np.isfinite(features.points).all()):
            raise InputError(f"features of {features.model} hold NaN or infinity", "extract them again")


def check_photo(photo: Pixels) -> None:
    """Raise InputError unless ``photo`` is an image as ``formats.images.read_image`` returns it."""
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or 0 in photo.shape:
        raise InputError(f"a photo is (H, W, 3) uint8, not {photo.shape} {photo.dtype}", "read it with read_image")


def weights_sha256(names: tuple[str, ...]) -> str:
    """SHA-256 over the files of registered weights; empty for none."""
    hashes = [entry(name).sha256 for name in names]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest() if hashes else ""


def digest(*parts: Any) -> str:
    """SHA-256 over names and settings; dataclasses count by their fields."""
    content = [asdict(part) if hasattr(part, "__dataclass_fields__") else part for part in parts]
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _nothing(width: int) -> Found:
    return Found(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros((0, width), np.float32))


def _joined(parts: list[Found], width: int) -> Found:
    parts = parts or [_nothing(width)]
    return Found(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.descriptors for part in parts]),
    )
