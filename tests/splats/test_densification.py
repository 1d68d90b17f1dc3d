"""What strategies do with Gaussians: children look like their parents, budgets hold, edits are reproducible."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import TENSORS, Gaussians, concatenate
from splatmatch.splats.densification.adaptive import Adaptive, AdaptiveConfig
from splatmatch.splats.densification.children import MAX_COPIES, halves, relocated
from splatmatch.splats.densification.mcmc import Mcmc, McmcConfig
from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.parameters import Parameters
from splatmatch.splats.render import render
from tests.splats.captures import true_splat

CAMERA = Camera.from_fov(64, 48, 60)
POSE = Pose.looking_at((3, 0.2, 0.8), (0, 0, 0))


def alpha_of(gaussians: Gaussians) -> torch.Tensor:
    with torch.no_grad():
        return render(gaussians, CAMERA, POSE, ("alpha",), engine="reference").alpha


def one_blob(opacity: float, scales: tuple[float, float, float] = (0.3, 0.2, 0.1)) -> Gaussians:
    logit = torch.logit(torch.tensor([opacity]))
    quaternion = torch.tensor([[0.8, 0.2, -0.3, 0.4]])
    return Gaussians(torch.zeros(1, 3), torch.tensor([scales]).log(), quaternion, logit, torch.zeros(1, 1, 3))


def statistics_with(gradient: torch.Tensor) -> ScreenStatistics:
    statistics = ScreenStatistics.zeros(len(gradient))
    statistics.gradient[:] = gradient
    statistics.seen[:] = 1
    return statistics


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(opacity=st.floats(0.02, 0.98), copies=st.integers(1, MAX_COPIES))
def test_copies_in_one_place_have_the_opacity_of_the_original(opacity, copies):
    new = relocated(one_blob(opacity), torch.tensor([copies])).opacities
    assert 1 - (1 - new.double().item()) ** copies == pytest.approx(opacity, abs=1e-4)


@pytest.mark.parametrize("opacity", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("copies", [2, 3, 6])
def test_copies_in_one_place_look_like_the_original(opacity, copies):
    """Up to what the cut-off at 1/255 takes from fainter copies; copies of unchanged opacity are far off."""
    blob = one_blob(opacity)
    child = relocated(blob, torch.tensor([copies]))
    before, after = alpha_of(blob), alpha_of(concatenate([child] * copies))
    assert after.sum() == pytest.approx(before.sum().item(), rel=0.07)
    assert (after - before).abs().max() < 0.13
    assert (alpha_of(concatenate([blob] * copies)) - before).abs().max() > 0.2


def test_one_copy_is_the_original():
    blob = one_blob(0.6)
    child = relocated(blob, torch.tensor([1]))
    for name in TENSORS:
        torch.testing.assert_close(getattr(child, name), getattr(blob, name), atol=1e-5, rtol=1e-5)


def test_halves_stand_on_either_side_along_the_longest_axis():
    parent = one_blob(0.5)
    first, second = halves(parent, offset=0.6, shrink=0.5, narrow=0.9, keep=0.6)
    torch.testing.assert_close(first.means, -second.means)
    axis = torch.linalg.eigh(parent.covariances[0]).eigenvectors[:, -1]
    assert (first.means[0] @ axis).abs() == pytest.approx(0.6 * 0.3, rel=1e-5)
    torch.testing.assert_close(first.scales, torch.tensor([[0.15, 0.18, 0.09]]))
    torch.testing.assert_close(first.opacities, torch.tensor([0.3]))


def test_halves_cover_what_the_parent_covered():
    parent = one_blob(0.5)
    c = AdaptiveConfig()
    children = concatenate(list(halves(parent, c.offset, c.shrink, c.narrow, c.keep)))
    before, after = alpha_of(parent), alpha_of(children)
    assert (after * before).sum() / (after.norm() * before.norm()) > 0.95


def test_statistics_average_over_the_views_that_showed_a_gaussian():
    statistics = ScreenStatistics.zeros(3)
    statistics.add(torch.tensor([[3.0, 4.0], [1.0, 0.0], [9.0, 9.0]]), torch.tensor([2.0, 3.0, 0.0]), CAMERA)
    statistics.add(torch.tensor([[0.0, 1.0], [9.0, 9.0], [9.0, 9.0]]), torch.tensor([4.0, 0.0, 0.0]), CAMERA)
    torch.testing.assert_close(statistics.mean_gradient, torch.tensor([3.0, 1.0, 0.0]) * 32)
    assert statistics.seen.tolist() == [2, 1, 0]


def test_adaptive_splits_the_strongest_and_prunes_the_transparent():
    splat = true_splat(10)
    logits = splat.logit_opacities.clone()
    logits[3] = -9.0
    parameters = Parameters.starting(replace(splat, logit_opacities=logits))
    gradient = torch.arange(10.0)
    gradient[3] = 100
    strategy = Adaptive(AdaptiveConfig(threshold=5.5, growth=10), steps=1000, maximum=100)
    edited = strategy.edited(parameters, statistics_with(gradient), 100, generator())
    kept = [0, 1, 2, 4, 5]
    assert len(edited) == 5 + 2 * 4
    assert torch.equal(edited.values.means[:5], splat.means[kept])
    first, second = edited.values.means[5:9], edited.values.means[9:]
    torch.testing.assert_close((first + second) / 2, splat.means[[9, 8, 7, 6]])


@pytest.mark.parametrize(
    ("maximum", "growth", "wanted"), [(12, 10.0, 12), (1000, 0.3, 13), (5, 1.0, 10), (10, 1.0, 10)]
)
def test_adaptive_keeps_the_budget_and_the_growth(maximum, growth, wanted):
    parameters = Parameters.starting(true_splat(10))
    strategy = Adaptive(AdaptiveConfig(threshold=0.0, growth=growth), steps=1000, maximum=maximum)
    assert len(strategy.edited(parameters, statistics_with(torch.ones(10)), 100, generator())) == wanted


@pytest.mark.parametrize("dead", [0, 1, 7, 20])
def test_mcmc_moves_the_dead_and_keeps_the_number(dead):
    splat = true_splat(20)
    logits = splat.logit_opacities.clone()
    logits[:dead] = -9.0
    parameters = Parameters.starting(replace(splat, logit_opacities=logits))
    strategy = Mcmc(McmcConfig(growth=0.0), steps=1000, maximum=100)
    edited = strategy.edited(parameters, ScreenStatistics.zeros(20), 100, generator())
    assert len(edited) == 20
    if dead < 20:
        assert (edited.values.opacities > 0.005).all()
        assert {tuple(row) for row in edited.values.means.tolist()} <= {tuple(r) for r in splat.means[dead:].tolist()}
        before, after = alpha_of(splat.select(torch.arange(dead, 20))), alpha_of(edited.values)
        assert (before - after).abs().mean() < 0.02


def test_mcmc_grows_by_its_share_up_to_the_budget():
    parameters = Parameters.starting(true_splat(100))
    strategy = Mcmc(McmcConfig(growth=0.05), steps=1000, maximum=107)
    sizes = []
    for step in (100, 200, 300):
        parameters = strategy.edited(parameters, ScreenStatistics.zeros(len(parameters)), step, generator())
        sizes.append(len(parameters))
    assert sizes == [105, 107, 107]


def test_mcmc_noise_moves_transparent_gaussians_along_their_shape():
    opaque, clear = one_blob(0.9), one_blob(0.004, (0.3, 0.0001, 0.0001))
    parameters = Parameters.starting(concatenate([opaque, *[clear] * 200]))
    strategy = Mcmc(McmcConfig(), steps=1000, maximum=1000)
    strategy.nudge(parameters, 1, 1e-5, generator())
    moved = parameters.values.means
    assert not moved[0].any()
    axis = torch.linalg.eigh(clear.covariances[0]).eigenvectors[:, -1]
    along = moved[1:] @ axis
    torch.testing.assert_close(moved[1:], along[:, None] * axis, atol=1e-6, rtol=1e-4)
    gate = torch.sigmoid(torch.tensor(-100 * (0.004 - 0.005))).item()
    assert along.std().item() == pytest.approx(1e-5 * 5e5 * 0.3**2 * gate, rel=0.15)


@pytest.mark.parametrize("strategy", [Adaptive(AdaptiveConfig(), 1000, 50), Mcmc(McmcConfig(), 1000, 50)])
def test_edits_depend_on_their_generator_alone_and_have_a_window(strategy):
    parameters, statistics = Parameters.starting(true_splat(30)), statistics_with(torch.linspace(0, 1, 30))
    first = strategy.edited(parameters, statistics, 100, generator(4))
    torch.manual_seed(99)
    second = strategy.edited(parameters, statistics, 100, generator(4))
    assert all(torch.equal(getattr(first.values, name), getattr(second.values, name)) for name in TENSORS)
    assert [strategy.due(step) for step in (50, 100, 150, 200, 1000)] == [False, True, False, True, False]
