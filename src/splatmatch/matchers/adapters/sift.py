"""SIFT: RootSIFT descriptors, ratio test and mutual nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.correspondence.nearest import distance_ratio, mutual_nearest
from splatmatch.errors import InputError
from splatmatch.matchers.devices import torch_device
from splatmatch.matchers.sift_detection import detect_sift, root_sift
from splatmatch.matchers.sizes import SizeOptions
from splatmatch.matchers.sparse import Found, SparseMatcher
from splatmatch.scene.matcher import MatcherCard, Pixels
from splatmatch.scene.matches import Features

CARD = MatcherCard(
    name="sift",
    kind="sparse",
    source="Lowe 2004, RootSIFT 2012; OpenCV",
    licence="Apache-2.0",
    commercial=True,
    input_range="grey 0..255",
    size_rule="any",
    pixel_origin="centre",
)


@dataclass(frozen=True, kw_only=True)
class Options(SizeOptions):
    """Settings of SIFT."""

    count: int = 4096
    """Most features per photo; those of the largest response are kept."""
    contrast: float = 0.04
    """Smallest response, OpenCV's default; lower finds more and weaker features."""
    ratio: float = 0.8
    """Largest distance to the nearest descriptor over distance to the second nearest."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.ratio <= 1 or not 0 <= self.contrast < 1:
            raise InputError(f"sift: ratio={self.ratio} or contrast={self.contrast} is not between 0 and 1")


class SiftDetector:
    """Finds SIFT features."""

    name, width, multiple, smallest = "sift", 128, 1, 1
    bytes_per_pixel = 260.0

    def __init__(self, options: Options) -> None:
        self._options = options

    def find(self, image: Pixels) -> Found:
        """Features of an image (H, W, 3)."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        found = detect_sift(grey, None, self._options.count, self._options.contrast)
        return Found(found.points, found.responses, root_sift(found.descriptors))


class RatioPairing:
    """Mutual nearest neighbours that are clearly nearer than the second nearest; the score is 1 - ratio."""

    def __init__(self, ratio: float, device: str) -> None:
        self._ratio, self._device = ratio, device

    def pair(self, a: Features, b: Features) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores."""
        tensors = [torch.from_numpy(features.descriptors).to(self._device) for features in (a, b)]
        neighbours = mutual_nearest(*tensors)
        ratio = distance_ratio(neighbours)
        kept = ratio < self._ratio
        return neighbours.rows[kept].cpu().numpy(), (1 - ratio[kept]).cpu().numpy()


def open_adapter(options: Options, device: str) -> SparseMatcher:
    """SIFT, ready to use; the detector always runs on the CPU."""
    chosen = torch_device(device)
    pairing = RatioPairing(options.ratio, chosen)
    pair_settings = (options.ratio, chosen)
    return SparseMatcher(CARD, SiftDetector(options), pairing, options.count, options, options.contrast, pair_settings)
