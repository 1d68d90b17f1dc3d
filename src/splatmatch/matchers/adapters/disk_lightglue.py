"""DISK features matched by LightGlue."""

from __future__ import annotations

from dataclasses import dataclass

from splatmatch.matchers.devices import torch_device
from splatmatch.matchers.kornia_features import DiskDetector
from splatmatch.matchers.lightglue import LightGlueOptions, LightGluePairing
from splatmatch.matchers.sparse import SparseMatcher
from splatmatch.scene.matcher import MatcherCard

CARD = MatcherCard(
    name="disk-lightglue",
    kind="sparse",
    source="Tyszkiewicz et al. 2020; LightGlue: Lindenberger et al. 2023; kornia",
    licence="Apache-2.0",
    commercial=True,
    weights=("disk", "disk-lightglue"),
    size_rule="padded to multiples of 16",
    extra="models",
)


@dataclass(frozen=True, kw_only=True)
class Options(LightGlueOptions):
    """Settings of DISK with LightGlue."""


def open_adapter(options: Options, device: str) -> SparseMatcher:
    """DISK with LightGlue, ready to use."""
    device = torch_device(device)
    detector = DiskDetector(options.count, device)
    pairing = LightGluePairing("disk-lightglue", detector.width, options, device)
    pair_settings = (options.score, options.depth_confidence, options.width_confidence, device)
    return SparseMatcher(CARD, detector, pairing, options.count, options, device, pair_settings)
