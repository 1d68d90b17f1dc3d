"""The layout of what the kernels hand to each other: plain float32 and int32 arrays.

A record is one row per Gaussian: the head below, then the blended channels in the order of ``rules.ChannelLayout``.
A box is (first column, last column, first row, last row) of the pixels the Gaussian can reach; first column -1 =
culled.
"""

from __future__ import annotations

X, Y = 0, 1
"""Projected centre, corner pixels."""
A, B, C = 2, 3, 4
"""Inverse covariance: power = -0.5 (a dx^2 + 2 b dx dy + c dy^2)."""
OPACITY = 5
POWER_MIN = 6
"""log(1 / (255 opacity)): below this power alpha is under 1/255."""
HALF_X, HALF_Y = 7, 8
"""Half extents of the ellipse alpha = 1/255, pixels."""
HEAD = 9
"""First blended channel."""

MOMENTS = 6
"""Head of a gradient record: sums over pixels of v, v dx, v dx^2, v dy, v dx dy, v dy^2 with v = dL/d(log alpha)."""

TILE = 16
BLOCK = 1024
"""Gaussians per parallel unit; partial sums are kept per block, so results do not depend on the number of threads."""


def gradient_width(channels: int) -> int:
    """Floats per gradient record, padded to whole vectors."""
    return -(-(MOMENTS + channels) // 16) * 16
