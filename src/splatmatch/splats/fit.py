"""``fit()``: Gaussians that reproduce the photos of a posed scene (Kerbl et al., 2023)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.jobs.interrupts import uninterrupted
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Engine
from splatmatch.scene.views import Scene, View
from splatmatch.splats.checkpoint import FitRecord, FitState, fit_key, load_checkpoint, save_checkpoint
from splatmatch.splats.corrections import Corrections
from splatmatch.splats.densification.adaptive import Adaptive
from splatmatch.splats.densification.mcmc import Mcmc
from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.fit_config import FitConfig
from splatmatch.splats.initialisation import initial_gaussians
from splatmatch.splats.iteration import FitPlan, StageSeconds, iterate
from splatmatch.splats.parameters import Parameters
from splatmatch.splats.photometric import psnr_of
from splatmatch.splats.render import get_engine
from splatmatch.splats.surfaces.neighbours import neighbouring_views, typical_depth
from splatmatch.splats.targets import DepthTarget, NormalTarget
from splatmatch.splats.training_images import load_training_views

RECORD_EVERY = 50
"""Steps between lines of the history and progress reports."""


@dataclass(frozen=True, eq=False)
class FitProgress:
    """What a progress callback gets, every RECORD_EVERY steps and at the end."""

    record: FitRecord
    """Steps done, PSNR of the training views shown since the last report, loss, number of Gaussians."""
    steps: int
    """Of the whole fit."""
    steps_per_second: float
    """Since the last report."""
    gaussians: Gaussians
    """The present state; changes with the next step, so copy what is to be kept."""


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fitted splat and how it came about."""

    gaussians: Gaussians
    history: tuple[FitRecord, ...]
    views: tuple[View, ...]
    """The training views, with refined poses where these were asked for."""
    exposures: Tensor
    """(V, 3, 4) per training view: photo colour = matrix applied to (r, g, b, 1) of the render."""
    background: Tensor
    """(3,) colour behind the splat."""
    seconds: StageSeconds
    """Of this process; a resumed fit does not count what was spent before."""


def fit(
    scene: Scene,
    config: FitConfig | None = None,
    *,
    engine: str | Engine = "auto",
    checkpoint: Path | None = None,
    resume: bool = False,
    depth_targets: Mapping[str, DepthTarget] | None = None,
    normal_targets: Mapping[str, NormalTarget] | None = None,
    progress: Callable[[FitProgress], None] | None = None,
) -> FitResult:
    """Fit Gaussians to the training views of ``scene``.

    Each step renders one photo's view, compares (L1 + SSIM and the terms of ``config.weights`` and ``config.surfaces``)
    and takes an Adam step; every so often a strategy splits, moves or removes Gaussians. From the same posed scene and
    config the result on the cpu engine has the same bits for any number of threads, whether or not it was interrupted
    and resumed.

    Args:
        scene: posed training views with photos; its sparse points are the start. Test views are never looked at.
        config: what to do; None = ``FitConfig()``.
        engine: auto, cpu, gsplat, reference, or an Engine.
        checkpoint: file (.safetensors) that the state is saved to every ``config.checkpoint_seconds`` and when the fit
            is interrupted; removed by nobody.
        resume: continue from ``checkpoint``.
        depth_targets: wanted depths by view name.
        normal_targets: wanted normals by view name.
        progress: called every RECORD_EVERY steps and at the end.

    Raises:
        InputError: no training views, unreadable photos, or a checkpoint of another fit.
        NumericalError: the loss or a gradient became NaN; the last good checkpoint is kept.
    """
    config = config or FitConfig()
    if not scene.train_views:
        raise InputError("the scene has no training views", "reconstruct it from more photos")
    if resume and checkpoint is None:
        raise InputError("nothing to resume from", "name a checkpoint")
    seconds, started = StageSeconds(), time.perf_counter()
    plan = _plan(scene, config, engine, depth_targets or {}, normal_targets or {})
    key = fit_key(scene, config, plan.engine.name)
    if resume and checkpoint is not None:
        state = load_checkpoint(checkpoint, key, plan.device)
    else:
        state = _start(scene, config, plan.device)
    seconds.load = time.perf_counter() - started
    _run(plan, state, seconds, key, checkpoint, progress)
    poses = [state.corrections.pose(index) for index in range(len(plan.views))]
    return FitResult(
        gaussians=state.parameters.values.with_sh_degree(config.sh_degree),
        history=tuple(state.history),
        views=tuple(replace(v.view, camera_from_world=p) for v, p in zip(plan.views, poses, strict=True)),
        exposures=state.corrections.exposures,
        background=state.corrections.background,
        seconds=seconds,
    )


def _plan(
    scene: Scene,
    config: FitConfig,
    engine: str | Engine,
    depth_targets: Mapping[str, DepthTarget],
    normal_targets: Mapping[str, NormalTarget],
) -> FitPlan:
    if engine == "auto" and torch.cuda.is_available() and find_spec("gsplat"):
        engine = "gsplat"
    chosen = get_engine(engine) if isinstance(engine, str) else engine
    strategies = {"adaptive": (Adaptive, config.adaptive), "mcmc": (Mcmc, config.mcmc)}
    strategy, options = strategies[config.strategy]
    return FitPlan(
        config=config,
        engine=chosen,
        device=torch.device("cuda" if chosen.name == "gsplat" else "cpu"),
        views=load_training_views(scene.train_views, config.size, len(config.coarse) + 1),
        extent=scene.camera_extent,
        strategy=strategy(options, config.steps, config.max_gaussians),
        depth_targets=depth_targets,
        normal_targets=normal_targets,
        neighbours=neighbouring_views(scene, config.surfaces.neighbours) if config.surfaces.needs_neighbours else (),
        unit=typical_depth(scene),
    )


def _start(scene: Scene, config: FitConfig, device: torch.device) -> FitState:
    gaussians = initial_gaussians(scene, config.initialisation, config.max_gaussians, config.seed)
    parameters = Parameters.starting(replace(gaussians, antialiased=config.antialiased).to(device))
    return FitState(
        step=0,
        parameters=parameters,
        statistics=ScreenStatistics.zeros(len(parameters), device),
        corrections=Corrections.starting(scene.train_views, config.background),
        history=[],
    )


def _run(
    plan: FitPlan,
    state: FitState,
    seconds: StageSeconds,
    key: str,
    checkpoint: Path | None,
    progress: Callable[[FitProgress], None] | None,
) -> None:
    """Iterate to the end, recording, reporting and saving on the way."""
    config = plan.config
    saved = reported = time.perf_counter()
    saved_step, since = state.step, state.step
    try:
        while state.step < config.steps:
            with uninterrupted():
                iterate(plan, state, seconds)
            now = time.perf_counter()
            if state.step % RECORD_EVERY == 0 or state.step == config.steps:
                _record(state)
                if progress is not None:
                    rate = (state.step - since) / max(now - reported, 1e-9)
                    progress(FitProgress(state.history[-1], config.steps, rate, state.parameters.values))
                reported, since = time.perf_counter(), state.step
            if checkpoint is not None and now - saved > config.checkpoint_seconds:
                save_checkpoint(checkpoint, state, key)
                saved, saved_step = time.perf_counter(), state.step
                seconds.checkpoint += saved - now
    except KeyboardInterrupt:
        if checkpoint is not None and state.step > saved_step:
            save_checkpoint(checkpoint, state, key)
        raise


def _record(state: FitState) -> None:
    """Close the running sums into one line of the history."""
    count = state.step - (state.history[-1].step if state.history else 0)
    psnr = psnr_of(state.squared_error / count)
    state.history.append(FitRecord(state.step, psnr, state.loss / count, len(state.parameters)))
    state.squared_error = state.loss = 0.0
