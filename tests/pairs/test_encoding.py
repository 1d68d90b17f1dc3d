"""Maps survive their files to the stated accuracy; damage is an error and never a crash or a huge allocation."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from splatmatch.errors import FormatError
from splatmatch.pairs import encoding

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@given(st.data())
def test_depth_is_kept_to_half_a_level_of_its_logarithm(data):
    """The bound that ``encode_depth`` states, for ranges from 1e-6 to 1e6, and the invalid stay invalid."""
    shape = data.draw(SHAPES)
    depth = data.draw(arrays.arrays(np.float32, shape, elements=st.floats(2.0**-20, 2.0**20, width=32)))
    valid = data.draw(arrays.arrays(np.bool_, shape))
    packed, near, far = encoding.encode_depth(depth, valid)
    back = encoding.decode_depth(packed, near, far, "x")
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back > 0, valid)
    if valid.any():
        bound = np.log(far / near) / 131068 + 3e-7
        assert np.abs(np.log(back[valid].astype(float) / depth[valid])).max() <= bound


@given(arrays.arrays(np.float32, SHAPES, elements=st.floats(0, 2.0**13, width=32)))
def test_sigma_is_kept_to_half_a_step(sigma):
    valid = sigma > 1
    back = encoding.decode_sigma(encoding.encode_sigma(sigma, valid), "x")
    np.testing.assert_array_equal(back > 0, valid)
    clipped = np.clip(sigma[valid], 0.01, 100)
    assert np.abs(np.log(back[valid] / clipped)).max(initial=0) <= np.log(1e4) / 508 + 1e-5


@given(arrays.arrays(np.int32, SHAPES, elements=st.integers(-1, 2**31 - 1)))
def test_ids_survive_exactly(ids):
    np.testing.assert_array_equal(encoding.decode_ids(encoding.encode_ids(ids), "x"), ids)


@given(arrays.arrays(np.bool_, SHAPES))
def test_masks_survive_exactly(mask):
    np.testing.assert_array_equal(encoding.decode_mask(encoding.encode_mask(mask), "x"), mask)


def test_colours_are_not_swapped_and_one_dot_stays_in_its_place():
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[8:16, 32:40, 0] = 255
    back = encoding.decode_rgb(encoding.encode_rgb(rgb, 95), "x").astype(int)
    assert back[12, 36, 0] > 200 > 60 > back[12, 36, 2]
    y, x = np.nonzero(back[..., 0] > 128)
    assert abs(y.mean() - 11.5) < 0.3 and abs(x.mean() - 35.5) < 0.3


def test_nothing_valid_and_one_depth_only_are_depth_maps_too():
    depth = np.full((3, 4), 2.5, np.float32)
    for valid in (np.zeros((3, 4), bool), np.ones((3, 4), bool)):
        packed, near, far = encoding.encode_depth(depth, valid)
        np.testing.assert_allclose(encoding.decode_depth(packed, near, far, "x"), depth * valid, rtol=1e-6)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_valid_depth_must_be_a_depth(bad):
    depth = np.ones((2, 2), np.float32)
    depth[0, 0] = bad
    with pytest.raises(ValueError, match="finite and above zero"):
        encoding.encode_depth(depth, np.ones((2, 2), bool))


@pytest.mark.parametrize(("near", "far"), [(0, 1), (2, 1), (1, np.inf), (np.nan, 1)])
def test_a_range_that_is_none_is_refused(near, far):
    packed, _, _ = encoding.encode_depth(np.ones((2, 2), np.float32), np.ones((2, 2), bool))
    with pytest.raises(FormatError, match="no range"):
        encoding.decode_depth(packed, near, far, "shard.tar: k.a.depth.png")


def test_a_png_of_another_kind_is_refused_by_name():
    with pytest.raises(FormatError, match=r"k\.a\.depth\.png: an image of uint8"):
        encoding.decode_depth(encoding.encode_mask(np.ones((2, 2), bool)), 1, 2, "k.a.depth.png")
    with pytest.raises(FormatError, match="neither PNG nor JPEG"):
        encoding.decode_mask(b"\x80\x04pickle", "k.a.valid.png")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_truncated_images_are_errors(share):
    depth = np.random.default_rng(0).uniform(1, 2, (30, 40)).astype(np.float32)
    packed, near, far = encoding.encode_depth(depth, depth > 0)
    with pytest.raises(FormatError):
        encoding.decode_depth(packed[: int(share * len(packed))], near, far, "x")


def test_an_absurd_size_is_refused_before_it_is_allocated():
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(FormatError, match="states 2147483647 x 2147483647"):
        encoding.decode_depth(png, 1, 2, "x")
