"""Other views of the images of a pair that need no rendering: crops, zooms, rolls, and both images mirrored.

A roll about the optical axis, a zoom and a crop are changes of the camera: the affine map of the pixels is exact, depth
along z stays, and the pose turns with the camera. Mirroring both images mirrors the world.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.pairs.labels import LabelConfig, surface_of
from splatmatch.pairs.sample import PairImage
from splatmatch.training.kernels.resampling import resample_depth

AVERAGED = 0.75
"""Scale below which colours are averaged down before they are sampled."""


@dataclass(frozen=True)
class Change:
    """What is done to one image."""

    size: tuple[int, int]
    """Width and height of the new image."""
    scale: float
    """New pixels per old one."""
    roll: float = 0.0
    """Radians by which the content turns clockwise."""
    centre: tuple[float, float] = (0.5, 0.5)
    """What comes to stand in the middle of the new image, as shares of width and height of the old one."""


def least_scale(old: Camera, size: tuple[int, int], roll: float) -> float:
    """The scale at which an image of ``size`` just fits into the old one, turned by ``roll``."""
    c, s = abs(math.cos(roll)), abs(math.sin(roll))
    return max((size[0] * c + size[1] * s) / old.width, (size[0] * s + size[1] * c) / old.height)


def clamped(old: Camera, change: Change) -> Change:
    """The change with its centre moved so that the new image lies inside the old one."""
    c, s = abs(math.cos(change.roll)), abs(math.sin(change.roll))
    half = [
        0.5 * (change.size[0] * c + change.size[1] * s) / (change.scale * old.width),
        0.5 * (change.size[0] * s + change.size[1] * c) / (change.scale * old.height),
    ]
    x, y = (
        min(max(centre, part), 1 - part) if part < 0.5 else 0.5
        for centre, part in zip(change.centre, half, strict=True)
    )
    return replace(change, centre=(x, y))


def changed_view(image: PairImage, change: Change, other_scale: float = 1.0) -> tuple[PairImage, Pose]:
    """The image after ``change``, and new_from_old of its camera: the roll.

    Args:
        image: colours, depth and label uncertainty.
        change: see there; where it goes beyond the image, colours repeat the border and depth is not valid.
        other_scale: new pixels per old one of the other image of the pair, in whose pixels sigma counts.
    """
    old = image.camera
    if _is_nothing(old, change):
        sigma = image.sigma if other_scale == 1.0 else image.sigma * np.float32(other_scale)
        return replace(image, sigma=sigma, gaussian_ids=None), Pose.identity()
    camera, roll, new_from_old = _geometry(old, change)
    old_from_new = cv2.invertAffineTransform(new_from_old)
    surface = surface_of(image, LabelConfig())
    shape = (camera.height, camera.width)
    depth, sigma = np.empty(shape, np.float32), np.empty(shape, np.float32)
    valid = np.empty(shape, np.bool_)
    use_torch_threads()
    resample_depth(
        surface.inverse, surface.right, surface.below, image.sigma, old_from_new, other_scale, depth, valid, sigma
    )
    rgb = _sampled(image.rgb, new_from_old, change.scale, change.size)
    return PairImage(rgb, depth, valid, sigma, camera), roll


def mirrored(image: PairImage) -> PairImage:
    """Left and right exchanged; the other image and the pose must be mirrored too."""
    camera = replace(image.camera, cx=image.camera.width - image.camera.cx)
    arrays = {name: np.ascontiguousarray(getattr(image, name)[:, ::-1]) for name in ("rgb", "depth", "valid", "sigma")}
    return PairImage(**arrays, camera=camera)


def mirrored_pose(b_from_a: Pose) -> Pose:
    """The motion in the mirrored world."""
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    return Pose(flip[:, None] * b_from_a.rotation * flip, flip * b_from_a.translation)


def _is_nothing(old: Camera, change: Change) -> bool:
    same = change.size == (old.width, old.height) and change.centre == (0.5, 0.5)
    return same and change.scale == 1.0 and change.roll == 0.0


def _geometry(old: Camera, change: Change) -> tuple[Camera, Pose, NDArray[np.float64]]:
    """The new camera, new_from_old of its frame, and the affine map (2, 3) of corner pixels: K' R K^-1."""
    turn = torch.eye(3, dtype=torch.float64)
    turn[0, 0] = turn[1, 1] = math.cos(change.roll)
    turn[1, 0], turn[0, 1] = math.sin(change.roll), -math.sin(change.roll)
    focal = change.scale * math.sqrt(old.fx * old.fy)
    middle = [change.centre[0] * old.width, change.centre[1] * old.height, 1.0]
    ray = turn @ torch.linalg.inv(old.matrix) @ torch.tensor(middle, dtype=torch.float64)
    width, height = change.size
    cx, cy = 0.5 * width - focal * float(ray[0]), 0.5 * height - focal * float(ray[1])
    camera = Camera(width, height, focal, focal, cx, cy)
    affine = (camera.matrix @ turn @ torch.linalg.inv(old.matrix))[:2].numpy()
    return camera, Pose(turn, torch.zeros(3, dtype=torch.float64)), affine


def _sampled(
    rgb: NDArray[np.uint8], new_from_old: NDArray[np.float64], scale: float, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Colours at the pixels of the new image; smaller ones are averaged down first."""
    affine = new_from_old.copy()
    if scale < AVERAGED:
        height, width = rgb.shape[:2]
        smaller = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = np.asarray(cv2.resize(rgb, smaller, interpolation=cv2.INTER_AREA), np.uint8)
        affine[:, :2] *= (width / smaller[0], height / smaller[1])
    affine[:, 2] += 0.5 * affine[:, :2].sum(1) - 0.5  # OpenCV counts from the centre of the first pixel
    if np.allclose(affine[:, :2], np.eye(2), atol=1e-6) and np.allclose(affine[:, 2], np.rint(affine[:, 2]), atol=1e-4):
        x, y = (-int(round(shift)) for shift in affine[:, 2])
        if 0 <= x <= rgb.shape[1] - size[0] and 0 <= y <= rgb.shape[0] - size[1]:
            return np.ascontiguousarray(rgb[y : y + size[1], x : x + size[0]])
    warped = cv2.warpAffine(rgb, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)
