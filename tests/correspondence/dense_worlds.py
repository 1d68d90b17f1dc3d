"""A wavy wall seen by several cameras, and a semi-dense matcher of it: exact positions, noise, wrong matches."""

from __future__ import annotations

import numpy as np

from splatmatch.scene.matches import Matches

SIZE = (640, 480)
FOCAL = 500.0


def rotation(angles):
    x, y, z = angles
    turns = (
        [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]],
        [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]],
        [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]],
    )
    return np.array(turns[2]) @ np.array(turns[1]) @ np.array(turns[0])


def cameras(count):
    """camera_from_world (R, t) of cameras in a row before the wall z = 4 + waves."""
    poses = []
    for k in range(count):
        x = 1.2 * (k - (count - 1) / 2) / max(count - 1, 1)
        turn = rotation((0.03 * k, -0.22 * x, 0.02 * k))
        poses.append((turn, turn @ -np.array([x, 0.1 * k - 0.2, 0.0])))
    return poses


def wall_points(pixels, pose):
    """(N, 3) where the rays of pixels meet the wall, by a few Newton-like steps."""
    turn, shift = pose
    centre = -turn.T @ shift
    rays = np.column_stack([(pixels - np.array(SIZE) / 2) / FOCAL, np.ones(len(pixels))]) @ turn
    depth = np.full(len(pixels), 4.0)
    for _ in range(60):
        points = centre + depth[:, None] * rays
        depth = (4 + 0.3 * np.sin(2 * points[:, 0]) + 0.2 * np.cos(3 * points[:, 1]) - centre[2]) / rays[:, 2]
    return centre + depth[:, None] * rays


def project(points, pose):
    turn, shift = pose
    local = points @ turn.T + shift
    return FOCAL * local[:, :2] / local[:, 2:] + np.array(SIZE) / 2


def semi_dense(first, second, noise=0.3, wrong=0.05, step=8, seed=0, covariance=False):
    """Matches on a grid of ``first``, as a detector-free matcher gives them."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(step / 2, SIZE[0], step), np.arange(step / 2, SIZE[1], step))
    a = np.column_stack([x.ravel(), y.ravel()])
    b = project(wall_points(a, first), second)
    inside = ((b > 0) & (b < SIZE)).all(axis=1)
    a, b = a[inside], b[inside] + random.normal(0, noise, (inside.sum(), 2))
    bad = random.random(len(a)) < wrong
    b[bad] = random.uniform((0, 0), SIZE, (bad.sum(), 2))
    scores = np.where(bad, random.uniform(0.2, 0.8, len(a)), random.uniform(0.4, 1.0, len(a)))
    spread = np.broadcast_to(noise**2 * np.eye(2, dtype=np.float32), (len(a), 2, 2)) if covariance else None
    f32 = np.float32
    return Matches(
        a.astype(f32), b.astype(f32), scores.astype(f32), SIZE, SIZE, "grid", "", "Apache-2.0", covariance=spread
    )
