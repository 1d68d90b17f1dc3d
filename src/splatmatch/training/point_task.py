"""Training of the matcher of keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from splatmatch.networks.keypoints import Keypoints
from splatmatch.networks.points import PointMatcher, PointMatcherConfig
from splatmatch.networks.refinement import HALF
from splatmatch.networks.sampling import sampled
from splatmatch.training import point_losses as losses
from splatmatch.training.batch import PairBatch
from splatmatch.training.published import parameters_without, start_from_xfeat
from splatmatch.training.task import LossTerms, ParameterGroup

if TYPE_CHECKING:
    from splatmatch.scene.matcher import Matcher


@dataclass(frozen=True)
class PointTaskConfig:
    """How keypoints are taught."""

    network: PointMatcherConfig = field(default_factory=PointMatcherConfig)
    points: int = 512
    """Keypoints per image."""
    threshold: float = 0.01
    """Smallest keypoint probability; lower than in use, so that easy images give enough points too."""
    near: float = 2.0
    """Pixels up to which keypoints are the same."""
    far: float = 4.0
    """Pixels from which they are not."""
    trusted_sigma: float = 1.0
    """Uncertainty of labels, pixels, at which they count half for the assignment."""
    precise_sigma: float = 0.3
    """The same for the refinement."""
    jitter: float = 2.0
    """Standard deviation, pixels, of the starts that the refinement is given; a quarter of them thrice as far off."""
    search_weight: float = 0.5
    precision_weight: float = 0.5
    reliability_weight: float = 0.1


@dataclass(frozen=True)
class PointTask:
    """``splatmatch-s``: starts from XFeat and LighterGlue, or from nothing; the detector itself stays as it is."""

    name: str = "splatmatch-s"
    config: PointTaskConfig = field(default_factory=PointTaskConfig)

    def build(self) -> PointMatcher:
        """The network with random values."""
        return PointMatcher(self.config.network)

    def start_from_published(self, module: nn.Module) -> str:
        """XFeat for the backbone, LighterGlue for the assigner's first layers; further layers begin as no change.

        Raises:
            MissingDependencyError: the weights are not on this machine.
        """
        network = cast(PointMatcher, module)
        return start_from_xfeat(network.backbone, network.assigner)

    def loss(self, module: nn.Module, batch: PairBatch, step: int) -> LossTerms:
        """Assignment of the best keypoints, and refinement from disturbed starts."""
        network, config = cast(PointMatcher, module), self.config
        maps = network.backbone(torch.cat([batch.images_a, batch.images_b]))
        both = network.found(maps, config.points, config.threshold)
        a, b = _half(both, 0), _half(both, 1)
        of_a, of_b = losses.truths(batch, a, b)
        truth = losses.partners(a, b, of_a, of_b, config.near, config.far)
        assignment = network.assigned(a, b, batch.size, batch.size)
        weight = losses.label_weight(of_a.sigma, config.trusted_sigma)
        assigned = losses.assignment_loss(assignment, truth, weight)
        reliability = sampled(maps.reliability.float(), both.points, 8)[..., 0]
        reliable = losses.reliability_loss(reliability[: len(batch)], truth)
        start = of_a.target + self._jitter(of_a.target)
        refined = network.refined(batch.images_a, batch.images_b, a.points, start)
        precise = of_a.covisible * losses.label_weight(of_a.sigma, config.precise_sigma)
        found = losses.search_loss(refined, start, of_a.target, precise, config.network.refiner.search, HALF)
        corrected = losses.precision_loss(refined, of_a.target, precise, config.network.refiner.correction + 1.0)
        total = assigned + config.reliability_weight * reliable
        total = total + config.search_weight * found + config.precision_weight * corrected
        parts = {"assignment": assigned, "reliability": reliable, "search": found, "precision": corrected}
        parts |= losses.successes(assignment, truth, refined, of_a.target, of_a.covisible)
        return LossTerms(total, parts)

    def groups(self, module: nn.Module) -> Sequence[ParameterGroup]:
        """The backbone slowly, the refiner, which starts from nothing, fast; the keypoint head not at all."""
        network = cast(PointMatcher, module)
        return (
            ParameterGroup("backbone", parameters_without(network.backbone, ("keypoints",)), 0.5),
            ParameterGroup("assigner", list(network.assigner.parameters())),
            ParameterGroup("refiner", list(network.refiner.parameters()), 2.5),
        )

    def matcher(self, module: nn.Module) -> Matcher:
        """The network as a matcher."""
        from splatmatch.matchers.adapters.splatmatch_s import matcher_of

        return matcher_of(cast(PointMatcher, module))

    def _jitter(self, like: Tensor) -> Tensor:
        wide = torch.rand(like.shape[:-1]) < 0.25
        return (torch.randn(like.shape) * self.config.jitter * torch.where(wide, 3.0, 1.0)[..., None]).to(like)


def _half(both: Keypoints, which: int) -> Keypoints:
    rows = slice(which * len(both.points) // 2, (which + 1) * len(both.points) // 2)
    return Keypoints(both.points[rows], both.scores[rows], both.descriptors[rows])
