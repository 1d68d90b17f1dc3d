"""Pictures of matches: lines where the matches are, colours by confidence, inliers apart."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.drawing.matches import confidence_colours, draw_lines, match_picture
from splatmatch.scene.matches import Matches
from tests.drawing.test_drawing import luminance


def matches(points_a, points_b, scores, size_a=(300, 200), size_b=(300, 200)):
    a, b, s = (np.asarray(values, np.float32) for values in (points_a, points_b, scores))
    return Matches(a.reshape(-1, 2), b.reshape(-1, 2), s, size_a, size_b, "sift", "", "Apache-2.0")


def changed(picture, plain):
    return (picture.astype(int) - plain).any(axis=2)


def test_confidence_is_readable_in_greys():
    """The more certain, the lighter; NaN and values outside do no harm."""
    assert (np.diff(luminance(confidence_colours(np.linspace(0, 1, 9)).astype(float))) > 0).all()
    ends = confidence_colours(np.array([np.nan, -1, 0, 1, 7]))
    assert (ends[0] == ends[1]).all() and (ends[1] == ends[2]).all() and (ends[3] == ends[4]).all()


def test_a_line_runs_between_pixel_centres():
    """Corner coordinates (10.5, 20.5) are the centre of pixel (10, 20)."""
    picture = np.zeros((60, 80, 3), np.uint8)
    draw_lines(picture, np.array([[10.5, 20.5]]), np.array([[60.5, 20.5]]), np.array([[255, 255, 255]], np.uint8))
    rows, columns = np.nonzero((picture > 50).any(axis=2))
    assert picture[20, 10].min() == 255 and picture[20, 60].min() == 255
    assert (rows.min() + rows.max()) / 2 == 20
    assert (columns.min() + columns.max()) / 2 == 35


@pytest.mark.parametrize("size_b", [(300, 200), (200, 300), (3000, 2000)])
def test_lines_end_at_the_points(size_b):
    """Also where the second photo is upright or much larger: the dots lie on the matched points."""
    a = np.full((200, 300, 3), 90, np.uint8)
    b = np.full((*size_b[::-1], 3), 90, np.uint8)
    none = match_picture(a, b, matches([], [], [], size_b=size_b), height=200)
    point = (0.25 * size_b[0], 0.75 * size_b[1])
    drawn = match_picture(a, b, matches([[30, 60]], [point], [1.0], size_b=size_b), height=200)
    where = changed(drawn[:200], none[:200])
    columns = np.nonzero(where.any(axis=0))[0]
    width = round(size_b[0] * 200 / size_b[1])
    assert abs(columns.min() - 28) <= 2
    assert abs(columns.max() - (300 + 8 + 0.25 * width + 2)) <= 2.5
    assert where[60, 30] and where[150, round(308 + 0.25 * width)]


def test_inliers_stand_apart_and_are_counted():
    """One part for each; the picture of verified matches does not show the others."""
    a = np.full((100, 150, 3), 90, np.uint8)
    some = matches([[30, 20], [30, 80]], [[60, 20], [60, 80]], [0.9, 0.2], (150, 100), (150, 100))
    both = match_picture(a, a, some, np.array([True, False]), height=100)
    single = match_picture(a, a, some, height=100)
    assert both.shape[0] == 2 * single.shape[0]
    plain = np.concatenate([a, np.full((100, 8, 3), 255, np.uint8), a], axis=1)
    upper, lower = changed(both[:100], plain), changed(both[single.shape[0] :][:100], plain)
    assert upper[20, 100] and not upper[80].any()
    assert lower[80, 100] and not lower[20].any()


def test_too_many_matches_are_thinned_over_all_confidences():
    """Not the best alone: the picture must not look better than the matches are."""
    a = np.zeros((100, 150, 3), np.uint8)
    rows = np.linspace(5, 95, 10, dtype=np.float32)
    points = np.stack([np.full(10, 20, np.float32), rows], axis=1)
    some = matches(points, points, np.linspace(0, 1, 10), (150, 100), (150, 100))
    drawn = match_picture(a, a, some, height=100, most=2)
    assert drawn[5, 20].any() and drawn[95, 20].any() and not drawn[45, 20].any()
