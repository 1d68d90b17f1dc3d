"""Pictures of maps, cameras and sheets: colours by value, geometry by projection, hiding by depth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.drawing.cameras import draw_cameras, draw_points, frustum_size, surface_depth
from splatmatch.drawing.canvas import GHOST, Canvas, draw_discs, draw_lines, draw_picture
from splatmatch.drawing.colours import checker, ramp, sequence, srgb_from_oklab
from splatmatch.drawing.depth import depth_picture, depth_range
from splatmatch.drawing.normals import normal_picture
from splatmatch.drawing.pictures import fitted, jpeg_bytes, picture_from_alpha, picture_from_rgb, resized
from splatmatch.drawing.sheets import Cell, sheet, side_by_side
from splatmatch.drawing.text import caption
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.views import SparsePoints, View

CAMERA = Camera(80, 60, 50.0, 50.0, 40.0, 30.0)
GREY = np.full((60, 80, 3), 100, np.uint8)
RED = (255, 0, 0)


def luminance(colours: np.ndarray) -> np.ndarray:
    linear = np.where(colours <= 10, colours / 255 / 12.92, ((colours / 255 + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_oklab_white_black_and_red():
    lab = np.array([[1.0, 0, 0], [0, 0, 0], [0.62796, 0.22486, 0.12585]])
    assert srgb_from_oklab(lab).tolist() == [[255, 255, 255], [0, 0, 0], [255, 0, 0]]


def test_ramp_gets_darker_all_the_way():
    """A print in greys keeps the order of depths."""
    assert (np.diff(luminance(ramp(256).astype(float))) < 1e-3).all()
    assert luminance(ramp(256).astype(float))[0] > 0.85


def test_sequence_colours_are_of_equal_lightness():
    values = luminance(sequence(12).astype(float))
    assert values.max() / values.min() < 1.6
    assert sequence(1).shape == (1, 3)


def test_depth_picture_ends_of_the_ramp_and_invalid_pixels():
    depth = torch.tensor([[1.0, 10.0, math.sqrt(10.0), 0.0, math.nan]])
    picture = depth_picture(depth, near_far=(1.0, 10.0))
    colours = ramp()
    assert (picture[0, 0] == colours[0]).all()
    assert (picture[0, 1] == colours[-1]).all()
    assert (picture[0, 2] == colours[round((len(colours) - 1) / 2)]).all()
    assert (picture[0, 3:] == checker(1, 5)[0, 3:]).all()


@given(st.floats(1e-3, 1e3))
def test_depth_picture_does_not_depend_on_the_unit(unit):
    depth = 1 + torch.rand(9, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    difference = depth_picture(depth * unit).astype(int) - depth_picture(depth)
    assert np.abs(difference).max() <= 2


def test_depth_range_ignores_outliers_and_survives_emptiness():
    depth = torch.ones(100, 100)
    depth[0, :50] = 1e6
    near, far = depth_range(depth)
    assert far < 2
    assert near < far
    assert depth_range(torch.zeros(3, 3)) == (1.0, 2.0)


def test_normal_colours():
    normal = torch.tensor([[[0.0, 0, -1], [1, 0, 0], [0, -2, 0], [0, 0, 0]]])
    picture = normal_picture(normal)
    assert picture[0, 0].tolist() == [128, 128, 255]
    assert picture[0, 1].tolist() == [255, 128, 128]
    assert picture[0, 2].tolist() == [128, 255, 128]
    assert (picture[0, 3] == checker(1, 4)[0, 3]).all()
    faded = normal_picture(normal, torch.zeros(1, 4))
    assert (faded == checker(1, 4)).all()


def test_pictures_round_and_clamp():
    assert picture_from_rgb(torch.tensor([[[-1.0, 0.5, 2.0]]])).tolist() == [[[0, 128, 255]]]
    assert picture_from_alpha(torch.tensor([[1.0]])).tolist() == [[[255, 255, 255]]]
    assert jpeg_bytes(GREY).startswith(b"\xff\xd8")


def test_resizing_keeps_proportions_and_never_enlarges():
    assert fitted(GREY, 40, 400).shape == (30, 40, 3)
    assert fitted(GREY, 800, 800).shape == GREY.shape
    half = np.zeros((4, 4, 3), np.uint8)
    half[:, ::2] = 200
    assert (resized(half, 2, 2) == 100).all()


def centroid(changed: np.ndarray) -> np.ndarray:
    """Corner coordinates (x, y) of the centre of change."""
    y, x = np.mgrid[: changed.shape[0], : changed.shape[1]] + 0.5
    return np.array([(changed * x).sum(), (changed * y).sum()]) / changed.sum()


@given(st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(1.0, 5.0))
def test_a_disc_lies_where_its_point_projects(x, y, z):
    canvas = Canvas.over(np.zeros_like(GREY), CAMERA)
    draw_discs(canvas, np.array([[x * z, y * z, z]]), np.full((1, 3), 255, np.uint8), radius=3.0)
    expected = CAMERA.project(torch.tensor([x * z, y * z, z])).numpy()
    np.testing.assert_allclose(centroid(canvas.colours[..., 0]), expected, atol=0.1)


def test_near_discs_cover_far_ones_whatever_their_order():
    for order in ([0, 1], [1, 0]):
        canvas = Canvas.over(GREY, CAMERA)
        points, colours = np.array([[0, 0, 1.0], [0, 0, 2.0]])[order], np.array([RED, (0, 0, 255)], np.uint8)[order]
        draw_discs(canvas, points, colours, radius=4.0)
        assert canvas.picture[30, 40].tolist() == list(RED)


def test_a_line_is_anti_aliased_and_as_wide_as_asked():
    canvas = Canvas.over(np.zeros_like(GREY), CAMERA)
    draw_lines(canvas, np.array([[[-0.5, 0.0, 1], [0.5, 0.0, 1]]]), (255, 255, 255), width=2.0)
    profile = canvas.colours[:, 40, 0] / 255
    assert profile[29:31].tolist() == [1.0, 1.0]
    assert profile.sum() == pytest.approx(2.0, abs=0.1)
    assert canvas.colours[30, 5].sum() == 0


def test_lines_behind_the_scene_are_faint_and_change_where_they_enter_it():
    depth = np.full((60, 80), 2.0, np.float32)
    canvas = Canvas.over(np.zeros_like(GREY), CAMERA, depth)
    draw_lines(canvas, np.array([[[-0.7, 0.0, 1.0], [1.8, 0.0, 3.0]]]), (255, 255, 255), width=2.0)
    bright = np.flatnonzero(canvas.colours[30, :, 0] > 200)
    faint = np.flatnonzero(np.abs(canvas.colours[30, :, 0] - 255 * GHOST) < 3)
    crossing = CAMERA.project(torch.tensor([0.55, 0.0, 2.0]))[0].item()
    assert bright.min() < 8
    assert abs(bright.max() - crossing) < 2
    assert faint.min() > bright.max()


def test_lines_that_cross_the_near_plane_are_cut_not_mirrored():
    canvas = Canvas.over(np.zeros_like(GREY), CAMERA)
    draw_lines(canvas, np.array([[[0.1, 0.0, 1.0], [0.1, 0.0, -1.0]]]), (255, 255, 255))
    lit = np.flatnonzero(canvas.colours[30, :, 0] > 100)
    assert lit.min() >= 44
    assert lit.max() == 79
    draw_lines(canvas, np.array([[[0.0, 0.0, -1.0], [0.1, 0.3, -2.0]]]), (255, 255, 255))
    assert canvas.colours[:20].sum() == 0


def test_a_tilted_picture_fills_its_quadrilateral_with_its_own_colours():
    corners = np.array([[-0.5, -0.4, 1.0], [0.5, -0.4, 1.5], [0.5, 0.4, 1.5], [-0.5, 0.4, 1.0]])
    halves = np.zeros((20, 40, 3), np.uint8)
    halves[:, :20], halves[:, 20:] = RED, (0, 0, 255)
    canvas = Canvas.over(GREY, CAMERA)
    draw_picture(canvas, corners, halves)
    pixels = CAMERA.project(torch.from_numpy(corners)).numpy()
    middle = CAMERA.project(torch.tensor([0.0, 0.0, 1.25]))[0].item()
    assert canvas.picture[30, round(middle) - 3].tolist() == list(RED)
    assert canvas.picture[30, round(middle) + 2].tolist() == [0, 0, 255]
    changed = (canvas.picture != GREY).any(-1)
    area = 0.5 * abs(np.sum(pixels[:, 0] * np.roll(pixels[:, 1], -1) - pixels[:, 1] * np.roll(pixels[:, 0], -1)))
    assert changed.sum() == pytest.approx(area, rel=0.06)
    draw_picture(canvas, corners - [0, 0, 2], halves)  # behind the camera: nothing to draw


def ring(count: int) -> list[View]:
    poses = []
    for i in range(count):
        angle = 2 * math.pi * i / count
        poses.append(Pose.looking_at((2 * math.cos(angle), 2 * math.sin(angle), 0.5), (0, 0, 0)))
    return [View(f"{i}.png", CAMERA, pose, split="test" if i == 0 else "train") for i, pose in enumerate(poses)]


def test_frustum_size_scales_with_the_scene():
    views = ring(8)
    scaled = [
        View(v.name, CAMERA, Pose(v.camera_from_world.rotation, 7 * v.camera_from_world.translation)) for v in views
    ]
    assert frustum_size(scaled) == pytest.approx(7 * frustum_size(views))
    assert frustum_size(views[:1]) == 1.0
    assert frustum_size([views[0], views[0]]) == 1.0


def test_cameras_are_drawn_at_their_centres_and_hidden_by_the_scene():
    views, eye = ring(8), Pose.looking_at((0.1, -6.0, 1.0), (0, 0, 0))
    thumbnails = [GREY + i for i in range(8)]
    free = Canvas.over(np.zeros_like(GREY), CAMERA)
    draw_cameras(free, eye, views, thumbnails)
    for view in views:
        x, y = CAMERA.project(eye.apply(view.camera_from_world.centre)).tolist()
        patch = free.picture[max(0, int(y) - 2) : int(y) + 3, max(0, int(x) - 2) : int(x) + 3]
        assert patch.max() > 60
    hidden = Canvas.over(np.zeros_like(GREY), CAMERA, np.full((60, 80), 1.0, np.float32))
    draw_cameras(hidden, eye, views, thumbnails)
    assert hidden.colours.sum() < 0.3 * free.colours.sum()
    assert hidden.colours.sum() > 0


def test_points_and_rendered_depth():
    points = SparsePoints(
        torch.tensor([[0.0, 0.0, 0.0]], dtype=torch.float64), torch.tensor([RED], dtype=torch.uint8), torch.zeros(1)
    )
    eye = Pose.looking_at((0.0, -2.0, 0.0), (0, 0, 0))
    canvas = Canvas.over(GREY, CAMERA)
    draw_points(canvas, eye, points, radius=2.0)
    assert canvas.picture[30, 40].tolist() == list(RED)
    draw_points(canvas, eye, SparsePoints.empty())
    depth = surface_depth(torch.tensor([[1.0, 2.0, -1.0]]), torch.tensor([[True, False, True]]))
    assert depth.tolist() == [[1.0, math.inf, math.inf]]


def test_a_canvas_of_another_size_is_refused():
    with pytest.raises(ValueError, match="not of camera"):
        Canvas.over(GREY[:50], CAMERA)


def test_sheets_put_every_picture_where_it_belongs():
    red, blue = np.full((30, 60, 3), RED, np.uint8), np.full((60, 60, 3), (0, 0, 255), np.uint8)
    made = sheet([[Cell(red, "red"), Cell(blue)], [Cell(blue)]], cell_width=60, gap=4, letters=10)
    assert made.shape == (4 + 60 + 17 + 4 + 60 + 4, 4 + 60 + 4 + 60 + 4, 3)
    assert (made[34:64, 4:64] == RED).all()
    assert (made[4:34, 4:64] == 255).all()
    assert (made[4:64, 68:128] == (0, 0, 255)).all()
    assert (made[64:81, 4:64] < 200).any()
    with pytest.raises(ValueError, match="at least one"):
        sheet([])


def test_side_by_side_scales_to_the_first():
    assert side_by_side([GREY, GREY[::2, ::2]], gap=3).shape == (60, 163, 3)


def test_long_captions_are_cut_and_always_fit():
    short = caption("abc", 200, 14, (0, 0, 0), (255, 255, 255))
    long = caption("m" * 200, 200, 14, (0, 0, 0), (255, 255, 255))
    assert short.shape == long.shape == (24, 200, 3)
    assert (long[:, :2] > 250).all()
    assert caption("abc", 3, 14, (0, 0, 0), (255, 255, 255)).min() == 255
