"""Views, sparse points and the scene that holds them together with its Gaussians."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians

Split = Literal["train", "test"]


@dataclass(frozen=True)
class View:
    """One undistorted photo with its camera and pose."""

    name: str
    """File name relative to the images folder, '/' as separator: the key of the view in every file."""
    camera: Camera
    """Intrinsics of the image at ``image_path``."""
    camera_from_world: Pose
    image_path: Path | None = None
    """The undistorted image; None for a viewpoint without a photo."""
    mask_path: Path | None = None
    """8-bit image of the same size, 0 = ignored; None = everything counts."""
    split: Split = "train"
    """``test`` views are never shown to an optimiser."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """Which view sees which sparse point where: T observations."""

    point_index: Tensor
    """(T,) int64, row of the point."""
    view_index: Tensor
    """(T,) int64, index into ``Scene.views``."""
    pixels: Tensor
    """(T, 2) float64, corner pixels of that view's camera."""


@dataclass(frozen=True, eq=False)
class SparsePoints:
    """Triangulated points."""

    positions: Tensor
    """(P, 3) float64, world frame, scene units."""
    colours: Tensor
    """(P, 3) uint8 sRGB."""
    errors: Tensor
    """(P,) float64 mean reprojection error in pixels; NaN where unknown."""
    tracks: Tracks | None = None

    def __len__(self) -> int:
        return len(self.positions)

    @classmethod
    def empty(cls) -> SparsePoints:
        """No points."""
        return cls(
            torch.zeros(0, 3, dtype=torch.float64), torch.zeros(0, 3, dtype=torch.uint8), torch.zeros(0).double()
        )


@dataclass(frozen=True)
class Unregistered:
    """A photo that has no pose, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Scene:
    """A posed capture, with or without Gaussians.

    Convention: world frame in scene units (metres where ``metric``), +z up where ``up_known``.
    """

    views: tuple[View, ...]
    """Sorted by name."""
    points: SparsePoints
    gaussians: Gaussians | None = None
    unregistered: tuple[Unregistered, ...] = ()
    metric: bool = False
    """Scene units are metres."""
    up_known: bool = False
    """World +z points against gravity."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """What ``scene.json`` records: command, config, versions, seed, hashes, timings, metrics, licences."""
    folder: Path | None = None
    """Where the scene lies on disk; None while it is only in memory."""

    @property
    def train_views(self) -> tuple[View, ...]:
        """Views that an optimiser may see."""
        return tuple(view for view in self.views if view.split == "train")

    @property
    def test_views(self) -> tuple[View, ...]:
        """Held-out views."""
        return tuple(view for view in self.views if view.split == "test")

    def with_gaussians(self, gaussians: Gaussians | None) -> Scene:
        """The same capture with other Gaussians."""
        return replace(self, gaussians=gaussians)

    @property
    def camera_extent(self) -> float:
        """1.1 x the largest distance of a camera centre from their mean, in scene units (1 for a single camera)."""
        if not self.views:
            return 1.0
        centres = torch.stack([view.camera_from_world.centre for view in self.views])
        extent = 1.1 * float((centres - centres.mean(0)).norm(dim=1).max())
        return extent if extent > 0 else 1.0
