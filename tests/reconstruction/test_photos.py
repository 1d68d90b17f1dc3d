"""The door: sizes, EXIF, masks, twins, and files that are no photos."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from splatmatch.errors import FormatError, InputError, ReconstructionError
from splatmatch.formats.images import write_image
from splatmatch.jobs.progress import Silent
from splatmatch.reconstruction.photos import find_photos
from tests.reconstruction.photo_sets import write_photo


def noise(seed, height=30, width=40):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)


def find(folder, masks=None):
    return find_photos(folder, masks, Silent())


@pytest.fixture
def folder(tmp_path):
    for index in range(3):
        write_photo(tmp_path / f"{index}.jpg", noise(index))
    return tmp_path


def test_photos_come_upright_and_sorted(folder):
    """EXIF orientation 6 swaps the sides; the focal length is that of EXIF in pixels; sub-folders are searched."""
    write_photo(folder / "a" / "0.jpg", noise(9), orientation=6, focal_35mm=28)
    photos = find(folder).photos
    assert [photo.name for photo in photos] == ["0.jpg", "1.jpg", "2.jpg", "a/0.jpg"]
    turned = photos[-1]
    assert (turned.width, turned.height) == (40, 30)
    assert turned.focal == pytest.approx(28 * 50 / np.hypot(36, 24))
    assert photos[0].focal is None


def test_unreadable_photos_are_named_and_skipped(folder):
    """The rest goes on; the reason names the file."""
    (folder / "broken.jpg").write_bytes(b"no image at all")
    (folder / "empty.png").write_bytes(b"")
    found = find(folder)
    assert len(found.photos) == 3
    assert {item.name for item in found.rejected} == {"broken.jpg", "empty.png"}
    assert "broken.jpg" in found.rejected[0].reason


def test_a_copy_of_a_photo_is_left_out(folder):
    """It would hold out or train one photo twice."""
    shutil.copy(folder / "0.jpg", folder / "copy.jpg")
    found = find(folder)
    assert [item.name for item in found.rejected] == ["copy.jpg"]
    assert "same file as 0.jpg" in found.rejected[0].reason


def test_too_few_photos(tmp_path):
    """Each cause has its own words: no folder, empty folder, one photo, copies, damage."""
    with pytest.raises(InputError, match="no such folder"):
        find(tmp_path / "none")
    with pytest.raises(InputError, match="holds no photos"):
        find(tmp_path)
    write_photo(tmp_path / "one.jpg", noise(0))
    with pytest.raises(ReconstructionError, match=r"single photo, one\.jpg"):
        find(tmp_path)
    shutil.copy(tmp_path / "one.jpg", tmp_path / "two.jpg")
    shutil.copy(tmp_path / "one.jpg", tmp_path / "three.jpg")
    with pytest.raises(ReconstructionError, match="all 3 photos are identical"):
        find(tmp_path)
    for name in ("two.jpg", "three.jpg"):
        (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ReconstructionError, match=r"fewer than two photos can be used: three\.jpg: .*; two\.jpg"):
        find(tmp_path)


def test_masks_are_found_and_checked(folder, tmp_path_factory):
    """By the photo's name; of its size; at least one."""
    masks = tmp_path_factory.mktemp("masks")
    with pytest.raises(InputError, match="no mask for any photo"):
        find(folder, masks)
    write_image(masks / "1.jpg.png", np.zeros((30, 40), np.uint8))
    assert [photo.mask for photo in find(folder, masks).photos] == [None, masks / "1.jpg.png", None]
    write_image(masks / "2.png", np.zeros((30, 41), np.uint8))
    with pytest.raises(FormatError, match=r"2\.png: the mask is 41 x 30, its photo 40 x 30"):
        find(folder, masks)
    with pytest.raises(InputError, match="no such folder of masks"):
        find(folder, masks / "none")


def test_masks_among_the_photos_are_no_photos(folder):
    """Where the folder of masks lies inside that of the photos."""
    write_image(folder / "masks" / "1.png", np.zeros((30, 40), np.uint8))
    assert [photo.name for photo in find(folder, folder / "masks").photos] == ["0.jpg", "1.jpg", "2.jpg"]
