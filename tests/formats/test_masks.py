"""Masks: found by their name variants, black is ignored."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.images import write_image
from splatmatch.formats.masks import find_mask, read_mask


def mask_file(path, values=((0, 255), (1, 0))):
    write_image(path, np.array(values, np.uint8))


@pytest.mark.parametrize("variant", ["a/img.jpg.png", "a/img.png", "a/img.mask.png"])
def test_variants_are_found(tmp_path, variant):
    mask_file(tmp_path / variant)
    assert find_mask(tmp_path, "a/img.jpg") == tmp_path / variant
    assert find_mask(tmp_path, "a/other.jpg") is None


def test_the_full_name_wins(tmp_path):
    mask_file(tmp_path / "img.png")
    mask_file(tmp_path / "img.jpg.png")
    assert find_mask(tmp_path, "img.jpg") == tmp_path / "img.jpg.png"
    assert find_mask(tmp_path, "img.png") == tmp_path / "img.png"


def test_black_is_ignored(tmp_path):
    mask_file(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", 2, 2).tolist() == [[False, True], [True, False]]


def test_wrong_size_and_missing_folder(tmp_path):
    mask_file(tmp_path / "m.png")
    with pytest.raises(FormatError, match=r"the mask is 2 x 2, its photo 3 x 2"):
        read_mask(tmp_path / "m.png", 3, 2)
    with pytest.raises(InputError, match="no such folder"):
        find_mask(tmp_path / "none", "a.jpg")
