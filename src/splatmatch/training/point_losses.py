"""What teaches a matcher of keypoints: which points belong together, which have no partner, and where exactly they lie.

All are pure functions of tensors. B pairs, N points in a, M in b; corner pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.networks.keypoints import Keypoints
from splatmatch.networks.lightglue import Assignment
from splatmatch.networks.refinement import Refined
from splatmatch.training.batch import PairBatch


@dataclass(frozen=True, eq=False)
class Partners:
    """Which keypoints truly belong together."""

    matched: Tensor
    """(B, N, M) bool, one to one."""
    alone_a: Tensor
    """(B, N) bool: it is known that no keypoint of b lies where this one is seen."""
    alone_b: Tensor
    """(B, M) bool."""


@dataclass(frozen=True, eq=False)
class PointTruth:
    """What depth and pose say of points of one image."""

    target: Tensor
    """(B, N, 2) corner pixels of the other image."""
    covisible: Tensor
    """(B, N) bool."""
    known: Tensor
    """(B, N) bool."""
    sigma: Tensor
    """(B, N) pixels."""


def truth_at(points: Tensor, target: Tensor, covisible: Tensor, known: Tensor, sigma: Tensor) -> PointTruth:
    """The maps (B, H, W, ...) of a batch at ``points`` (B, N, 2) that lie at centres of pixels."""
    height, width = covisible.shape[1:]
    x = points[..., 0].long().clamp(0, width - 1)
    y = points[..., 1].long().clamp(0, height - 1)
    rows = torch.arange(len(points), device=points.device)[:, None]
    return PointTruth(target[rows, y, x], covisible[rows, y, x], known[rows, y, x], sigma[rows, y, x])


def truths(batch: PairBatch, a: Keypoints, b: Keypoints) -> tuple[PointTruth, PointTruth]:
    """Of the keypoints of both images; nothing is known of those of score 0."""
    of_a = truth_at(a.points, batch.target_ab, batch.covisible_ab, batch.known_ab, batch.sigma_ab)
    of_b = truth_at(b.points, batch.target_ba, batch.covisible_ba, batch.known_ba, batch.sigma_ba)
    found = []
    for truth, points in ((of_a, a), (of_b, b)):
        real = points.scores > 0
        found.append(PointTruth(truth.target, truth.covisible & real, truth.known & real, truth.sigma))
    return found[0], found[1]


def partners(a: Keypoints, b: Keypoints, of_a: PointTruth, of_b: PointTruth, near: float, far: float) -> Partners:
    """Keypoints that see the same point.

    Matched are mutual nearest neighbours, measured by the larger of both distances, up to ``near`` pixels apart. Alone
    is what is known to be hidden or outside, or has no keypoint within ``far`` pixels; in between nothing is said.
    """
    forward = torch.cdist(of_a.target.float(), b.points.float())
    backward = torch.cdist(a.points.float(), of_b.target.float())
    both = of_a.covisible[:, :, None] & of_b.covisible[:, None]
    distance = torch.maximum(forward, backward).masked_fill(~both, torch.inf)
    mutual = (distance == distance.min(2, keepdim=True).values) & (distance == distance.min(1, keepdim=True).values)
    matched = mutual & (distance <= near)
    nearest_a = forward.masked_fill((b.scores <= 0)[:, None], torch.inf).min(2).values
    nearest_b = backward.masked_fill((a.scores <= 0)[:, :, None], torch.inf).min(1).values
    alone_a = of_a.known & (~of_a.covisible | (nearest_a > far)) & ~matched.any(2)
    alone_b = of_b.known & (~of_b.covisible | (nearest_b > far)) & ~matched.any(1)
    return Partners(matched, alone_a, alone_b)


def assignment_loss(assignment: Assignment, truth: Partners, weight: Tensor) -> Tensor:
    """Negative log-likelihood of the assignment (Lindenberger et al., 2023, eq. 11), mean over pairs, ().

    Half of it is that of the matched, weighted by ``weight`` (B, N), a quarter each that of the points alone in a, b.
    """
    chosen = (assignment.log_scores * truth.matched).sum(2)
    matched = truth.matched.any(2)
    positive = -_mean(chosen, matched * weight)
    alone = _mean(functional.softplus(assignment.matchable_a), truth.alone_a.float())
    alone = alone + _mean(functional.softplus(assignment.matchable_b), truth.alone_b.float())
    return (0.5 * positive + 0.25 * alone).mean()


def focal_assignment_loss(
    assignment: Assignment, truth: Partners, weight: Tensor, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """-alpha (1 - p)^gamma log p of the matched, mean over pairs, (): a focal loss, as in LoFTR (Sun et al., 2021).

    Points alone add a quarter of alpha times the cross entropy of their matchability in each image.
    """
    log_likely = (assignment.log_scores * truth.matched).sum(2)
    likely = log_likely.exp()
    positive = _mean(-alpha * (1 - likely).pow(gamma) * log_likely, truth.matched.any(2) * weight)
    alone = _mean(functional.softplus(assignment.matchable_a), truth.alone_a.float())
    alone = alone + _mean(functional.softplus(assignment.matchable_b), truth.alone_b.float())
    return (positive + 0.25 * alpha * alone).mean()


def reliability_loss(scores: Tensor, truth: Partners) -> Tensor:
    """Cross entropy of the reliability (B, N) of keypoints of a with whether they have a partner, ()."""
    matched = truth.matched.any(2)
    said = (matched | truth.alone_a).float()
    losses = functional.binary_cross_entropy(scores.clamp(1e-4, 1 - 1e-4), matched.float(), reduction="none")
    return _mean(losses, said).mean()


def search_loss(refined: Refined, start: Tensor, target: Tensor, weight: Tensor, search: int, stride: float) -> Tensor:
    """Cross entropy (B, M) of the search with the true place, shared between its four nearest cells; mean, ().

    Points whose ``target`` (B, M, 2) lies outside the cells around ``start`` (B, M, 2) say nothing.
    """
    side = 2 * search + 1
    cell = (target - start) / stride + search
    inside = ((cell >= 0) & (cell <= side - 1)).all(-1)
    low = cell.floor().clamp(0, side - 2)
    part = (cell - low).clamp(0, 1)
    log_likely = refined.search_logits.log_softmax(-1)
    total = torch.zeros_like(weight)
    for dy in (0, 1):
        for dx in (0, 1):
            share = (part[..., 0] if dx else 1 - part[..., 0]) * (part[..., 1] if dy else 1 - part[..., 1])
            row = ((low[..., 1] + dy) * side + low[..., 0] + dx).long()
            total = total - share * log_likely.gather(-1, row[..., None])[..., 0]
    return _mean(total, weight * inside).mean()


def precision_loss(refined: Refined, target: Tensor, weight: Tensor, reach: float) -> Tensor:
    """|error| / sigma + log sigma of points (B, M, 2): a Laplace likelihood whose scale the network predicts; mean, ().

    Points that the search left further than ``reach`` pixels from ``target`` cannot be corrected and say nothing.
    """
    error = (refined.points - target).norm(dim=-1)
    reachable = (refined.searched.detach() - target).abs().amax(-1) <= reach
    log_sigma = refined.log_sigma.clamp(-4, 3)
    return _mean(error * (-log_sigma).exp() + log_sigma, weight * reachable).mean()


@torch.no_grad()
def successes(
    assignment: Assignment, truth: Partners, refined: Refined, target: Tensor, counts: Tensor
) -> dict[str, Tensor]:
    """For the log: recall, share of points that are matched, and median error of refined points in pixels.

    Recall is the share of the matched whose best partner is right; errors are those where ``counts`` (B, M).
    """
    matched = truth.matched.any(2)
    right = truth.matched.gather(2, assignment.log_scores.argmax(2, keepdim=True))[..., 0] & matched
    error = (refined.points - target).norm(dim=-1)[counts]
    return {
        "recall": right.sum() / matched.sum().clamp(min=1),
        "matched": matched.float().mean(),
        "error": error.median() if len(error) else torch.zeros(()),
    }


def label_weight(sigma: Tensor, trusted: float) -> Tensor:
    """1 / (1 + (sigma / trusted)^2): half where labels are uncertain by ``trusted`` pixels."""
    return 1 / (1 + (sigma / trusted).square())


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over the last axis (B,), 0 where nothing counts; values that do not count may be anything."""
    counted = torch.where(weight > 0, values, torch.zeros_like(values))
    return (counted * weight).sum(-1) / weight.sum(-1).clamp(min=1.0)
