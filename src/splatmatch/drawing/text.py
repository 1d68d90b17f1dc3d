"""Small captions in an anti-aliased sans-serif face that needs no font file."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from splatmatch.drawing.pictures import Picture


@functools.cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def caption(text: str, width: int, size: int, colour: tuple[int, int, int], paper: tuple[int, int, int]) -> Picture:
    """One line of text, centred in a strip of ``width`` pixels, cut with an ellipsis where it is too long.

    Args:
        text: the line.
        width: of the strip, pixels.
        size: of the letters, pixels; the strip is 1.7 times as high.
        colour: of the letters, 0..255.
        paper: of the strip.
    """
    from PIL import Image, ImageDraw

    font = _font(size)
    shown = text
    while shown and font.getlength(shown) > width:
        shown = shown.removesuffix("…")[:-1] + "…" if shown != "…" else ""
    strip = Image.new("RGB", (width, round(1.7 * size)), paper)
    ImageDraw.Draw(strip).text((width / 2, strip.height / 2), shown, font=font, fill=colour, anchor="mm")
    return np.asarray(strip, np.uint8).copy()
