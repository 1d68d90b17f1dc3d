"""When the geometric terms begin, what is rendered for them, and how they end."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from splatmatch.errors import InputError
from splatmatch.geometry.pose import Pose
from splatmatch.splats.surfaces.config import GEOMETRY, SurfaceConfig
from splatmatch.splats.surfaces.terms import SurfaceTerms
from tests.splats.scenes import random_gaussians

FAITHFUL = GEOMETRY["faithful"]


def test_a_vanilla_fit_renders_colours_alone():
    terms = SurfaceTerms(GEOMETRY["vanilla"], 0.9, 1.0)
    assert terms.request(has_prior=False).want == ("rgb", "radii")
    assert terms.moments(random_gaussians(5, 0, seed=1), Pose.from_quaternion([1, 0, 0, 0], [0, 0, 0])) is None


def test_terms_that_need_surfaces_wait_for_them():
    early = SurfaceTerms(FAITHFUL, FAITHFUL.start - 0.01, 1.0)
    late = replace(early, progress=FAITHFUL.start)
    assert early.request(has_prior=False).want == ("rgb", "radii")
    assert set(late.request(has_prior=False).want) == {"rgb", "radii", "depth", "normal"}
    assert late.request(has_prior=False).depth == "plane"
    assert early.request(has_prior=True).want == ("rgb", "radii", "depth")
    assert early.request(has_prior=True).depth == "expected"


def test_moments_are_depth_and_its_square_in_the_camera():
    splat = random_gaussians(7, 0, seed=2)
    pose = Pose.from_quaternion([0.9, 0.1, -0.2, 0.15], [0.1, -0.05, 0.2])
    depth = pose.apply(splat.means.double())[:, 2]
    moments = SurfaceTerms(FAITHFUL, 1.0, 1.0).moments(splat, pose)
    assert torch.allclose(moments.double(), torch.stack([depth, depth.square()], 1), atol=1e-5)


def test_weights_ease_off_in_a_straight_line_and_the_prior_decays():
    config = SurfaceConfig(ease=0.6, eased=0.2, prior=2.0, prior_final=0.01)
    pulls = [SurfaceTerms(config, progress, 1.0).pull for progress in (0.0, 0.6, 0.8, 1.0)]
    assert pulls == pytest.approx([1.0, 1.0, 0.6, 0.2])
    priors = [SurfaceTerms(config, progress, 1.0).prior for progress in (0.0, 0.5, 1.0)]
    assert priors == pytest.approx([2.0, 0.2, 0.02])


@pytest.mark.parametrize(
    "change", [{"warping": -1.0}, {"start": 1.5}, {"ease": -0.1}, {"gate": 0.0}, {"neighbours": 0}]
)
def test_numbers_that_mean_nothing_are_refused(change):
    with pytest.raises(InputError):
        SurfaceConfig(**change)
