"""SIFT: positions in corner pixels of the photo as it is, masks, root normalisation."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from splatmatch.correspondence.vlad import unit_vectors
from splatmatch.errors import SplatmatchError
from splatmatch.formats.images import write_image
from splatmatch.reconstruction.structure.features import (
    FeatureOptions,
    PhotoFile,
    detect,
    photo_features,
    stored_root_sift,
)
from tests.reconstruction.photo_sets import write_photo


def blob(x, y, sigma=6.0, size=(200, 160)):
    """A bright Gaussian spot centred at corner coordinates (x, y)."""
    columns, rows = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    return (40 + 180 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))).round().astype(np.uint8)


@pytest.mark.parametrize(("x", "y"), [(100.0, 80.0), (70.25, 90.75), (101.5, 61.1)])
def test_a_spot_is_found_at_its_centre(x, y):
    """Corner pixels: a spot centred on the centre of pixel (99, 79) lies at (99.5, 79.5)."""
    keypoints = detect(blob(x, y), None, FeatureOptions()).keypoints
    distances = np.hypot(keypoints[:, 0] - x, keypoints[:, 1] - y)
    assert distances.min() < 0.1


def test_positions_of_a_reduced_photo_are_those_of_the_photo():
    """Features looked for at half the size still have pixels and scales of the whole photo."""
    large = blob(200.5, 160.25, sigma=14, size=(400, 320))
    whole, half = (detect(large, None, FeatureOptions(size=size)).keypoints for size in (400, 200))
    for keypoints in (whole, half):
        best = np.hypot(keypoints[:, 0] - 200.5, keypoints[:, 1] - 160.25).argmin()
        assert np.hypot(*(keypoints[best, :2] - (200.5, 160.25))) < 0.2
        assert keypoints[best, 2] == pytest.approx(14, rel=0.3)


def test_masked_pixels_have_no_features(corner):
    """None on the left half, as many as before on the right."""
    photo = corner[1][0].pixels
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    mask = np.zeros(grey.shape, bool)
    mask[:, 200:] = True
    free, masked = (detect(grey, m, FeatureOptions()).keypoints for m in (None, mask))
    assert (masked[:, 0] >= 199).all()
    assert len(masked) >= 0.95 * (free[:, 0] > 201).sum()


def test_most_features_are_bounded_and_an_empty_photo_has_none(corner):
    """The number asked for is never exceeded; a blank photo is no error."""
    grey = cv2.cvtColor(corner[1][0].pixels, cv2.COLOR_RGB2GRAY)
    assert len(detect(grey, None, FeatureOptions(count=50)).keypoints) == 50
    blank = detect(np.full((60, 80), 128, np.uint8), None, FeatureOptions())
    assert blank.keypoints.shape == (0, 4)
    assert blank.descriptors.shape == (0, 128)


def test_root_sift_has_length_512():
    """||sqrt(d / |d|_1)|| = 1, stored times 512 in bytes."""
    table = np.random.default_rng(0).gamma(0.5, 20, (50, 128)).astype(np.float32)
    stored = stored_root_sift(table)
    expected = np.sqrt(table / table.sum(1, keepdims=True))
    assert np.abs(stored / 512 - expected)[expected < 0.49].max() <= 0.5 / 512 + 1e-6
    assert np.linalg.norm(unit_vectors(stored), axis=1) == pytest.approx(np.ones(50), abs=1e-6)
    assert np.abs(unit_vectors(stored) - expected).max() < 0.01


def test_photos_come_in_order_and_damaged_ones_as_errors(tmp_path):
    """A photo that ends in the middle does not stop the others."""
    for index in range(3):
        noise = np.random.default_rng(index).integers(0, 255, (120, 160, 3)).astype(np.uint8)
        write_photo(tmp_path / f"{index}.jpg", noise)
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[: len(whole) // 2])
    files = [PhotoFile(f"{i}.jpg", tmp_path / f"{i}.jpg", True, 0) for i in range(3)]
    results = dict(photo_features(files, [2, 1, 0], FeatureOptions()))
    assert list(results) == [2, 1, 0]
    assert isinstance(results[1], SplatmatchError)
    assert "1.jpg" in str(results[1])
    assert len(results[0].keypoints) > 0


def test_orientation_and_mask_belong_to_the_upright_photo(tmp_path, corner):
    """A photo stored on its side gives the features of the upright one; its mask is upright."""
    photo = corner[1][0].pixels
    write_photo(tmp_path / "turned.png", photo, orientation=6)
    write_image(tmp_path / "plain.png", photo)
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:100] = 255
    write_image(tmp_path / "mask.png", mask)
    files = [PhotoFile(n, tmp_path / n, True, 0, tmp_path / "mask.png") for n in ("turned.png", "plain.png")]
    (_, turned), (_, plain) = photo_features(files, [0, 1], FeatureOptions())
    assert (turned.keypoints == plain.keypoints).all()
    assert plain.keypoints[:, 1].max() < 101
