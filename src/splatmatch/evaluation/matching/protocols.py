"""The protocols of matching: everything a figure depends on, under a name that never changes its meaning.

A change of any value is a new name or a new version. No value was chosen by a score on test data.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal, TypeVar

import cv2
import numpy as np

from splatmatch.correspondence.verification import VerificationOptions
from splatmatch.errors import InputError
from splatmatch.scene.matcher import Pixels
from splatmatch.scene.matches import Size


@dataclass(frozen=True)
class ImageRule:
    """How photos are resized before a matcher sees them; both axes keep their own exact scale afterwards."""

    long_side: int
    resampling: Literal["INTER_AREA", "INTER_LINEAR"] = "INTER_AREA"
    enlarge: bool = False
    """Smaller photos are brought to ``long_side`` too."""
    multiple: int = 1
    """Both sides are cut down to a multiple of this."""

    def size_of(self, photo: Size) -> Size:
        """(width, height) that a photo of this size is resized to."""
        scale = self.long_side / max(photo)
        if not self.enlarge:
            scale = min(1.0, scale)
        width, height = (max(1, round(side * scale)) // self.multiple * self.multiple for side in photo)
        return max(width, self.multiple), max(height, self.multiple)

    def apply(self, photo: Pixels) -> Pixels:
        """The photo as matchers see it."""
        size = self.size_of((photo.shape[1], photo.shape[0]))
        if size == (photo.shape[1], photo.shape[0]):
            return photo
        return np.asarray(cv2.resize(photo, size, interpolation=getattr(cv2, self.resampling)), np.uint8)

    def __str__(self) -> str:
        grown = "enlarged too" if self.enlarge else "never enlarged"
        cut = f", sides multiples of {self.multiple}" if self.multiple > 1 else ""
        return f"long side {self.long_side}, {self.resampling}, {grown}{cut}"


@dataclass(frozen=True)
class PairsProtocol:
    """Relative poses of pairs.

    In every one of them: the error of a pair is the larger of the angle of rotation and the angle between the
    translation directions, the latter folded to 0..90 degrees; AUC is the trapezoid rule of SuperGlue, the mean over
    seeds; points of distorted cameras are undistorted exactly, images are not; rotations of the list are made exact.
    """

    name: str
    like: str
    """Whose figures are made alike."""
    images: ImageRule
    verification: VerificationOptions
    """Its seed is replaced by each of ``seeds``."""
    threshold_in: Literal["resized", "file"]
    """Which pixels the threshold counts."""
    seeds: tuple[int, ...]
    failure: float
    """Degrees that count for a pair without a pose; may be infinite."""
    thresholds: tuple[float, ...] = (5.0, 10.0, 20.0)
    """Degrees of the AUC columns."""
    version: int = 1

    def __str__(self) -> str:
        v = self.verification
        pixels = "resized image" if self.threshold_in == "resized" else "file"
        dialect = ", dialect loftr" if v.dialect == "loftr" else ""
        return (
            f"{self.name} version {self.version} ({self.like}): images {self.images}; {v.estimator}, "
            f"{v.threshold:g} px of the {pixels}, at most {v.max_iterations:,} iterations, confidence "
            f"{v.confidence:g}{dialect}; seeds {', '.join(map(str, self.seeds))}; "
            f"fewer than {v.min_inliers} matches or inliers = {self.failure:g} degrees"
        )


@dataclass(frozen=True)
class HomographyProtocol:
    """Matches between two views of a plane whose homography is known, and the homography found from them."""

    name: str
    like: str
    images: ImageRule
    verification: VerificationOptions
    """Of the corner error; its seed is replaced by each of ``seeds``. Pixels of the resized image."""
    seeds: tuple[int, ...]
    thresholds: tuple[float, ...] = (1 / 3, 1.0, 3.0)
    """Pixels of the resized image within which matches are counted; the median is over those within the last."""
    corner_thresholds: tuple[float, ...] = (1.0, 3.0, 5.0)
    """Pixels of the AUC of the corner error."""
    version: int = 1

    def __str__(self) -> str:
        v = self.verification
        return (
            f"{self.name} version {self.version} ({self.like}): images {self.images}; errors in pixels of the resized "
            f"image; corner error: {v.estimator}, {v.threshold:g} px, at most {v.max_iterations:,} iterations, seeds "
            f"{', '.join(map(str, self.seeds))}, mean over the corners of a in b, none = infinite"
        )


@dataclass(frozen=True)
class StereoProtocol:
    """Matches between the images of a rectified pair against dense disparity, without any estimator."""

    name: str
    like: str
    images: ImageRule
    thresholds: tuple[float, ...]
    """Pixels of the resized image within which matches are counted; the median is over those within 3 px."""
    version: int = 1

    def __str__(self) -> str:
        return (
            f"{self.name} version {self.version} ({self.like}): images {self.images}; end-point errors in pixels of "
            "the resized image, over matches whose left pixel has a known disparity"
        )


@dataclass(frozen=True)
class MapfreeProtocol:
    """Poses of single queries against one reference photo."""

    name: str = "mapfree/vcre"
    like: str = "the public Map-free benchmark"
    every: int = 5
    """Ground truth counts for each so-many-th frame; a scene without any answer counts with all its frames."""
    version: int = 1

    def __str__(self) -> str:
        return (
            f"{self.name} version {self.version} ({self.like}): every {self.every}th frame, a scene without answers "
            "with all; VCRE < 90 px, pose < 25 cm and 5 degrees; medians are means over scenes"
        )


_SEEDS = (0, 1, 2)
_LOFTR = VerificationOptions("opencv", threshold=0.5, max_iterations=1000, confidence=0.99999, dialect="loftr")
PAIRS_PROTOCOLS = (
    PairsProtocol(
        "pairs/poselib-1px@640", "our reference", ImageRule(640), VerificationOptions(), "resized", _SEEDS, 180.0
    ),
    PairsProtocol(
        "pairs/poselib-1px@1024", "our reference", ImageRule(1024), VerificationOptions(), "resized", _SEEDS, 180.0
    ),
    PairsProtocol(
        "pairs/loftr-cv2-0.5px",
        "LoFTR and what copied its evaluation, its slips included",
        ImageRule(840, "INTER_LINEAR", enlarge=True, multiple=8),
        _LOFTR,
        "file",
        _SEEDS,
        float("inf"),
    ),
)
HOMOGRAPHY_PROTOCOLS = (
    HomographyProtocol(
        "homography/opencv-2px@1024", "our reference", ImageRule(1024), VerificationOptions("opencv", 2.0), _SEEDS
    ),
    HomographyProtocol(
        "homography/poselib-2px@1024", "our reference", ImageRule(1024), VerificationOptions("poselib", 2.0), _SEEDS
    ),
)
STEREO_PROTOCOLS = (StereoProtocol("stereo/epe@1024", "our reference", ImageRule(1024), (1 / 3, 1.0, 3.0, 5.0)),)
MAPFREE_PROTOCOL = MapfreeProtocol()

AnyProtocol = TypeVar("AnyProtocol", PairsProtocol, HomographyProtocol, StereoProtocol)


def named(name: str, known: tuple[AnyProtocol, ...]) -> AnyProtocol:
    """The protocol of that name.

    Raises:
        InputError: there is none; names the closest or lists the known ones.
    """
    for protocol in known:
        if protocol.name == name:
            return protocol
    names = [protocol.name for protocol in known]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
    raise InputError(f"no protocol {name!r}", f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}")
