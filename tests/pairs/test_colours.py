"""Colours change, geometry does not: appearance, light and backgrounds."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from splatmatch.errors import InputError
from splatmatch.formats.images import write_image
from splatmatch.pairs.appearance import NEUTRAL, AppearanceConfig, changed
from splatmatch.pairs.backgrounds import Backgrounds
from splatmatch.pairs.lighting import SAME_LIGHT, LightingConfig, relit


def rng(seed=0):
    return np.random.default_rng(seed)


def picture():
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([x / 80, y / 60, (x + y) / 140], -1).astype(np.float32) + 0.1


def test_neutral_changes_nothing():
    stored, done = changed(picture(), NEUTRAL, rng())
    assert np.abs(stored / 255 - picture()).max() <= 0.5 / 255 + 1e-6
    assert not {"vignetting", "blur", "noise", "jpeg"} & set(done)
    same, light = relit(picture(), np.zeros((48, 64, 3), np.float32), np.eye(3), SAME_LIGHT, rng())
    np.testing.assert_array_equal(same, picture())
    assert light == {}


def test_the_same_draws_give_the_same_image_and_others_another():
    first, one = changed(picture(), AppearanceConfig(), rng(1))
    again, same = changed(picture(), AppearanceConfig(), rng(1))
    other, _ = changed(picture(), AppearanceConfig(), rng(2))
    np.testing.assert_array_equal(first, again)
    assert one == same and (first != other).any()


def only(**strengths):
    return replace(NEUTRAL, **strengths)


@pytest.mark.parametrize(
    "config",
    [
        only(exposure=1.0), only(white_balance=0.3), only(brightness=0.2), only(contrast=0.4), only(saturation=0.5),
        only(gamma=0.4), only(vignetting_share=1.0), only(blur_share=1.0), only(noise_share=1.0),
        only(jpeg_share=1.0, least_quality=20),
    ],
    ids=["exposure", "white", "brightness", "contrast", "saturation", "gamma", "vignetting", "blur", "noise", "jpeg"],
)  # fmt: skip
def test_each_change_does_something_and_stays_in_range(config):
    images = [changed(picture(), config, rng(seed))[0] for seed in range(6)]
    assert all(image.dtype == np.uint8 and image.shape == (48, 64, 3) for image in images)
    assert np.mean([np.abs(image / 255.0 - picture()).mean() for image in images]) > 5e-4


@pytest.mark.parametrize("config", [only(blur_share=1.0, blur=40.0), only(jpeg_share=1.0), only(noise_share=1.0)])
def test_no_pixel_moves(config):
    """The centre of a bright disc stays within a tenth of a pixel: labels stay true."""
    image = np.full((96, 128, 3), 0.1, np.float32)
    cv2.circle(image, (70, 40), 12, (0.9, 0.9, 0.9), -1)
    for seed in range(5):
        stored, _ = changed(image, config, rng(seed))
        weight = np.clip(stored.mean(2) - 45.0, 0, None)
        y, x = np.mgrid[0:96, 0:128]
        assert abs((weight * x).sum() / weight.sum() - 70) < 0.1 and abs((weight * y).sum() / weight.sum() - 40) < 0.1


def test_light_shades_by_the_angle_to_it_and_keeps_the_mean():
    """A half-cylinder: encoded colour follows (1 - s + s max(0, n . l) / mean)^(1 / 2.2), l as recorded."""
    angle = np.linspace(-1.4, 1.4, 128)
    normal = np.zeros((96, 128, 3), np.float32)
    normal[..., 0], normal[..., 2] = np.sin(angle), -np.cos(angle)
    grey = np.full((96, 128, 3), 0.4, np.float32)
    turned = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # world_from_camera
    config = LightingConfig(share=1.0, tint=0.0, smoothing=0.5)
    lit, done = relit(grey, normal, turned, config, rng(3))
    cosine = np.maximum(normal @ (np.array(done["direction"]) @ turned), 0)
    expected = 0.4 * (1 - done["strength"] + done["strength"] * cosine / cosine.mean()) ** (1 / 2.2)
    assert np.abs(lit[..., 0] - np.clip(expected, 0, 1)).max() < 0.02
    assert lit.std() > 0.02


def test_without_normals_the_light_stays():
    flat = np.zeros((48, 64, 3), np.float32)
    lit, done = relit(picture(), flat, np.eye(3), LightingConfig(share=1.0), rng())
    np.testing.assert_array_equal(lit, picture())
    assert done == {}


def test_empty_pixels_get_a_colour_or_a_photo_and_full_ones_nothing(tmp_path):
    alpha = np.ones((48, 64), np.float32)
    alpha[:, :32] = 0.0
    black = np.zeros((48, 64, 3), np.float32)
    filled, done = Backgrounds.open(None).filled(black, alpha, rng())
    np.testing.assert_allclose(filled[5, 5], done["colour"], atol=1e-6)
    assert (filled[:, 32:] == 0).all()
    write_image(tmp_path / "grey.png", np.full((200, 30, 3), 100, np.uint8))
    filled, done = Backgrounds.open(tmp_path).filled(black, alpha, rng())
    np.testing.assert_allclose(filled[:, :32], 100 / 255, atol=1e-6)
    assert done == {"photo": "grey.png"}
    assert Backgrounds.open(tmp_path).filled(black, np.ones_like(alpha), rng())[1] == {}
    with pytest.raises(InputError, match="no such folder"):
        Backgrounds.open(tmp_path / "nowhere")
