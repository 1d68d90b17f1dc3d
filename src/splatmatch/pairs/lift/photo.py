"""A photo ready to be lifted: pixels, relative inverse depth, sky; and the piece of it that one pair is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.formats.images import read_image
from splatmatch.geometry.camera import Camera
from splatmatch.pairs.lift.config import FLAT, SKY_ONLY, TOO_SMALL, LiftConfig, Skip
from splatmatch.pairs.lift.depth import plane_inverse_depth, scene_inverse_depth, sharpened
from splatmatch.pairs.lift.mesh import Lifted, Texture, dilated
from splatmatch.pairs.lift.sky import is_plain, sky_mask
from splatmatch.scene.depth_prior import DepthPrior

DETAIL = 2.0
"""Photos are kept at up to so many times the largest size they are used at, for views that zoom in."""
MAX_SKY = 0.9
"""Share of sky and unknown depth above which a photo holds nothing to lift."""


@dataclass(frozen=True, eq=False)
class PhotoDepth:
    """What a prior says of a photo, (h, w)."""

    inverse: NDArray[np.float32]
    """Relative inverse depth with sharp edges."""
    known: NDArray[np.bool_]
    """Where that means something and is not sky."""
    sky: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo with what is known of its depth, at the size the work is done at."""

    name: str
    rgb: NDArray[np.uint8]
    """(H, W, 3)."""
    depth: PhotoDepth | None
    """Of the same picture, at its own resolution; None for planar motion."""


@dataclass(frozen=True, eq=False)
class Piece:
    """The part of a photo that one pair is made of, scaled and with depth in scene units."""

    lifted: Lifted
    """The image and the margin around it that the second view may show."""
    detail: Texture
    """The same part at the photo's own resolution."""
    left: int
    """Pixels of the margin on the left of the image."""
    top: int
    """Pixels of the margin above the image."""
    camera: Camera
    """Of the image alone."""
    enlargement: float
    """How much larger than the image the photo was scaled."""
    depth_ratio: float
    """Farthest to nearest depth; 1 for planar motion."""


def load_photo(path: Path, name: str, prior: DepthPrior | None, config: LiftConfig) -> Photo | Skip:
    """Read a photo and ask the prior, or say why it cannot be lifted.

    Args:
        path: the photo.
        name: its name for the prior.
        prior: of depth; None for planar motion.
        config: the size of the images.

    Raises:
        InputError, FormatError: the photo cannot be read, or a map of depth is absent or damaged.
    """
    return prepare_photo(read_image(path), name, prior, config)


def prepare_photo(rgb: NDArray[np.uint8], name: str, prior: DepthPrior | None, config: LiftConfig) -> Photo | Skip:
    """As ``load_photo``, of pixels (H, W, 3)."""
    height, width = rgb.shape[:2]
    cover = max(config.width / width, config.height / height)
    if cover > config.max_enlargement:
        return TOO_SMALL
    working = min(1.0, cover * config.frame[1] * DETAIL)
    rgb = _resized(rgb, max(1, round(width * working)), max(1, round(height * working)))
    size = _scaled_size(rgb, config, 0.5 * (config.frame[0] + config.frame[1]))
    small = _resized(rgb, *size)
    if is_plain(small):
        return SKY_ONLY
    if prior is None:
        return Photo(name, rgb, None)
    depth = prior.predict(torch.from_numpy(rgb.astype(np.float32) / 255), name)
    known = cv2.resize(depth.valid.numpy().astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.999
    inverse = np.asarray(cv2.resize(depth.values.numpy(), size, interpolation=cv2.INTER_LINEAR))
    sky = sky_mask(small, inverse, known) if config.sky else np.zeros_like(known)
    solid = known & ~dilated(sky, config.hole_margin)
    if solid.mean() < 1 - MAX_SKY:
        return SKY_ONLY
    return Photo(name, rgb, PhotoDepth(sharpened(inverse, known), solid, sky))


def cut_piece(photo: Photo, config: LiftConfig, rng: np.random.Generator) -> Piece | Skip:
    """Choose a random piece of the photo, a focal length and what scale its depth has."""
    enlargement = rng.uniform(*config.frame)
    width, height = _scaled_size(photo.rgb, config, enlargement)
    x = int(rng.integers(width - config.width + 1))
    y = int(rng.integers(height - config.height + 1))
    long_side = max(width, height)
    focal = long_side * float(np.exp(rng.uniform(*np.log(config.focal))))
    ratio = float(np.exp(rng.uniform(*np.log(config.depth_ratio))))
    margin_x, margin_y = round(config.margin * config.width), round(config.margin * config.height)
    left, top = max(0, x - margin_x), max(0, y - margin_y)
    right, bottom = min(width, x + config.width + margin_x), min(height, y + config.height + margin_y)
    whole = Camera(width, height, focal, focal, width / 2, height / 2)
    if photo.depth is None:
        inverse: NDArray[np.float32] | None = plane_inverse_depth(width, height, focal, config.plane_tilt, rng)
        ratio = 1.0
    else:
        inverse = _scene_depth(photo.depth, ratio, width, height)
    if inverse is None:
        return FLAT
    part = np.ascontiguousarray(inverse[top:bottom, left:right])
    if (part[y - top :, x - left :][: config.height, : config.width] > 0).mean() < 1 - MAX_SKY:
        return SKY_ONLY
    scaled = _resized(photo.rgb, width, height)
    rgb = np.ascontiguousarray(scaled[top:bottom, left:right])
    lifted = Lifted(rgb, part, whole.cropped(left, top, right - left, bottom - top))
    detail = _detail(photo.rgb, (width, height), (left, top, right, bottom))
    return Piece(
        lifted, detail, x - left, y - top, whole.cropped(x, y, config.width, config.height), enlargement, ratio
    )


def _detail(rgb: NDArray[np.uint8], size: tuple[int, int], box: tuple[int, int, int, int]) -> Texture:
    """The pixels of the photo behind ``box`` (left, top, right, bottom) of its version at ``size``."""
    x_scale, y_scale = rgb.shape[1] / size[0], rgb.shape[0] / size[1]
    x, y = int(box[0] * x_scale), int(box[1] * y_scale)
    right, bottom = math.ceil(box[2] * x_scale), math.ceil(box[3] * y_scale)
    offset = (box[0] * x_scale - x, box[1] * y_scale - y)
    return Texture(np.ascontiguousarray(rgb[y:bottom, x:right]), (x_scale, y_scale), offset)


def _scene_depth(depth: PhotoDepth, ratio: float, width: int, height: int) -> NDArray[np.float32] | None:
    """Inverse depth at width x height in scene units; -1 where not known, 0 in the sky; None where depth is flat."""
    inverse = scene_inverse_depth(depth.inverse, depth.known, ratio)
    if inverse is None:
        return None
    size = (width, height)
    full = cv2.resize(np.maximum(inverse, 0), size, interpolation=cv2.INTER_LINEAR)
    known = cv2.resize(depth.known.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.999
    sky = cv2.resize(depth.sky.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return np.where(known, full, np.where(sky, 0, -1)).astype(np.float32)


def _scaled_size(rgb: NDArray[np.uint8], config: LiftConfig, enlargement: float) -> tuple[int, int]:
    """(width, height) of the photo scaled so that the image, times ``enlargement``, just fits into it."""
    height, width = rgb.shape[:2]
    scale = enlargement * max(config.width / width, config.height / height)
    return max(config.width, round(width * scale)), max(config.height, round(height * scale))


def _resized(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if rgb.shape[:2] == (height, width):
        return rgb
    method = cv2.INTER_AREA if width * height < rgb.shape[0] * rgb.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=method))
