"""Small photo sets with exact cameras, drawn with numpy alone: textured walls of a room corner, seen from inside.

A pixel looks along its (perhaps distorted) ray; the nearest of three textured planes x = 0, y = 0, z = 0 that it hits
gives its colour, averaged over 2 x 2 samples.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from splatmatch.geometry.pose import Pose

WIDTH, HEIGHT, FOCAL = 400, 300, 380.0


@dataclass(frozen=True)
class DrawnPhoto:
    name: str
    camera_from_world: Pose
    pixels: np.ndarray


def poses(count: int, spread: float = 1.0) -> list[Pose]:
    """``count`` cameras on an arc around the corner at the origin, looking at it from 3 units; +z is up."""
    result = []
    for index in range(count):
        angle = np.radians(45 + spread * 50 * (index / max(count - 1, 1) - 0.5))
        height = 1.2 + 0.5 * np.sin(2.1 * index)
        eye = np.array([3 * np.cos(angle), 3 * np.sin(angle), height])
        target = np.array([0.5, 0.5, 0.5]) + 0.1 * np.sin(index * np.array([1.0, 2.0, 3.0]))
        result.append(Pose.looking_at(eye, target))
    return result


def draw(
    camera_from_world: Pose,
    seed: int = 0,
    focal: float = FOCAL,
    centre: tuple[float, float] = (WIDTH / 2, HEIGHT / 2),
    radial: float = 0.0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> np.ndarray:
    """The photo (H, W, 3) uint8 of a SIMPLE_RADIAL camera with the parameters focal, centre, radial."""
    width, height = size
    x, y = np.meshgrid((np.arange(2 * width) + 0.5) / 2, (np.arange(2 * height) + 0.5) / 2)
    distorted = np.stack([(x - centre[0]) / focal, (y - centre[1]) / focal], axis=-1)
    rays = distorted.copy()
    for _ in range(20 if radial else 0):
        rays = distorted / (1 + radial * (rays**2).sum(-1, keepdims=True))
    world_from_camera = camera_from_world.inverse()
    directions = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ world_from_camera.rotation.numpy().T
    eye = world_from_camera.translation.numpy()
    nearest, image = np.full(x.shape, np.inf), np.zeros((*x.shape, 3), np.float32)
    for axis in range(3):
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = -eye[axis] / directions[..., axis]
        hit = (distance > 0) & (distance < nearest)
        nearest = np.where(hit, distance, nearest)
        points = eye + np.where(hit, distance, 0)[..., None] * directions
        u, v = (points[..., other] for other in range(3) if other != axis)
        colours = cv2.remap(
            texture(3 * seed + axis),
            (160 * u).astype(np.float32),
            (160 * v).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        image[hit] = colours[hit]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).clip(0, 255).round().astype(np.uint8)


@functools.cache
def texture(seed: int, side: int = 1024) -> np.ndarray:
    """(side, side, 3) float32: discs and bars of random colours over smooth noise."""
    random = np.random.default_rng(seed)
    image = np.zeros((side, side, 3), np.float32)
    for cells in (8, 32, 128):
        noise = random.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
        image += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC) / 4
    for _ in range(900):
        centre, radius = random.integers(0, side, 2).tolist(), int(random.integers(2, 18))
        colour = random.uniform(0, 255, 3).tolist()
        if random.random() < 0.5:
            cv2.circle(image, centre, radius, colour, -1, cv2.LINE_AA)
        else:
            end = (np.array(centre) + random.integers(-30, 30, 2)).tolist()
            cv2.line(image, centre, end, colour, max(1, radius // 4), cv2.LINE_AA)
    return image


def write_photo(path: Path, pixels: np.ndarray, orientation: int = 1, focal_35mm: float | None = None) -> None:
    """A PNG or JPEG; with an EXIF orientation the stored pixels are turned so that it shows ``pixels`` upright."""
    path.parent.mkdir(parents=True, exist_ok=True)
    turns = {1: 0, 3: 2, 6: 1, 8: 3}  # np.rot90 turns against the clock
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(pixels, turns[orientation])))
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    if focal_35mm is not None:
        exif.get_ifd(0x8769)[0xA405] = round(focal_35mm)
    stored.save(path, quality=97, subsampling=0, exif=exif)


def write_set(
    folder: Path, count: int, seed: int = 0, start: int = 0, suffix: str = ".jpg", **camera
) -> list[DrawnPhoto]:
    """``count`` photos of one place as ``photo_00.jpg`` ..."""
    photos = []
    for index, pose in enumerate(poses(count)):
        name = f"photo_{start + index:02d}{suffix}"
        photos.append(DrawnPhoto(name, pose, draw(pose, seed, **camera)))
        write_photo(folder / name, photos[-1].pixels)
    return photos
