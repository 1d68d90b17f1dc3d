"""XFeat's backbone and heads (Potje et al., CVPR 2024), with the normalisations folded into the convolutions."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

CELL = 8
"""Pixels per side of a cell of the maps."""
WIDTH = 64
"""Channels of the descriptors."""


@dataclass(frozen=True, eq=False)
class XFeatMaps:
    """What the network says of B images."""

    descriptors: Tensor
    """(B, 64, H / 8, W / 8), not of unit length."""
    keypoints: Tensor
    """(B, 65, H / 8, W / 8) logits of the 64 pixels of each cell, row by row, and of "none"."""
    reliability: Tensor
    """(B, 1, H / 8, W / 8) in 0..1."""
    quarter: Tensor
    """(B, 24, H / 4, W / 4) features of the second block."""


class XFeat(nn.Module):
    """0.66 million parameters; takes any size whose sides are multiples of 32.

    Convention: cell (i, j) of a map covers pixels 8 i to 8 i + 7, 8 j to 8 j + 7.
    """

    def __init__(self) -> None:
        super().__init__()
        self.skip = nn.Conv2d(1, 24, 1)
        self.block1 = nn.Sequential(_conv(1, 4), _conv(4, 8, stride=2), _conv(8, 8), _conv(8, 24, stride=2))
        self.block2 = nn.Sequential(_conv(24, 24), _conv(24, 24))
        self.block3 = nn.Sequential(_conv(24, 64, stride=2), _conv(64, 64), _conv(64, 64, side=1))
        self.block4 = nn.Sequential(_conv(64, 64, stride=2), _conv(64, 64), _conv(64, 64))
        self.block5 = nn.Sequential(
            _conv(64, 128, stride=2), _conv(128, 128), _conv(128, 128), _conv(128, WIDTH, side=1)
        )
        self.fusion = nn.Sequential(_conv(WIDTH, 64), _conv(64, 64), nn.Conv2d(64, WIDTH, 1))
        self.reliability = nn.Sequential(_conv(WIDTH, 64, side=1), _conv(64, 64, side=1), nn.Conv2d(64, 1, 1))
        self.keypoints = nn.Sequential(
            _conv(64, 64, side=1), _conv(64, 64, side=1), _conv(64, 64, side=1), nn.Conv2d(64, CELL * CELL + 1, 1)
        )

    def forward(self, images: Tensor) -> XFeatMaps:
        """Maps of ``images`` (B, 3, H, W), RGB in 0..1."""
        grey = functional.instance_norm(images.mean(1, keepdim=True), eps=1e-5)
        quarter = self.block2(self.block1(grey) + self.skip(functional.avg_pool2d(grey, 4)))
        eighth = self.block3(quarter)
        sixteenth = self.block4(eighth)
        coarse = [_resized(x, eighth) for x in (sixteenth, self.block5(sixteenth))]
        descriptors = self.fusion(eighth + coarse[0] + coarse[1])
        return XFeatMaps(
            descriptors=descriptors,
            keypoints=self.keypoints(functional.pixel_unshuffle(grey, CELL)),
            reliability=self.reliability(descriptors).sigmoid(),
            quarter=quarter,
        )


def _conv(channels: int, out: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, side, stride, side // 2), nn.ReLU(inplace=True))


def _resized(coarse: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(coarse, like.shape[-2:], mode="bilinear", align_corners=False)
