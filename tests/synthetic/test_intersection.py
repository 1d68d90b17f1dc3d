"""Rays against single primitives, each judged by formulas or brute force that share no code with the kernels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from splatmatch.synthetic import cast_rays
from splatmatch.synthetic.building import SceneBuilder
from tests.synthetic.one import GREY, cast, finished, random_rays, rotation

SEEDS = st.integers(0, 10_000)


@settings(max_examples=15)
@given(seed=SEEDS)
def test_ball_by_quadratic_formula(seed):
    """Distance and normal of a sphere, from outside and from inside."""
    rng = np.random.default_rng(seed)
    centre, radius = rng.uniform(-0.5, 0.5, 3), rng.uniform(0.2, 1.2)
    builder = SceneBuilder()
    builder.ball(centre, float(radius), GREY)
    origins, ways = random_rays(seed, 200)
    origins[::5] = centre + 0.5 * radius * rng.uniform(-1, 1, (40, 3)) / 3**0.5
    t, normal, _ = cast(finished(builder), origins, ways)
    a, b = (ways**2).sum(1), (ways * (origins - centre)).sum(1)
    disc = b * b - a * (((origins - centre) ** 2).sum(1) - radius**2)
    root = np.sqrt(np.maximum(disc, 0))
    near, far = (-b - root) / a, (-b + root) / a
    expected = np.where(disc < 0, np.inf, np.where(near > 0, near, np.where(far > 0, far, np.inf)))
    clear = np.abs(disc) > 1e-9 * b * b
    assert_allclose(t[clear], expected[clear], rtol=1e-9)
    hit = clear & np.isfinite(expected)
    outward = (origins + t[:, None] * ways - centre)[hit] / radius
    sign = -np.sign((outward * ways[hit]).sum(1, keepdims=True))
    assert_allclose(normal[hit], sign * outward, atol=1e-7)


@settings(max_examples=15)
@given(seed=SEEDS)
def test_box_by_its_six_faces(seed):
    """The nearest of six rectangles, each met by solving for the plane."""
    rng = np.random.default_rng(seed)
    turn, centre, half = rotation(seed), rng.uniform(-0.4, 0.4, 3), rng.uniform(0.05, 1.0, 3)
    builder = SceneBuilder()
    builder.box(centre, 2 * half, GREY, rotation=turn)
    origins, ways = random_rays(seed + 1, 200)
    t, normal, _ = cast(finished(builder), origins, ways)
    o, d = (origins - centre) @ turn, ways @ turn
    best, facing = np.full(len(o), np.inf), np.zeros((len(o), 3))
    for axis in range(3):
        for side in (-1, 1):
            at = (side * half[axis] - o[:, axis]) / d[:, axis]
            point = o + at[:, None] * d
            others = [k for k in range(3) if k != axis]
            inside = (np.abs(point[:, others]) <= half[others]).all(1) & (at > 0) & (at < best)
            best[inside] = at[inside]
            facing[inside] = -np.sign(d[inside, axis])[:, None] * turn[:, axis]
    assert_allclose(t, best, rtol=1e-9)
    met = np.isfinite(best)
    assert_allclose(normal[met], facing[met], atol=1e-7)


def _inside_frustum(p, low, high):
    radius = low + (high - low) * (p[..., 2] + 1) / 2
    return (np.abs(p[..., 2]) <= 1) & (np.hypot(p[..., 0], p[..., 1]) <= radius)


@settings(max_examples=12)
@given(seed=SEEDS, taper=st.sampled_from([1.0, 0.4, 0.0, 1.8]))
def test_frustum_by_walking_along_the_ray(seed, taper):
    """The first hit is where a fine walk along the ray first changes between outside and inside of the solid."""
    rng = np.random.default_rng(seed)
    turn, length, radius = rotation(seed), rng.uniform(0.4, 1.5), rng.uniform(0.1, 0.8)
    builder = SceneBuilder()
    builder.rod(-0.5 * length * turn[:, 2], 0.5 * length * turn[:, 2], radius, GREY, top=taper * radius)
    origins, ways = random_rays(seed + 2, 60)
    t, _, _ = cast(finished(builder), origins, ways)
    scene_scale = np.array([1, 1, 2 / length])
    steps = np.linspace(0, 1, 4001)
    span = 6.0 / np.linalg.norm(ways, axis=1)
    for index in range(len(origins)):
        p = (origins[index] + np.outer(steps * span[index], ways[index])) @ turn * scene_scale
        inside = _inside_frustum(p, radius, taper * radius)
        if np.isfinite(t[index]):
            at = t[index] / span[index]
            assert not inside[steps < at - 1e-3].any()
            q = (origins[index] + t[index] * ways[index]) @ turn * scene_scale
            on_side = abs(np.hypot(q[0], q[1]) - (radius + (taper - 1) * radius * (q[2] + 1) / 2)) < 1e-9
            assert abs(q[2]) <= 1 + 1e-9
            assert on_side or abs(abs(q[2]) - 1) < 1e-9
        else:
            assert not inside.any()


def test_open_cylinder_has_no_ends():
    """Along the axis a tube without caps is empty, a capped one stops the ray at its end."""
    for open_ends, expected in ((True, np.inf), (False, 2.0)):
        builder = SceneBuilder()
        builder.rod((0, 0, 0), (0, 0, 1), 0.3, GREY, open_ends=open_ends)
        t, _, _ = cast(finished(builder), np.array([[0.1, 0, 3.0]]), np.array([[0, 0, -1.0]]))
        assert_allclose(t, [expected], rtol=1e-12)


@settings(max_examples=12)
@given(seed=SEEDS)
def test_sheets_by_their_plane(seed):
    """A rectangle and an elliptic disc: the plane's distance, bounded by their outlines."""
    rng = np.random.default_rng(seed)
    turn, centre, half = rotation(seed), rng.uniform(-0.5, 0.5, 3), rng.uniform(0.2, 1.2, 2)
    origins, ways = random_rays(seed + 3, 200)
    at = ((centre - origins) @ turn[:, 2]) / (ways @ turn[:, 2])
    local = (origins + at[:, None] * ways - centre) @ turn[:, :2] / half
    for disc in (False, True):
        builder = SceneBuilder()
        builder.sheet(centre, 2 * half, GREY, rotation=turn, disc=disc)
        t, normal, _ = cast(finished(builder), origins, ways)
        size = np.hypot(*local.T) if disc else np.abs(local).max(1)
        assert_allclose(t, np.where((size <= 1) & (at > 0), at, np.inf), rtol=1e-9)
        met = np.isfinite(t)
        assert ((normal[met] * ways[met]).sum(1) < 0).all()
        assert_allclose(np.abs(normal[met] @ turn[:, 2]), 1, atol=1e-9)


def _triangles(grid, size):
    rows, columns = grid.shape
    x, y = np.linspace(-0.5, 0.5, columns) * size[0], np.linspace(-0.5, 0.5, rows) * size[1]
    p = np.stack([*np.meshgrid(x, y), grid], axis=2)
    a, b, c, d = p[:-1, :-1], p[:-1, 1:], p[1:, :-1], p[1:, 1:]
    return np.concatenate([np.stack(corners, 2).reshape(-1, 3, 3) for corners in ((a, b, d), (a, d, c))])


def _first_triangle(origins, ways, triangles):
    """Moeller and Trumbore's test of every ray against every triangle."""
    a, e, f = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    p = np.cross(ways[:, None], f[None])
    det = (p * e).sum(2)
    s = origins[:, None] - a[None]
    u = (s * p).sum(2) / det
    q = np.cross(s, e[None])
    v = (ways[:, None] * q).sum(2) / det
    t = (f * q).sum(2) / det
    t[(u < -1e-9) | (v < -1e-9) | (u + v > 1 + 1e-9) | (t <= 0)] = np.inf
    return t.min(1), t.argmin(1)


@settings(max_examples=10)
@given(seed=SEEDS)
def test_height_field_by_all_its_triangles(seed):
    """Distance and normal equal those of the nearest of all triangles of the grid."""
    rng = np.random.default_rng(seed)
    grid = rng.uniform(-0.3, 0.4, (int(rng.integers(2, 9)), int(rng.integers(2, 12))))
    size, turn, centre = rng.uniform(0.8, 2.5, 2), rotation(seed), rng.uniform(-0.3, 0.3, 3)
    builder = SceneBuilder()
    builder.heights(centre, size, grid, GREY, rotation=turn)
    origins, ways = random_rays(seed + 4, 300)
    t, normal, _ = cast(finished(builder), origins, ways)
    triangles = _triangles(grid, size) @ turn.T + centre
    expected, which = _first_triangle(origins, ways, triangles)
    assert_allclose(t, expected, rtol=1e-7)
    met = np.isfinite(expected)
    chosen = triangles[which[met]]
    face = np.cross(chosen[:, 1] - chosen[:, 0], chosen[:, 2] - chosen[:, 0])
    face /= np.linalg.norm(face, axis=1, keepdims=True)
    assert_allclose(np.abs((face * normal[met]).sum(1)), 1, atol=1e-6)
    assert ((normal[met] * ways[met]).sum(1) <= 1e-12).all()


def test_length_of_direction_scales_distance():
    """Distances are in lengths of the direction: twice the direction, half the number."""
    builder = SceneBuilder()
    builder.ball((0, 0, 0), 0.7, GREY)
    builder.box((0.5, 0, 0), (0.4, 2, 0.3), GREY)
    scene = finished(builder)
    origins, ways = random_rays(7, 100)
    once, twice = cast(scene, origins, ways)[0], cast(scene, origins, 2 * ways)[0]
    assert_allclose(once, 2 * twice, rtol=1e-12)


def test_nothing_is_infinitely_far():
    """A miss is infinity, no instance and no normal."""
    builder = SceneBuilder()
    builder.ball((0, 0, 0), 0.5, GREY)
    t, normal, instance = cast(finished(builder), np.array([[0, 0, 2.0]]), np.array([[0, 0, 1.0]]))
    assert t[0] == np.inf
    assert instance[0] == -1
    assert (normal == 0).all()


@pytest.mark.parametrize(
    ("origins", "directions"),
    [
        (torch.zeros(3, 3), torch.zeros(3, 3)),
        (torch.zeros(2, 3), torch.ones(3, 3)),
        (torch.zeros(3), torch.ones(3)),
        (torch.full((1, 3), float("nan")), torch.ones(1, 3)),
        (torch.zeros(1, 3), torch.tensor([[1.0, float("inf"), 0.0]])),
    ],
)
def test_bad_rays_are_refused(origins, directions):
    """Directions of no length, wrong shapes, NaN and infinity raise before anything is cast."""
    builder = SceneBuilder()
    builder.ball((0, 0, 0), 0.5, GREY)
    with pytest.raises(ValueError, match="rays need"):
        cast_rays(finished(builder), origins, directions)
