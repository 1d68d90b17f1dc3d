"""Training of the semi-dense matcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from splatmatch.errors import InputError
from splatmatch.networks.keypoints import Keypoints
from splatmatch.networks.refinement import HALF
from splatmatch.networks.semidense import SemiDense, SemiDenseConfig, centres
from splatmatch.networks.xfeat import CELL, XFeat
from splatmatch.training import point_losses as losses
from splatmatch.training.batch import PairBatch
from splatmatch.training.published import parameters_without, start_from_xfeat
from splatmatch.training.task import LossTerms, ParameterGroup

if TYPE_CHECKING:
    from splatmatch.scene.matcher import Matcher


@dataclass(frozen=True)
class SemiDenseTaskConfig:
    """How cells are taught."""

    network: SemiDenseConfig = field(default_factory=SemiDenseConfig)
    near: float = 5.7
    """Pixels up to which the centres of cells are partners: half the diagonal of a cell."""
    trusted_sigma: float = 2.0
    """Uncertainty of labels, pixels, at which they count half for the assignment."""
    precise_sigma: float = 0.3
    """The same for the refinement."""
    fine: int = 256
    """Matched cells per pair that the refinement is taught on."""
    search_weight: float = 0.5
    precision_weight: float = 0.5


@dataclass(frozen=True)
class SemiDenseTask:
    """``semidense-s`` starts from XFeat and LighterGlue or from nothing, the larger ones from nothing."""

    name: str = "semidense-s"
    config: SemiDenseTaskConfig = field(default_factory=SemiDenseTaskConfig)

    def build(self) -> SemiDense:
        """The network with random values."""
        return SemiDense(self.config.network)

    def start_from_published(self, module: nn.Module) -> str:
        """XFeat for the backbone, LighterGlue for the attention.

        Raises:
            InputError: there are no public weights of this size.
            MissingDependencyError: the weights are not on this machine.
        """
        network = cast(SemiDense, module)
        if not isinstance(network.backbone, XFeat):
            raise InputError(f"{self.name} has no public weights to start from", "train it from scratch")
        return start_from_xfeat(network.backbone, network.assigner)

    def loss(self, module: nn.Module, batch: PairBatch, step: int) -> LossTerms:
        """Assignment of cells, and refinement from the centres of the cells that truly belong together."""
        network, config = cast(SemiDense, module), self.config
        described = network.described(torch.cat([batch.images_a, batch.images_b]))
        cells = _cells(described)
        a, b = _part(cells, slice(None, len(batch))), _part(cells, slice(len(batch), None))
        of_a, of_b = losses.truths(batch, a, b)
        truth = losses.partners(a, b, of_a, of_b, config.near, CELL)
        assignment = network.assigned(*described.chunk(2))
        weight = losses.label_weight(of_a.sigma, config.trusted_sigma)
        assigned = losses.focal_assignment_loss(assignment, truth, weight)
        rows, partner, there = _some(truth.matched, config.fine)
        points = _rows(a.points, rows) + 0.5  # labels are known at the centres of pixels
        start = _rows(b.points, partner) + 0.5
        target = _rows(of_a.target, rows)
        refined = network.refined(batch.images_a, batch.images_b, points, start)
        precise = there * losses.label_weight(_rows(of_a.sigma[..., None], rows)[..., 0], config.precise_sigma)
        refiner = config.network.refiner
        found = losses.search_loss(refined, start, target, precise, refiner.search, HALF)
        corrected = losses.precision_loss(refined, target, precise, refiner.correction + 1.0)
        total = assigned + config.search_weight * found + config.precision_weight * corrected
        parts = {"assignment": assigned, "search": found, "precision": corrected}
        parts |= losses.successes(assignment, truth, refined, target, there)
        return LossTerms(total, parts)

    def groups(self, module: nn.Module) -> Sequence[ParameterGroup]:
        """Published parts slowly, the rest fast; XFeat's heads, which cells do not need, not at all."""
        network = cast(SemiDense, module)
        backbone = parameters_without(network.backbone, ("keypoints", "reliability"))
        others = parameters_without(network, ("backbone", "refiner"))
        return (
            ParameterGroup("backbone", backbone, 0.5 if isinstance(network.backbone, XFeat) else 1.0),
            ParameterGroup("assigner", others),
            ParameterGroup("refiner", list(network.refiner.parameters()), 2.5),
        )

    def matcher(self, module: nn.Module) -> Matcher:
        """The network as a matcher."""
        from splatmatch.matchers.semidense import matcher_of

        return matcher_of(cast(SemiDense, module), self.name)


def _cells(described: Tensor) -> Keypoints:
    """The centres of all cells of maps (B, D, h, w), as if they were keypoints."""
    points = centres(described, CELL)
    return Keypoints(points, points.new_ones(points.shape[:2]), points.new_zeros(*points.shape[:2], 0))


def _part(cells: Keypoints, rows: slice) -> Keypoints:
    return Keypoints(cells.points[rows], cells.scores[rows], cells.descriptors[rows])


def _some(matched: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """``count`` random matched rows (B, K) of a, their partners (B, K), and which of them (B, K) are matched at all."""
    any_partner = matched.any(2)
    drawn = torch.rand(any_partner.shape).to(any_partner.device) * any_partner
    rows = drawn.topk(min(count, drawn.shape[1]), dim=1).indices
    partner = matched.float().argmax(2).gather(1, rows)
    return rows, partner, any_partner.gather(1, rows)


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    """Rows (B, K) of values (B, N, C), (B, K, C)."""
    return values.gather(1, rows[..., None].expand(-1, -1, values.shape[2]))
