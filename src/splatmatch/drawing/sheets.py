"""Pictures side by side: contact sheets with captions, strips for videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from splatmatch.drawing.pictures import Picture, resized
from splatmatch.drawing.text import caption

PAPER = (255, 255, 255)
INK = (60, 64, 72)


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture of a sheet and the words under it."""

    picture: Picture
    caption: str = ""


def sheet(rows: Sequence[Sequence[Cell]], cell_width: int = 320, gap: int = 10, letters: int = 13) -> Picture:
    """A contact sheet on white: every cell ``cell_width`` pixels wide, rows as high as their tallest picture.

    Args:
        rows: the cells, row by row; rows may differ in length.
        cell_width: pixels.
        gap: pixels between cells and around the sheet.
        letters: size of the captions in pixels.

    Raises:
        ValueError: there is no cell.
    """
    columns = max((len(row) for row in rows), default=0)
    if columns == 0:
        raise ValueError("a sheet needs at least one cell")
    strips = [_row(row, columns, cell_width, gap, letters) for row in rows if row]
    width = strips[0].shape[1]
    spacer = _paper(gap, width)
    return np.concatenate([part for strip in strips for part in (spacer, strip)] + [spacer])


def side_by_side(pictures: Sequence[Picture], gap: int = 0) -> Picture:
    """Pictures in one row, scaled to the height of the first, ``gap`` white pixels between them."""
    height = pictures[0].shape[0]
    scaled = [
        p if p.shape[0] == height else resized(p, max(1, round(p.shape[1] * height / p.shape[0])), height)
        for p in pictures
    ]
    spaced = [part for picture in scaled for part in (_paper(height, gap), picture)]
    return np.concatenate(spaced[1:], axis=1)


def _row(cells: Sequence[Cell], columns: int, width: int, gap: int, letters: int) -> Picture:
    pictures = [
        resized(c.picture, width, max(1, round(width * c.picture.shape[0] / c.picture.shape[1]))) for c in cells
    ]
    height = max(picture.shape[0] for picture in pictures)
    captioned = any(cell.caption for cell in cells)
    parts = [_paper(height + (round(1.7 * letters) if captioned else 0), gap)]
    for cell, picture in zip(cells, pictures, strict=True):
        column = [_paper(height - picture.shape[0], width), picture]
        if captioned:
            column.append(caption(cell.caption, width, letters, INK, PAPER))
        parts += [np.concatenate(column), _paper(parts[0].shape[0], gap)]
    missing = columns - len(cells)
    parts.append(_paper(parts[0].shape[0], missing * (width + gap)))
    return np.concatenate(parts, axis=1)


def _paper(height: int, width: int) -> Picture:
    return np.full((height, width, 3), PAPER, np.uint8)
