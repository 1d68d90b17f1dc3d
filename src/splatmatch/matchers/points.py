"""Our network of keypoints as a matcher: one that reuses features, and one that makes every match precise."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.matchers.devices import Device
from splatmatch.matchers.sizes import shrink, tile_side, to_photo, working_size
from splatmatch.matchers.sparse import Found, SparseMatcher, digest
from splatmatch.matchers.xfeat_detection import XFeatOptions
from splatmatch.networks.points import MULTIPLE, PointMatcher, centred, mutual
from splatmatch.networks.refinement import FineMaps
from splatmatch.networks.xfeat import WIDTH
from splatmatch.scene.matcher import MatcherCard, Pixels
from splatmatch.scene.matches import Features, Matches

FEATURE = "splatmatch-s"
"""Name of the features."""
_BYTES_PER_PIXEL = 400.0
_KEPT = 4
"""Photos whose features and maps stay in memory."""


@dataclass(frozen=True, kw_only=True)
class PointOptions(XFeatOptions):
    """Settings of the matcher."""

    count: int = 2048
    """Most features per photo; the best are kept."""
    score: float = 0.1
    """Smallest score of a match."""
    refine: bool = True
    """Make matches precise with the pixels of both photos; without it features are reused between pairs."""


class PointDetector:
    """Finds keypoints."""

    name, width, multiple, smallest = FEATURE, WIDTH, MULTIPLE, MULTIPLE
    bytes_per_pixel = _BYTES_PER_PIXEL

    def __init__(self, network: PointMatcher, options: PointOptions, device: Device) -> None:
        self._network, self._options, self._device = network, options, device

    def find(self, image: Pixels) -> Found:
        """Features of an image (H, W, 3), both sides multiples of 32."""
        with torch.inference_mode():
            maps = self._network.backbone(as_batch(image, self._device))
            found = self._network.found(maps, self._options.count, self._options.threshold)
        real = (found.scores[0] > 0).cpu().numpy()
        points, scores, descriptors = (
            value[0].float().cpu().numpy()[real] for value in (found.points, found.scores, found.descriptors)
        )
        return Found(points, scores, descriptors)


class PointPairing:
    """Assigns keypoints to each other."""

    def __init__(self, network: PointMatcher, least: float, device: Device) -> None:
        self._network, self._least, self._device = network, least, device

    def pair(self, a: Features, b: Features) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores."""
        with torch.inference_mode():
            points, descriptors = (
                [torch.from_numpy(getattr(features, name))[None].to(self._device) for features in (a, b)]
                for name in ("points", "descriptors")
            )
            assignment = self._network.assigner(
                centred(points[0], a.size), descriptors[0], centred(points[1], b.size), descriptors[1]
            )
            rows_a, rows_b, scores = mutual(assignment.log_scores[0], self._least)
        return torch.stack([rows_a, rows_b], 1).cpu().numpy(), scores.float().cpu().numpy()


class RefinedPoints:
    """Features, their assignment, and the refinement of every match with the pixels of both photos.

    A photo whose working image does not fit into ``memory`` is not refined.
    """

    def __init__(self, network: PointMatcher, sparse: SparseMatcher, options: PointOptions, device: Device) -> None:
        self.card = sparse.card
        self.settings_hash = digest("refined", sparse.settings_hash)
        self._network, self._sparse, self._options, self._device = network, sparse, options, device
        self._seen: OrderedDict[bytes, tuple[Features, FineMaps | None, tuple[float, float]]] = OrderedDict()

    def match(self, a: Pixels, b: Pixels) -> Matches:
        """Correspondences between two photos, in their corner pixels, best first, with covariances.

        Raises:
            InputError: a photo is no (H, W, 3) uint8 image.
        """
        features_a, maps_a, shown_a = self._look(a)
        features_b, maps_b, shown_b = self._look(b)
        matches = replace(self._sparse.match_features(features_a, features_b), rows=None)
        if not len(matches) or maps_a is None or maps_b is None:
            return matches
        size_b = np.array(matches.size_b, np.float64)
        with torch.inference_mode():
            refined = self._network.refiner(
                maps_a,
                maps_b,
                self._in_working(matches.points_a, shown_a, matches.size_a),
                self._in_working(matches.points_b, shown_b, matches.size_b),
            )
            points = refined.points[0].float().cpu().numpy()
            expected = refined.log_sigma[0].float().exp().cpu().numpy()
        points_b = np.clip(to_photo(points, shown_b, matches.size_b), 0, size_b.astype(np.float32))
        scale = size_b / np.array(shown_b)
        # The mean length of an isotropic error of standard deviation s per axis is s sqrt(pi / 2).
        variance = (2 / math.pi) * np.square(expected)[:, None] * np.square(scale)
        covariance = np.zeros((len(points_b), 2, 2), np.float32)
        covariance[:, [0, 1], [0, 1]] = variance
        return replace(matches, points_b=np.asarray(points_b, np.float32), covariance=covariance)

    def _look(self, photo: Pixels) -> tuple[Features, FineMaps | None, tuple[float, float]]:
        """Features, maps for the refinement and the size of the part of the working image that shows the photo."""
        key = hashlib.sha256(repr((photo.shape, photo.dtype)).encode() + photo.tobytes()).digest()
        if key in self._seen:
            self._seen.move_to_end(key)
            return self._seen[key]
        features = self._sparse.extract(photo)
        size = working_size(features.size, self._options.size, MULTIPLE, MULTIPLE)
        image, shown = shrink(photo, size)
        maps = None
        if len(features) and not tile_side(self._options, size, _BYTES_PER_PIXEL):
            with torch.inference_mode():
                maps = self._network.refiner.maps(as_batch(image, self._device))
        self._seen[key] = features, maps, shown
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return self._seen[key]

    def _in_working(self, points: NDArray[np.float32], shown: tuple[float, float], photo: tuple[int, int]) -> Tensor:
        scaled = points * (np.array(shown) / np.array(photo)).astype(np.float32)
        return torch.from_numpy(scaled)[None].to(self._device)


def point_matcher(
    network: PointMatcher, card: MatcherCard, weights: str, options: PointOptions, device: Device
) -> SparseMatcher | RefinedPoints:
    """``network`` as a matcher.

    Args:
        network: with its weights; put into evaluation mode and onto ``device``.
        card: of the matcher.
        weights: SHA-256 that names the weights in results.
        options: see there.
        device: cpu or cuda.
    """
    network = network.eval().to(device)
    detector, pairing = PointDetector(network, options, device), PointPairing(network, options.score, device)
    feature_settings = (options.threshold, device)
    pair_settings = (options.score, device)
    sparse = SparseMatcher(
        card, detector, pairing, options.count, options, feature_settings, pair_settings, weights=weights
    )
    return RefinedPoints(network, sparse, options, device) if options.refine else sparse


def as_batch(image: Pixels, device: Device) -> Tensor:
    """(1, 3, H, W) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))[None]).to(device).float() / 255
