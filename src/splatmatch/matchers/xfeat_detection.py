"""XFeat features (Potje et al., CVPR 2024), read from the network's maps as its authors do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from splatmatch.errors import InputError
from splatmatch.matchers.devices import Device
from splatmatch.matchers.onnx_session import open_session
from splatmatch.matchers.sizes import SizeOptions
from splatmatch.matchers.sparse import Found
from splatmatch.matchers.xfeat_graph import CELL, size_free
from splatmatch.scene.matcher import Pixels
from splatmatch.weights.load import load

SIZE_RULE = "sides down to multiples of 32"
NEIGHBOURHOOD = 5
"""Side of the window in which a keypoint is the largest."""


@dataclass(frozen=True, kw_only=True)
class XFeatOptions(SizeOptions):
    """Settings of the features."""

    count: int = 4096
    """Most features per photo; the best are kept."""
    threshold: float = 0.05
    """Smallest keypoint probability."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.threshold < 1:
            raise InputError(f"threshold={self.threshold}: a keypoint probability is between 0 and 1")


class XFeatDetector:
    """Finds XFeat features.

    Raises:
        MissingDependencyError: the weights are not on this machine.
        FormatError: they are not the registered ones.
    """

    name, width, multiple, smallest = "xfeat", 64, 32, 32
    bytes_per_pixel = 140.0

    def __init__(self, options: XFeatOptions, device: Device) -> None:
        self._options = options
        self._session = open_session(size_free(load("xfeat").read_bytes()), "xfeat.onnx", device)

    def find(self, image: Pixels) -> Found:
        """Features of an image (H, W, 3), both sides multiples of 32."""
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        descriptors, logits, reliability = self._session.run(["feats", "keypoints", "heatmap"], {"image": pixels})
        heat = _heat(logits[0])
        columns, rows = _peaks(heat, self._options.threshold)
        probability = heat[rows, columns]
        grid = _grid(columns, rows, heat.shape)
        scores = probability * _sampled(reliability, grid, "bilinear")[:, 0]
        best = np.argsort(-scores, kind="stable")[: self._options.count]
        table = _sampled(_unit(descriptors, 1), grid[best], "bicubic")
        points = np.stack([columns[best], rows[best]], axis=1).astype(np.float32) + np.float32(0.5)
        return Found(points, scores[best], _unit(table, 1))


def _heat(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keypoint probabilities (H, W) from logits (65, H / 8, W / 8): the last channel is "none"."""
    exponentials = np.exp(logits - logits.max(axis=0))
    cells = exponentials[:-1] / exponentials.sum(axis=0)
    rows, columns = cells.shape[1:]
    heat = cells.reshape(CELL, CELL, rows, columns).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(heat.reshape(rows * CELL, columns * CELL))


def _peaks(heat: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns and rows of the maxima of their neighbourhoods."""
    largest = cv2.dilate(heat, np.ones((NEIGHBOURHOOD, NEIGHBOURHOOD), np.uint8))
    rows, columns = np.nonzero((heat == largest) & (heat > threshold))
    return columns, rows


def _grid(columns: NDArray[np.int64], rows: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Positions (N, 2) in -1..1 at which the authors sample the maps: pixel index over last index.

    This is up to half a cell away from where the pixel lies in the maps, but it is what the network was trained with.
    """
    x, y = columns / (shape[1] - 1), rows / (shape[0] - 1)
    return np.stack([2 * x - 1, 2 * y - 1], axis=1).astype(np.float32)


def _sampled(values: Any, grid: NDArray[np.float32], mode: str) -> NDArray[np.float32]:
    """Values (N, C) of a map (1, C, h, w) at positions (N, 2)."""
    place = torch.from_numpy(grid)[None, :, None]
    out = functional.grid_sample(torch.from_numpy(values), place, mode=mode, align_corners=False)
    return np.ascontiguousarray(out[0, :, :, 0].T.numpy())


def _unit(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=axis, keepdims=True), 1e-12), np.float32)
