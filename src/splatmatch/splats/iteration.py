"""One step of a fit: render a training view, compare, differentiate, update, edit."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from splatmatch.errors import NumericalError
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Engine, Render
from splatmatch.splats import losses, sizes
from splatmatch.splats.adam import AdamConfig
from splatmatch.splats.checkpoint import FitState
from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.densification.strategy import Strategy
from splatmatch.splats.exposure import with_exposure
from splatmatch.splats.fit_config import FitConfig
from splatmatch.splats.photometric import photometric_loss
from splatmatch.splats.surfaces.terms import Neighbour, SurfaceTerms
from splatmatch.splats.targets import DepthTarget, NormalTarget
from splatmatch.splats.training_images import TrainingImage, TrainingView


@dataclass
class StageSeconds:
    """Where the time of a fit went."""

    load: float = 0.0
    """Reading photos and making the first Gaussians."""
    render: float = 0.0
    """Forward passes of the engine."""
    loss: float = 0.0
    """All losses; the photometric one computes its gradient here too."""
    backward: float = 0.0
    """Backward passes."""
    optimiser: float = 0.0
    """Adam steps and noise."""
    densification: float = 0.0
    """Screen statistics and edits."""
    checkpoint: float = 0.0
    """Writing checkpoints."""


@dataclass(frozen=True, eq=False)
class FitPlan:
    """All that stays the same during a fit."""

    config: FitConfig
    engine: Engine
    device: torch.device
    views: tuple[TrainingView, ...]
    extent: float
    """Camera extent in scene units: the unit of the learning rates of positions."""
    strategy: Strategy
    depth_targets: Mapping[str, DepthTarget]
    normal_targets: Mapping[str, NormalTarget]
    neighbours: tuple[tuple[int, ...], ...]
    """For each view those that see the same surfaces; empty where no term compares views."""
    unit: float
    """Typical depth of the scene."""
    adam: AdamConfig = field(default_factory=AdamConfig)

    def view_of(self, step: int) -> int:
        """Index of the training view of ``step`` (from 0): every epoch shows all views in a new, seeded order."""
        epoch, place = divmod(step, len(self.views))
        generator = torch.Generator().manual_seed(_seed(self.config.seed, 0, epoch))
        return int(torch.randperm(len(self.views), generator=generator)[place])


def iterate(plan: FitPlan, state: FitState, seconds: StageSeconds) -> None:
    """Take the step ``state.step`` and count it.

    Raises:
        NumericalError: the loss or a gradient is not finite.
    """
    config, step = plan.config, state.step
    clock = _Clock()
    if config.active_sh_degree(step) > state.parameters.values.sh_degree:
        state.parameters = state.parameters.with_sh_degree(config.active_sh_degree(step))
    index = plan.view_of(step)
    view = plan.views[index]
    image = view.levels[config.level(step)]
    leaves = state.parameters.leaves()
    offsets = torch.zeros(len(leaves), 2, device=plan.device, requires_grad=True)
    tangent = torch.zeros(6, device=plan.device, requires_grad=True) if config.refine_poses else None
    background = state.corrections.background.to(plan.device)
    if config.background == "learned":
        background = background.clone().requires_grad_()
    depth, normal = plan.depth_targets.get(view.view.name), plan.normal_targets.get(view.view.name)
    surfaces = SurfaceTerms(config.surfaces, step / config.steps, plan.unit)
    request, pose = surfaces.request(depth is not None), state.corrections.pose(index)
    if normal is not None and "normal" not in request.want:
        request = replace(request, want=(*request.want, "normal"))
    render = plan.engine.render(
        leaves,
        image.camera,
        pose,
        request,
        background=background,
        features=surfaces.moments(leaves, pose),
        pose_tangent=tangent,
        screen_offsets=offsets,
    )
    seconds.render += clock.lap()

    exposure = state.corrections.exposures[index].clone().to(plan.device).requires_grad_() if config.exposure else None
    assert render.rgb is not None
    assert render.radii is not None
    rgb = render.rgb if exposure is None else with_exposure(render.rgb, exposure)
    pixels, weight = image.pixels.to(plan.device), None if image.weight is None else image.weight.to(plan.device)
    photometric = photometric_loss(rgb, pixels, weight, config.weights.ssim)
    total = photometric.loss + _further_losses(plan, leaves, render, image, normal)
    terms = surfaces.loss(leaves, render, image, pose, depth, _neighbour(plan, state, index), plan.engine)
    total = total + surfaces.pull * terms
    loss = float(total.detach())
    if not math.isfinite(loss):
        raise NumericalError(f"step {step + 1}: the loss of {view.view.name} is {loss}")
    seconds.loss += clock.lap()
    total.backward()  # type: ignore[no-untyped-call]
    seconds.backward += clock.lap()

    state.parameters.step(leaves.mapped(_gradient), _rates(plan, leaves, step), step + 1, plan.adam)
    times = (step + 1, plan.adam)
    if exposure is not None:
        state.corrections.step_exposure(index, _gradient(exposure).cpu(), config.rates.exposures, *times)
    if tangent is not None:
        rates = torch.tensor([plan.extent] * 3 + [1.0] * 3) * config.rates.poses
        state.corrections.step_pose(index, _gradient(tangent).cpu(), rates, *times)
    if config.background == "learned":
        state.corrections.step_background(_gradient(background).cpu(), config.rates.background, *times)
    state.step += 1
    state.squared_error += photometric.mse
    state.loss += loss
    noise = torch.Generator().manual_seed(_seed(config.seed, 1, state.step))
    plan.strategy.nudge(state.parameters, state.step, config.means_rate(step) * plan.extent, noise)
    if state.step % sizes.EVERY == 0 or state.step == config.steps:
        centres = torch.stack([state.corrections.pose(i).centre for i in range(len(plan.views))])
        state.parameters.shrink(sizes.largest_log_scales(state.parameters.values.means, centres))
    seconds.optimiser += clock.lap()

    state.statistics.add(_gradient(offsets), render.radii, image.camera)
    if plan.strategy.due(state.step):
        choice = torch.Generator().manual_seed(_seed(config.seed, 2, state.step))
        state.parameters = plan.strategy.edited(state.parameters, state.statistics, state.step, choice)
        state.statistics = ScreenStatistics.zeros(len(state.parameters), plan.device)
    seconds.densification += clock.lap()


def _further_losses(
    plan: FitPlan,
    leaves: Gaussians,
    render: Render,
    image: TrainingImage,
    normal: NormalTarget | None,
) -> Tensor:
    """The weighted sum of all terms but the photometric one, ()."""
    weights, total = plan.config.weights, torch.zeros((), device=plan.device)
    if weights.opacity:
        total = total + weights.opacity * losses.opacity_loss(leaves.logit_opacities)
    if weights.scale:
        total = total + weights.scale * losses.scale_loss(leaves.log_scales, plan.extent)
    if weights.alpha and image.weight is not None:
        total = total + weights.alpha * losses.alpha_loss(render.alpha, image.weight.to(plan.device))
    if weights.normal and normal is not None:
        target = normal.at(image.camera)
        assert render.normal is not None
        maps = (t.to(plan.device) for t in (target.normal, target.weight))
        total = total + weights.normal * losses.normal_loss(render.normal, *maps)
    return total


def _neighbour(plan: FitPlan, state: FitState, index: int) -> Neighbour | None:
    """Another view of the same surfaces, at random; None where there is none or no term looks at it."""
    step, others = state.step, plan.neighbours[index] if plan.neighbours else ()
    if not others or step < plan.config.surfaces.start * plan.config.steps:
        return None
    chosen = others[_seed(plan.config.seed, 3, step) % len(others)]
    return Neighbour(plan.views[chosen].levels[plan.config.level(step)], state.corrections.pose(chosen))


def _rates(plan: FitPlan, gaussians: Gaussians, step: int) -> dict[str, Tensor]:
    rates, decay = plan.config.rates, plan.config.decay(step)
    hasty = decay * plan.config.haste
    sh = torch.full(gaussians.sh.shape[1:], rates.sh_rest * hasty)
    sh[0] = rates.sh_base * hasty
    return {
        "means": torch.full((3,), plan.config.means_rate(step) * plan.extent),
        "log_scales": torch.full((3,), rates.scales * hasty),
        "quaternions": torch.full((4,), rates.quaternions * hasty),
        "logit_opacities": torch.full((1,), rates.opacities * decay),
        "sh": sh,
    }


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _seed(seed: int, purpose: int, index: int) -> int:
    """One stream per purpose and index: random numbers depend on nothing else, so a fit resumes without their state.

    Hashed to 32 bits, since torch's CPU generator ignores the rest of a seed.
    """
    return int(np.random.SeedSequence([seed, purpose, index]).generate_state(1)[0])


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        elapsed, self._last = now - self._last, now
        return elapsed
