"""Per-view corrections: a wrong pose finds back, exposures follow their gradient, the background stays a colour."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from splatmatch.errors import NumericalError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose, rotation_angle_degrees
from splatmatch.scene.views import View
from splatmatch.splats.adam import AdamConfig
from splatmatch.splats.corrections import Corrections
from splatmatch.splats.exposure import with_exposure
from splatmatch.splats.photometric import photometric_loss
from splatmatch.splats.render import render
from tests.splats.captures import true_splat

CAMERA = Camera.from_fov(64, 48, 60)
POSE = Pose.looking_at((3, 0.2, 0.8), (0, 0, 0))
ADAM = AdamConfig()


def starting(pose: Pose = POSE, background: str = "black") -> Corrections:
    return Corrections.starting((View("a", CAMERA, pose),), background)


def test_a_wrong_pose_finds_back_against_a_known_splat():
    splat = true_splat()
    with torch.no_grad():
        photo = render(splat, CAMERA, POSE, ("rgb",), engine="cpu").rgb
    wrong = POSE.retracted(torch.tensor([0.05, -0.04, 0.06, 0.01, 0.015, -0.02]))
    corrections = starting(wrong)
    for step in range(80):
        tangent = torch.zeros(6, requires_grad=True)
        seen = render(splat, CAMERA, corrections.pose(0), ("rgb",), pose_tangent=tangent, engine="cpu")
        photometric_loss(seen.rgb, photo).loss.backward()
        rates = torch.tensor([3.0] * 3 + [1.0] * 3) * 3e-3 * 0.96**step
        corrections.step_pose(0, tangent.grad, rates, step + 1, ADAM)
    found = corrections.pose(0)
    assert (found.centre - POSE.centre).norm() < 0.15 * (wrong.centre - POSE.centre).norm()
    off = rotation_angle_degrees(found.rotation @ POSE.rotation.T)
    assert off < 0.15 * rotation_angle_degrees(wrong.rotation @ POSE.rotation.T)


def test_an_exposure_is_learned():
    photo = torch.rand(40, 50, 3, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([[0.8, 0.05, 0.0, 0.02], [0.0, 0.9, 0.0, 0.0], [0.0, 0.0, 1.1, -0.03]])
    wanted = with_exposure(photo, truth)
    corrections = starting()
    for step in range(400):
        leaf = corrections.exposures[0].clone().requires_grad_()
        photometric_loss(with_exposure(photo, leaf), wanted).loss.backward()
        corrections.step_exposure(0, leaf.grad, 0.01 * 0.99**step, step + 1, ADAM)
    assert (corrections.exposures[0] - truth).abs().max() < 0.02


def test_the_background_stays_a_colour():
    corrections = starting(background="learned")
    for step in range(10):
        corrections.step_background(torch.tensor([1.0, -1.0, 0.0]), 0.2, step + 1, ADAM)
    torch.testing.assert_close(corrections.background, torch.tensor([0.0, 1.0, 0.5]))


@pytest.mark.parametrize("shape", [(48, 64, 3), (1, 1, 3), (70, 71, 3)])
def test_exposure_value_and_gradients_equal_autograd(shape):
    generator = torch.Generator().manual_seed(1)
    rgb = torch.rand(shape, generator=generator).requires_grad_()
    matrix = torch.randn(3, 4, generator=generator).requires_grad_()
    upstream = torch.randn(shape, generator=generator)
    with_exposure(rgb, matrix).backward(upstream)
    twins = [t.detach().double().requires_grad_() for t in (rgb, matrix)]
    with_exposure(*twins).backward(upstream.double())
    torch.testing.assert_close(with_exposure(rgb, matrix).double(), with_exposure(*twins), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(rgb.grad.double(), twins[0].grad, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(matrix.grad.double(), twins[1].grad, atol=1e-3, rtol=1e-5)


def test_a_gradient_that_is_not_finite_is_refused():
    corrections = starting()
    with pytest.raises(NumericalError, match="step 3"):
        corrections.step_pose(0, torch.full((6,), torch.nan), torch.ones(6), 3, replace(ADAM))
