"""The stages around the mesh: depth, sky, holes, light, motion."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.pairs.lift.config import LiftConfig
from splatmatch.pairs.lift.depth import plane_inverse_depth, scene_inverse_depth, sharpened
from splatmatch.pairs.lift.inpainting import filled
from splatmatch.pairs.lift.motion import draw_motion
from splatmatch.pairs.lift.relighting import Lamp, Lighting, draw_lighting, light_map, normals, relit
from splatmatch.pairs.lift.sky import is_plain, sky_mask
from tests.pairs.lift.examples import SMALL, camera, disc, hills, plane, texture

KNOWN = np.ones((120, 160), bool)


def test_soft_edges_become_steps_and_slopes_stay():
    import cv2

    soft = cv2.GaussianBlur(disc(), (0, 0), 3.0)
    sharp = sharpened(soft, KNOWN)
    assert ((soft > 0.3) & (soft < 0.85)).sum() > 900 and ((sharp > 0.3) & (sharp < 0.85)).sum() < 40
    assert np.abs(np.diff(sharp[60])).max() > 0.7
    slope = np.linspace(0.2, 1.0, 120, dtype=np.float32)[:, None] * np.ones((1, 160), np.float32)
    assert np.abs(sharpened(slope, KNOWN) - slope)[8:-8].max() < 1e-3


def test_depth_is_bounded_by_the_ratio_drawn_and_nothing_lands_at_a_thousand():
    relative = hills()
    relative[0, :] = -50.0  # an outlier that would be at infinity
    inverse = scene_inverse_depth(relative, KNOWN, ratio=8.0)
    assert inverse is not None
    assert inverse.min() == pytest.approx(1 / 8) and inverse.max() == pytest.approx(1.0)
    known = KNOWN.copy()
    known[:, :40] = False
    inverse = scene_inverse_depth(relative, known, ratio=8.0)
    assert inverse is not None and (inverse[:, :40] == -1).all()


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_flat_depth_is_told(level):
    assert scene_inverse_depth(np.full((120, 160), level, np.float32), KNOWN, 5.0) is None
    assert scene_inverse_depth(hills(), ~KNOWN, 5.0) is None


def test_the_plane_of_planar_motion_is_a_plane_at_depth_one_on_the_axis():
    for seed in range(20):
        inverse = plane_inverse_depth(160, 120, 100.0, 45.0, np.random.default_rng(seed)).astype(np.float64)
        assert inverse.min() > 0.3
        assert inverse[59:61, 79:81].mean() == pytest.approx(1.0, abs=1e-6)
        assert np.abs(np.diff(inverse, 2, axis=0)).max() < 1e-6 and np.abs(np.diff(inverse, 2, axis=1)).max() < 1e-6


def landscape() -> tuple[np.ndarray, np.ndarray]:
    """Blue sky above textured ground, with a white textured tower as far away as the sky."""
    rgb = texture()
    rgb[:50] = np.linspace((90, 140, 220), (170, 200, 240), 50)[:, None].astype(np.uint8)
    rng = np.random.default_rng(0)
    rgb[10:50, 60:90] = rng.integers(120, 255, (10, 10, 1)).repeat(4, 0).repeat(3, 1).repeat(3, 2)
    inverse = np.linspace(0.3, 1.0, 120, dtype=np.float32)[:, None] * np.ones((1, 160), np.float32)
    inverse[:50] = 0.02
    return rgb, inverse


def test_sky_is_far_smooth_and_blue_and_a_bright_tower_before_it_is_not():
    rgb, inverse = landscape()
    sky = sky_mask(rgb, inverse, KNOWN)
    assert sky[:40, :50].all() and sky[:40, 100:].all()
    assert not sky[52:].any() and not sky[20:45, 69:80].any()


def test_blue_that_is_near_and_depth_without_range_are_no_sky():
    rgb, inverse = landscape()
    assert not sky_mask(rgb, inverse[::-1].copy(), KNOWN)[:50].any()
    assert not sky_mask(rgb, 1 + 0.1 * inverse, KNOWN).any()
    assert not sky_mask(rgb, inverse, ~KNOWN).any()


def test_clear_sky_and_blank_walls_are_plain_and_photos_are_not():
    gradient = np.linspace((90, 140, 220), (170, 200, 240), 120)[:, None].astype(np.uint8).repeat(160, 1)
    assert is_plain(gradient) and is_plain(np.full((120, 160, 3), 200, np.uint8))
    assert not is_plain(texture()) and not is_plain(landscape()[0])


@pytest.mark.parametrize(
    "box", [(slice(40, 80), slice(50, 110)), (slice(0, 120), slice(0, 30)), (slice(30, 34), slice(0, 160))]
)
def test_what_is_filled_in_depends_on_known_pixels_alone_and_leaves_them(box):
    holes = np.zeros((120, 160), bool)
    holes[box] = True
    rgb = texture()
    dirty = np.where(holes[..., None], np.uint8(255), rgb)
    clean = np.where(holes[..., None], np.uint8(0), rgb)
    result = filled(dirty, holes)
    assert np.array_equal(result, filled(clean, holes))
    assert np.array_equal(result[~holes], rgb[~holes])
    assert 20 < result[holes].mean() < 235 and result[holes].std() > 2


def test_filling_everything_and_nothing():
    rgb = texture()
    assert np.array_equal(filled(rgb, ~KNOWN), rgb)
    assert np.ptp(filled(rgb, KNOWN)) == 0


def test_normals_are_exact_on_planes_also_beside_a_depth_edge():
    normal = np.array([0.3, -0.4, 1.0])
    inverse = plane(camera(), tuple(normal), 2.0)
    inverse[:, 80:] = 4 * plane(camera(), (0, 0, 1.0), 2.0)[:, 80:]
    found = normals(inverse, camera())
    expected = -normal / np.linalg.norm(normal)
    np.testing.assert_allclose(found[:, :80], np.broadcast_to(expected, (120, 80, 3)), atol=2e-3)
    np.testing.assert_allclose(found[:, 80:], np.broadcast_to((0, 0, -1.0), (120, 80, 3)), atol=2e-3)


def test_a_lamp_on_the_left_lights_what_is_near_it_and_keeps_the_exposure():
    inverse = plane(camera(), (0.0, 0.0, 1.0), 2.0)
    gain = light_map(Lighting((Lamp((-1.5, 0.0, 0.5), (1.0, 1.0, 1.0)),), 0.6), inverse, camera())
    assert gain[15, 3].min() > 1.2 > 0.8 > gain[15, -3].max()
    assert gain.mean() == pytest.approx(1.0, abs=0.1)
    lit = relit(np.full((120, 160, 3), 120, np.uint8), gain)
    assert lit[60, 10].mean() > 125 and lit[60, 150].mean() < 115


def test_light_of_one_changes_nothing_and_twice_the_light_is_twice_the_linear_value():
    rgb = texture()
    one = relit(rgb, np.ones((30, 40, 3), np.float32))
    assert np.abs(one.astype(int) - rgb)[rgb > 20].max() <= 1
    grey = np.full((8, 8, 3), 128, np.uint8)
    doubled = relit(grey, np.full((2, 2, 3), 2.0, np.float32))
    assert np.all(np.abs(doubled.astype(int) - 175.6) <= 1)  # sRGB: 128 is 0.2159 linear; 0.4317 is 175.6


def test_lamps_differ_from_draw_to_draw():
    rng = np.random.default_rng(0)
    draws = [draw_lighting(2.0, (0.1, 0.7), rng) for _ in range(30)]
    assert {len(draw.lamps) for draw in draws} == {1, 2, 3, 4}
    assert len({draw.share for draw in draws}) == 30 and all(0.1 <= draw.share <= 0.7 for draw in draws)


def test_motion_is_as_strong_as_the_overlap_asks_and_not_of_one_law():
    inverse = hills()
    config = LiftConfig(width=160, height=120)
    motions = [draw_motion(inverse, camera(), config, np.random.default_rng(seed)) for seed in range(60)]
    assert all(motion is not None for motion in motions)
    overlaps = np.array([motion.expected_overlap for motion in motions])
    free = np.array([motion.strength < 1 for motion in motions])
    assert free.mean() > 0.5 and overlaps[free].min() > 0.27 and overlaps.max() < 0.99
    assert overlaps[free].std() > 0.1
    zooms = np.array([motion.zoom for motion in motions])
    assert zooms.min() < 0.8 < 1.25 < zooms.max()
    sideways = np.array([motion.b_from_a.centre.numpy() for motion in motions])
    assert (sideways > 0.02).any(0).all() and (sideways < -0.02).any(0).all()  # every direction, forwards and back too
    turns = np.array([np.degrees(np.arccos((np.trace(m.b_from_a.rotation) - 1) / 2)) for m in motions])
    assert np.percentile(turns, 90) > 2 * np.percentile(turns, 30)


def test_motion_scales_with_depth():
    """In a scene ten times larger the camera steps ten times as far and sees the same."""
    small = draw_motion(hills(), camera(), SMALL, np.random.default_rng(1))
    large = draw_motion(hills() / 10, camera(), SMALL, np.random.default_rng(1))
    assert small is not None and large is not None
    np.testing.assert_allclose(large.b_from_a.translation, 10 * small.b_from_a.translation, rtol=1e-5)
    assert large.strength == small.strength


def test_nothing_to_move_before_is_told():
    assert draw_motion(np.zeros((120, 160), np.float32), camera(), SMALL, np.random.default_rng(0)) is None
