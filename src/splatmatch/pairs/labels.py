"""Correspondences of a pair, from depth and pose alone, with tests of visibility."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.pairs.kernels.warping import join_pixels, mark_edges, warp_pixels
from splatmatch.pairs.sample import PairImage, PairSample


@dataclass(frozen=True)
class LabelConfig:
    """When a pixel counts as seen in both images."""

    max_cycle: float = 1.0
    """Pixels by which a point that goes onto the surface seen in the other image and back may miss its start."""
    max_depth_error: float = 0.02
    """Difference between the depth of the point in the other image and the depth map there, relative."""
    edge_tolerance: float = 0.03
    """Second difference of inverse depth, relative, above which neighbours are not one surface."""
    edge_margin: int = 0
    """Pixels beyond those at a depth edge that get no label either."""
    max_sigma: float = 2.0
    """Pixels of label uncertainty above which there is no label."""


@dataclass(frozen=True, eq=False)
class Correspondences:
    """Where the pixels of one image lie in the other.

    Convention: corner pixels; row y, column x stands for the pixel's centre (x + 0.5, y + 0.5).
    """

    target: NDArray[np.float32]
    """(H, W, 2) pixels in the other image, also outside it; NaN where no label may start."""
    covisible: NDArray[np.bool_]
    """(H, W) all tests are passed: ``target`` is a label."""
    candidate: NDArray[np.bool_]
    """(H, W) labels may start here: valid, off the depth edges, certain enough."""
    sigma: NDArray[np.float32]
    """(H, W) standard deviation of ``target`` in pixels, as stored."""
    cycle: NDArray[np.float32]
    """(H, W) forward-backward error in pixels of this image; NaN where it could not be measured."""
    depth_error: NDArray[np.float32]
    """(H, W) difference to the other depth map, relative to that; NaN where it could not be measured."""

    def limited(self, max_sigma: float) -> Correspondences:
        """The labels that are at least so certain; ``max_sigma`` in pixels."""
        certain = self.sigma <= max_sigma
        return replace(self, covisible=self.covisible & certain, candidate=self.candidate & certain)

    @property
    def overlap(self) -> float:
        """Share of the candidates that are covisible; 0 where there is none."""
        candidates = int(self.candidate.sum())
        return int(self.covisible.sum()) / candidates if candidates else 0.0


@dataclass(frozen=True, eq=False)
class Surface:
    """A depth map that knows which neighbouring pixels lie on one surface."""

    inverse: NDArray[np.float32]
    """(H, W) 1 / depth, 0 where not valid."""
    right: NDArray[np.bool_]
    """(H, W) one surface with the pixel to the right."""
    below: NDArray[np.bool_]
    """(H, W) one surface with the pixel below."""
    clear: NDArray[np.bool_]
    """(H, W) valid and off the depth edges."""


def surface(depth: NDArray[np.float32], valid: NDArray[np.bool_], config: LabelConfig) -> Surface:
    """Join the pixels of a depth map (H, W) along smooth inverse depth, and find what is clear of its edges."""
    use_torch_threads()
    inverse = np.empty(depth.shape, np.float32)
    right, below = np.empty(depth.shape, np.bool_), np.empty(depth.shape, np.bool_)
    join_pixels(depth, valid, config.edge_tolerance, inverse, right, below)
    edge = np.empty(depth.shape, np.uint8)
    mark_edges(valid, right, below, edge)
    if config.edge_margin > 0:
        side = 2 * config.edge_margin + 1
        edge = np.asarray(cv2.dilate(edge, np.ones((side, side), np.uint8)))
    return Surface(inverse, right, below, (edge == 0) & (inverse > 0))


def correspondences(a: PairImage, b: PairImage, b_from_a: Pose, config: LabelConfig | None = None) -> Correspondences:
    """Where the pixels of ``a`` lie in ``b``.

    A pixel is covisible if it is valid and clear of depth edges, lies inside b where b is so too, is no further than
    ``max_depth_error`` from the surface there (bilinear inverse depth among four pixels of one surface), and comes back
    to within ``max_cycle`` pixels when warped back from that surface.
    """
    config = config or LabelConfig()
    return _warp(a, surface_of(a, config), b, surface_of(b, config), b_from_a, config)


def both_correspondences(
    sample: PairSample, config: LabelConfig | None = None
) -> tuple[Correspondences, Correspondences]:
    """From a to b and from b to a; see ``correspondences``."""
    config = config or LabelConfig()
    a, b = surface_of(sample.a, config), surface_of(sample.b, config)
    forward = _warp(sample.a, a, sample.b, b, sample.b_from_a, config)
    return forward, _warp(sample.b, b, sample.a, a, sample.b_from_a.inverse(), config)


def surface_of(image: PairImage, config: LabelConfig) -> Surface:
    """The surface of the image's valid pixels."""
    return surface(image.depth, image.valid, config)


def scale_ratio(a: PairImage, b: PairImage, b_from_a: Pose, field: Correspondences) -> float:
    """Median over the covisible pixels of a of (focal length / depth in b) / (focal length / depth in a); 1 if none."""
    y, x = np.nonzero(field.covisible)
    if not len(y):
        return 1.0
    z = a.depth[y, x].astype(np.float64)
    rotation, translation = b_from_a.rotation.numpy(), b_from_a.translation.numpy()
    ray = (rotation[2, 0] * (x + 0.5 - a.camera.cx) / a.camera.fx) + (
        rotation[2, 1] * (y + 0.5 - a.camera.cy) / a.camera.fy
    )
    there = (ray + rotation[2, 2]) * z + translation[2]
    return float(np.median(z / there)) * _focal(b.camera) / _focal(a.camera)


def _warp(
    a: PairImage, surface_a: Surface, b: PairImage, surface_b: Surface, b_from_a: Pose, config: LabelConfig
) -> Correspondences:
    shape = a.depth.shape
    target = np.empty((*shape, 2), np.float32)
    covisible = np.zeros(shape, np.bool_)
    cycle, depth_error = np.empty(shape, np.float32), np.empty(shape, np.float32)
    candidate = surface_a.clear & (a.sigma <= config.max_sigma)
    use_torch_threads()
    warp_pixels(
        surface_a.inverse, candidate, surface_b.inverse, surface_b.right, surface_b.below, surface_b.clear,
        a.camera.intrinsics.numpy(), b.camera.intrinsics.numpy(),
        b_from_a.rotation.contiguous().numpy(), b_from_a.translation.contiguous().numpy(),
        (b.camera.width, b.camera.height), config.max_cycle, config.max_depth_error,
        target, covisible, cycle, depth_error,
    )  # fmt: skip
    return Correspondences(target, covisible, candidate, a.sigma, cycle, depth_error)


def _focal(camera: Camera) -> float:
    return float(np.sqrt(camera.fx * camera.fy))
