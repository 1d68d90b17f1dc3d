"""What a network is trained on: a batch of pairs of images with every label that depth and pose give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NOWHERE = -1e4
"""Both coordinates of a target where there is none: far outside every image."""


@dataclass(frozen=True, eq=False)
class Example:
    """One pair at the training size, before it joins a batch; see ``PairBatch`` for the arrays without their B."""

    key: str
    """Of the sample it was made from."""
    images_a: NDArray[np.uint8]
    """(H, W, 3)."""
    images_b: NDArray[np.uint8]
    target_ab: NDArray[np.float32]
    target_ba: NDArray[np.float32]
    covisible_ab: NDArray[np.bool_]
    covisible_ba: NDArray[np.bool_]
    known_ab: NDArray[np.bool_]
    known_ba: NDArray[np.bool_]
    sigma_ab: NDArray[np.float32]
    sigma_ba: NDArray[np.float32]
    depth_a: NDArray[np.float32]
    depth_b: NDArray[np.float32]
    valid_a: NDArray[np.bool_]
    valid_b: NDArray[np.bool_]
    K_a: NDArray[np.float32]
    K_b: NDArray[np.float32]
    b_from_a: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PairBatch:
    """B pairs of images of one size, labelled both ways.

    Convention: corner pixels; row y, column x stands for the pixel's centre (x + 0.5, y + 0.5). Every tensor is finite.
    """

    keys: tuple[str, ...]
    """Of the samples, B of them."""
    images_a: Tensor
    """(B, 3, H, W) float32 RGB in 0..1, sRGB-encoded."""
    images_b: Tensor
    target_ab: Tensor
    """(B, H, W, 2) where each pixel of a lies in b, also outside it; ``NOWHERE`` if behind b or of unknown depth."""
    target_ba: Tensor
    covisible_ab: Tensor
    """(B, H, W) bool: the pixel of a is seen in b, at ``target_ab``."""
    covisible_ba: Tensor
    known_ab: Tensor
    """(B, H, W) bool: it is known whether b sees the pixel of a; known and not covisible = it has no match in b."""
    known_ba: Tensor
    sigma_ab: Tensor
    """(B, H, W) standard deviation of ``target_ab`` in pixels of b; means nothing where depth is unknown."""
    sigma_ba: Tensor
    depth_a: Tensor
    """(B, H, W) z-depth in scene units, 0 where not valid."""
    depth_b: Tensor
    valid_a: Tensor
    """(B, H, W) bool: the depth is trusted."""
    valid_b: Tensor
    K_a: Tensor
    """(B, 3, 3) float32 for homogeneous corner pixels."""
    K_b: Tensor
    b_from_a: Tensor
    """(B, 4, 4) float32, scene units."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images."""
        return self.images_a.shape[3], self.images_a.shape[2]

    def to(self, device: torch.device | str) -> PairBatch:
        """The batch on ``device``; images in channels-last order."""
        moved = {
            field.name: getattr(self, field.name).to(device, non_blocking=True)
            for field in fields(self)
            if field.name != "keys"
        }
        for name in ("images_a", "images_b"):
            moved[name] = moved[name].contiguous(memory_format=torch.channels_last)
        return replace(self, **moved)

    def part(self, rows: slice) -> PairBatch:
        """Some of its pairs."""
        return PairBatch(
            **{field.name: getattr(self, field.name)[rows] for field in fields(self)}  # tuples and tensors alike
        )

    def swapped(self) -> PairBatch:
        """The same pairs from b to a."""
        values = {field.name: getattr(self, _partner(field.name)) for field in fields(self)}
        return PairBatch(**values | {"b_from_a": torch.linalg.inv(self.b_from_a)})


def _partner(name: str) -> str:
    """The field that takes its place when a and b are exchanged."""
    stem, _, side = name.rpartition("_")
    other = {"a": "b", "b": "a", "ab": "ba", "ba": "ab"}.get(side, side)
    return f"{stem}_{other}" if stem and name != "b_from_a" else name


def collate(examples: Sequence[Example]) -> PairBatch:
    """A batch of examples of one size.

    Raises:
        ValueError: there are none, or their sizes differ.
    """
    if not examples:
        raise ValueError("a batch needs an example")
    stacked: dict[str, Tensor] = {}
    for field in fields(Example):
        if field.name == "key":
            continue
        tensor = torch.from_numpy(np.stack([getattr(example, field.name) for example in examples]))
        if field.name.startswith("images"):
            tensor = tensor.permute(0, 3, 1, 2).float().div_(255)
        stacked[field.name] = tensor
    return PairBatch(keys=tuple(example.key for example in examples), **stacked)
