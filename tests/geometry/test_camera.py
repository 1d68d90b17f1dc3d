"""Cameras: corner pixels, and intrinsics that follow every resize and crop."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from splatmatch.geometry.camera import Camera

sides = st.integers(1, 5000)


@st.composite
def cameras(draw):
    width, height = draw(sides), draw(sides)
    focal = st.floats(0.1 * max(width, height), 5 * max(width, height))
    return Camera(
        width,
        height,
        draw(focal),
        draw(focal),
        draw(st.floats(-width, 2 * width)),
        draw(st.floats(-height, 2 * height)),
    )


POINTS = torch.tensor([[0.2, -0.1, 1.0], [-0.7, 0.4, 3.0], [0.0, 0.0, 0.5]], dtype=torch.float64)


@given(cameras())
def test_unproject_undoes_project(camera):
    pixels = camera.project(POINTS)
    torch.testing.assert_close(camera.unproject(pixels, POINTS[:, 2]), POINTS, rtol=1e-9, atol=1e-9)
    homogeneous = POINTS @ camera.matrix.T
    torch.testing.assert_close(pixels, homogeneous[:, :2] / homogeneous[:, 2:])


@given(cameras(), sides, sides)
def test_resizing_keeps_the_relative_position_of_every_point(camera, width, height):
    resized = camera.resized(width, height)
    before = camera.project(POINTS) / torch.tensor([camera.width, camera.height])
    after = resized.project(POINTS) / torch.tensor([width, height])
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)
    assert (resized.width, resized.height) == (width, height)


@given(cameras(), st.integers(0, 50), st.integers(0, 50))
def test_crops_shift_pixels(camera, x, y):
    cropped = camera.cropped(x, y, 7, 9)
    torch.testing.assert_close(cropped.project(POINTS), camera.project(POINTS) - torch.tensor([x, y]))
    assert (cropped.width, cropped.height) == (7, 9)


@given(cameras(), st.integers(1, 4000))
def test_long_side_is_respected_and_never_enlarged(camera, long_side):
    smaller = camera.with_long_side(long_side)
    assert max(smaller.width, smaller.height) == min(long_side, max(camera.width, camera.height))
    assert min(smaller.width, smaller.height) >= 1


def test_pixel_centres_are_corner_pixels_and_match_an_image_reduced_by_averaging():
    """Averaging 2x2 blocks of an image of x coordinates gives the x coordinates of the half-size camera, doubled."""
    camera = Camera(8, 6, 10, 10, 4, 3)
    centres = camera.pixel_centres()
    assert centres.shape == (6, 8, 2)
    assert centres[0, 0].tolist() == [0.5, 0.5]
    assert centres[5, 7].tolist() == [7.5, 5.5]
    reduced = centres.reshape(3, 2, 4, 2, 2).mean((1, 3))
    torch.testing.assert_close(reduced, 2 * camera.resized(4, 3).pixel_centres())


def test_field_of_view_by_value():
    camera = Camera.from_fov(200, 100, 90)
    assert camera.fx == pytest.approx(100)
    assert camera.horizontal_degrees == pytest.approx(90)
    assert camera.zoomed(2).horizontal_degrees == pytest.approx(2 * math.degrees(math.atan(0.5)))
    assert camera.intrinsics.tolist() == pytest.approx([100, 100, 100, 50])


@pytest.mark.parametrize(
    "values",
    [(0, 5, 1, 1, 0, 0), (5, 5, 0, 1, 0, 0), (5, 5, 1, -1, 0, 0), (5, 5, math.nan, 1, 0, 0), (5, 5, 1, 1, np.inf, 0)],
)
def test_impossible_cameras_are_refused(values):
    with pytest.raises(ValueError, match="not a camera"):
        Camera(*values)
