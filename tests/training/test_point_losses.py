"""Partners follow the definition; each loss is lowest where it should be and ignores what is not known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from splatmatch.networks.keypoints import Keypoints
from splatmatch.networks.lightglue import Assignment
from splatmatch.networks.refinement import Refined
from splatmatch.training.batch import NOWHERE
from splatmatch.training.point_losses import (
    Partners,
    PointTruth,
    assignment_loss,
    focal_assignment_loss,
    label_weight,
    partners,
    precision_loss,
    reliability_loss,
    search_loss,
    truth_at,
)


def _keypoints(points: list[list[float]], scores: list[float] | None = None) -> Keypoints:
    n = len(points)
    return Keypoints(torch.tensor([points]), torch.tensor([scores or [1.0] * n]), torch.zeros(1, n, 64))


def _truth(target: list[list[float]], covisible: list[bool], known: list[bool]) -> PointTruth:
    return PointTruth(
        torch.tensor([target]), torch.tensor([covisible]), torch.tensor([known]), torch.ones(1, len(target))
    )


def _found() -> tuple[Keypoints, Keypoints, PointTruth, PointTruth]:
    """Five points of a: one with a partner, one whose partner is too far, one in between, one hidden, one unknown."""
    a = _keypoints([[10.5, 10.5], [20.5, 10.5], [30.5, 10.5], [40.5, 10.5], [50.5, 10.5]])
    b = _keypoints([[15.5, 11.5], [25.5, 17.5], [35.5, 13.5]])
    nowhere = [NOWHERE, NOWHERE]
    of_a = _truth(
        [[15.0, 11.0], [25.0, 11.0], [35.0, 11.0], [45.0, 11.0], nowhere],
        [True, True, True, False, False],
        [True, True, True, True, False],
    )
    of_b = _truth([[11.0, 11.0], [21.0, 17.0], [31.0, 13.0]], [True, True, True], [True, True, True])
    return a, b, of_a, of_b


def test_partners_follow_the_definition():
    found = partners(*_found(), near=2.0, far=4.0)
    assert found.matched[0].nonzero().tolist() == [[0, 0]]
    assert found.alone_a[0].tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]  # the third lies in between, the fifth is unknown
    assert found.alone_b[0].tolist() == [False, True, False]


def test_partners_are_one_to_one_and_points_of_score_0_have_none():
    a = _keypoints([[10.5, 10.5], [11.5, 10.5]])
    b = _keypoints([[10.5, 10.5], [90.5, 90.5]], [1.0, 0.0])
    of_a = _truth([[10.4, 10.5], [11.4, 10.5]], [True, True], [True, True])
    of_b = _truth([[10.6, 10.5], [90.5, 90.5]], [True, False], [True, False])
    found = partners(a, b, of_a, of_b, near=2.0, far=4.0)
    assert found.matched[0].tolist() == [[True, False], [False, False]]
    assert not found.alone_b[0, 1]


def test_partners_are_the_same_from_both_sides():
    a, b, of_a, of_b = _found()
    there, back = partners(a, b, of_a, of_b, 2.0, 4.0), partners(b, a, of_b, of_a, 2.0, 4.0)
    assert torch.equal(there.matched, back.matched.transpose(1, 2))
    assert torch.equal(there.alone_a, back.alone_b)


def test_truth_is_read_at_the_pixel_of_the_point():
    target = torch.arange(2 * 4 * 6 * 2, dtype=torch.float32).reshape(2, 4, 6, 2)
    flags = torch.zeros(2, 4, 6, dtype=torch.bool)
    flags[1, 3, 5] = True
    points = torch.tensor([[[0.5, 0.5]], [[5.5, 3.5]]])
    found = truth_at(points, target, flags, ~flags, target[..., 0])
    assert torch.equal(found.target[:, 0], torch.stack([target[0, 0, 0], target[1, 3, 5]]))
    assert found.covisible[:, 0].tolist() == [False, True]
    assert found.known[:, 0].tolist() == [True, False]


def _assignment(logits: Tensor, matchable: float = 0.0) -> Assignment:
    return Assignment(logits, torch.full(logits.shape[:2], matchable), torch.full((1, logits.shape[2]), matchable))


def test_assignment_loss_by_value():
    truth = Partners(
        torch.tensor([[[True, False], [False, False]]]), torch.tensor([[False, True]]), torch.tensor([[False, True]])
    )
    loss = assignment_loss(_assignment(torch.full((1, 2, 2), math.log(0.25))), truth, torch.ones(1, 2))
    assert math.isclose(float(loss), 0.5 * math.log(4) + 0.5 * math.log(2), rel_tol=1e-6)
    surer = assignment_loss(_assignment(torch.full((1, 2, 2), math.log(0.9))), truth, torch.ones(1, 2))
    assert surer < loss


def test_focal_loss_by_value():
    truth = Partners(
        torch.tensor([[[True, False], [False, False]]]), torch.tensor([[False, True]]), torch.tensor([[False, True]])
    )
    loss = focal_assignment_loss(_assignment(torch.full((1, 2, 2), math.log(0.2))), truth, torch.ones(1, 2))
    expected = 0.25 * 0.8**2 * math.log(5) + 2 * 0.25 * 0.25 * math.log(2)
    assert math.isclose(float(loss), expected, rel_tol=1e-6)


def test_nothing_known_costs_nothing():
    nothing = Partners(torch.zeros(1, 2, 2, dtype=torch.bool), *(torch.zeros(1, 2, dtype=torch.bool),) * 2)
    logits = torch.zeros(1, 2, 2, requires_grad=True)
    loss = assignment_loss(_assignment(logits), nothing, torch.ones(1, 2))
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None and torch.equal(logits.grad, torch.zeros(1, 2, 2))
    assert float(reliability_loss(torch.full((1, 2), 0.3), nothing)) == 0


def test_reliability_is_lowest_for_the_right_answer():
    truth = Partners(
        torch.tensor([[[True, False], [False, False]]]), torch.tensor([[False, True]]), torch.zeros(1, 2).bool()
    )
    right, wrong = torch.tensor([[0.99, 0.01]]), torch.tensor([[0.01, 0.99]])
    assert reliability_loss(right, truth) < 0.02 < reliability_loss(wrong, truth)


def _refined(points: Tensor, log_sigma: float, logits: Tensor) -> Refined:
    return Refined(points, torch.full(points.shape[:2], log_sigma), points, logits)


def test_search_loss_is_lowest_at_the_true_place_and_shared_between_cells():
    start, search, stride = torch.tensor([[[50.0, 40.0]]]), 2, 2.0
    target = start + torch.tensor([2.0, -2.0])  # one cell to the right and up: row 1, column 3
    logits = torch.zeros(1, 1, 25)
    logits[..., 1 * 5 + 3] = 20.0
    weight = torch.ones(1, 1)
    assert search_loss(_refined(start, 0, logits), start, target, weight, search, stride) < 1e-6
    between = target + torch.tensor([1.0, 0.0])
    even = torch.full((1, 1, 25), -20.0)
    even[..., [8, 9]] = 0.0
    found = search_loss(_refined(start, 0, even), start, between, weight, search, stride)
    assert math.isclose(float(found), math.log(2), rel_tol=1e-4)
    outside = start + torch.tensor([10.0, 0.0])
    assert search_loss(_refined(start, 0, logits), start, outside, weight, search, stride) == 0


def test_precision_loss_is_lowest_where_sigma_is_the_error():
    points = torch.tensor([[[10.0, 10.0], [20.0, 20.0]]])
    target = points + torch.tensor([[[0.3, 0.4], [0.0, 0.5]]])
    weight, logits = torch.ones(1, 2), torch.zeros(1, 2, 25)
    losses = {
        s: float(precision_loss(_refined(points, math.log(s), logits), target, weight, 4.0)) for s in (0.25, 0.5, 1.0)
    }
    assert min(losses, key=lambda s: losses[s]) == 0.5
    assert math.isclose(losses[0.5], 1 + math.log(0.5), rel_tol=1e-5)
    assert precision_loss(_refined(points, 0.0, logits), target + 100, weight, 4.0) == 0
    assert precision_loss(_refined(points, 0.0, logits), target, 0 * weight, 4.0) == 0


def test_uncertain_labels_count_less():
    assert torch.allclose(label_weight(torch.tensor([0.0, 1.0, 3.0]), 1.0), torch.tensor([1.0, 0.5, 0.1]))
