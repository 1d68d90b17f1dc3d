"""Cameras as files describe them: any COLMAP model, before distortion is removed at the door."""

from __future__ import annotations

import math
from dataclasses import dataclass

from splatmatch.geometry.camera import Camera


@dataclass(frozen=True)
class CameraModel:
    """The parameter layout of one COLMAP camera model: f or fx fy, then cx cy, then ``extra``."""

    colmap_id: int
    """The number that stands for the model in binary files."""
    focals: int
    """1 = one f, 2 = fx fy, 0 = no focal length at all (and no principal point)."""
    extra: tuple[str, ...] = ()
    """Names of the parameters after the principal point."""
    pinhole_when_zero: int | None = None
    """How many leading ``extra`` parameters must be 0 for the model to be a pinhole; None = it never is."""
    two_focals: str = ""
    """The model with fx fy that contains this one (its ``extra`` start with ours); empty where focals is not 1."""

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.focals + 2 + len(self.extra) if self.focals else len(self.extra)


_BROWN = ("k1", "k2", "p1", "p2")
CAMERA_MODELS: dict[str, CameraModel] = {
    "SIMPLE_PINHOLE": CameraModel(0, 1, (), 0, "PINHOLE"),
    "PINHOLE": CameraModel(1, 2, (), 0),
    "SIMPLE_RADIAL": CameraModel(2, 1, ("k",), 1, "OPENCV"),
    "RADIAL": CameraModel(3, 1, ("k1", "k2"), 2, "OPENCV"),
    "OPENCV": CameraModel(4, 2, _BROWN, 4),
    "OPENCV_FISHEYE": CameraModel(5, 2, ("k1", "k2", "k3", "k4")),
    "FULL_OPENCV": CameraModel(6, 2, (*_BROWN, "k3", "k4", "k5", "k6"), 8),
    "FOV": CameraModel(7, 2, ("omega",), 1),
    "SIMPLE_RADIAL_FISHEYE": CameraModel(8, 1, ("k",), None, "OPENCV_FISHEYE"),
    "RADIAL_FISHEYE": CameraModel(9, 1, ("k1", "k2"), None, "OPENCV_FISHEYE"),
    "THIN_PRISM_FISHEYE": CameraModel(10, 2, (*_BROWN, "k3", "k4", "sx1", "sy1")),
    "RAD_TAN_THIN_PRISM_FISHEYE": CameraModel(
        11, 2, ("k0", "k1", "k2", "k3", "k4", "k5", "p0", "p1", "s0", "s1", "s2", "s3")
    ),
    "SIMPLE_DIVISION": CameraModel(12, 1, ("k",), 1, "DIVISION"),
    "DIVISION": CameraModel(13, 2, ("k",), 1),
    "SIMPLE_FISHEYE": CameraModel(14, 1, (), None, "FISHEYE"),
    "FISHEYE": CameraModel(15, 2, ()),
    "EUCM": CameraModel(16, 2, ("alpha", "beta"), 1),
    "EQUIRECTANGULAR": CameraModel(17, 0, ("w", "h")),
}
"""The camera models of COLMAP (doc/cameras.rst) by name."""
MAX_SIDE = 1 << 20
"""Pixels; a larger image is a damaged number in a file."""


@dataclass(frozen=True)
class DistortedCamera:
    """Intrinsics of an image as taken, in one of the models of ``CAMERA_MODELS``.

    Convention: corner pixels, as in COLMAP: the centre of the top-left pixel is (0.5, 0.5).
    """

    model: str
    """Name of a COLMAP camera model."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    params: tuple[float, ...]
    """In COLMAP's order: focal lengths, principal point, then what the model adds."""

    def __post_init__(self) -> None:
        if self.model not in CAMERA_MODELS:
            raise ValueError(f"unknown camera model {self.model!r}")
        layout = CAMERA_MODELS[self.model]
        if len(self.params) != layout.size:
            raise ValueError(f"{self.model} has {layout.size} parameters, not {len(self.params)}")
        sides = (self.width, self.height)
        if min(sides) < 1 or max(sides) > MAX_SIDE or not all(map(math.isfinite, self.params)):
            raise ValueError(f"not a camera: {self.width} x {self.height}, {self.model} {self.params}")
        if min(self.params[: layout.focals], default=1.0) <= 0:
            raise ValueError(f"not a camera: focal length {min(self.params[: layout.focals])}")

    @classmethod
    def from_pinhole(cls, camera: Camera) -> DistortedCamera:
        """The same camera as a COLMAP PINHOLE."""
        return cls("PINHOLE", camera.width, camera.height, (camera.fx, camera.fy, camera.cx, camera.cy))

    @property
    def is_pinhole(self) -> bool:
        """Whether the model projects as a pinhole, with these parameters."""
        layout = CAMERA_MODELS[self.model]
        if layout.pinhole_when_zero is None:
            return False
        start = layout.focals + 2
        return not any(self.params[start : start + layout.pinhole_when_zero])

    def pinhole(self) -> Camera:
        """The same camera as a pinhole.

        Raises:
            ValueError: the camera is distorted.
        """
        if not self.is_pinhole:
            raise ValueError(f"a {self.model} camera with parameters {self.params} is not a pinhole")
        return self.without_distortion()

    def without_distortion(self) -> Camera:
        """The pinhole with the same focal lengths and principal point, whatever the distortion.

        Raises:
            ValueError: the model has no focal length.
        """
        focals = CAMERA_MODELS[self.model].focals
        if not focals:
            raise ValueError(f"a {self.model} camera has no focal length")
        fx, fy = self.params[0], self.params[focals - 1]
        cx, cy = self.params[focals : focals + 2]
        return Camera(self.width, self.height, fx, fy, cx, cy)

    def resized(self, width: int, height: int) -> DistortedCamera:
        """The camera of the same image resampled to width x height.

        Distortion acts on normalised coordinates, so only focal lengths and principal point scale. A model with one
        focal length becomes its counterpart with two where x and y scale differently.
        """
        layout = CAMERA_MODELS[self.model]
        sx, sy = width / self.width, height / self.height
        if not layout.focals:
            return DistortedCamera(self.model, width, height, (self.params[0] * sx, self.params[1] * sy))
        pinhole = self.without_distortion()
        centre, extra = (pinhole.cx * sx, pinhole.cy * sy), self.params[layout.focals + 2 :]
        if layout.focals == 1 and sx == sy:
            return DistortedCamera(self.model, width, height, (pinhole.fx * sx, *centre, *extra))
        model = layout.two_focals or self.model
        missing = len(CAMERA_MODELS[model].extra) - len(extra)
        params = (pinhole.fx * sx, pinhole.fy * sy, *centre, *extra, *(0.0,) * missing)
        return DistortedCamera(model, width, height, params)
