"""Photos in memory: resolutions, cameras, masks, bad files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from splatmatch.errors import InputError, SplatmatchError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import View
from splatmatch.splats.training_images import load_training_views


@pytest.fixture
def view(tmp_path) -> View:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return View("a.png", Camera.from_fov(64, 48, 60), Pose.identity(), tmp_path / "a.png")


def test_levels_are_area_averages_with_matching_cameras(view):
    (loaded,) = load_training_views((view,), None, 3)
    full = np.asarray(Image.open(view.image_path))
    assert [level.pixels.shape for level in loaded.levels] == [(48, 64, 3), (24, 32, 3), (12, 16, 3)]
    assert np.array_equal(loaded.levels[0].pixels.numpy(), full)
    half = full.reshape(24, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(loaded.levels[1].pixels.numpy() - half).max() <= 0.75
    for level in loaded.levels:
        assert (level.camera.height, level.camera.width) == level.pixels.shape[:2]
        assert level.camera.horizontal_degrees == pytest.approx(60)
        assert level.pixels.permute(2, 0, 1).is_contiguous()
        assert level.pixels.dtype == torch.uint8
        assert level.weight is None


@pytest.mark.parametrize(("long_side", "wanted"), [(32, (24, 32, 3)), (64, (48, 64, 3)), (1000, (48, 64, 3))])
def test_the_long_side_bounds_the_training_size(view, long_side, wanted):
    (loaded,) = load_training_views((view,), long_side, 1)
    assert loaded.levels[0].pixels.shape == wanted


def test_a_mask_becomes_a_weight(view, tmp_path):
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 33:] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (loaded,) = load_training_views((replace(view, mask_path=tmp_path / "mask.png"),), None, 2)
    full, half = (level.weight for level in loaded.levels)
    assert torch.equal(full, torch.from_numpy((mask > 0).astype(np.float32)))
    assert torch.equal(half[0, 15:18], torch.tensor([0.0, 0.5, 1.0]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), r"a\.png"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), r"a\.png"),
        (lambda path: path.write_bytes(b""), r"a\.png"),
        (lambda path: Image.new("RGB", (64, 47)).save(path), "same size"),
    ],
)
def test_bad_photos_are_named(view, damage, message):
    damage(view.image_path)
    with pytest.raises(SplatmatchError, match=message):
        load_training_views((view,), None, 1)


def test_a_viewpoint_without_a_photo_is_named(view):
    with pytest.raises(InputError, match=r"a\.png"):
        load_training_views((replace(view, image_path=None),), None, 1)
