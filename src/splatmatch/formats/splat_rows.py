"""What every splat format shares: NumPy columns on their way to and from ``Gaussians``, and which rows are kept."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError, NumericalError
from splatmatch.scene.gaussians import Gaussians

_LOG = logging.getLogger(__name__)
SH_SIZES = {0: 0, 3: 1, 8: 2, 15: 3, 24: 4}
"""Degree by number of coefficients above the constant one, per channel."""
MAX_SH_REST = 15
"""Coefficients above the constant one that Gaussians hold (degree 3); files may have more."""
LOWEST_LOG_SCALE = -30.0
"""Stands for a standard deviation of zero."""
HIGHEST_LOG_SCALE = 40.0
"""Beyond, a float32 covariance overflows."""
HIGHEST_VALUE = 1e18
"""Beyond, the square of a float32 coordinate, quaternion or coefficient overflows."""
OPACITY_MARGIN = 1e-6
"""Opacities of 0 and 1 are moved inwards by this, to have a logit."""
_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
"""The components of a quaternion besides the largest one, by its index."""


@dataclass(frozen=True, eq=False)
class SplatRows:
    """The columns of N Gaussians as float32 arrays, in the units of ``Gaussians``."""

    means: NDArray[np.float32]
    """(N, 3)."""
    log_scales: NDArray[np.float32]
    """(N, 3)."""
    quaternions: NDArray[np.float32]
    """(N, 4) w x y z."""
    logit_opacities: NDArray[np.float32]
    """(N,)."""
    sh: NDArray[np.float32]
    """(N, K, 3)."""

    def gaussians(self, path: Path, *, antialiased: bool = False, frame: str = "unknown") -> Gaussians:
        """The rows that can be rendered; how many were dropped is logged as a warning.

        An infinite logit is clipped, a scale of zero becomes tiny; a row with NaN, infinity or values so large that
        rendering would overflow, or with a zero quaternion, is dropped.

        Raises:
            FormatError: no row is left.
        """
        sh = self.sh
        if sh.shape[1] > MAX_SH_REST + 1:
            _LOG.warning("%s: spherical harmonics above degree 3 are left out", path)
            sh = sh[:, : MAX_SH_REST + 1]
        limit = _logit(np.float64(1 - OPACITY_MARGIN))
        columns = {
            "means": self.means,
            "log_scales": np.where(np.isneginf(self.log_scales), LOWEST_LOG_SCALE, self.log_scales),
            "quaternions": self.quaternions,
            "logit_opacities": np.nan_to_num(self.logit_opacities, nan=np.nan, posinf=limit, neginf=-limit),
            "sh": sh,
        }
        keep = (np.linalg.norm(self.quaternions, axis=1) > 1 / HIGHEST_VALUE) & ~np.isnan(self.logit_opacities)
        keep &= (columns["log_scales"] <= HIGHEST_LOG_SCALE).all(axis=1)
        for name in ("means", "quaternions", "sh"):
            keep &= (np.abs(columns[name].reshape(len(keep), -1)) <= HIGHEST_VALUE).all(axis=1)
        kept = int(keep.sum())
        if kept == 0:
            raise FormatError(f"{path}: none of its {len(keep)} Gaussians is usable")
        if kept < len(keep):
            _LOG.warning("%s: dropped %d of %d Gaussians: NaN or absurd values", path, len(keep) - kept, len(keep))
            columns = {name: column[keep] for name, column in columns.items()}
        tensors = {name: torch.from_numpy(np.ascontiguousarray(column, np.float32)) for name, column in columns.items()}
        return Gaussians(**tensors, antialiased=antialiased, frame=frame)


def rows_of(gaussians: Gaussians) -> SplatRows:
    """The columns of Gaussians that are about to be written.

    Raises:
        InputError: there are none.
        NumericalError: one of them holds NaN or infinity.
    """
    if len(gaussians) == 0:
        raise InputError("there are no Gaussians to write")
    arrays = {name: tensor.detach().cpu().to(torch.float32).numpy() for name, tensor in gaussians.tensors().items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise NumericalError(f"the Gaussians to write hold NaN or infinity in {name}")
    return SplatRows(**arrays)


def logits_from_bytes(opacities: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits of opacities stored as 0..255."""
    return np.asarray(_logit(np.clip(opacities / 255.0, OPACITY_MARGIN, 1 - OPACITY_MARGIN)), np.float32)


def bytes_from_logits(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Opacities as 0..255, rounded."""
    with np.errstate(over="ignore"):
        return np.rint(255 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.uint8)


def unit_quaternions(quaternions: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, 4) of length 1."""
    wide = quaternions.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-30))


def smallest_three(quaternions: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index (N,) of the largest component of each unit quaternion and the other three (N, 3), in order, times its sign.

    The three lie in -1/sqrt(2)..1/sqrt(2) and determine the rotation.
    """
    unit = unit_quaternions(quaternions)
    largest = np.abs(unit).argmax(axis=1)
    rows = np.arange(len(unit))
    unit *= np.where(unit[rows, largest] < 0, -1, 1)[:, None]
    return largest, np.take_along_axis(unit, _OTHERS[largest], axis=1)


def from_smallest_three(largest: NDArray[np.integer], three: NDArray[np.float64]) -> NDArray[np.float32]:
    """Unit quaternions (N, 4) whose component ``largest`` is positive and whose others are ``three``, in order."""
    quaternions = np.empty((len(three), 4))
    np.put_along_axis(quaternions, _OTHERS[largest], three, axis=1)
    rest = np.sqrt(np.maximum(0, 1 - np.square(three).sum(axis=1)))
    np.put_along_axis(quaternions, np.asarray(largest)[:, None], rest[:, None], axis=1)
    return unit_quaternions(quaternions.astype(np.float32)).astype(np.float32)


def _logit(opacity: Any) -> Any:
    return np.log(opacity / (1 - opacity))
