"""What the search for cameras and the reading of given ones both come to."""

from __future__ import annotations

from dataclasses import dataclass, field

from splatmatch.formats.posed_capture import PosedCapture
from splatmatch.reconstruction.structure.principal_point import PrincipalPoint
from splatmatch.scene.views import Unregistered


@dataclass(frozen=True)
class CameraRecord:
    """How the cameras and points came about, for ``scene.json``."""

    source: str
    """Where the poses come from."""
    reprojection_error: float | None = None
    """Mean over the points, in pixels of the photos; None for points that came with the poses."""
    pairs_matched: int | None = None
    """Pairs of photos that were tried."""
    pairs_verified: int | None = None
    """Pairs of them that share a part of the scene."""
    principal_points: tuple[PrincipalPoint, ...] = ()
    """What was decided about freed principal points."""
    matcher: str | None = None
    """What found the matches; None where none were needed."""


@dataclass(frozen=True)
class PosedPhotos:
    """A posed capture with its points, and how it came about."""

    capture: PosedCapture
    unregistered: tuple[Unregistered, ...]
    """Photos without a pose, and why."""
    record: CameraRecord
    colourless: bool
    """The points were triangulated here and have no colours yet."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by stage."""
    cpu_seconds: float = 0.0
    """Of the child process, all threads together."""
    peak_bytes: int = 0
    """Largest memory of the child process."""
