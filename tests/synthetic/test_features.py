"""Pictures are good to match and no easier than pictures by another renderer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from splatmatch.formats.images import read_image
from splatmatch.synthetic import camera_path, ray_cast
from tests.conftest import data_folder


def _grey(picture) -> np.ndarray:
    return cv2.cvtColor((picture.rgb.numpy() * 255).round().astype(np.uint8), cv2.COLOR_RGB2GRAY)


def _matches(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Matched corner pixels (M, 2) of two pictures by SIFT with a ratio test both ways, and features in the first."""
    sift = cv2.SIFT_create(4000)
    (keys_a, des_a), (keys_b, des_b) = (sift.detectAndCompute(image, None) for image in (a, b))
    best = [
        {m.queryIdx: m.trainIdx for m, n in cv2.BFMatcher().knnMatch(x, y, k=2) if m.distance < 0.75 * n.distance}
        for x, y in ((des_a, des_b), (des_b, des_a))
    ]
    pairs = [(i, j) for i, j in best[0].items() if best[1].get(j) == i]
    points = (
        [keys[k].pt for k in index] for keys, index in zip((keys_a, keys_b), zip(*pairs, strict=True), strict=True)
    )
    first, second = (np.array(list(list_of)) + 0.5 for list_of in points)
    return first, second, len(keys_a)


def test_sift_matches_obey_the_poses(room):
    """Over 500 features in a room, and matches of neighbouring views lie on their epipolar lines: median < 0.5 px."""
    views = camera_path(room, "walk", 40, 1)[4:6]
    pictures = [ray_cast(room, view.camera, view.camera_from_world) for view in views]
    a, b, features = _matches(*(_grey(picture) for picture in pictures))
    assert features > 500
    assert len(a) > 150
    b_from_a = views[1].camera_from_world @ views[0].camera_from_world.inverse()
    rays = [views[0].camera.unproject(torch.from_numpy(p), torch.ones(len(p))).numpy() for p in (a, b)]
    line = np.cross(b_from_a.translation.numpy(), rays[0] @ b_from_a.rotation.numpy().T)
    error = np.abs((rays[1] * line).sum(1)) / np.linalg.norm(line[:, :2], axis=1) * views[0].camera.fx
    inliers = error[error < 3]
    assert len(inliers) > 0.7 * len(error)
    assert np.median(inliers) < 0.5
    depth = pictures[0].depth[a[:, 1].astype(int), a[:, 0].astype(int)].double()
    carried = views[1].camera.project(b_from_a.apply(views[0].camera.unproject(torch.from_numpy(a), depth))).numpy()
    offset = carried - b
    near = np.linalg.norm(offset, axis=1) < 2
    assert np.abs(np.median(offset[near], axis=0)).max() < 0.08  # one pixel origin for pictures and geometry


def _statistics(grey: np.ndarray) -> np.ndarray:
    """Mean, contrast, number of SIFT features, median and 95 % of the gradient's length."""
    values = grey.astype(np.float32)
    gradient = np.hypot(cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1)) / 8
    features = len(cv2.SIFT_create(4000).detect(grey, None))
    return np.array([values.mean(), values.std(), features, np.median(gradient), np.percentile(gradient, 95)])


@pytest.mark.data
@pytest.mark.slow
def test_pictures_are_like_path_traced_ones(room):
    """Brightness, contrast, features and gradients lie near those of path-traced rooms: neither easier nor emptier."""
    folders = [data_folder("cycles_room"), *(data_folder("cycles_train") / f"room_{n}" for n in (102, 105))]
    files = [path for folder in folders for path in sorted((folder / "images").iterdir())[:40:8]]
    theirs = np.mean([_statistics(cv2.cvtColor(read_image(f), cv2.COLOR_RGB2GRAY)) for f in files], axis=0)
    views = camera_path(room, "walk", 40, 1)[::8]
    ours = np.mean([_statistics(_grey(ray_cast(room, v.camera, v.camera_from_world))) for v in views], axis=0)
    ratio = ours / theirs
    assert (ratio > 0.6).all(), ratio
    assert (ratio < 1.6).all(), ratio
