"""The pinhole camera: the only camera model inside splatmatch (distortion is removed at the door)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """Intrinsics of an undistorted image.

    Resizing and cropping return a new Camera, so intrinsics can never drift from pixels.

    Convention: corner pixels. The image spans [0, width] x [0, height]; the centre of the top-left pixel is
    (0.5, 0.5). OpenCV axes: x right, y down, z forward.
    """

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    fx: float
    """Focal length in pixels along x."""
    fy: float
    """Focal length in pixels along y."""
    cx: float
    """Principal point, pixels from the left border."""
    cy: float
    """Principal point, pixels from the top border."""

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if self.width < 1 or self.height < 1 or not all(map(math.isfinite, values)) or min(self.fx, self.fy) <= 0:
            raise ValueError(f"not a camera: {self.width} x {self.height}, fx fy cx cy = {values}")

    @classmethod
    def from_fov(cls, width: int, height: int, horizontal_degrees: float) -> Camera:
        """Square pixels, centred principal point, the given horizontal field of view in degrees."""
        focal = 0.5 * width / math.tan(math.radians(horizontal_degrees) / 2)
        return cls(width, height, focal, focal, width / 2, height / 2)

    @property
    def matrix(self) -> Tensor:
        """K (3, 3) float64, for homogeneous corner pixels."""
        return torch.tensor([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]], dtype=torch.float64)

    @property
    def intrinsics(self) -> Tensor:
        """(fx, fy, cx, cy) as a (4,) float64 tensor."""
        return torch.tensor([self.fx, self.fy, self.cx, self.cy], dtype=torch.float64)

    @property
    def horizontal_degrees(self) -> float:
        """Horizontal field of view in degrees."""
        left, right = self.cx / self.fx, (self.width - self.cx) / self.fx
        return math.degrees(math.atan(left) + math.atan(right))

    def resized(self, width: int, height: int) -> Camera:
        """The camera of the same image resampled to width x height (in corner coordinates a plain scaling)."""
        sx, sy = width / self.width, height / self.height
        return Camera(width, height, self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy)

    def with_long_side(self, long_side: int) -> Camera:
        """The camera scaled so that the longer side has at most ``long_side`` pixels; never enlarged."""
        scale = min(1.0, long_side / max(self.width, self.height))
        return self.resized(max(1, round(self.width * scale)), max(1, round(self.height * scale)))

    def cropped(self, x: int, y: int, width: int, height: int) -> Camera:
        """The camera of the crop whose top-left corner is at pixel corner (x, y)."""
        return replace(self, width=width, height=height, cx=self.cx - x, cy=self.cy - y)

    def zoomed(self, factor: float) -> Camera:
        """The same image size with both focal lengths multiplied by ``factor``."""
        return replace(self, fx=self.fx * factor, fy=self.fy * factor)

    def pixel_centres(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Corner coordinates of all pixel centres, (H, W, 2) as (x, y)."""
        y, x = torch.meshgrid(
            torch.arange(self.height, dtype=dtype) + 0.5, torch.arange(self.width, dtype=dtype) + 0.5, indexing="ij"
        )
        return torch.stack([x, y], dim=-1)

    def project(self, points: Tensor) -> Tensor:
        """Pixels (..., 2) of points (..., 3) in the camera frame; no test for points behind the camera."""
        x = self.fx * points[..., 0] / points[..., 2] + self.cx
        y = self.fy * points[..., 1] / points[..., 2] + self.cy
        return torch.stack([x, y], dim=-1)

    def unproject(self, pixels: Tensor, depth: Tensor) -> Tensor:
        """Points (..., 3) in the camera frame at z-depth ``depth`` (...) behind ``pixels`` (..., 2)."""
        x = (pixels[..., 0] - self.cx) / self.fx
        y = (pixels[..., 1] - self.cy) / self.fy
        return torch.stack([x, y, torch.ones_like(x)], dim=-1) * depth[..., None]
