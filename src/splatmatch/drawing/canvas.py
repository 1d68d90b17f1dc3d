"""Anti-aliased lines, discs and tilted pictures drawn in 3D over a rendered image, hidden where the image is nearer.

Everything is given in the frame of the camera that made the image. A thing behind the rendered surface is not left out
but drawn faintly: one still sees where it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from splatmatch.drawing.pictures import Picture, resized
from splatmatch.geometry.camera import Camera

Floats = npt.NDArray[np.float64]

NEAR = 0.01
"""Nothing nearer to the camera is drawn, scene units."""
GHOST = 0.14
"""Opacity of what the scene hides."""
TOLERANCE = 0.01
"""A thing counts as hidden when it lies further than the surface by more than this share of the depth."""
_SUPERSAMPLING = 3


@dataclass(frozen=True, eq=False)
class Canvas:
    """An image being drawn upon, with the depth of what it shows."""

    colours: npt.NDArray[np.float32]
    """(H, W, 3), 0..255."""
    depth: npt.NDArray[np.float32]
    """(H, W) z-depth, infinite where nothing hides what is drawn."""
    camera: Camera

    @classmethod
    def over(cls, picture: Picture, camera: Camera, depth: npt.NDArray[np.float32] | None = None) -> Canvas:
        """A canvas that starts as ``picture``; without ``depth`` nothing is ever hidden."""
        if picture.shape[:2] != (camera.height, camera.width):
            raise ValueError(f"a picture of {picture.shape[1]} x {picture.shape[0]} is not of camera {camera}")
        free = np.full(picture.shape[:2], np.inf, np.float32)
        return cls(picture.astype(np.float32), free if depth is None else depth.astype(np.float32), camera)

    @property
    def picture(self) -> Picture:
        """What has been drawn so far, 8 bits."""
        return np.round(self.colours.clip(0, 255)).astype(np.uint8)

    def blend(self, box: tuple[slice, slice], colour: npt.ArrayLike, coverage: Floats) -> None:
        """Lay ``colour`` (3,) or (h, w, 3) over the box (rows, columns) with ``coverage`` (h, w) in 0..1."""
        weight = coverage[..., None].astype(np.float32)
        self.colours[box] += weight * (np.asarray(colour, np.float32) - self.colours[box])

    def visibility(self, box: tuple[slice, slice], z: Floats) -> Floats:
        """1 where a thing at depth ``z`` (h, w) is in front of the scene, GHOST where it is behind."""
        return np.where(z <= self.depth[box] * (1 + TOLERANCE), 1.0, GHOST)


def draw_lines(
    canvas: Canvas, segments: Floats, colour: Sequence[float], width: float = 1.6, opacity: float = 1.0
) -> None:
    """Draw segments (S, 2, 3), as one stroke of ``colour`` (3,) 0..255 with a dark halo, ``width`` in pixels."""
    halo = 1.25
    strokes = [(s, z) for segment in segments if (found := _on_screen(canvas.camera, segment)) for s, z in [found]]
    if not strokes:
        return
    ends = np.concatenate([pixels for pixels, _ in strokes])
    box = _box(ends, width / 2 + halo + 1, canvas.camera)
    if box is None:
        return
    y, x = np.mgrid[box] + 0.5
    body, shade = np.zeros(x.shape), np.zeros(x.shape)
    for pixels, z in strokes:
        own = _box(pixels, width / 2 + halo + 1, canvas.camera)
        if own is None:
            continue
        part = tuple(slice(o.start - b.start, o.stop - b.start) for o, b in zip(own, box, strict=True))
        across, along = _distance(x[part], y[part], pixels)
        depth = 1 / ((1 - along) / z[0] + along / z[1])
        seen = canvas.visibility(own, depth)
        np.maximum(body[part], seen * (width / 2 + 0.5 - across).clip(0, 1), out=body[part])
        np.maximum(shade[part], seen * (width / 2 + halo + 0.5 - across).clip(0, 1), out=shade[part])
    canvas.blend(box, (12, 12, 16), 0.55 * opacity * shade)
    canvas.blend(box, colour, opacity * body)


def draw_discs(canvas: Canvas, points: Floats, colours: npt.NDArray[np.uint8], radius: float = 1.3) -> None:
    """Draw points (P, 3) as discs of ``radius`` pixels in their ``colours`` (P, 3), the far ones first."""
    camera = canvas.camera
    order = np.argsort(-points[:, 2], kind="stable")
    order = order[points[order, 2] > NEAR]
    x, y, z = points[order].T
    x, y = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    inside = (x > -radius) & (x < camera.width + radius) & (y > -radius) & (y < camera.height + radius)
    x, y, z, tint = x[inside], y[inside], z[inside], colours[order][inside].astype(np.float32)
    reach = int(np.ceil(radius + 0.5))
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            column, row = np.floor(x).astype(int) + dx, np.floor(y).astype(int) + dy
            cover = (radius + 0.5 - np.hypot(column + 0.5 - x, row + 0.5 - y)).clip(0, 1)
            hit = (cover > 0) & (column >= 0) & (row >= 0) & (column < camera.width) & (row < camera.height)
            at = row[hit], column[hit]
            seen = z[hit] <= canvas.depth[at] * (1 + TOLERANCE)
            cover = (cover[hit] * np.where(seen, 1.0, GHOST))[:, None].astype(np.float32)
            canvas.colours[at] += cover * (tint[hit] - canvas.colours[at])


def draw_picture(canvas: Canvas, corners: Floats, picture: Picture, opacity: float = 1.0) -> None:
    """Draw ``picture`` on a plane quadrilateral (4, 3): top left, top right, bottom right, bottom left."""
    if corners[:, 2].min() <= NEAR:
        return
    camera = canvas.camera
    pixels = np.stack([camera.fx * corners[:, 0] / corners[:, 2], camera.fy * corners[:, 1] / corners[:, 2]], axis=1)
    pixels += (camera.cx, camera.cy)
    box = _box(pixels, 1, camera)
    if box is None:
        return
    rows, columns = box
    sides = np.linalg.norm(pixels - np.roll(pixels, 1, axis=0), axis=1)
    scale = min(1.0, _SUPERSAMPLING * sides.max() / max(picture.shape[:2]))
    small = resized(picture, max(2, round(picture.shape[1] * scale)), max(2, round(picture.shape[0] * scale)))
    height, width = small.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    target = _SUPERSAMPLING * (pixels - (columns.start, rows.start)) - 0.5
    homography = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    fine = (_SUPERSAMPLING * (columns.stop - columns.start), _SUPERSAMPLING * (rows.stop - rows.start))
    mode = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    colours = cv2.warpPerspective(small, homography, fine, **mode)
    cover = np.zeros((fine[1], fine[0]), np.uint8)
    cv2.fillConvexPoly(cover, np.round(16 * (target + 0.5)).astype(np.int32), 255, shift=4)
    coarse = (columns.stop - columns.start, rows.stop - rows.start)
    coverage = cv2.resize(cover, coarse, interpolation=cv2.INTER_AREA).astype(np.float64) / 255
    colours = cv2.resize(colours, coarse, interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[box] + 0.5
    plane, *_ = np.linalg.lstsq(np.column_stack([pixels, np.ones(4)]), 1 / corners[:, 2], rcond=None)
    z = 1 / np.maximum(plane[0] * x + plane[1] * y + plane[2], 1e-9)
    canvas.blend(box, colours, opacity * coverage * canvas.visibility(box, z))


def _on_screen(camera: Camera, segment: Floats) -> tuple[Floats, Floats] | None:
    """The part of a segment (2, 3) before the near plane and inside the image: pixels (2, 2) and depths (2,)."""
    a, b = segment
    if max(a[2], b[2]) <= NEAR:
        return None
    if a[2] < NEAR:
        a = b + (a - b) * (b[2] - NEAR) / (b[2] - a[2])
    if b[2] < NEAR:
        b = a + (b - a) * (a[2] - NEAR) / (a[2] - b[2])
    z = np.array([a[2], b[2]])
    focal, centre = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    pixels = np.stack([a[:2], b[:2]]) / z[:, None] * focal + centre
    low, high = _clip(pixels, np.array([-8.0, -8.0]), np.array([camera.width + 8.0, camera.height + 8.0]))
    if low >= high:
        return None
    at = np.array([low, high])
    return pixels[0] + at[:, None] * (pixels[1] - pixels[0]), 1 / ((1 - at) / z[0] + at / z[1])


def _clip(pixels: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Parameters of a segment (2, 2) where it enters and leaves a box (Liang and Barsky, 1984)."""
    start, step = pixels[0], pixels[1] - pixels[0]
    enter, leave = 0.0, 1.0
    for axis in range(2):
        if abs(step[axis]) < 1e-12:
            if not low[axis] <= start[axis] <= high[axis]:
                return 1.0, 0.0
            continue
        crossings = sorted(((low[axis] - start[axis]) / step[axis], (high[axis] - start[axis]) / step[axis]))
        enter, leave = max(enter, crossings[0]), min(leave, crossings[1])
    return enter, leave


def _box(pixels: Floats, margin: float, camera: Camera) -> tuple[slice, slice] | None:
    """Rows and columns of the image around ``pixels`` (P, 2); None where that is outside."""
    low = np.floor(pixels.min(0) - margin).astype(int).clip(0, None)
    high = np.minimum(np.ceil(pixels.max(0) + margin), (camera.width, camera.height)).astype(int)
    if (low >= high).any():
        return None
    return slice(low[1], high[1]), slice(low[0], high[0])


def _distance(x: Floats, y: Floats, pixels: Floats) -> tuple[Floats, Floats]:
    """Distance of the pixels to a segment (2, 2), and the parameter 0..1 of the nearest point on it."""
    step = pixels[1] - pixels[0]
    dx, dy = x - pixels[0, 0], y - pixels[0, 1]
    along = ((dx * step[0] + dy * step[1]) / max(float(step @ step), 1e-12)).clip(0, 1)
    return np.hypot(dx - along * step[0], dy - along * step[1]), along
