"""Relative inverse depth of one photo, and the protocol of everything that predicts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, eq=False)
class InverseDepth:
    """What a prior says about one photo: larger = nearer, up to an unknown positive scale and an unknown offset.

    Convention: 1 / z-depth, not 1 / length of the ray; pixel for pixel with the photo.
    """

    values: Tensor
    """(H, W) float32; 0 where not valid."""
    valid: Tensor
    """(H, W) bool."""


class DepthPrior(Protocol):
    """Predicts relative inverse depth from a single photo."""

    name: str
    licence: str
    """Of the weights or maps; it is recorded in everything that is made with them."""

    def predict(self, rgb: Tensor, name: str = "") -> InverseDepth:
        """Inverse depth at the size of the photo.

        Args:
            rgb: (H, W, 3) float32 in 0..1, sRGB-encoded.
            name: the photo's name, '/' as separator; priors that look maps up need it.

        Raises:
            InputError: there is no map for ``name``.
            NumericalError: the prediction holds NaN or infinity.
        """
        ...
