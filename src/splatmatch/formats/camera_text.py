"""Cameras as users write them on a command line: ``f``, ``f,cx,cy``, ``fx,fy,cx,cy`` or ``MODEL:p1,p2,...``."""

from __future__ import annotations

import math

from splatmatch.errors import InputError
from splatmatch.geometry.distorted import CAMERA_MODELS, DistortedCamera


def parse_camera(text: str, width: int, height: int) -> DistortedCamera:
    """The camera of a photo of ``width`` x ``height`` pixels.

    Corner pixels of the photo; with ``f`` alone the principal point is the centre; MODEL is any COLMAP model with a
    focal length.

    Raises:
        InputError: not understood, or no camera of such a photo.
    """
    model, _, numbers = text.rpartition(":")
    try:
        params = tuple(float(number) for number in numbers.split(","))
    except ValueError:
        raise InputError(f"--intrinsics {text!r} is not a list of numbers", "give f or fx,fy,cx,cy") from None
    if not model:
        if len(params) == 1:
            params = (*params, width / 2, height / 2)
        models = {3: "SIMPLE_PINHOLE", 4: "PINHOLE"}
        if len(params) not in models:
            raise InputError(
                f"--intrinsics {text!r} has {len(params)} numbers", "give f, f,cx,cy, fx,fy,cx,cy or MODEL:..."
            )
        model = models[len(params)]
    model = model.upper()
    layout = CAMERA_MODELS.get(model)
    if layout is None or not layout.focals:
        usable = ", ".join(name for name, known in CAMERA_MODELS.items() if known.focals)
        raise InputError(f"--intrinsics {text!r}: no camera model {model}", f"choose one of {usable}")
    if len(params) != layout.size:
        raise InputError(f"--intrinsics {text!r}: {model} has {layout.size} parameters, not {len(params)}")
    if not all(map(math.isfinite, params)) or min(params[: layout.focals]) <= 0:
        raise InputError(f"--intrinsics {text!r}: a focal length is a positive number")
    cx, cy = params[layout.focals : layout.focals + 2]
    if not (0 < cx < width and 0 < cy < height):
        raise InputError(
            f"--intrinsics {text!r}: the principal point lies outside the {width} x {height} photos",
            "give the numbers in pixels of these photos",
        )
    return DistortedCamera(model, width, height, params)
