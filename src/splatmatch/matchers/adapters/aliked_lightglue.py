"""ALIKED features matched by LightGlue."""

from __future__ import annotations

from dataclasses import dataclass

from splatmatch.errors import InputError
from splatmatch.matchers.devices import torch_device
from splatmatch.matchers.kornia_features import AlikedDetector
from splatmatch.matchers.lightglue import LightGlueOptions, LightGluePairing
from splatmatch.matchers.sparse import SparseMatcher
from splatmatch.scene.matcher import MatcherCard

CARD = MatcherCard(
    name="aliked-lightglue",
    kind="sparse",
    source="Zhao et al. 2023; LightGlue: Lindenberger et al. 2023; kornia",
    licence="BSD-3-Clause AND Apache-2.0",
    commercial=True,
    weights=("aliked-n16", "aliked-lightglue"),
    size_rule="padded to multiples of 32",
    extra="models",
)


@dataclass(frozen=True, kw_only=True)
class Options(LightGlueOptions):
    """Settings of ALIKED with LightGlue."""

    threshold: float = 0.2
    """Smallest score of a feature, the authors' default; 0 takes the best ``count``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.threshold < 1:
            raise InputError(f"threshold={self.threshold}: the score of a feature is between 0 and 1")


def open_adapter(options: Options, device: str) -> SparseMatcher:
    """ALIKED with LightGlue, ready to use."""
    device = torch_device(device)
    detector = AlikedDetector(options.count, options.threshold, device)
    pairing = LightGluePairing("aliked-lightglue", detector.width, options, device)
    pair_settings = (options.score, options.depth_confidence, options.width_confidence, device)
    return SparseMatcher(CARD, detector, pairing, options.count, options, (options.threshold, device), pair_settings)
