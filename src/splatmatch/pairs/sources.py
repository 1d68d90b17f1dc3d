"""What pairs are rendered from: a scene folder, a bare splat, or a synthetic scene, all behind one small protocol.

A source works in a frame of its own (scenes are moved and scaled so that they are about one unit large), so that a
scene of any scale and place can be rendered; ``scene_from_source`` leads back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.render import DepthMode

SourceKind = Literal["scene", "splat", "synthetic"]
SourceDepth = Literal[DepthMode, "exact"]


@dataclass(frozen=True, eq=False)
class Anchor:
    """A viewpoint from which the scene is known to look right; others are made by moving it."""

    name: str
    camera: Camera
    camera_from_source: Pose


@dataclass(frozen=True, eq=False)
class Glance:
    """What a view shows, at low resolution and without colour."""

    camera: Camera
    depth: NDArray[np.float32]
    """(H, W) z-depth in source units, 0 where not valid."""
    alpha: NDArray[np.float32]
    """(H, W) accumulated opacity."""
    contributing: int
    """Gaussians in the image; of a synthetic scene, things."""
    grain: float = 0.0
    """Median size of what the image is made of, as a share of its width: large where a splat is seen from too close."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One image at full size, before anything is done to its colours."""

    camera: Camera
    rgb: NDArray[np.float32]
    """(H, W, 3) over black."""
    alpha: NDArray[np.float32]
    """(H, W) accumulated opacity."""
    depth: NDArray[np.float32]
    """(H, W) z-depth in source units, 0 where not valid."""
    valid: NDArray[np.bool_]
    """(H, W) the depth is trusted."""
    depth_sigma: NDArray[np.float32]
    """(H, W) standard deviation of the depth, source units, 0 where not valid."""
    normal: NDArray[np.float32]
    """(H, W, 3) unit, camera frame, turned to the camera; 0 where not known."""
    gaussian_ids: NDArray[np.int32] | None = None
    """(H, W) row of the strongest Gaussian, -1 = none."""


class Source(Protocol):
    """A scene that can be rendered from anywhere."""

    @property
    def name(self) -> str:
        """Unique in the job."""
        ...

    @property
    def kind(self) -> SourceKind:
        """What it was opened from."""
        ...

    @property
    def licence(self) -> str:
        """``unknown`` where it does not say."""
        ...

    @property
    def closed(self) -> bool:
        """Views should be filled nearly everywhere: what is empty was not captured."""
        ...

    @property
    def scene_from_source(self) -> Similarity:
        """Back to the frame and the units of the scene."""
        ...

    def anchors(self, size: tuple[int, int], seed: int) -> tuple[Anchor, ...]:
        """Viewpoints to start from, for images of ``size`` = (width, height)."""
        ...

    def glance(self, camera: Camera, camera_from_source: Pose) -> Glance:
        """A cheap look."""
        ...

    def shoot(self, camera: Camera, camera_from_source: Pose, depth: SourceDepth, ids: bool) -> Shot:
        """The image itself; ``depth`` says how it is measured."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the index records of the scene; plain JSON."""
        ...


def fitted_camera(camera: Camera, size: tuple[int, int]) -> Camera:
    """A centred camera of ``size`` = (width, height) that sees no more than ``camera`` does, and as much as fits."""
    width, height = size
    scale = max(width / camera.width, height / camera.height)
    return Camera(width, height, camera.fx * scale, camera.fy * scale, width / 2, height / 2)
