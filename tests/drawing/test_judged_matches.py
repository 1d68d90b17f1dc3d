"""Pictures of matches that are right or wrong."""

from __future__ import annotations

import numpy as np

from splatmatch.drawing.judged_matches import RIGHT, WRONG, judged_picture


def test_right_and_wrong_lines_end_where_the_matches_are():
    """A photo shown at half its height and one at twice: dots stand at scaled corner pixels, in their colour."""
    a, b = np.full((200, 300, 3), 128, np.uint8), np.full((50, 40, 3), 128, np.uint8)
    points_a, points_b = np.array([[40.0, 60.0], [200.0, 150.0]]), np.array([[10.0, 20.0], [30.0, 40.0]])
    picture = judged_picture(a, b, points_a, points_b, np.array([True, False]), height=100)
    assert picture.shape == (100, 150 + 8 + 80, 3)
    for row, colour in ((0, RIGHT), (1, WRONG)):
        for x, y in (points_a[row] / 2, points_b[row] * 2 + (158, 0)):
            assert np.abs(picture[int(y), int(x)].astype(int) - colour).max() < 12
    assert (picture[:, 150:158] != 255).any()  # the lines cross the gap


def test_many_matches_are_thinned_evenly():
    a = np.zeros((100, 100, 3), np.uint8)
    points = np.stack([np.linspace(0, 100, 4000), np.full(4000, 50.0)], 1)
    right = np.arange(4000) % 2 == 0
    few = judged_picture(a, a, points, points, right, height=100, most=5)
    many = judged_picture(a, a, points, points, right, height=100, most=4000)
    assert 0 < (few[:, :100].max(2) > 90).sum() < 0.5 * (many[:, :100].max(2) > 90).sum()


def test_no_matches_are_two_photos():
    a = np.full((10, 20, 3), 7, np.uint8)
    none = np.zeros((0, 2))
    assert (judged_picture(a, a, none, none, np.zeros(0, bool), height=10)[:, :20] == 7).all()
