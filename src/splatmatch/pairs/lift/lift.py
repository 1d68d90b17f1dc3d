"""One photo and one seed become one pair."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, rotation_angle_degrees
from splatmatch.pairs.appearance import changed
from splatmatch.pairs.labels import both_correspondences, scale_ratio
from splatmatch.pairs.lift.config import NO_MOTION, LiftConfig, Skip
from splatmatch.pairs.lift.inpainting import filled
from splatmatch.pairs.lift.mesh import Lifted, SecondView, Texture, colours, dilated, draw, seen_in
from splatmatch.pairs.lift.motion import Motion, draw_motion
from splatmatch.pairs.lift.photo import Photo, Piece, cut_piece
from splatmatch.pairs.lift.relighting import Lighting, draw_lighting, light_map, relit
from splatmatch.pairs.making import LEAST_OVERLAP, OVERLAP
from splatmatch.pairs.sample import PairImage, PairSample, Provenance
from splatmatch.pairs.timing import timed

ATTEMPTS = 4
"""Motions that are tried before a pair is given up."""
SIGMA = 0.01
"""Pixels: the second image is drawn from the very surface that labels are computed with, so they are as exact as the
stored depth, whose steps move a match by less than this."""
HOLE_GREY = np.uint8(127)
"""Of holes that are not filled in."""
ZOOM_DETAIL = 1.15
"""Magnification from which the photo's own resolution is sampled instead of the image's."""


def lift_photo(
    photo: Photo,
    key: str,
    seed: int,
    rng: np.random.Generator,
    config: LiftConfig,
    depth_mode: str,
    licence: str,
    seconds: dict[str, float] | None = None,
) -> PairSample | Skip:
    """A pair from a photo: image a is a piece of it, image b its mesh seen from a second camera.

    Labels follow from depth and pose alone (``pairs.labels``): sky, holes and what was filled in is not valid.

    Args:
        photo: from ``load_photo``.
        key: of the sample.
        seed: of the job, for the record.
        rng: all that is random comes from it.
        config: what is drawn.
        depth_mode: name of the depth prior, for the record.
        licence: of the photo, for the record.
        seconds: the time of each stage is added here.

    Returns:
        The sample, or why there is none.
    """
    seconds = {} if seconds is None else seconds
    with timed(seconds, "piece"):
        piece = cut_piece(photo, config, rng)
    if isinstance(piece, Skip):
        return piece
    with timed(seconds, "mesh"):
        seen = _second_camera(piece, config, rng)
    if isinstance(seen, Skip):
        return seen
    motion, view = seen
    with timed(seconds, "light"):
        lights = [_light(piece, config, rng) for _ in "ab"] if config.relight else [None, None]
        gains = [
            None if light is None else light_map(light, piece.lifted.inverse, piece.lifted.camera) for light in lights
        ]
        a = _first_image(piece, gains[0])
        b = _second_image(piece, view, motion.camera, gains[1], config)
    with timed(seconds, "colours"):
        (a, colours_a), (b, colours_b) = (_photographed(image, config, rng) for image in (a, b))
    with timed(seconds, "labels"):
        applied = _applied(piece, motion, view)
        for name, light, appearance in (("a", lights[0], colours_a), ("b", lights[1], colours_b)):
            applied[name] = {"light": asdict(light) if light else {}, "appearance": appearance}
        record = Provenance("photo", seed, (photo.name, f"{photo.name} moved"), depth_mode, licence, applied)
        return with_overlap(PairSample(key, photo.name, a, b, motion.b_from_a, 0.0, 0.0, 1.0, record))


def _second_camera(piece: Piece, config: LiftConfig, rng: np.random.Generator) -> tuple[Motion, SecondView] | Skip:
    """A motion that leaves enough of the photo in view, and what is seen then."""
    for _ in range(ATTEMPTS):
        motion = draw_motion(_image_part(piece, piece.lifted.inverse), piece.camera, config, rng)
        if motion is None:
            return NO_MOTION
        view = draw(piece.lifted, motion.camera, motion.b_from_a, config.max_jump)
        if view.holes.mean() <= config.max_hole:
            return motion, view
    return NO_MOTION


def with_overlap(sample: PairSample) -> PairSample | Skip:
    """The sample with the overlaps and the scale ratio that its labels have, or why it is of no use."""
    forward, backward = both_correspondences(sample, OVERLAP)
    if min(forward.overlap, backward.overlap) < LEAST_OVERLAP:
        return NO_MOTION
    ratio = scale_ratio(sample.a, sample.b, sample.b_from_a, forward)
    return replace(sample, overlap_ab=forward.overlap, overlap_ba=backward.overlap, scale_ratio=ratio)


def image_pair(
    lifted: Lifted, camera: Camera, b_from_a: Pose, config: LiftConfig | None = None
) -> tuple[PairImage, PairImage, SecondView]:
    """The photo itself and its view from a given second camera, nothing drawn at random.

    For photos whose true depth and motion are known, such as rectified stereo.
    """
    config = config or LiftConfig()
    view = draw(lifted, camera, b_from_a, config.max_jump)
    piece = Piece(lifted, Texture(lifted.rgb), 0, 0, lifted.camera, 1.0, 1.0)
    return _first_image(piece, None), _second_image(piece, view, camera, None, config), view


def _first_image(piece: Piece, gain: NDArray[np.float32] | None) -> PairImage:
    rgb = piece.lifted.rgb if gain is None else relit(piece.lifted.rgb, gain)
    inverse = _image_part(piece, piece.lifted.inverse)
    return _pair_image(_image_part(piece, rgb), inverse, inverse > 0, piece.camera)


def _second_image(
    piece: Piece, view: SecondView, camera: Camera, gain: NDArray[np.float32] | None, config: LiftConfig
) -> PairImage:
    growth = camera.fx / piece.camera.fx * _median_growth(piece.lifted, view)
    texture = piece.detail if growth > ZOOM_DETAIL else Texture(piece.lifted.rgb)
    if gain is not None:
        texture = Texture(relit(texture.rgb, gain), texture.scale, texture.offset)
    if growth < 0.75:
        texture = _smaller(texture)
    holes = dilated(view.holes, config.hole_margin)
    drawn = colours(texture, view)
    rgb = filled(drawn, holes) if config.inpaint else np.where(holes[..., None], HOLE_GREY, drawn)
    valid = seen_in(piece.lifted.inverse > 0, view) & (view.inverse > 0) & ~holes
    return _pair_image(rgb, view.inverse, valid, camera)


def _pair_image(
    rgb: NDArray[np.uint8], inverse: NDArray[np.float32], valid: NDArray[np.bool_], camera: Camera
) -> PairImage:
    depth = np.divide(1, inverse, out=np.zeros_like(inverse), where=valid)
    sigma = np.where(valid, np.float32(SIGMA), np.float32(0))
    return PairImage(np.ascontiguousarray(rgb), depth, np.ascontiguousarray(valid), sigma, camera)


def _image_part(piece: Piece, array: NDArray[Any]) -> NDArray[Any]:
    """What lies inside image a, of an array over the whole piece."""
    rows = slice(piece.top, piece.top + piece.camera.height)
    return np.ascontiguousarray(array[rows, piece.left : piece.left + piece.camera.width])


def _median_growth(lifted: Lifted, view: SecondView) -> float:
    """How much nearer the second view is to what it shows: median of depth before over depth after."""
    step = 8
    source, now = view.source[::step, ::step], view.inverse[::step, ::step]
    shown = ~np.isnan(source[..., 0]) & (now > 0)
    if not shown.any():
        return 1.0
    x, y = source[shown].astype(np.int64).T
    rows, columns = lifted.inverse.shape
    before = lifted.inverse[y.clip(0, rows - 1), x.clip(0, columns - 1)]
    known = before > 0
    return float(np.median(now[shown][known] / before[known])) if known.any() else 1.0


def _smaller(texture: Texture) -> Texture:
    """The texture at half its resolution: what is drawn smaller is averaged first."""
    height, width = texture.rgb.shape[:2]
    half = cv2.resize(texture.rgb, (max(2, width // 2), max(2, height // 2)), interpolation=cv2.INTER_AREA)
    x, y = half.shape[1] / width, half.shape[0] / height
    scale, offset = texture.scale, texture.offset
    return Texture(np.asarray(half), (scale[0] * x, scale[1] * y), (offset[0] * x, offset[1] * y))


def _light(piece: Piece, config: LiftConfig, rng: np.random.Generator) -> Lighting:
    known = piece.lifted.inverse[piece.lifted.inverse > 0]
    return draw_lighting(float(1 / np.median(known[:: max(1, len(known) // 20_000)])), config.light, rng)


def _photographed(image: PairImage, config: LiftConfig, rng: np.random.Generator) -> tuple[PairImage, dict[str, Any]]:
    """The image as some camera would have stored it, and what was done to its colours."""
    rgb, done = changed(image.rgb.astype(np.float32) / np.float32(255), config.appearance, rng)
    return replace(image, rgb=rgb), done


def _applied(piece: Piece, motion: Motion, view: SecondView) -> dict[str, Any]:
    """What was drawn, for the record."""
    turn = float(rotation_angle_degrees(motion.b_from_a.rotation))
    return {
        "enlargement": round(piece.enlargement, 4),
        "focal": round(piece.camera.fx, 2),
        "depth_ratio": round(piece.depth_ratio, 3),
        "strength": round(motion.strength, 4),
        "rotation_degrees": round(turn, 3),
        "zoom": round(motion.zoom, 4),
        "hole_share": round(float(view.holes.mean()), 4),
    }
