"""The rules all engines share: the constants of the rasteriser and the layout of blended channels.

A Gaussian is blended at a pixel centre u when alpha = min(ALPHA_MAX, o exp(-0.5 d^T C^-1 d)) is at least ALPHA_MIN
before the clamp, d = u - projected centre, C = J R S R^T J^T + BLUR I (Zwicker et al., 2001). Front to back, ordered
by (float32 z, index): weight w = alpha T, then T <- T (1 - alpha); a Gaussian that would bring T to T_MIN or below is
not blended and the pixel ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from splatmatch.geometry.camera import Camera
from splatmatch.scene.render import RenderRequest

NEAR = 0.01
"""Gaussians with z-depth at or below this are not drawn (scene units)."""
BLUR = 0.3
"""Added to the diagonal of the projected covariance, square pixels."""
ALPHA_MIN = 1.0 / 255.0
ALPHA_MAX = 0.999
T_MIN = 1e-4
JACOBIAN_MARGIN = 0.15
"""x/z and y/z in the Jacobian are clamped to the image bounds plus this share of the image size."""
DEPTH_ALPHA_MIN = ALPHA_MIN
"""Blended depths (expected, plane) are valid from this accumulated alpha on."""
PLANE_COSINE_MIN = 1e-3
"""Plane depth is invalid where the blended normal meets the ray at less than this cosine times alpha."""


@dataclass(frozen=True)
class ChannelLayout:
    """Which quantities are blended, in this order: rgb, z, normal, plane distance, features; -1 = absent."""

    rgb: int
    z: int
    normal: int
    distance: int
    features: int
    count: int

    @classmethod
    def of(cls, request: RenderRequest, feature_count: int) -> ChannelLayout:
        """The layout that answers ``request`` with ``feature_count`` feature channels."""
        plane = "depth" in request.want and request.depth == "plane"
        wanted = {
            "rgb": 3 if "rgb" in request.want else 0,
            "z": 1 if "depth" in request.want and request.depth == "expected" else 0,
            "normal": 3 if plane or "normal" in request.want else 0,
            "distance": 1 if plane else 0,
            "features": feature_count,
        }
        starts, count = {}, 0
        for name, width in wanted.items():
            starts[name] = count if width else -1
            count += width
        return cls(**starts, count=count)

    def groups(self) -> dict[str, tuple[int, int]]:
        """First channel and end of each group that is present, by name, in order."""
        starts = {name: getattr(self, name) for name in ("rgb", "z", "normal", "distance", "features")}
        present = [(name, start) for name, start in starts.items() if start >= 0]
        ends = [*(start for _, start in present), self.count][1:]
        return {name: (start, end) for (name, start), end in zip(present, ends, strict=True)}


def jacobian_limits(camera: Camera) -> tuple[float, float, float, float]:
    """Lowest and highest x/z, lowest and highest y/z that enter the Jacobian."""
    mx, my = JACOBIAN_MARGIN * camera.width / camera.fx, JACOBIAN_MARGIN * camera.height / camera.fy
    return (
        -camera.cx / camera.fx - mx,
        (camera.width - camera.cx) / camera.fx + mx,
        -camera.cy / camera.fy - my,
        (camera.height - camera.cy) / camera.fy + my,
    )
