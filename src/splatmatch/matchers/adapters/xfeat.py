"""XFeat with mutual nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.correspondence.nearest import mutual_nearest
from splatmatch.matchers.devices import onnx_device, torch_device
from splatmatch.matchers.sparse import SparseMatcher
from splatmatch.matchers.xfeat_detection import SIZE_RULE, XFeatDetector, XFeatOptions
from splatmatch.scene.matcher import MatcherCard
from splatmatch.scene.matches import Features

CARD = MatcherCard(
    name="xfeat",
    kind="sparse",
    source="Potje et al. 2024",
    licence="Apache-2.0",
    commercial=True,
    weights=("xfeat",),
    size_rule=SIZE_RULE,
)


@dataclass(frozen=True, kw_only=True)
class Options(XFeatOptions):
    """Settings of XFeat."""

    cosine: float = 0.82
    """Smallest cosine between two descriptors that are matched."""


class CosinePairing:
    """Mutual nearest neighbours above a cosine, which is the score."""

    def __init__(self, least: float, device: str) -> None:
        self._least, self._device = least, device

    def pair(self, a: Features, b: Features) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores."""
        tensors = [torch.from_numpy(features.descriptors).to(self._device) for features in (a, b)]
        neighbours = mutual_nearest(*tensors)
        kept = neighbours.cosine > self._least
        return neighbours.rows[kept].cpu().numpy(), neighbours.cosine[kept].cpu().numpy()


def open_adapter(options: Options, device: str) -> SparseMatcher:
    """XFeat, ready to use."""
    pair_device, feature_device = torch_device(device), onnx_device(device)
    detector = XFeatDetector(options, feature_device)
    pairing = CosinePairing(options.cosine, pair_device)
    feature_settings = (options.threshold, feature_device)
    return SparseMatcher(
        CARD, detector, pairing, options.count, options, feature_settings, (options.cosine, pair_device)
    )
