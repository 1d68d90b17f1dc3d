"""The photos of a fit in memory: planar bytes at several resolutions, loaded by threads."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from splatmatch.errors import InputError
from splatmatch.formats.images import read_image
from splatmatch.formats.masks import read_mask
from splatmatch.geometry.camera import Camera
from splatmatch.scene.views import View


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """One photo at one resolution."""

    camera: Camera
    pixels: Tensor
    """(H, W, 3) uint8, a view of planar memory."""
    weight: Tensor | None
    """(H, W) float32 in 0..1 from the mask; None = everything counts."""

    @functools.cached_property
    def evenness(self) -> Tensor:
        """(H, W) float32: (1 - g / g_98)^2, 1 in even areas and 0 on edges, times the mask (PGSR, eq. 8).

        g is the grey gradient, g_98 its 98th percentile in this photo.
        """
        even = evenness(self.pixels)
        return even if self.weight is None else even * self.weight


def evenness(pixels: Tensor) -> Tensor:
    """(1 - g / g_98)^2 of an image (H, W, 3), uint8 or float, g its grey gradient; see ``TrainingImage.evenness``."""
    grey = pixels.to(torch.float32).mean(-1)
    across = functional.pad((grey[:, 2:] - grey[:, :-2]).abs(), (1, 1))
    down = functional.pad((grey[2:] - grey[:-2]).abs().T, (1, 1)).T
    gradient = torch.maximum(across, down)
    top = gradient.flatten().kthvalue(max(1, int(0.98 * gradient.numel()))).values
    return (1 - gradient / top.clamp(min=1e-6)).clamp(min=0).square()


@dataclass(frozen=True, eq=False)
class TrainingView:
    """One photo at all resolutions: level k has 1 / 2^k of the full training size."""

    view: View
    levels: tuple[TrainingImage, ...]


def load_training_views(
    views: tuple[View, ...], long_side: int | None, levels: int, threads: int = 2
) -> tuple[TrainingView, ...]:
    """Read, resize (by area averaging) and pack the photos of ``views``.

    Memory: 4 bytes per full-size training pixel and view, masks not counted.

    Args:
        views: views with an ``image_path``.
        long_side: training size in pixels of the longer side; smaller photos stay as they are; None = full size.
        levels: number of resolutions.
        threads: readers; threads, because a fork after a parallel kernel kills the child.

    Raises:
        InputError: a photo or mask is missing, unreadable, or not of the size that its camera states.
    """

    def load(view: View) -> TrainingView:
        return _load(view, long_side, levels)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        return tuple(pool.map(load, views))


def _load(view: View, long_side: int | None, levels: int) -> TrainingView:
    if view.image_path is None:
        raise InputError(f"view {view.name} has no photo to fit to", "give the scene its images folder")
    wanted = view.camera
    image = read_image(view.image_path)
    if image.shape[:2] != (wanted.height, wanted.width):
        raise InputError(
            f"{view.image_path}: {image.shape[1]} x {image.shape[0]} pixels, but its camera has "
            f"{wanted.width} x {wanted.height}",
            "give images and cameras of the same size",
        )
    mask = None if view.mask_path is None else read_mask(view.mask_path, wanted.width, wanted.height)
    camera = wanted if long_side is None else wanted.with_long_side(long_side)
    return TrainingView(view, tuple(_level(image, mask, camera, level) for level in range(levels)))


def _level(image: NDArray[np.uint8], mask: NDArray[np.bool_] | None, full: Camera, level: int) -> TrainingImage:
    import cv2

    camera = full.resized(max(1, full.width >> level), max(1, full.height >> level))
    size = (camera.width, camera.height)
    planes = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA).transpose(2, 0, 1))
    weight = None
    if mask is not None:
        weight = torch.from_numpy(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))
    return TrainingImage(camera, torch.from_numpy(planes).permute(1, 2, 0), weight)
