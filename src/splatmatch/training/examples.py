"""One sample of a data set as one example at the training size: cut, turned, mirrored, recoloured, labelled anew."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from splatmatch.pairs.labels import Correspondences, LabelConfig, both_correspondences
from splatmatch.pairs.sample import PairImage, PairSample
from splatmatch.training.batch import NOWHERE, Example
from splatmatch.training.colours import PLAIN, ColourConfig, recoloured
from splatmatch.training.views import Change, changed_view, clamped, least_scale, mirrored, mirrored_pose

HIDDEN = 0.05
"""Relative difference to the depth seen in the other image from which a point certainly is not what is seen there."""
PROBES = 9
"""Points along each side of a crop of a that tell where b should be cut."""


@dataclass(frozen=True)
class ExampleConfig:
    """How examples are made."""

    size: tuple[int, int] = (320, 240)
    """Width and height; samples of another size are averaged down or cut."""
    zoom: float = 1.8
    """Largest zoom into an image, drawn log-uniform from 1 for each image alone."""
    zoom_share: float = 0.4
    """Share of images that are zoomed into."""
    roll: float = 25.0
    """Degrees by which an image is turned, to either side."""
    roll_share: float = 0.2
    """Share of images that are turned."""
    mirror_share: float = 0.5
    """Share of pairs that are mirrored."""
    swap_share: float = 0.5
    """Share of pairs whose images change places."""
    colours: ColourConfig = field(default_factory=ColourConfig)
    labels: LabelConfig = field(default_factory=LabelConfig)
    """What counts as a label, in pixels of the training size."""
    least_share: float = 0.02
    """Share of the pixels of an image that must be covisible for the pair to teach something."""


UNCHANGED = ExampleConfig(zoom_share=0.0, roll_share=0.0, mirror_share=0.0, swap_share=0.0, colours=PLAIN)
"""Cut to size and nothing else."""


def make_example(sample: PairSample, config: ExampleConfig, rng: np.random.Generator) -> Example | None:
    """The sample as drawn by ``rng``; uncut where that leaves too little in common; None where even that is too little.

    A sample that already has the training size is not resampled unless it is zoomed into or turned.
    """
    changes = _drawn(sample, config, rng)
    flip, swap = rng.uniform(size=2) < (config.mirror_share, config.swap_share)
    whole = tuple(_whole(image, config) for image in (sample.a, sample.b))
    for first, second in dict.fromkeys((changes, whole)):
        changed = _changed(sample, first, second)
        if flip:
            changed = replace(
                changed, a=mirrored(changed.a), b=mirrored(changed.b), b_from_a=mirrored_pose(changed.b_from_a)
            )
        if swap:
            changed = replace(changed, a=changed.b, b=changed.a, b_from_a=changed.b_from_a.inverse())
        ways = both_correspondences(changed, config.labels)
        least = config.least_share * config.size[0] * config.size[1]
        if all(int(way.covisible.sum()) >= max(1.0, least) for way in ways):
            return _labelled(changed, ways, config, rng)
    return None


def _drawn(sample: PairSample, config: ExampleConfig, rng: np.random.Generator) -> tuple[Change, Change]:
    """A cut of a at random, and one of b around what that shows."""
    draws = rng.uniform(size=(2, 4))
    spots = rng.uniform(size=(2, 2))
    changes = []
    for image, (zoomed, zoom, rolled, roll) in zip((sample.a, sample.b), draws, strict=True):
        angle = math.radians(config.roll) * (2 * roll - 1) if rolled < config.roll_share else 0.0
        scale = least_scale(image.camera, config.size, angle)
        scale *= config.zoom**zoom if zoomed < config.zoom_share else 1.0
        changes.append(Change(config.size, scale, angle))
    a = clamped(sample.a.camera, replace(changes[0], centre=(float(spots[0, 0]), float(spots[0, 1]))))
    towards = _seen_centre(sample, a)
    b = changes[1]
    reach = 0.25 * config.size[0] / (b.scale * sample.b.camera.width)
    x, y = (float(middle + reach * (2 * spot - 1)) for middle, spot in zip(towards, spots[1], strict=True))
    return a, clamped(sample.b.camera, replace(b, centre=(x, y)))


def _whole(image: PairImage, config: ExampleConfig) -> Change:
    return Change(config.size, least_scale(image.camera, config.size, 0.0))


def _seen_centre(sample: PairSample, change: Change) -> tuple[float, float]:
    """The median place in b, as shares of its size, of what the cut of a shows; the middle where that is not seen."""
    camera = sample.a.camera
    half = np.array(change.size) / (2 * change.scale)
    offsets = np.linspace(-1, 1, PROBES)
    x = np.clip(change.centre[0] * camera.width + half[0] * offsets, 0, camera.width - 1).astype(int)
    y = np.clip(change.centre[1] * camera.height + half[1] * offsets, 0, camera.height - 1).astype(int)
    grid_x, grid_y = (part.ravel() for part in np.meshgrid(x, y))
    depth = sample.a.depth[grid_y, grid_x].astype(np.float64)
    rays = np.stack(
        [(grid_x + 0.5 - camera.cx) / camera.fx, (grid_y + 0.5 - camera.cy) / camera.fy, np.ones(len(depth))], axis=1
    )
    known = sample.a.valid[grid_y, grid_x]
    points = (rays * depth[:, None])[known] @ sample.b_from_a.rotation.numpy().T + sample.b_from_a.translation.numpy()
    points = points[points[:, 2] > 0]
    other = sample.b.camera
    u = (other.fx * points[:, 0] / points[:, 2] + other.cx) / other.width
    v = (other.fy * points[:, 1] / points[:, 2] + other.cy) / other.height
    inside = (u > 0) & (v > 0) & (u < 1) & (v < 1)
    return (float(np.median(u[inside])), float(np.median(v[inside]))) if inside.any() else (0.5, 0.5)


def _changed(sample: PairSample, first: Change, second: Change) -> PairSample:
    a, turn_a = changed_view(sample.a, first, second.scale)
    b, turn_b = changed_view(sample.b, second, first.scale)
    return replace(sample, a=a, b=b, b_from_a=turn_b @ sample.b_from_a @ turn_a.inverse())


def _labelled(
    sample: PairSample, ways: tuple[Correspondences, Correspondences], config: ExampleConfig, rng: np.random.Generator
) -> Example:
    forward, backward = ways
    return Example(
        key=sample.key,
        images_a=recoloured(sample.a.rgb, config.colours, rng),
        images_b=recoloured(sample.b.rgb, config.colours, rng),
        target_ab=np.nan_to_num(forward.target, nan=NOWHERE),
        target_ba=np.nan_to_num(backward.target, nan=NOWHERE),
        covisible_ab=forward.covisible,
        covisible_ba=backward.covisible,
        known_ab=known(forward, sample.b),
        known_ba=known(backward, sample.a),
        sigma_ab=forward.sigma,
        sigma_ba=backward.sigma,
        depth_a=sample.a.depth,
        depth_b=sample.b.depth,
        valid_a=sample.a.valid,
        valid_b=sample.b.valid,
        K_a=sample.a.camera.matrix.numpy().astype(np.float32),
        K_b=sample.b.camera.matrix.numpy().astype(np.float32),
        b_from_a=sample.b_from_a.matrix.numpy().astype(np.float32),
    )


def known(way: Correspondences, other: PairImage) -> NDArray[np.bool_]:
    """(H, W) it is certain whether the other image sees the pixel: a label, beyond its border, or clearly hidden.

    Where the other image has no depth, at its depth edges and where depths nearly agree, nothing is known.
    """
    x, y = way.target[..., 0], way.target[..., 1]
    with np.errstate(invalid="ignore"):
        inside = (x >= 0) & (y >= 0) & (x <= other.camera.width) & (y <= other.camera.height)
        hidden = way.depth_error > HIDDEN
    return np.asarray(way.candidate & (way.covisible | ~inside | hidden))
