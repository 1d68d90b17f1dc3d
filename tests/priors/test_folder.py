"""Maps from files: what their values mean, where they are not valid, what is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError
from splatmatch.priors.registry import open_prior

PHOTO = torch.zeros(20, 30, 3)


def ramp(height: int = 20, width: int = 30) -> np.ndarray:
    return np.tile(np.linspace(1, 4, width, dtype=np.float32), (height, 1))


def test_inverse_depth_is_the_default_and_comes_back_bit_for_bit(tmp_path):
    (tmp_path / "sub").mkdir()
    np.save(tmp_path / "sub" / "a.npy", ramp())
    depth = open_prior(str(tmp_path)).predict(PHOTO, "sub/a.jpg")
    assert np.array_equal(depth.values.numpy(), ramp()) and bool(depth.valid.all())


def test_maps_json_says_that_the_values_are_depth(tmp_path):
    map_ = ramp().astype(np.float64)
    map_[0, 0], map_[0, 1], map_[0, 2], map_[0, 3] = 0, np.nan, np.inf, -1
    np.save(tmp_path / "a.npy", map_)
    (tmp_path / "maps.json").write_text('{"kind": "depth", "licence": "CC-BY-4.0"}')
    prior = open_prior(str(tmp_path))
    depth = prior.predict(PHOTO, "a.png")
    assert prior.licence == "CC-BY-4.0"
    assert not depth.valid[0, :4].any() and depth.valid.sum() == 20 * 30 - 4
    np.testing.assert_allclose(depth.values.numpy()[1:], 1 / ramp()[1:], rtol=1e-6)
    assert (depth.values[0, :4] == 0).all()


def test_16_bit_png_with_zero_as_unknown(tmp_path):
    levels = (1000 * ramp()).astype(np.uint16)
    levels[5, 5] = 0
    cv2.imwrite(str(tmp_path / "a.png"), levels)
    depth = open_prior(str(tmp_path)).predict(PHOTO, "a.jpg")
    assert not depth.valid[5, 5] and depth.valid.sum() == 599
    assert np.array_equal(depth.values.numpy(), levels.astype(np.float32))


def test_a_smaller_map_is_resampled_without_mixing_in_what_is_unknown(tmp_path):
    small = np.full((10, 15), 2.0, np.float32)
    small[:, 7:] = np.nan
    np.save(tmp_path / "a.npy", small)
    depth = open_prior(str(tmp_path)).predict(PHOTO, "a.jpg")
    assert depth.valid[:, :13].all() and not depth.valid[:, 14:].any()
    torch.testing.assert_close(depth.values[depth.valid], torch.full_like(depth.values[depth.valid], 2.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: np.save(p / "a.npy", ramp()[None]), "(H, W) numbers"),
        (lambda p: np.save(p / "a.npy", np.zeros((20, 30), np.float32)), "no value in it is valid"),
        (lambda p: np.save(p / "a.npy", np.array([{"x": 1}]), allow_pickle=True), "not a readable array"),
        (lambda p: np.save(p / "a.npy", ramp(20, 60)), "does not belong"),
        (lambda p: (p / "a.npy").write_bytes(b"\x93NUMPY"), "not a readable array"),
        (lambda p: cv2.imwrite(str(p / "a.png"), np.ones((20, 30), np.uint8)), "16-bit grey PNG"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(FormatError) as caught:
        open_prior(str(tmp_path)).predict(PHOTO, "a.jpg")
    assert message in str(caught.value) and "a." in str(caught.value)


def test_a_header_that_promises_more_than_the_file_holds_allocates_nothing(tmp_path):
    np.save(tmp_path / "a.npy", ramp())
    data = bytearray((tmp_path / "a.npy").read_bytes())
    data = data.replace(b"(20, 30), }", b"(99999,999)}")
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(FormatError, match="not a readable array"):
        open_prior(str(tmp_path)).predict(PHOTO, "a.jpg")


def test_a_photo_without_a_map_is_named(tmp_path):
    with pytest.raises(InputError, match=r"for the photo there\.jpg"):
        open_prior(str(tmp_path)).predict(PHOTO, "there.jpg")
