"""The mesh renderer: exact on planes, occlusion by depth, cut at edges, infinity, back faces, thread counts."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from splatmatch.geometry.pose import Pose
from splatmatch.pairs.lift.mesh import Lifted, Texture, colours, dilated, draw, seen_in
from tests.pairs.lift.examples import camera, disc, motion, plane, texture

JUMP = 0.06


def warped(points: np.ndarray, depth: np.ndarray, lifted: Lifted, b_from_a: Pose, second) -> np.ndarray:
    """Pixels in b of pixels (N, 2) of a at z-depth (N,), by the library's own camera model in float64."""
    local = lifted.camera.unproject(torch.from_numpy(points).double(), torch.from_numpy(depth).double())
    return second.project(b_from_a.apply(local)).numpy()


@settings(max_examples=15)
@given(
    tilt=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
    step=st.tuples(*[st.floats(-0.25, 0.25)] * 3),
    turn=st.tuples(*[st.floats(-0.15, 0.15)] * 3),
    zoom=st.floats(0.7, 1.6),
)
def test_a_plane_is_seen_by_its_homography_with_exact_depth(tilt, step, turn, zoom):
    """Perspective-correct: the source of every drawn pixel, warped by the camera model, is the centre of that pixel."""
    first = camera()
    second = first.zoomed(zoom)
    lifted = Lifted(texture(), plane(first, (*tilt, 1.0), 2.0), first)
    pose = motion(*step, *turn)
    view = draw(lifted, second, pose, JUMP)
    y, x = np.nonzero(~view.holes)
    assert len(y) > 500
    source = view.source[y, x].astype(np.float64)
    rays = first.unproject(torch.from_numpy(source), torch.ones(len(source)).double())
    depth = (2.0 / (rays @ torch.tensor([*tilt, 1.0]).double())).numpy()
    back = warped(source, depth, lifted, pose, second)
    np.testing.assert_allclose(back, np.stack([x, y], 1) + 0.5, atol=2e-3)
    points = pose.apply(first.unproject(torch.from_numpy(source), torch.from_numpy(depth)))
    np.testing.assert_allclose(1 / view.inverse[y, x], points[:, 2].numpy(), rtol=1e-5)


def test_no_motion_gives_the_photo_back_to_the_last_bit():
    lifted = Lifted(texture(), disc(), camera())
    view = draw(lifted, camera(), Pose.identity(), 10.0)  # not cut anywhere
    inside = (slice(1, -1), slice(1, -1))  # the mesh ends at the outermost pixel centres
    assert np.array_equal(colours(Texture(lifted.rgb), view)[inside], lifted.rgb[inside])
    np.testing.assert_allclose(view.inverse[inside], disc()[inside], rtol=1e-6)


def test_no_pixel_is_covered_twice_or_missed_between_triangles():
    """A tilted plane under a strong turn has no cracks: the holes are exactly what lies outside the photo's outline."""
    first = camera()
    lifted = Lifted(texture(), plane(first, (0.3, -0.2, 1.0), 2.0), first)
    view = draw(lifted, first, motion(0.1, 0.05, 0.2, 0.05, -0.1, 0.8), JUMP)
    holes = view.holes.astype(np.uint8)
    import cv2

    _, _, statistics, _ = cv2.connectedComponentsWithStats(holes, connectivity=4)
    assert statistics[1:, cv2.CC_STAT_AREA].min() > 3  # corners of the picture, no single pixels


def test_the_nearer_surface_hides_the_farther_whatever_the_order():
    """The card moves right in front of the wall: inverse depth at each pixel is the largest of what projects there."""
    first = camera(focal=150)
    lifted = Lifted(texture(), disc(), first)
    pose = motion(0.2, 0, 0, 0, 0, 0)
    for flip in (False, True):
        source = Lifted(lifted.rgb[:, ::-1].copy(), lifted.inverse[:, ::-1].copy(), first) if flip else lifted
        view = draw(source, first, pose, JUMP)
        y, x = np.mgrid[:120, :160] + 0.5
        card = np.hypot(x - 0.2 * 150 - 80, y - 60) < 24  # shifted by f t / z = 30 pixels
        assert np.all(view.inverse[card] == 1.0)
        wall = np.hypot(x - 30 - 80, y - 60) > 27
        assert np.all(np.isin(view.inverse[wall], [np.float32(0.2), np.float32(-1)]))


def test_no_rubber_sheets_between_surfaces():
    """What is drawn lies on the card or on the wall; the gap behind the card is a hole of the width of the parallax."""
    lifted = Lifted(texture(), disc(), camera())
    view = draw(lifted, camera(), motion(0.2, 0, 0, 0, 0, 0), JUMP)
    drawn = view.inverse[~view.holes]
    assert np.all((np.abs(drawn - 1.0) < 1e-5) | (np.abs(drawn - 0.2) < 1e-5))
    gap = view.holes[60, 40:110].sum()
    assert abs(gap - 0.2 * 150 * (1.0 - 0.2)) <= 2
    stretched = draw(lifted, camera(), motion(0.2, 0, 0, 0, 0, 0), 10.0)  # the test can tell: uncut, there are sheets
    between = stretched.inverse[~stretched.holes]
    assert np.any((between > 0.25) & (between < 0.9))


def test_infinity_moves_by_rotation_alone_and_lies_behind_everything():
    inverse = np.zeros((120, 160), np.float32)
    inverse[60:] = 0.5
    lifted = Lifted(texture(), inverse, camera())
    near, far = (draw(lifted, camera(), motion(0, t, 0, 0, 0.05, 0), JUMP) for t in (0.0, -0.1))
    sky = (near.inverse == 0) & (far.inverse == 0)
    assert sky.sum() > 3000
    assert np.array_equal(near.source[sky], far.source[sky])
    assert not np.array_equal(near.inverse, far.inverse)


def test_surfaces_seen_from_behind_hide_but_show_nothing():
    """The camera steps behind a card and looks back: the card covers the wall beyond, and has no colour of its own."""
    lifted = Lifted(texture(), np.full((120, 160), 1.0, np.float32), camera())
    behind = Pose.looking_at((0, 0, 3.0), (0, 0, 1.0), up=(0, -1, 0))
    view = draw(lifted, camera(), behind, JUMP)
    assert view.holes.all()
    assert (view.inverse > 0).mean() > 0.2
    assert not seen_in(np.ones((120, 160), bool), view).any()


def test_unknown_depth_makes_holes_not_surfaces():
    inverse = disc()
    inverse[40:80, 70:90] = -1
    view = draw(Lifted(texture(), inverse, camera()), camera(), Pose.identity(), JUMP)
    assert view.holes[42:78, 72:88].all() and (view.inverse[42:78, 72:88] == -1).all()


@pytest.mark.parametrize("roll", [0.1, 1.6, 3.1])
def test_bits_do_not_depend_on_the_number_of_threads(roll, monkeypatch):
    from splatmatch.pairs.lift import mesh

    lifted = Lifted(texture(), disc(), camera())
    results = []
    monkeypatch.setattr(mesh, "use_torch_threads", lambda: None)
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        view = draw(lifted, camera(), motion(0.1, 0.1, 0.3, 0.1, 0.1, roll), JUMP)
        results.append((view.inverse.tobytes(), view.source.tobytes(), colours(Texture(lifted.rgb), view).tobytes()))
    assert results[0] == results[1]


def test_a_texture_of_another_resolution_lies_in_the_same_place():
    """Colours that are linear in the place: sampled from a picture twice as fine they are the same."""
    fine = np.zeros((240, 320, 3), np.uint8)
    fine[..., 0], fine[..., 1] = np.linspace(0, 250, 320)[None], np.linspace(0, 250, 240)[:, None]
    coarse = fine.reshape(120, 2, 160, 2, 3).astype(float).mean((1, 3)).round().astype(np.uint8)
    lifted = Lifted(coarse, np.full((120, 160), 0.5, np.float32), camera())
    view = draw(lifted, camera(), motion(0.05, 0.02, 0.1, 0.02, 0.03, 0.3), JUMP)
    one = colours(Texture(coarse), view).astype(int)
    two = colours(Texture(fine[10:, 6:], (2.0, 2.0), (-6.0, -10.0)), view).astype(int)
    inner = ~dilated(view.holes, 12)
    assert inner.sum() > 3000 and np.abs(one - two)[inner].max() <= 2
