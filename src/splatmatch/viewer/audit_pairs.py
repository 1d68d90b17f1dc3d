"""One pair on an audit page: both images with their labels inside, ready for the click."""

from __future__ import annotations

import base64
import colorsys
import json
from html import escape

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.drawing.depth import depth_picture, depth_range
from splatmatch.drawing.pictures import Picture, fitted
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.epipolar import fundamental_matrix
from splatmatch.pairs.audit import PairAudit
from splatmatch.pairs.labels import Correspondences, LabelConfig, both_correspondences
from splatmatch.pairs.sample import PairImage, PairSample
from splatmatch.viewer import report_parts as html

NO_LABEL = 65535
"""In place of a coordinate."""
POINTS = 96
"""Labels in the longer direction that a click chooses from."""
DOTS = 7
"""Coloured dots along the width."""


def pair_block(sample: PairSample, figures: PairAudit, size: int, labels: LabelConfig) -> str:
    """HTML of one pair: a heading, the two images side by side, what a click found, and four small maps.

    Args:
        sample: the pair.
        figures: what the audit measured of it.
        size: long side of the embedded images, pixels.
        labels: what counts as a label.
    """
    fields = both_correspondences(sample, labels)
    images = (sample.a, sample.b)
    dots = _dots(fields[0])
    panes = [
        _pane(image, [(pixels[which], colour) for pixels, colour in dots], "ab"[which], size)
        for which, image in enumerate(images)
    ]
    facts = [
        f"overlap {sample.overlap:.2f} ({sample.overlap_ab:.2f}, {sample.overlap_ba:.2f})",
        f"rotation {figures.rotation:.0f}°",
        f"zoom {figures.zoom:.2f}×",
        f"baseline {figures.baseline:.2f} of the depth",
        f"labelled {100 * figures.density:.0f} %",
    ]
    if figures.errors is not None:
        facts.append(f"error {figures.errors.median:.2g} px, 95 % {figures.errors.percentile_95:.2g} px")
    heading = "".join(f"<span>{escape(fact)}</span>" for fact in facts)
    data = json.dumps(
        {
            "F": fundamental_matrix(sample.a.camera, sample.b.camera, sample.b_from_a).reshape(-1).tolist(),
            "sides": [_side(field, here.camera, there.camera) for field, here, there in _both_ways(fields, images)],
            "shown": _middle_label(fields[0]),
        }
    )
    return (
        f'<div class="match"><h3>{escape(sample.key)}{heading}</h3><div class="panes">{"".join(panes)}</div>'
        f'<p class="readout" aria-live="polite"></p>{_maps(sample, fields, size // 2)}'
        f'<script type="application/json">{data}</script></div>'
    )


def _both_ways(
    fields: tuple[Correspondences, Correspondences], images: tuple[PairImage, PairImage]
) -> list[tuple[Correspondences, PairImage, PairImage]]:
    return [(fields[0], images[0], images[1]), (fields[1], images[1], images[0])]


def _side(field: Correspondences, camera: Camera, other: Camera) -> dict[str, object]:
    """The labels of one image on a grid, as the script reads them: 16-bit coordinates in units of the other image."""
    first, step = _grid(camera.height, camera.width)
    target = field.target[first::step, first::step].astype(np.float64)
    known = field.covisible[first::step, first::step]
    unit = _unit(other)
    codes = np.where(known[..., None], np.rint(target / unit), NO_LABEL)
    words = np.nan_to_num(codes, nan=NO_LABEL).clip(0, NO_LABEL).astype("<u2")
    return {
        "width": camera.width,
        "height": camera.height,
        "unit": _unit(camera),
        "step": step,
        "first": first + 0.5,
        "rows": words.shape[0],
        "columns": words.shape[1],
        "labels": base64.b64encode(words.tobytes()).decode(),
    }


def _middle_label(field: Correspondences) -> list[float] | None:
    """The pixel on the grid, among those with a label, that stands in their middle."""
    first, step = _grid(*field.covisible.shape)
    places = np.argwhere(field.covisible[first::step, first::step])
    if not len(places):
        return None
    row, column = places[np.square(places - places.mean(0)).sum(1).argmin()]
    return [float(first + step * column + 0.5), float(first + step * row + 0.5)]


def _grid(height: int, width: int) -> tuple[int, int]:
    """Index of the first row and column of the grid, and the step to the next."""
    step = max(1, max(width, height) // POINTS)
    return step // 2, step


def _unit(camera: Camera) -> float:
    """Pixels per step of the 16-bit coordinates of an image."""
    return max(camera.width, camera.height) / (NO_LABEL - 1)


def _dots(field: Correspondences) -> list[tuple[tuple[list[float], list[float]], str]]:
    """Labels spread over image a: (pixel in a, pixel in b) and a colour that follows the place in a."""
    height, width = field.covisible.shape
    step = max(1, width // DOTS)
    dots = []
    for y in range(step // 2, height, step):
        for x in range(step // 2, width, step):
            if field.covisible[y, x]:
                red, green, blue = colorsys.hls_to_rgb(x / width * 0.83, 0.35 + 0.35 * y / height, 0.9)
                colour = f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
                dots.append((([x + 0.5, y + 0.5], field.target[y, x].round(2).tolist()), colour))
    return dots


def _pane(image: PairImage, dots: list[tuple[list[float], str]], name: str, size: int) -> str:
    camera = image.camera
    radius = camera.width / 120
    circles = "".join(
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}"/>' for (x, y), colour in dots
    )
    layers = f'<g>{circles}</g><g class="mark"></g>'
    picture = html.image(fitted(image.rgb, size, size), f"image {name}", 84)
    view = f'viewBox="0 0 {camera.width} {camera.height}" preserveAspectRatio="none" aria-hidden="true"'
    label = f"image {name}: click, or move with the arrow keys, to see the partner of a point"
    return f'<div class="pane" tabindex="0" role="img" aria-label="{label}">{picture}<svg {view}>{layers}</svg></div>'


def _maps(sample: PairSample, fields: tuple[Correspondences, Correspondences], size: int) -> str:
    """Depth of both images on one scale, and which of their pixels are labelled."""
    depths = [torch.from_numpy(image.depth) for image in (sample.a, sample.b)]
    valid = [torch.from_numpy(image.valid) for image in (sample.a, sample.b)]
    near_far = depth_range(torch.cat([d.ravel() for d in depths]), torch.cat([v.ravel() for v in valid]))
    figures = [
        html.figure(fitted(depth_picture(depth, known, near_far), size, size), f"depth of {name}", f"depth {name}")
        for depth, known, name in zip(depths, valid, "ab", strict=True)
    ]
    figures += [
        html.figure(
            fitted(_labelled(image.rgb, field.covisible), size, size), f"labels of {name}", f"labelled in {name}"
        )
        for image, field, name in zip((sample.a, sample.b), fields, "ab", strict=True)
    ]
    return f'<div class="row" style="--columns:4">{"".join(figures)}</div>'


def _labelled(rgb: NDArray[np.uint8], covisible: NDArray[np.bool_]) -> Picture:
    """The image, dark and grey where there is no label."""
    grey = (0.25 * rgb.mean(-1, keepdims=True)).astype(np.uint8)
    return np.where(covisible[..., None], rgb, grey)
