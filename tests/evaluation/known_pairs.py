"""Pairs of a known world, and a matcher that knows it: an image is one even grey that tells which view it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from splatmatch.formats.images import write_image
from splatmatch.formats.pair_list import PairList, PosedPair
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose, exp_se3
from splatmatch.scene.matcher import MatcherCard, Pixels
from splatmatch.scene.matches import Matches

PINHOLE = DistortedCamera("PINHOLE", 1001, 701, (800.0, 780.0, 510.0, 340.0))
BENT = DistortedCamera("OPENCV", 900, 1203, (1000.0, 990.0, 450.0, 610.0, -0.15, 0.03, 0.001, -0.001))
CAMERAS = (PINHOLE, BENT, PINHOLE, BENT)


def views() -> list[Pose]:
    """camera_from_world of four views of a cloud 4 to 9 units ahead."""
    poses = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        tangent = np.r_[rng.uniform(-0.8, 0.8, 3), rng.uniform(-0.15, 0.15, 3)]
        poses.append(Pose(*exp_se3(torch.as_tensor(tangent))))
    return poses


def pair_list(folder: Path, name: str = "known") -> PairList:
    """All six pairs of the four views, images on disk."""
    for index, camera in enumerate(CAMERAS):
        write_image(folder / f"{index}.png", np.full((camera.height, camera.width, 3), index + 1, np.uint8))
    poses = views()
    pairs = [
        PosedPair(f"{a}.png", f"{b}.png", CAMERAS[a], CAMERAS[b], poses[b] @ poses[a].inverse())
        for a in range(4)
        for b in range(a + 1, 4)
    ]
    return PairList(name, folder, tuple(pairs))


def distorted(points: np.ndarray, camera: DistortedCamera) -> np.ndarray:
    """Pixels of camera points, by the textbook formula of OpenCV's model."""
    fx, fy, cx, cy, k1, k2, p1, p2 = (*camera.params, 0, 0, 0, 0)[:8]
    u, v = (points[:, :2] / points[:, 2:]).T
    r2 = u * u + v * v
    radial = 1 + k1 * r2 + k2 * r2 * r2
    x = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    y = v * radial + 2 * p2 * u * v + p1 * (r2 + 2 * v * v)
    return np.c_[fx * x + cx, fy * y + cy]


@dataclass
class Oracle:
    """A matcher without features that gives true matches, disturbed as asked."""

    name: str = "oracle"
    noise: float = 0.0
    """Pixels of the image it is given."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Added to every point of b."""
    wrong: float = 0.0
    """Share of arbitrary matches."""
    count: int = 80
    calls: list[tuple[int, int]] = field(default_factory=list)
    fails_at: int = -1
    """Call at which it dies."""

    @property
    def card(self) -> MatcherCard:
        return MatcherCard(self.name, "sparse", "the truth", "CC0-1.0", True)

    @property
    def settings_hash(self) -> str:
        settings = (self.name, self.noise, self.shift, self.wrong, self.count)
        return hashlib.sha256(repr(settings).encode()).hexdigest()

    def match(self, a: Pixels, b: Pixels) -> Matches:
        if len(self.calls) == self.fails_at:
            raise KeyboardInterrupt
        self.calls.append((int(a[0, 0, 0]) - 1, int(b[0, 0, 0]) - 1))
        rng = np.random.default_rng(0)
        world = torch.as_tensor(rng.uniform([-1.5, -1.5, 4], [1.5, 1.5, 9], (self.count, 3)))
        points = []
        for image in (a, b):
            index = int(image[0, 0, 0]) - 1
            camera = CAMERAS[index]
            pixels = distorted(views()[index].apply(world).numpy(), camera)
            scale = np.array([image.shape[1] / camera.width, image.shape[0] / camera.height])
            points.append(pixels * scale + rng.normal(0, self.noise, pixels.shape))
        wrong = rng.random(self.count) < self.wrong
        points[1][wrong] = rng.uniform(0, 400, (int(wrong.sum()), 2))
        points[1] += self.shift
        sizes = [(image.shape[1], image.shape[0]) for image in (a, b)]
        return Matches(
            points[0].astype(np.float32), points[1].astype(np.float32), np.ones(self.count, np.float32),
            sizes[0], sizes[1], self.name, "", "CC0-1.0",
        )  # fmt: skip
