"""What EXIF says about a photo: which way up it is, and its focal length in pixels (CIPA DC-008)."""

from __future__ import annotations

import math
from typing import Any

from PIL.Image import Exif

ORIENTATION, EXIF_IFD = 0x0112, 0x8769
FOCAL_LENGTH, FOCAL_LENGTH_35MM = 0x920A, 0xA405
PIXEL_X, PIXEL_Y = 0xA002, 0xA003
FOCAL_PLANE_X_RESOLUTION, FOCAL_PLANE_UNIT = 0xA20E, 0xA210
_MILLIMETRES = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}
"""Length of one focal-plane resolution unit (2 = inch, the default)."""
_FILM_DIAGONAL = math.hypot(36, 24)
"""Millimetres; the 35 mm equivalent focal length gives the same diagonal field of view."""


def orientation(exif: Exif) -> int:
    """1 to 8; 1 where EXIF does not say. From 5 on width and height are swapped."""
    value = exif.get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def focal_from_exif(exif: Exif, width: int, height: int) -> float | None:
    """Focal length in pixels of a photo of width x height, or None where EXIF does not say or is absurd.

    By FocalLengthIn35mmFilm, f = f35 * diagonal / 43.27 mm; else by FocalLength * FocalPlaneXResolution, scaled from
    the recorded size to the size of the file. The same for both orientations: pixels are square.
    """
    try:
        tags = exif.get_ifd(EXIF_IFD)
    except Exception:  # damaged EXIF must not cost the photo
        return None
    for focal in (_by_film(tags, width, height), _by_focal_plane(tags, width, height)):
        if focal is not None and 0.1 < focal / max(width, height) < 50:
            return focal
    return None


def _by_film(tags: dict[int, Any], width: int, height: int) -> float | None:
    millimetres = _positive(tags, FOCAL_LENGTH_35MM)
    return None if millimetres is None else millimetres * math.hypot(width, height) / _FILM_DIAGONAL


def _by_focal_plane(tags: dict[int, Any], width: int, height: int) -> float | None:
    millimetres, resolution = _positive(tags, FOCAL_LENGTH), _positive(tags, FOCAL_PLANE_X_RESOLUTION)
    unit = _MILLIMETRES.get(tags.get(FOCAL_PLANE_UNIT, 2))
    if millimetres is None or resolution is None or unit is None:
        return None
    recorded = max(_positive(tags, PIXEL_X) or 0, _positive(tags, PIXEL_Y) or 0) or max(width, height)
    return millimetres * resolution / unit * max(width, height) / recorded


def _positive(tags: dict[int, Any], tag: int) -> float | None:
    try:
        value = float(tags[tag])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) and value > 0 else None
