"""How much of each candidate view every other one sees, cheaply: small depth maps warped into each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.pose import Pose
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.pairs.kernels.covisibility import cover
from splatmatch.pairs.sources import Glance

TOLERANCE = 0.05
"""Relative difference of depths that counts as the same surface, at this resolution."""
STEP = 3
"""Every so many pixels, across and down, one is warped."""


def directed_overlaps(glances: Sequence[Glance], poses: Sequence[Pose]) -> NDArray[np.float32]:
    """(V, V): row i, column j holds the share of view i's valid pixels that view j sees too.

    The glances have one size; the poses are camera_from_source.
    """
    count = len(glances)
    shares = np.zeros((count, count), np.float32)
    if not count:
        return shares
    use_torch_threads()
    cover(
        np.stack([glance.depth for glance in glances]),
        np.stack([glance.camera.intrinsics.numpy() for glance in glances]),
        np.stack([pose.rotation.numpy() for pose in poses]),
        np.stack([pose.translation.numpy() for pose in poses]),
        STEP,
        TOLERANCE,
        shares,
    )
    return shares
