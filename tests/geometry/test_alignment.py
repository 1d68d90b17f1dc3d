"""Similarities: the alignment recovers what was applied, and acts alike on points and poses."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from splatmatch.geometry.alignment import Similarity, align_points
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from tests.geometry.test_pose import poses


@st.composite
def similarities(draw):
    pose = draw(poses())
    return Similarity(draw(st.floats(0.01, 100)), pose.rotation, pose.translation)


def cloud(seed, count=8):
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(similarities(), st.integers(0, 1000), st.integers(3, 20))
def test_alignment_recovers_the_similarity(b_from_a, seed, count):
    points = cloud(seed, count)
    found = align_points(points, b_from_a.apply(points))
    assert found.scale == pytest.approx(b_from_a.scale, rel=1e-8)
    torch.testing.assert_close(found.rotation, b_from_a.rotation, atol=1e-7, rtol=0)
    torch.testing.assert_close(found.apply(points), b_from_a.apply(points), atol=1e-6 * b_from_a.scale, rtol=1e-8)


@given(similarities(), st.integers(0, 1000))
def test_alignment_of_planar_points_is_no_reflection(b_from_a, seed):
    points = cloud(seed)
    points[:, 2] = 0
    assert torch.linalg.det(align_points(points, b_from_a.apply(points)).rotation).item() == pytest.approx(1)


def test_alignment_minimises_the_error():
    """No nearby similarity fits noisy points better."""
    a = cloud(1, 30)
    b = Similarity(2.0, Pose.looking_at([1.0, 2, 3], [0.0, 0, 0]).rotation, torch.ones(3).double()).apply(a)
    b = b + 0.05 * cloud(2, 30)
    best = align_points(a, b)

    def cost(similarity):
        return (similarity.apply(a) - b).square().sum()

    generator = torch.Generator().manual_seed(3)
    for _ in range(50):
        tangent = 1e-3 * torch.randn(6, generator=generator, dtype=torch.float64)
        scale = 1 + 1e-3 * float(torch.randn(1, generator=generator))
        moved = Pose(best.rotation, best.translation).retracted(tangent)
        assert cost(Similarity(best.scale * scale, moved.rotation, moved.translation)) > cost(best)


def test_without_scale_the_scale_is_one():
    points = cloud(4)
    assert align_points(points, 3 * points, with_scale=False).scale == 1


@given(similarities(), similarities())
def test_composition_and_inverse(c_from_b, b_from_a):
    points = cloud(5)
    together = (c_from_b @ b_from_a).apply(points)
    torch.testing.assert_close(together, c_from_b.apply(b_from_a.apply(points)), rtol=1e-8, atol=1e-6)
    torch.testing.assert_close(b_from_a.inverse().apply(b_from_a.apply(points)), points, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(Similarity.identity().apply(points), points)


@given(similarities(), poses())
def test_poses_move_with_the_world(b_from_a, camera_from_a):
    """A point keeps its pixel when the world and the camera move together, and its depth takes the scale."""
    camera = Camera(640, 480, 500, 510, 320, 240)
    points = cloud(6)
    before = camera_from_a.apply(points)
    after = b_from_a.apply_pose(camera_from_a).apply(b_from_a.apply(points))
    torch.testing.assert_close(after, b_from_a.scale * before, rtol=1e-7, atol=1e-6 * max(1, b_from_a.scale))
    good = before[:, 2].abs() > 0.1
    torch.testing.assert_close(camera.project(after)[good], camera.project(before)[good], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 3)),
        (torch.zeros(4, 3), torch.zeros(5, 3)),
        (torch.zeros(4, 2), torch.zeros(4, 2)),
        (torch.ones(4, 3), torch.randn(4, 3)),
    ],
)
def test_degenerate_input_is_refused(a, b):
    with pytest.raises(ValueError, match="alignment needs"):
        align_points(a, b)
