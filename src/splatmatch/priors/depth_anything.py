"""Depth Anything V2 Small (Yang et al., 2024; the only size under Apache-2.0) through transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from splatmatch.errors import MissingDependencyError
from splatmatch.priors.prediction import inverse_depth, network_input
from splatmatch.scene.depth_prior import InverseDepth

HUB_NAME = "depth-anything/Depth-Anything-V2-Small-hf"
SHORT_SIDE = 518
"""Pixels of the shorter side of its input, as in training."""
PATCH = 14
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DepthAnything:
    """Relative inverse depth of Depth Anything V2 Small.

    The weights are downloaded by transformers at the first ``predict``, into its own cache; only safetensors are read.

    Args:
        model: a ``DepthAnythingForDepthEstimation`` to use instead; the published one if None.
    """

    name = "depth-anything-v2-small"
    licence = "Apache-2.0 (Depth Anything V2 Small, L. Yang et al.)"

    def __init__(self, model: Any = None) -> None:
        self._model = model

    def predict(self, rgb: Tensor, name: str = "") -> InverseDepth:
        """See ``DepthPrior.predict``.

        Raises:
            MissingDependencyError: transformers is not installed, or the weights cannot be had.
            NumericalError: the prediction holds NaN or infinity.
        """
        if self._model is None:
            self._model = _published()
        height, width = rgb.shape[:2]
        pixels = torch.from_numpy(network_input(rgb, patch_size(width, height), MEAN, STD))
        with torch.inference_mode():
            raw = self._model.eval()(pixel_values=pixels).predicted_depth[0]
        return inverse_depth(raw.float().numpy(), "inverse", width, height, self.name)


def patch_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the input: the shorter side at 518, the other to the nearest multiple of 14."""
    scale = SHORT_SIDE / min(width, height)
    return max(PATCH, round(width * scale / PATCH) * PATCH), max(PATCH, round(height * scale / PATCH) * PATCH)


def _published() -> Any:
    try:
        from transformers import DepthAnythingForDepthEstimation
    except ImportError as error:
        raise MissingDependencyError(
            "Depth Anything needs the package transformers", "pip install 'splatmatch[models]', or take tiefenrausch"
        ) from error
    try:
        return DepthAnythingForDepthEstimation.from_pretrained(HUB_NAME, use_safetensors=True)
    except OSError as error:
        raise MissingDependencyError(
            f"the weights {HUB_NAME} could not be had ({str(error).splitlines()[0][:160]})",
            "on a connected machine run it once and copy the cache named by HF_HOME, or take another prior",
        ) from error
