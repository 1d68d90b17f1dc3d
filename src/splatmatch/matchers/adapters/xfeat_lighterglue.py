"""XFeat features matched by LighterGlue, the small LightGlue of XFeat's authors (three of its six layers)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError
from splatmatch.matchers.devices import Device, onnx_device
from splatmatch.matchers.onnx_session import open_session
from splatmatch.matchers.sparse import SparseMatcher
from splatmatch.matchers.xfeat_detection import SIZE_RULE, XFeatDetector, XFeatOptions
from splatmatch.scene.matcher import MatcherCard
from splatmatch.scene.matches import Features
from splatmatch.weights.load import load

CARD = MatcherCard(
    name="xfeat-lighterglue",
    kind="sparse",
    source="Potje et al. 2024; LightGlue: Lindenberger et al. 2023",
    licence="Apache-2.0",
    commercial=True,
    weights=("xfeat", "lighterglue"),
    size_rule=SIZE_RULE,
)


@dataclass(frozen=True, kw_only=True)
class Options(XFeatOptions):
    """Settings of XFeat with LighterGlue."""

    count: int = 2048
    """Most features per photo; the best are kept."""
    score: float = 0.1
    """Smallest score of a match."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.score < 1:
            raise InputError(f"score={self.score}: the score of a match is between 0 and 1")


class LighterGluePairing:
    """Runs the matcher network.

    Raises:
        MissingDependencyError: the weights are not on this machine.
        FormatError: they are not the registered ones.
    """

    def __init__(self, least: float, device: Device) -> None:
        self._least = least
        self._session = open_session(load("lighterglue").read_bytes(), "lighterglue_L3.onnx", device)

    def pair(self, a: Features, b: Features) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores."""
        inputs = {}
        for index, features in enumerate((a, b)):
            size = np.array(features.size, np.float32)
            centre_pixels = features.points - np.float32(0.5)
            inputs[f"kpts{index}"] = ((centre_pixels - size / 2) / (size.max() / 2))[None]
            inputs[f"desc{index}"] = features.descriptors[None]
        rows, scores = self._session.run(["matches", "scores"], inputs)
        kept = scores > self._least
        return rows[kept], scores[kept]


def open_adapter(options: Options, device: str) -> SparseMatcher:
    """XFeat with LighterGlue, ready to use."""
    chosen = onnx_device(device)
    detector = XFeatDetector(options, chosen)
    pairing = LighterGluePairing(options.score, chosen)
    feature_settings = (options.threshold, chosen)
    return SparseMatcher(CARD, detector, pairing, options.count, options, feature_settings, (options.score, chosen))
