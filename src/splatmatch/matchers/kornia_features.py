"""DISK and ALIKED features through kornia's modules, with the weights of the registry."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.errors import MissingDependencyError
from splatmatch.matchers.sparse import Found
from splatmatch.scene.matcher import Pixels
from splatmatch.weights.load import load_tensors


def kornia_feature() -> Any:
    """The module ``kornia.feature``.

    Raises:
        MissingDependencyError: kornia is not installed.
    """
    try:
        import kornia.feature
    except ImportError as error:
        raise MissingDependencyError(
            "DISK, ALIKED and LightGlue need the package kornia",
            "pip install 'splatmatch[models]', or take sift, xfeat or xfeat-lighterglue",
        ) from error
    return kornia.feature


def fill(network: Any, tensors: dict[str, Tensor], absent: str, name: str) -> None:
    """Load ``tensors`` into ``network``, whose tensors that match the pattern ``absent`` are not stored.

    Raises:
        MissingDependencyError: this kornia's module has other tensors, and would be left with random ones.
    """
    result = network.load_state_dict(tensors, strict=False)
    other = [key for key in result.missing_keys if not re.search(absent, key)] + list(result.unexpected_keys)
    if other:
        raise MissingDependencyError(
            f"the module of {name} in this kornia has other tensors than its weights ({other[0]})",
            "install kornia 0.9",
        )


class DiskDetector:
    """Finds DISK features (Tyszkiewicz et al., NeurIPS 2020), weights "depth": whole pixels.

    Raises:
        MissingDependencyError: kornia or the weights are not here.
    """

    name, width, multiple, smallest = "disk", 128, 1, 32
    bytes_per_pixel = 2500.0

    def __init__(self, count: int, device: str) -> None:
        self._count, self._device = count, device
        network = kornia_feature().DISK()
        tensors = load_tensors("disk")
        fill(network, {name.removeprefix("extractor."): tensor for name, tensor in tensors.items()}, "^$", "DISK")
        self._network = network.eval().to(device)

    def find(self, image: Pixels) -> Found:
        """Features of an image (H, W, 3)."""
        with torch.inference_mode():
            (features,) = self._network(_input(image, self._device), n=self._count, pad_if_not_divisible=True)
        return _found(features.keypoints, features.detection_scores, features.descriptors)


class AlikedDetector:
    """Finds ALIKED features (Zhao et al., 2023), backbone n16, to fractions of pixels.

    Raises:
        MissingDependencyError: kornia or the weights are not here.
    """

    name, width, multiple, smallest = "aliked-n16", 128, 1, 64
    bytes_per_pixel = 2000.0

    def __init__(self, count: int, threshold: float, device: str) -> None:
        self._device = device
        network = kornia_feature().ALIKED("aliked-n16", max_num_keypoints=count, detection_threshold=threshold)
        fill(network, load_tensors("aliked-n16"), r"hw_grid$|num_batches_tracked$", "ALIKED")
        self._network = network.eval().to(device)

    def find(self, image: Pixels) -> Found:
        """Features of an image (H, W, 3)."""
        with torch.inference_mode():
            (features,) = self._network(_input(image, self._device))
        return _found(features.keypoints, features.keypoint_scores, features.descriptors)


def _input(image: Pixels, device: str) -> Tensor:
    """(1, 3, H, W) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).to(device).float() / 255


def _found(points: Tensor, scores: Tensor, descriptors: Tensor) -> Found:
    points, scores, descriptors = (part.float().cpu() for part in (points, scores, descriptors))
    return Found((points + 0.5).numpy(), scores.numpy(), descriptors.numpy())
