"""Half pixels: with true disparity as depth and the real stereo motion, labels are the disparity.

What this proves: pixel origin, cameras, poses, storage and rendering agree. What it cannot prove: that predicted depth
is any good.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.labels import LabelConfig, both_correspondences, correspondences
from splatmatch.pairs.lift.lift import image_pair
from splatmatch.pairs.lift.mesh import Lifted
from splatmatch.pairs.members import members_from_sample, sample_from_members
from splatmatch.pairs.sample import PairSample, Provenance
from tests.conftest import data_folder


def stereo_sample(rgb, disparity, focal, centre, baseline, shift) -> tuple[PairSample, np.ndarray]:
    """The pair of a rectified left image: z = focal * baseline / (disparity + shift), the right centre ``shift`` on."""
    height, width = disparity.shape
    known = np.isfinite(disparity) & (disparity > 0)
    inverse = np.where(known, (np.where(known, disparity, 0) + shift) / (focal * baseline), -1).astype(np.float32)
    first = Camera(width, height, focal, focal, centre[0], centre[1])
    second = Camera(width, height, focal, focal, centre[0] + shift, centre[1])
    b_from_a = Pose(torch.eye(3).double(), torch.tensor([-baseline, 0, 0]).double())
    a, b, _ = image_pair(Lifted(rgb, inverse, first), second, b_from_a)
    record = Provenance("photo", 0, ("left", "right"), "given", "unknown")
    sample = PairSample("stereo", "stereo", a, b, b_from_a, 0.5, 0.5, 1.0, record)
    stored = sample_from_members(members_from_sample(sample), "stereo", "test")  # through JPEG, 16 bits of log-depth
    return stored, known


def end_point_error(sample: PairSample, disparity: np.ndarray) -> tuple[np.ndarray, float]:
    """Error of the labels from left to right, pixels, and the share of known pixels that are labelled."""
    field = correspondences(sample.a, sample.b, sample.b_from_a, LabelConfig())
    y, x = np.nonzero(field.covisible)
    truth = np.stack([x + 0.5 - disparity[y, x], y + 0.5], 1)
    return np.linalg.norm(field.target[y, x] - truth, axis=1), field.covisible.mean()


@pytest.mark.data
def test_motorcycle_labels_are_its_disparity_to_a_hundredth_of_a_pixel():
    folder = data_folder("skimage_data")
    disparity = np.load(folder / "motorcycle_disp.npz")["arr_0"].astype(np.float64)
    rgb = cv2.imread(str(folder / "motorcycle_left.png"))[..., ::-1].copy()
    sample, _ = stereo_sample(rgb, disparity, 994.978, (311.193, 254.877), 193.001, 31.086)
    errors, share = end_point_error(sample, disparity)
    assert errors.max() <= 0.01 and share > 0.5
    photo = cv2.imread(str(folder / "motorcycle_right.png"))[..., ::-1]
    seen = sample.b.valid
    textured = seen & (np.abs(np.gradient(photo.astype(float).mean(-1), axis=1)) > 8)
    shifts = range(-2, 3)  # the drawn picture is the real one, not the half of a pixel aside
    errors = [np.abs(np.roll(sample.b.rgb, shift, 1).astype(int) - photo).mean(-1)[textured].mean() for shift in shifts]
    assert min(errors) == errors[2] < 0.8 * min(errors[1], errors[3])


@pytest.mark.data
def test_aloe_labels_are_its_8_bit_disparity_and_thus_within_its_rounding():
    folder = data_folder("opencv_samples")
    disparity = cv2.imread(str(folder / "aloeGT.png"), cv2.IMREAD_GRAYSCALE).astype(np.float64)
    rgb = cv2.imread(str(folder / "aloeL.jpg"))[..., ::-1].copy()
    height, width = disparity.shape
    sample, known = stereo_sample(rgb, disparity, 3740.0, (width / 2, height / 2), 160.0, 200.0)
    errors, _ = end_point_error(sample, disparity)
    assert len(errors) > 0.3 * known.sum()
    assert errors.max() + 0.5 <= 0.51  # of the true disparity, which the file rounds to whole pixels


def bilinear(field: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """A field (H, W, 2) at corner pixels (N, 2)."""
    low = np.clip(np.floor(pixels - 0.5).astype(int), 0, np.array(field.shape[1::-1]) - 2)
    s, t = (pixels - 0.5 - low).T[..., None]
    x, y = low.T
    upper, lower = ((1 - s) * field[row, x] + s * field[row, x + 1] for row in (y, y + 1))
    return (1 - t) * upper + t * lower


def test_what_is_drawn_and_what_is_labelled_is_one_warp():
    """Bilinear source map of the second image at each label's end leads back to the label's start, both ways."""
    from tests.pairs.lift.examples import camera, motion, plane, texture

    first = camera()
    lifted = Lifted(texture(), plane(first, (0.2, -0.3, 1.0), 2.0), first)
    pose = motion(0.1, -0.05, 0.2, 0.05, 0.04, 0.3)
    a, b, view = image_pair(lifted, first.zoomed(1.2), pose)
    record = Provenance("photo", 0, ("a", "b"), "given", "unknown")
    sample = PairSample("x", "x", a, b, pose, 0.5, 0.5, 1.0, record)
    forward, backward = both_correspondences(sample)
    y, x = np.nonzero(forward.covisible)
    source = bilinear(view.source, forward.target[y, x])
    assert len(y) > 3000 and np.abs(source - np.stack([x, y], 1) - 0.5).max() < 0.02
    y, x = np.nonzero(backward.covisible)
    assert len(y) > 3000 and np.abs(backward.target[y, x] - view.source[y, x]).max() < 5e-3
