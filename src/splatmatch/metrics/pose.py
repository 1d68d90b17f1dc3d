"""Errors of estimated camera poses against true ones, in the frame of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.alignment import Similarity, align_points
from splatmatch.geometry.pose import Pose, rotation_angle_degrees


@dataclass(frozen=True, eq=False)
class PoseErrors:
    """One error per camera, after alignment."""

    centres: Tensor
    """(N,) float64 distances of the camera centres, units of the truth."""
    degrees: Tensor
    """(N,) float64 angles between the orientations, degrees."""
    truth_from_estimate: Similarity
    """The alignment that was applied."""

    @property
    def median_centre(self) -> float:
        """Median distance of the centres."""
        return float(self.centres.median())

    @property
    def median_degrees(self) -> float:
        """Median angle in degrees."""
        return float(self.degrees.median())


def pose_errors(estimates: Sequence[Pose], truths: Sequence[Pose]) -> PoseErrors:
    """Align the estimated camera centres to the true ones by a similarity, then compare centres and orientations.

    Only the centres fix the alignment (Umeyama, 1991), so an orientation error common to all cameras is seen.

    Args:
        estimates: camera_from_world, estimated, in any frame and scale.
        truths: camera_from_world of the same cameras in the same order.

    Raises:
        ValueError: fewer than three cameras, or centres on one line (nothing fixes the rotation about it).
    """
    if len(estimates) != len(truths) or len(truths) < 3:
        raise ValueError(f"pose errors need three or more matched cameras, not {len(estimates)} and {len(truths)}")
    estimated = torch.stack([pose.centre for pose in estimates])
    true = torch.stack([pose.centre for pose in truths])
    spread = torch.linalg.svdvals(true - true.mean(0))
    if spread[1] <= 1e-6 * spread[0]:
        raise ValueError("the true camera centres lie on one line: nothing fixes the rotation about it")
    alignment = align_points(estimated, true)
    moved = [alignment.apply_pose(pose) for pose in estimates]
    centres = torch.stack([(a.centre - b.centre).norm() for a, b in zip(moved, truths, strict=True)])
    relative = torch.stack([a.rotation @ b.rotation.T for a, b in zip(moved, truths, strict=True)])
    return PoseErrors(centres, rotation_angle_degrees(relative), alignment)
