"""What lifting draws at random, and between which limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from splatmatch.errors import InputError
from splatmatch.pairs.appearance import AppearanceConfig

MotionKind = Literal["parallax", "planar"]


@dataclass(frozen=True)
class LiftConfig:
    """How photos become pairs; every range is (lowest, highest)."""

    width: int = 640
    """Pixels of both images."""
    height: int = 480
    motion: MotionKind = "parallax"
    """parallax: by predicted depth; planar: the photo is one plane, so that the pair is related by a homography."""
    frame: tuple[float, float] = (1.0, 1.4)
    """How much larger than the image the photo is scaled before the image is cut out of it."""
    max_enlargement: float = 2.0
    """Photos that would have to be enlarged more are too small."""
    margin: float = 0.2
    """Share of the image's size around it that the second view may show too, where the photo goes on."""
    focal: tuple[float, float] = (0.7, 1.3)
    """Focal length in units of the photo's longer side, log-uniform: photos seldom say it."""
    depth_ratio: tuple[float, float] = (2.5, 12.0)
    """Farthest to nearest depth, log-uniform: the unknown scale and offset of relative inverse depth. Nearest is 1."""
    plane_tilt: float = 45.0
    """Degrees by which the plane of planar motion is tilted at most."""
    overlap: tuple[float, float] = (0.3, 0.95)
    """The strength of the motion is chosen so that about this share of the images overlaps; uniform."""
    baseline: float = 0.35
    """Translation at full strength, in median depths."""
    rotation: float = 25.0
    """Degrees of turning aside from what is looked at, at full strength."""
    roll: float = 15.0
    """Degrees of roll at full strength."""
    zoom: float = 1.8
    """Ratio of the focal lengths at full strength, or its inverse."""
    max_hole: float = 0.35
    """Motions that leave a larger share of the second view empty are drawn again."""
    max_jump: float = 0.06
    """The mesh is cut between neighbours whose depths differ by more, relative to the farther one. A surface that is so
    steep would be seen at a grazing angle of one or two degrees."""
    inpaint: bool = True
    """Fill holes with something that does not catch the eye; else they are grey."""
    hole_margin: int = 2
    """Pixels around holes and depth edges that are filled in like them and never labelled."""
    relight: bool = True
    """Shine new lights on both images, each its own."""
    light: tuple[float, float] = (0.15, 0.7)
    """Share of the light that comes from lamps instead of from everywhere."""
    sky: bool = True
    """Find the sky, move it to infinity and never label it."""
    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)
    """What cameras do to colours, each image on its own."""

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 16:
            raise InputError(f"images of {self.width} x {self.height} pixels are too small", "ask for 16 at least")


@dataclass(frozen=True)
class Skip:
    """A pair that could not be made, and why, in a few words that are the same for the same trouble."""

    reason: str


UNREADABLE = Skip("photo or depth map unreadable")
TOO_SMALL = Skip("photo too small")
FLAT = Skip("flat depth")
SKY_ONLY = Skip("nothing but sky or a plain area")
NO_MOTION = Skip("no motion leaves enough in view")
