"""Scale and offset of relative inverse depth: exact, robust, refused where nothing can be known."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.priors.alignment import align_to_points, fit_scale_offset
from splatmatch.scene.depth_prior import InverseDepth


def truth(count: int = 200, seed: int = 0) -> torch.Tensor:
    return 1 / torch.empty(count).double().uniform_(1, 8, generator=torch.Generator().manual_seed(seed))


@given(
    scale=st.floats(1e-4, 1e4),
    offset=st.floats(-3, 3),
    units=st.sampled_from([1e-4, 1.0, 1e4]),
    seed=st.integers(0, 99),
)
def test_exact_data_give_the_exact_fit_in_any_units(scale, offset, units, seed):
    y = truth(seed=seed) / units
    x = (y * units - offset) / scale
    fit = fit_scale_offset(x, y)
    assert fit is not None and fit.points == 200
    assert fit.scale * units == pytest.approx(scale, rel=1e-6)
    assert fit.offset * units == pytest.approx(offset, abs=1e-6)
    assert fit.relative_error < 1e-6


def test_a_quarter_of_wrong_points_moves_it_little_and_least_squares_much():
    y = truth(600)
    x = (y - 0.1) / 0.5
    y[:150] = 3 - 2 * y[:150]
    fit = fit_scale_offset(x, y)
    assert fit is not None
    assert fit.scale == pytest.approx(0.5, rel=0.05) and fit.offset == pytest.approx(0.1, abs=0.02)
    design = torch.stack([x, torch.ones_like(x)], 1)
    assert abs(torch.linalg.lstsq(design, y[:, None]).solution[0, 0] - 0.5) > 0.2


def test_noise_in_the_prior_does_not_shrink_the_scale_as_the_ratio_of_spreads_would():
    """The refinement regresses truth on prior: its errors are smaller than those of the starting value."""
    generator = torch.Generator().manual_seed(1)
    y = truth(2000)
    x = y + 0.15 * torch.randn(2000, generator=generator).double()
    fit = fit_scale_offset(x, y)
    ratio = (y - y.median()).abs().mean() / (x - x.median()).abs().mean()
    start = (ratio * x + y.median() - ratio * x.median() - y).abs().mean()
    assert fit is not None and (fit.scale * x + fit.offset - y).abs().mean() < 0.95 * start


@pytest.mark.parametrize(
    "prior",
    [truth()[:10], torch.full((200,), 0.3), -truth(), torch.full((200,), float("nan"))],
    ids=["ten points", "flat", "near taken for far", "NaN"],
)
def test_nothing_is_returned_where_nothing_can_be_known(prior):
    assert fit_scale_offset(prior, truth()[: len(prior)]) is None


def test_only_points_in_front_and_inside_the_image_are_used_at_their_own_pixels():
    camera = Camera.from_fov(40, 30, 60)
    pose = Pose.looking_at((0.3, -2.0, 0.4), (0, 0, 0))
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(400, 3, generator=generator).double() * 6 - 3
    local = pose.apply(points)
    pixels = camera.project(local)
    inside = (local[:, 2] > 0) & (pixels >= 0).all(1) & (pixels < torch.tensor([40, 30])).all(1)
    values = torch.full((30, 40), 1e6)
    for (x, y), z in zip(pixels[inside].floor().long().tolist(), local[inside, 2].tolist(), strict=True):
        values[y, x] = (1 / z - 0.2) / 0.7
    unique = InverseDepth(values, torch.ones(30, 40, dtype=torch.bool))
    fit = align_to_points(unique, camera, pose, points)
    assert fit is not None and fit.points == int(inside.sum()) < 400
    assert fit.scale == pytest.approx(0.7, rel=1e-3) and fit.offset == pytest.approx(0.2, abs=1e-3)
    aligned = fit.inverse_depth(InverseDepth(torch.tensor([[1.0, -5.0]]), torch.tensor([[True, True]])))
    assert aligned.valid.tolist() == [[True, False]] and float(aligned.values[0, 1]) == 0.0
    assert align_to_points(InverseDepth(values, torch.zeros(30, 40, dtype=torch.bool)), camera, pose, points) is None
