"""Working sizes, the way back to the photo, and tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.matchers.sizes import SizeOptions, shrink, tile_side, tiles, to_photo, working_size

_side = st.integers(1, 4000)


@given(_side, _side, st.integers(32, 2000), st.sampled_from([1, 16, 32]))
def test_working_sizes_are_multiples_and_never_larger_than_asked(width, height, size, multiple):
    w, h = working_size((width, height), size, multiple, multiple)
    assert w % multiple == 0 == h % multiple
    assert max(w, h) <= max(size, multiple)
    assert w <= max(width, multiple) and h <= max(height, multiple)


def test_working_sizes_round_each_side_then_go_down_to_the_multiple():
    assert working_size((1536, 1024), 640) == (640, 427)
    assert working_size((1536, 1024), 640, 32, 32) == (640, 416)
    assert working_size((200, 100), 640) == (200, 100)
    assert working_size((8, 8), 640, 32, 32) == (32, 32)
    assert working_size((1536, 1024), 0) == (1536, 1024)


def test_both_axes_go_back_to_the_photo_by_their_own_ratio():
    photo = np.zeros((683, 1024, 3), np.uint8)
    image, shown = shrink(photo, working_size((1024, 683), 640, 32, 32))
    assert image.shape == (416, 640, 3) and shown == (640.0, 416.0)
    corners = np.array([[0, 0], [640, 416], [320, 208]], np.float32)
    np.testing.assert_allclose(to_photo(corners, shown, (1024, 683)), [[0, 0], [1024, 683], [512, 341.5]])


def test_a_blob_is_found_where_it_was_after_shrinking():
    photo = np.zeros((150, 210, 3), np.uint8)
    photo[60:66, 120:126] = 255
    image, shown = shrink(photo, (70, 50))
    rows, columns = np.nonzero(image[..., 0])
    weights = image[rows, columns, 0].astype(float)
    centre = np.array([[np.average(columns + 0.5, weights=weights), np.average(rows + 0.5, weights=weights)]])
    np.testing.assert_allclose(to_photo(centre.astype(np.float32), shown, (210, 150)), [[123, 63]], atol=1e-4)


def test_images_below_the_smallest_size_are_padded_and_keep_their_scale():
    photo = np.arange(8 * 20 * 3, dtype=np.uint8).reshape(8, 20, 3)
    image, shown = shrink(photo, (32, 32))
    assert image.shape == (32, 32, 3) and shown == (20.0, 8.0)
    np.testing.assert_array_equal(image[:8, :20], photo)
    np.testing.assert_array_equal(image[20, 5], photo[7, 5])


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(256, 900))
def test_every_point_belongs_to_one_tile_that_sees_it_well(width, height, side):
    pieces = list(tiles((width, height), side))
    points = np.random.default_rng(0).uniform(0, 1, (200, 2)) * [width, height]
    owners = np.stack([piece.owns(points.astype(np.float32)) for piece in pieces])
    assert (owners.sum(axis=0) == 1).all()
    for piece, owned in zip(pieces, owners, strict=True):
        rows, columns = piece.seen
        assert max(rows.stop - rows.start, columns.stop - columns.start) <= side + 32
        for x, y in points[owned]:
            assert columns.start <= x <= columns.stop and rows.start <= y <= rows.stop
            assert columns.start == 0 or x - columns.start >= 63
            assert columns.stop == width or columns.stop - x >= 63


def test_tiles_are_cut_where_memory_asks_for_it():
    assert tile_side(SizeOptions(memory=1.0), (1024, 768), 300) == 0
    side = tile_side(SizeOptions(size=0, memory=1.0), (6720, 4480), 300)
    assert side > 1024 and side * side * 300 <= 1e9 and side % 32 == 0
    assert tile_side(SizeOptions(tiles=512), (1024, 768), 300) == 512
    assert tile_side(SizeOptions(tiles=512), (500, 300), 300) == 0


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(Exception, match="size=5"):
        SizeOptions(size=5)
