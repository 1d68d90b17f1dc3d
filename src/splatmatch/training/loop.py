"""``train``: from pairs to weights, resumable after any kind of end."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from splatmatch.errors import InputError, SplatmatchError
from splatmatch.files import write_json
from splatmatch.formats.json_text import read_json_object
from splatmatch.jobs.interrupts import uninterrupted
from splatmatch.jobs.progress import Progress, Silent
from splatmatch.training.allocator import keep_memory
from splatmatch.training.batch import PairBatch
from splatmatch.training.checkpoints import RunState, latest, restore, save, state_of
from splatmatch.training.config import PUBLISHED, SCRATCH, RunOptions, TrainConfig, differences
from splatmatch.training.log import RunLog
from splatmatch.training.mix import Drawn, PairMix
from splatmatch.training.runner import Chosen, Runner, open_runner
from splatmatch.training.sources import open_source
from splatmatch.training.step import Objective, average, choose_precision, take_step
from splatmatch.training.task import Task
from splatmatch.training.validation import Validation, validate
from splatmatch.weights.trained import fit_into, read_trained, write_trained

RUN_FILE = "run.json"
WEIGHTS_FILE = "weights.safetensors"
CHECKPOINTS = "checkpoints"
VERSION = 1


@dataclass(frozen=True)
class Trained:
    """What a call of ``train`` achieved."""

    out: Path
    weights: Path | None
    """The best weights so far; None before the first checkpoint."""
    state: RunState
    finished: bool
    """The run has reached its end; otherwise ``--resume`` goes on."""
    pairs_per_second: float
    """Of this call, without validation; 0 where it took no step."""


def train(
    task: Task,
    config: TrainConfig,
    out: Path,
    options: RunOptions | None = None,
    *,
    validation: Validation | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train ``task`` on ``config.data``, with checkpoints, log and the best weights in ``out``.

    With ``config.steps`` the result does not depend on how often the run was interrupted, nor on the loaders. Two calls
    on different numbers of threads or devices differ by rounding.

    Args:
        task: what is trained; see ``training.presets``.
        config: everything the result depends on.
        out: folder of the run.
        options: what may change between calls.
        validation: what is validated on; None = nothing, and the last averaged weights are kept.
        resume: go on with what is in ``out``; a new run if there is nothing.
        progress: where progress goes; silent if None.

    Raises:
        InputError: ``out`` holds another run or, without ``resume``, any; the config differs from the run's, the data
            changed, weights do not fit, sources cannot be used.
        NumericalError: the loss or its gradient became NaN; the checkpoint before is kept.
        OutputError: the disk is full.
    """
    return _Run(task, config, out, options or RunOptions(), validation, resume, progress or Silent()).go()


class _Run:
    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        out: Path,
        options: RunOptions,
        validation: Validation | None,
        resume: bool,
        progress: Progress,
    ) -> None:
        self.task, self.config, self.out, self.options = task, config, Path(out), options
        self.validation, self.progress = validation, progress
        self.began = time.monotonic()
        keep_memory()
        sources = tuple(open_source(text, config.example.size, config.seed) for text in config.data)
        self.mix = PairMix(sources, config.weights, config.seed, config.example, config.curriculum)
        self.record = _plain(
            {
                "version": VERSION,
                "config": asdict(config),
                "data": [source.fingerprint() for source in sources],
                "validation": validation.names if validation is not None else [],
            }
        )
        self.checkpoint = self._found(resume)
        torch.manual_seed(config.seed)
        self.module = task.build()
        self.start = _started(task, self.module, config.init) if self.checkpoint is None else ""
        self.ema = copy.deepcopy(self.module)
        self.state = state_of(self.checkpoint) if self.checkpoint is not None else RunState()
        self.taken, self.taking = 0, 0.0

    def go(self) -> Trained:
        device = _device(self.options.device)
        if self.checkpoint is None:
            self.state = replace(self.state, precision=self._precision(torch.device(device)))
        runner = open_runner(device, self.state.precision)
        optimizer = _optimizer(self.task, self.module, self.config)
        self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        wrapped, driven = runner.setup(Objective(self.task, self.module), optimizer)
        self.ema.to(runner.device)
        if self.checkpoint is not None:
            self.state = restore(self.checkpoint, self.module, self.ema, optimizer)
            self.progress.say(f"{self.out}: goes on after step {self.state.step}")
        elif runner.rank == 0:
            write_json(self.out / RUN_FILE, self.record | {"start": self.start})
        runner.wait()
        self.log = RunLog(self.out, self.state.step) if runner.rank == 0 else None
        try:
            finished = self._finished() or self._steps(runner, wrapped, driven, optimizer)
        finally:
            if self.log is not None:
                self.log.close()
        weights = self.out / WEIGHTS_FILE
        pace = self.taken * self.config.batch / self.taking if self.taking else 0.0
        return Trained(self.out, weights if weights.is_file() else None, self.state, finished, pace)

    def _steps(
        self, runner: Runner, wrapped: nn.Module, driven: torch.optim.Optimizer, optimizer: torch.optim.Optimizer
    ) -> bool:
        """Train until the run or its time is over; True = the run."""
        config, saved = self.config, self.state.step
        batches = self.mix.batches(self.state.step, config.batch, self.options.loaders, runner.rank, runner.world)
        try:
            while not self._finished() and not self._late():
                with uninterrupted():
                    self._one(runner, wrapped, driven, optimizer, batches)
                step = self.state.step
                if config.validate_every and step % config.validate_every == 0 and not self._finished():
                    self._validated(runner)
                if step % self.options.save_every == 0:
                    saved = self._saved(runner, optimizer)
            if self._finished() and (not config.validate_every or self.state.step % config.validate_every):
                self._validated(runner)
        except KeyboardInterrupt:
            self._saved(runner, optimizer)
            raise
        finally:
            batches.close()
        if saved != self.state.step or self._finished():
            self._saved(runner, optimizer)
        return self._finished()

    def _one(
        self,
        runner: Runner,
        wrapped: nn.Module,
        driven: torch.optim.Optimizer,
        optimizer: torch.optim.Optimizer,
        batches: Generator[tuple[PairBatch, tuple[Drawn, ...]]],
    ) -> None:
        """One step, and what is said about it."""
        config, state = self.config, self.state
        began = time.monotonic()
        batch, drawn = next(batches)
        waited = time.monotonic() - began
        factor = config.rate_at(state.step, state.seconds)
        for group in optimizer.param_groups:
            group["lr"] = config.rate * group["factor"] * factor
        self.module.train()
        seed = (config.seed * 1_000_003 + state.step) * runner.world + runner.rank
        result = take_step(
            runner, wrapped, driven, batch.to(runner.device), state.step, config.clip, state.pieces, seed
        )
        average(self.ema, self.module, min(config.ema, (1 + state.step) / (10 + state.step)))
        seconds = time.monotonic() - began
        if result.pieces != state.pieces:
            self._note(f"the GPU is out of memory: batches are taken in {result.pieces} pieces from now on")
        self._tell_skipped(drawn)
        self.taken, self.taking = self.taken + 1, self.taking + seconds
        self.state = replace(
            state,
            step=state.step + 1,
            seconds=state.seconds + seconds,
            pieces=result.pieces,
            skipped=state.skipped + sum(len(one.skipped) for one in drawn),
        )
        if self.log is not None:
            figures = {"rate": config.rate * factor, "seconds": seconds, "waited": waited}
            self.log.step(self.state.step, {**result.values, **figures})
        pace = self.taken * config.batch / self.taking
        done = config.progress(self.state.step, self.state.seconds)
        loss = result.values["loss"]
        self.progress.update("training", done, f"step {self.state.step}, loss {loss:.3f}, {pace:.1f} pairs/s")

    def _validated(self, runner: Runner) -> None:
        """Validate the averaged weights and keep them if they are the best so far."""
        if self.validation is None:
            return
        began = time.monotonic()
        if runner.rank == 0:
            self.ema.eval()
            result = validate(self.task.matcher(self.ema), self.validation, self.progress)
            better = result.score > self.state.best
            self.state = replace(
                self.state,
                best=max(result.score, self.state.best),
                best_step=self.state.step if better else self.state.best_step,
                since_best=0 if better else self.state.since_best + 1,
            )
            assert self.log is not None
            self.log.validation(self.state.step, {"score": result.score, **result.figures})
            for name, picture in result.pictures.items():
                self.log.picture(self.state.step, name, picture)
            self.progress.say(f"step {self.state.step}: {result}{' (best)' if better else ''}")
            if better:
                self._write_weights()
        self.state = replace(self.state, seconds=self.state.seconds + time.monotonic() - began)
        runner.wait()

    def _saved(self, runner: Runner, optimizer: torch.optim.Optimizer) -> int:
        """Write a checkpoint; without validation also the averaged weights."""
        if runner.rank == 0:
            save(self.out / CHECKPOINTS, self.state, self.module, self.ema, optimizer)
            if self.validation is None:
                self._write_weights()
        runner.wait()
        return self.state.step

    def _write_weights(self) -> None:
        facts = {"preset": self.config.preset, "step": str(self.state.step), "init": self.config.init}
        write_trained(self.out / WEIGHTS_FILE, self.ema.state_dict(), facts)

    def _finished(self) -> bool:
        tired = self.config.patience > 0 and self.state.since_best >= self.config.patience
        return tired or self.config.progress(self.state.step, self.state.seconds) >= 1.0

    def _late(self) -> bool:
        """Whether another step would end after the time limit."""
        each = self.taking / self.taken if self.taken else 0.0
        return time.monotonic() - self.began + each > self.options.time_limit

    def _precision(self, device: torch.device) -> Chosen:
        if self.config.precision != "auto":
            return self.config.precision
        batch: PairBatch = next(iter(self.mix.batches(0, self.config.batch, 0)))[0]
        chosen, words = choose_precision(self.task, self.module, batch, device)
        self.progress.say(words)
        return chosen

    def _found(self, resume: bool) -> Path | None:
        """The checkpoint to go on from; None for a new run.

        Raises:
            InputError: what is in the folder is not this run.
        """
        path = self.out / RUN_FILE
        checkpoint = latest(self.out / CHECKPOINTS)
        if not path.is_file():
            if self.out.is_dir() and any(self.out.iterdir()):
                raise InputError(f"{self.out}: holds something else than a training run", "choose another --out")
            return None
        if not resume:
            raise InputError(f"{self.out}: holds a run already", "go on with --resume, or choose another --out")
        before = read_json_object(path)
        changed = differences(before.get("config") or {}, self.config)
        if before.get("data") != self.record["data"]:
            changed.append("the content of --data")
        if before.get("validation") != self.record["validation"]:
            changed.append(f"validation: {before.get('validation')} -> {self.record['validation']}")
        if changed:
            raise InputError(f"{self.out}: was begun differently: {'; '.join(changed)}", "repeat it as it was begun")
        return checkpoint

    def _tell_skipped(self, drawn: tuple[Drawn, ...]) -> None:
        for one in drawn:
            for reason in one.skipped:
                self._note(f"skipped: {reason}", say=self.state.skipped == 0)

    def _note(self, text: str, say: bool = True) -> None:
        if self.log is not None:
            self.log.note(self.state.step, text)
        if say:
            self.progress.say(text)


def _started(task: Task, module: nn.Module, init: str) -> str:
    """Put the weights of the start into ``module`` and say which."""
    if init == SCRATCH:
        return "random values"
    if init == PUBLISHED:
        return task.start_from_published(module)
    stored = read_trained(Path(init))
    fit_into(module, stored.tensors, init, task.name)
    return f"{init} ({', '.join(f'{name} {value}' for name, value in stored.facts.items()) or 'nothing is said of it'})"


def _optimizer(task: Task, module: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW over the task's groups; all other parameters are frozen."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    groups: list[dict[str, Any]] = []
    for group in task.groups(module):
        if group.rate <= 0:
            continue
        for parameter in group.parameters:
            parameter.requires_grad_(True)
        decay = config.decay if group.decay else 0.0
        groups.append({"params": list(group.parameters), "factor": group.rate, "weight_decay": decay})
    if not groups:
        raise SplatmatchError(f"{task.name} has no parameters to train")
    return torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99))


def _device(name: str) -> str:
    from splatmatch.matchers.devices import torch_device

    return torch_device(name)


def _plain(value: Any) -> Any:
    """JSON without infinity, which becomes null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isinf(value) else value
