"""A semi-dense matcher in the manner of LoFTR (Sun et al., CVPR 2021) and EfficientLoFTR (Wang et al., CVPR 2024).

Every cell of 8 x 8 pixels of one image is assigned to one of the other, or to none; what is assigned is made precise in
two stages. Attention is cheap because it runs on cells of 16 x 16: their states are spread back over the finer ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from splatmatch.networks.backbone import Backbone, BackboneConfig
from splatmatch.networks.lightglue import Assignment, LightGlue, LightGlueConfig
from splatmatch.networks.points import centred
from splatmatch.networks.refinement import Refined, Refiner, RefinerConfig
from splatmatch.networks.xfeat import CELL, XFeat

MULTIPLE = 32
"""Sides of images are multiples of this."""


@dataclass(frozen=True)
class SemiDenseConfig:
    """Sizes of the network."""

    backbone: BackboneConfig | None = None
    """None = XFeat, whose published weights may be the start."""
    assigner: LightGlueConfig = field(default_factory=LightGlueConfig)
    """Attention; its input is as wide as the backbone's descriptors."""
    refiner: RefinerConfig = field(default_factory=RefinerConfig)
    patch_width: int = 0
    """Length of a second descriptor from 3 x 3 cells, which further losses may teach; 0 = none."""


PRESETS = {
    "s": SemiDenseConfig(),
    "m": SemiDenseConfig(
        BackboneConfig((32, 64, 128), (1, 2, 4), 128), LightGlueConfig(128, 192, 4, 4), RefinerConfig(48, 24)
    ),
    "l": SemiDenseConfig(BackboneConfig(), LightGlueConfig(256, 256, 4, 8), RefinerConfig(64, 32)),
}
"""s starts from XFeat and LighterGlue; l has the size of EfficientLoFTR."""


class SemiDense(nn.Module):
    """Matches cells, then pixels.

    Convention: a cell stands for its centre; cells are numbered row by row.
    """

    def __init__(self, config: SemiDenseConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SemiDenseConfig()
        self.backbone = Backbone(config.backbone) if config.backbone else XFeat()
        self.assigner = LightGlue(config.assigner)
        width = config.assigner.width
        self.spread = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        nn.init.dirac_(self.spread.weight, groups=width)
        self.patch = _patch_head(config.assigner, config.patch_width)
        self.patch_sharpness = nn.Parameter(torch.zeros(())) if config.patch_width else None
        self.refiner = Refiner(config.refiner)

    def forward(self, images_a: Tensor, images_b: Tensor) -> Assignment:
        """Which cells of ``images_a`` (B, 3, H, W) and ``images_b`` (B, 3, H', W') belong together, RGB in 0..1."""
        if images_a.shape == images_b.shape:
            a, b = self.described(torch.cat([images_a, images_b])).chunk(2)
        else:
            a, b = self.described(images_a), self.described(images_b)
        return self.assigned(a, b)

    def described(self, images: Tensor) -> Tensor:
        """Descriptors (B, D, H / 8, W / 8) of unit length."""
        maps = self.backbone(images)
        return functional.normalize(maps if isinstance(maps, Tensor) else maps.descriptors, dim=1)

    def assigned(self, a: Tensor, b: Tensor) -> Assignment:
        """From descriptors (B, D, h, w), (B, D, h', w')."""
        states = self._states(a, b)
        assignment: Assignment = self.assigner.assigned((_tokens(states[0]), _tokens(states[1])))
        if self.patch is None or self.patch_sharpness is None:
            return assignment
        q_a, q_b = (functional.normalize(_tokens(self.patch(state)), dim=-1) for state in states)
        more = self.patch_sharpness * (q_a @ q_b.transpose(1, 2)).float()
        log_scores = assignment.log_scores + functional.log_softmax(more, 2) + functional.log_softmax(more, 1)
        return Assignment(log_scores, assignment.matchable_a, assignment.matchable_b)

    def refined(self, images_a: Tensor, images_b: Tensor, points_a: Tensor, points_b: Tensor) -> Refined:
        """Points (B, M, 2) of b moved to where those of a lie."""
        refined: Refined = self.refiner(self.refiner.maps(images_a), self.refiner.maps(images_b), points_a, points_b)
        return refined

    def _states(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, W, h, w): a cell's own, and what attention adds to the coarser cell it lies in."""
        coarse = [functional.normalize(functional.avg_pool2d(x, 2), dim=1) for x in (a, b)]
        places = [centred(centres(x, 2 * CELL), (x.shape[3] * 2 * CELL, x.shape[2] * 2 * CELL)) for x in coarse]
        tokens = [_tokens(x) for x in coarse]
        after = self.assigner.layered(places[0], tokens[0], places[1], tokens[1])[-1]
        states = []
        for fine, small, token, state in zip((a, b), coarse, tokens, after, strict=True):
            added = _maps(state - self.assigner.input(token), small.shape[-2:])
            wide = functional.interpolate(added, fine.shape[-2:], mode="bilinear", align_corners=False)
            own = _maps(self.assigner.input(_tokens(fine)), fine.shape[-2:])
            states.append(own + self.spread(wide))
        return states[0], states[1]


def centres(maps: Tensor, stride: int) -> Tensor:
    """Corner pixels (B, h w, 2) of the centres of the cells of ``maps`` (B, C, h, w), row by row."""
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=maps.device), torch.arange(width, device=maps.device), indexing="ij"
    )
    points = stride * (torch.stack([x, y], dim=-1).reshape(1, -1, 2).float() + 0.5)
    return points.expand(len(maps), -1, -1)


def _tokens(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)


def _maps(tokens: Tensor, size: torch.Size) -> Tensor:
    return tokens.transpose(1, 2).reshape(len(tokens), tokens.shape[2], *size)


def _patch_head(assigner: LightGlueConfig, width: int) -> nn.Sequential | None:
    if not width:
        return None
    return nn.Sequential(
        nn.Conv2d(assigner.width, assigner.width, 3, padding=1), nn.GELU(), nn.Conv2d(assigner.width, width, 1)
    )
