"""LightGlue (Lindenberger et al., ICCV 2023) through kornia's module, with the weights of the registry."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.matchers.kornia_features import fill, kornia_feature
from splatmatch.matchers.sizes import SizeOptions
from splatmatch.scene.matches import Features
from splatmatch.weights.load import load_tensors


@dataclass(frozen=True, kw_only=True)
class LightGlueOptions(SizeOptions):
    """Settings of features matched by LightGlue."""

    count: int = 2048
    """Most features per photo; the best are kept."""
    score: float = 0.1
    """Smallest score of a match."""
    depth_confidence: float = 0.95
    """Share of certain points at which it stops before its last layer; -1 = never."""
    width_confidence: float = 0.99
    """Certainty above which points that have no match are dropped on the way; -1 = never."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.score < 1:
            raise InputError(f"score={self.score}: the score of a match is between 0 and 1")
        for name in ("depth_confidence", "width_confidence"):
            if not (getattr(self, name) == -1 or 0 < getattr(self, name) <= 1):
                raise InputError(f"{name}={getattr(self, name)}: above 0 and at most 1, or -1")


class LightGluePairing:
    """Runs LightGlue on features of one kind.

    Raises:
        MissingDependencyError: kornia or the weights are not here.
    """

    def __init__(self, weights: str, width: int, options: LightGlueOptions, device: str) -> None:
        self._device = device
        network = kornia_feature().LightGlue(
            None,
            input_dim=width,
            filter_threshold=options.score,
            depth_confidence=options.depth_confidence,
            width_confidence=options.width_confidence,
        )
        fill(network, current_names(load_tensors(weights)), "^confidence_thresholds$", "LightGlue")
        self._network = network.eval().to(device)

    def pair(self, a: Features, b: Features) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores."""
        with torch.inference_mode():
            out = self._network({"image0": self._input(a), "image1": self._input(b)})
        return out["matches"][0].cpu().numpy(), out["scores"][0].float().cpu().numpy()

    def _input(self, features: Features) -> dict[str, Tensor]:
        tensors = {
            "keypoints": torch.from_numpy(features.points - np.float32(0.5)),
            "descriptors": torch.from_numpy(features.descriptors),
            "image_size": torch.tensor(features.size),
        }
        return {name: tensor[None].to(self._device) for name, tensor in tensors.items()}


def current_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names of kornia's module: the first release had the two attentions of a layer in lists of their own."""
    renamed = {
        re.sub(r"^(self_attn|cross_attn)\.(\d+)\.", r"transformers.\2.\1.", name): tensor
        for name, tensor in tensors.items()
    }
    return {name: tensor for name, tensor in renamed.items() if not re.fullmatch(r"log_assignment\.\d+\.r", name)}
