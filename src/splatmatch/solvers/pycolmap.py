"""The adapter of pycolmap: loading it quietly, setting its options, its errors, its camera models.

``match_database`` and ``sparse_model`` stand on it. Features come from outside, so pycolmap never opens a photo,
and images are known to it by their index alone (file names may hold spaces, which its pair lists cannot).

pycolmap prints to stderr and ends the process on some failures: call these functions in a child process
(``jobs.child``), which turns that into an error. Nothing here imports torch.

Convention: corner pixels, camera_from_world, OpenCV axes: pycolmap's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError, OutputError, ReconstructionError

if TYPE_CHECKING:
    import pycolmap

Floats = NDArray[np.float64]
Pair = tuple[int, int]
Report = Callable[[float | None, str], None]
"""Called with the share that is done (None = unknown) and a short text."""
_ROUND_TRIP = 0.05
"""Pixels by which a ray may miss the pixel it came from."""


@dataclass(frozen=True)
class Intrinsics:
    """A camera in one of COLMAP's models, for processes without torch; elsewhere it is a ``DistortedCamera``."""

    model: str
    width: int
    height: int
    params: tuple[float, ...]
    known: bool = False
    """The focal length comes from EXIF or the user: pairs are verified with it."""

    @property
    def pinhole_part(self) -> tuple[float, float, float, float]:
        """fx, fy, cx, cy; meaningless for models without a focal length."""
        camera = self.camera()
        centre = (camera.principal_point_x, camera.principal_point_y)
        return float(camera.focal_length_x), float(camera.focal_length_y), float(centre[0]), float(centre[1])

    @property
    def is_pinhole(self) -> bool:
        """Whether the camera has no distortion."""
        camera = self.camera()
        return bool(camera.is_perspective_pinhole() and camera.is_undistorted())

    def distorted(self, points: Floats) -> Floats:
        """Pixels (N, 2) of points (N, 3) in the camera frame; NaN where the model has no image of a point."""
        return np.asarray(self.camera().img_from_cam(np.ascontiguousarray(points), False))

    def undistorted(self, pixels: Floats) -> Floats:
        """Normalised coordinates x/z, y/z (N, 2) of pixels (N, 2); NaN where the ray does not point forward.

        pycolmap answers with the plain pinhole where the inverse of a model does not exist (beyond 90 degrees, say), so
        every ray is projected again and must come back to its pixel.
        """
        pixels = np.ascontiguousarray(pixels, np.float64).reshape(-1, 2)
        rays = np.asarray(self.camera().cam_ray_from_img(pixels))
        with np.errstate(invalid="ignore", divide="ignore"):
            flat = np.where(rays[:, 2:] > 1e-6, rays[:, :2] / rays[:, 2:], np.nan)
            back = self.distorted(np.concatenate([flat, np.ones((len(flat), 1))], axis=1))
            good = np.linalg.norm(back - pixels, axis=1) < _ROUND_TRIP
        return np.where(good[:, None], flat, np.nan)

    def camera(self, camera_id: int = 1) -> pycolmap.Camera:
        """As pycolmap takes it."""
        camera = load().Camera(
            model=self.model, width=self.width, height=self.height, params=list(self.params), camera_id=camera_id
        )
        camera.has_prior_focal_length = self.known
        return camera


def load() -> Any:
    """The module pycolmap, which then prints errors only."""
    import pycolmap

    pycolmap.logging.minloglevel = 2
    return pycolmap


def image_name(index: int) -> str:
    """What pycolmap knows image ``index`` as."""
    return f"{index:06d}"


def configured(options: Any, values: dict[str, Any]) -> Any:
    """``options`` with ``values`` set by dotted names.

    Raises:
        InputError: this pycolmap has no such option.
    """
    for dotted, value in values.items():
        *path, name = dotted.split(".")
        target = options
        for part in path:
            target = getattr(target, part, None)
        if target is None or not hasattr(target, name):
            import pycolmap

            raise InputError(
                f"pycolmap {pycolmap.__version__} has no option {type(options).__name__}.{dotted}",
                "install the version in constraints.txt",
            )
        setattr(target, name, value)
    return options


class Failures:
    """A context that turns pycolmap's exceptions into ReconstructionError (OutputError for a full disk)."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (RuntimeError, ValueError, IndexError)):
            if "disk is full" in str(error) or "No space left" in str(error):
                raise OutputError(f"{self._stage}: the disk is full", "free some space and run it again") from error
            raise ReconstructionError(f"{self._stage} failed: {' '.join(str(error).split())}") from error
