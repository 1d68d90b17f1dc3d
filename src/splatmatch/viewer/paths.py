"""Camera paths through any scene: ``orbit`` around its middle, ``between`` the photos it was made from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import Scene, View
from splatmatch.viewer.framing import Up, scene_camera, subject

PathKind = Literal["orbit", "between"]

MAX_KEYS = 40
"""``between`` passes through at most so many photos: a hand-held video would shake otherwise."""


@dataclass(frozen=True)
class PathConfig:
    """A camera path."""

    frames: int = 120
    """Number of images."""
    size: int | None = None
    """Long side in pixels; the scene's own size if not given (1280 for a bare splat)."""
    up: Up = "auto"
    """Axis that points up, where the file does not say it."""


def camera_path(kind: PathKind, scene: Scene, config: PathConfig = PathConfig()) -> tuple[View, ...]:
    """The viewpoints of a path, named 0000.png, 0001.png and so on.

    Raises:
        InputError: fewer than two frames, ``between`` without two photos, or an empty scene.
    """
    if config.frames < 2:
        raise InputError(f"a path of {config.frames} frames is none", "ask for two or more")
    camera = scene_camera(scene, config.size)
    poses = between(scene, config.frames) if kind == "between" else orbit(scene, camera, config)
    return tuple(View(f"{index:04d}.png", camera, pose) for index, pose in enumerate(poses))


def orbit(scene: Scene, camera: Camera, config: PathConfig = PathConfig()) -> list[Pose]:
    """A closed loop around the middle of the scene, which stays where the photos saw it.

    Photos from all around (or no photos) give a full circle. Photos from one side give an ellipse within the angles
    they cover, so a forward-facing capture is never shown from behind.
    """
    middle = subject(scene, config.up)
    east, north = horizontal_axes(middle.up)
    if len(scene.views) < 2:
        half_angle = math.atan(0.5 * min(camera.width / camera.fx, camera.height / camera.fy))
        eye_distance, elevation = 1.05 * middle.radius / math.sin(half_angle), math.radians(15)
        distance, height = eye_distance * math.cos(elevation), eye_distance * math.sin(elevation)
        start, swing, rise = 0.0, None, 0.0
    else:
        offsets = torch.stack([view.camera_from_world.centre - middle.centre for view in scene.views])
        heights = offsets @ middle.up
        angles = torch.atan2(offsets @ north, offsets @ east)
        distance = float((offsets - heights[:, None] * middle.up).norm(dim=1).median())
        height, rise = float(heights.median()), 0.4 * float(heights.quantile(0.8) - heights.quantile(0.2))
        start, width = _covered(angles)
        swing = None if width > math.radians(220) else 0.4 * width
    poses = []
    for turn in torch.linspace(0, 2 * math.pi, config.frames + 1, dtype=torch.float64)[:-1].tolist():
        angle = start + (turn if swing is None else swing * math.cos(turn))
        lift = height + (0.0 if swing is None else rise * math.sin(turn))
        eye = middle.centre + distance * (math.cos(angle) * east + math.sin(angle) * north) + lift * middle.up
        poses.append(Pose.looking_at(eye, middle.centre, middle.up))
    return poses


def between(scene: Scene, frames: int) -> list[Pose]:
    """A smooth path through the training cameras in order of name, at even speed.

    Centres and quaternions follow cubic splines over the square root of the chord length (centripetal), which keeps
    unevenly spaced photos from making loops.

    Raises:
        InputError: fewer than two posed photos.
    """
    views = scene.train_views or scene.views
    if len(views) < 2:
        raise InputError("a path between photos needs two or more posed photos", "use --path orbit")
    picks = np.unique(np.linspace(0, len(views) - 1, min(len(views), MAX_KEYS)).round().astype(int))
    poses = [views[index].camera_from_world for index in picks]
    centres = torch.stack([pose.centre for pose in poses])
    quaternions = _same_hemisphere(torch.stack([pose.quaternion for pose in poses]))
    scale = float((centres - centres.mean(0)).norm(dim=1).max()) or 1.0
    states = torch.cat([centres, scale * quaternions], dim=1).numpy()
    spline = _spline(states)
    fine = np.linspace(0, 1, 40 * len(poses))
    travelled = np.concatenate([[0.0], np.linalg.norm(np.diff(spline(fine), axis=0), axis=1).cumsum()])
    at = np.interp(np.linspace(0, travelled[-1], frames), travelled, fine)
    result = []
    for state in torch.from_numpy(spline(at)):
        rotation = Pose.from_quaternion(state[3:], torch.zeros(3)).rotation
        result.append(Pose(rotation, -rotation @ state[:3]))
    return result


def _spline(states: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    """A cubic spline (not-a-knot) through the rows, parametrised 0..1 by the square root of their distances."""
    from scipy.interpolate import CubicSpline

    chords = np.sqrt(np.linalg.norm(np.diff(states, axis=0), axis=1))
    knots = np.concatenate([[0.0], np.maximum(chords, 1e-6 * max(chords.max(), 1e-9)).cumsum()])
    return CubicSpline(knots / knots[-1], states)


def _same_hemisphere(quaternions: Tensor) -> Tensor:
    """The same rotations with signs chosen so that neighbours are near each other."""
    rows = [quaternions[0]]
    for quaternion in quaternions[1:]:
        rows.append(quaternion if quaternion @ rows[-1] >= 0 else -quaternion)
    return torch.stack(rows)


def horizontal_axes(up: Tensor) -> tuple[Tensor, Tensor]:
    """Two unit vectors that make a right-handed frame (east, north, up)."""
    helper = torch.eye(3, dtype=torch.float64)[int(up.abs().argmin())]
    east = torch.linalg.cross(helper, up)
    east = east / east.norm()
    return east, torch.linalg.cross(up, east)


def _covered(angles: Tensor) -> tuple[float, float]:
    """Middle and width, in radians, of the smallest arc that holds all ``angles`` (N,)."""
    ordered = angles.sort().values
    gaps = torch.cat([ordered[1:], ordered[:1] + 2 * math.pi]) - ordered
    widest = int(gaps.argmax())
    width = 2 * math.pi - float(gaps[widest])
    first = float(ordered[(widest + 1) % len(ordered)])
    return first + width / 2, width
