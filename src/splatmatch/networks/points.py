"""A matcher of keypoints that is trained as one: XFeat finds and describes, LightGlue assigns, a refiner makes precise.

It starts from the published weights of XFeat and LighterGlue, or from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from splatmatch.networks.keypoints import Keypoints, keypoints
from splatmatch.networks.lightglue import Assignment, LightGlue, LightGlueConfig
from splatmatch.networks.refinement import Refined, Refiner, RefinerConfig
from splatmatch.networks.xfeat import XFeat, XFeatMaps

MULTIPLE = 32
"""Sides of images are multiples of this."""


@dataclass(frozen=True)
class PointMatcherConfig:
    """Sizes of the network."""

    assigner: LightGlueConfig = field(default_factory=LightGlueConfig)
    refiner: RefinerConfig = field(default_factory=RefinerConfig)


class PointMatcher(nn.Module):
    """1.3 million parameters in its default size."""

    def __init__(self, config: PointMatcherConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PointMatcherConfig()
        self.backbone = XFeat()
        self.assigner = LightGlue(config.assigner)
        self.refiner = Refiner(config.refiner)

    def found(self, maps: XFeatMaps, count: int, threshold: float = 0.05) -> Keypoints:
        """The best ``count`` keypoints of each image."""
        return keypoints(maps, count, threshold)

    def assigned(self, a: Keypoints, b: Keypoints, size_a: tuple[int, int], size_b: tuple[int, int]) -> Assignment:
        """Which keypoints belong together; those of score 0 to none.

        Args:
            a: keypoints of the first images.
            b: keypoints of the second images.
            size_a: (width, height) of the first images.
            size_b: (width, height) of the second images.
        """
        found: Assignment = self.assigner(
            centred(a.points, size_a), a.descriptors, centred(b.points, size_b), b.descriptors
        )
        missing = (a.scores <= 0)[:, :, None] | (b.scores <= 0)[:, None]
        return Assignment(found.log_scores.masked_fill(missing, -1e4), found.matchable_a, found.matchable_b)

    def refined(self, images_a: Tensor, images_b: Tensor, points_a: Tensor, points_b: Tensor) -> Refined:
        """Points (B, M, 2) of b moved to where those of a lie."""
        refined: Refined = self.refiner(self.refiner.maps(images_a), self.refiner.maps(images_b), points_a, points_b)
        return refined


def centred(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Corner pixels (B, N, 2) as the assigner takes them, of an image of ``size`` = (width, height).

    The published weights were trained with pixel indices, so half a pixel goes off.
    """
    whole = torch.tensor(size, dtype=points.dtype, device=points.device)
    return (points - 0.5 - whole / 2) / (whole.max() / 2)


def mutual(log_scores: Tensor, least: float) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of a (K,), of b (K,) and scores (K,) of mutual best partners above ``least``, from log scores (N, M)."""
    if 0 in log_scores.shape:
        nothing = torch.zeros(0, dtype=torch.long, device=log_scores.device)
        return nothing, nothing, log_scores.new_zeros(0)
    best, partner = log_scores.max(1)
    back = log_scores.argmax(0)
    rows = torch.arange(len(log_scores), device=log_scores.device)
    kept = (back[partner] == rows) & (best.exp() > least)
    return rows[kept], partner[kept], best[kept].exp()
