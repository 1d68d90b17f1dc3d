"""One training pair: two images with depth and cameras, from which every label can be computed again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose

KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""What keys look like: they become file names, and the first dot ends a key there."""


@dataclass(frozen=True, eq=False)
class PairImage:
    """One image of a pair, H x W as its camera says.

    Convention: corner pixels, z-depth in scene units; depth and sigma mean nothing where ``valid`` is False.
    """

    rgb: NDArray[np.uint8]
    """(H, W, 3), sRGB-encoded."""
    depth: NDArray[np.float32]
    """(H, W) z-depth, 0 where not valid."""
    valid: NDArray[np.bool_]
    """(H, W) the depth is trusted: labels may start and end here."""
    sigma: NDArray[np.float32]
    """(H, W) standard deviation, in pixels, of where this pixel's match lands in the other image; 0 where not valid."""
    camera: Camera
    gaussian_ids: NDArray[np.int32] | None = None
    """(H, W) row of the strongest Gaussian in the scene's splat, -1 = none; None where not asked for."""

    def __post_init__(self) -> None:
        size = (self.camera.height, self.camera.width)
        wanted: dict[str, tuple[tuple[int, ...], type]] = {
            "rgb": ((*size, 3), np.uint8),
            "depth": (size, np.float32),
            "valid": (size, np.bool_),
            "sigma": (size, np.float32),
        }
        if self.gaussian_ids is not None:
            wanted["gaussian_ids"] = (size, np.int32)
        for name, (shape, dtype) in wanted.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}")


@dataclass(frozen=True)
class Provenance:
    """Where a pair comes from."""

    source: str
    """Kind of source: scene, splat, synthetic, photo."""
    seed: int
    """Of the whole job."""
    views: tuple[str, str]
    """Names of the two viewpoints, or of the photo."""
    depth_mode: str
    """How depth was got: plane, median, exact, the name of a depth prior."""
    licence: str
    """Of the source; ``unknown`` where it does not say."""
    applied: dict[str, Any] = field(default_factory=dict)
    """What was drawn at random and applied: motion, zoom, appearance; plain JSON."""


@dataclass(frozen=True, eq=False)
class PairSample:
    """A pair of images and the motion between them."""

    key: str
    """Unique in its data set; letters, digits, - and _."""
    scene: str
    """Name of the scene or sub-scene, for balanced sampling."""
    a: PairImage
    b: PairImage
    b_from_a: Pose
    """Camera frame b from camera frame a, scene units."""
    overlap_ab: float
    """Share, 0..1, of the labelled pixels of a that are seen in b too."""
    overlap_ba: float
    """Share, 0..1, of the labelled pixels of b that are seen in a too."""
    scale_ratio: float
    """Median apparent zoom from a to b over the pixels seen in both: above 1, things are larger in b."""
    provenance: Provenance

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise ValueError(f"a key has letters, digits, - and _, unlike {self.key!r}")

    @property
    def overlap(self) -> float:
        """Mean of both directed overlaps."""
        return 0.5 * (self.overlap_ab + self.overlap_ba)
