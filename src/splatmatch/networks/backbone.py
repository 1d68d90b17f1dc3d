"""A convolutional backbone for RGB, of any width, with descriptors at an eighth of the size."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class BackboneConfig:
    """Sizes; the defaults are those of EfficientLoFTR (Wang et al., CVPR 2024): 64, 128, 256 channels."""

    widths: tuple[int, int, int] = (64, 128, 256)
    """Channels at 1/2, 1/4 and 1/8 of the size."""
    blocks: tuple[int, int, int] = (2, 4, 14)
    """Residual blocks at each."""
    out: int = 256
    """Length of the descriptors."""


class Backbone(nn.Module):
    """Images (B, 3, H, W) to descriptors (B, out, H / 8, W / 8), not of unit length; sides are multiples of 8."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        channels = 3
        for width, count in zip(config.widths, config.blocks, strict=True):
            stages += [nn.Conv2d(channels, width, 3, 2, 1), nn.ReLU(inplace=True)]
            stages += [Block(width) for _ in range(count)]
            channels = width
        self.stages = nn.Sequential(*stages)
        self.out = nn.Conv2d(channels, config.out, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Descriptors of ``images``, RGB in 0..1."""
        descriptors: Tensor = self.out(self.stages(functional.instance_norm(images, eps=1e-5)))
        return descriptors


class Block(nn.Module):
    """x + conv(relu(conv(x))), which begins as no change and needs no normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """As large as ``x`` (B, C, H, W)."""
        changed: Tensor = functional.relu(x + self.second(functional.relu(self.first(x))))
        return changed
