"""What a training run depends on, and what may differ when it is resumed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from splatmatch.errors import InputError
from splatmatch.training.examples import ExampleConfig
from splatmatch.training.mix import Curriculum

Precision = Literal["auto", "float32", "bfloat16"]
PUBLISHED, SCRATCH = "published", "scratch"
"""Values of ``TrainConfig.init`` that are no file."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that the result of a run depends on."""

    preset: str
    data: tuple[str, ...]
    """Sources as the user named them."""
    weights: tuple[float, ...]
    """Of the sources."""
    init: str = PUBLISHED
    """``published``, ``scratch``, or a safetensors file."""
    steps: int = 0
    """Of the whole run; 0 = as many as ``seconds`` allow."""
    seconds: float = 0.0
    """Of the whole run where ``steps`` is 0: its learning rate falls with time."""
    batch: int = 8
    """Pairs in a step, those of all devices together."""
    rate: float = 4e-4
    """Highest learning rate; groups of parameters have their own factor."""
    warmup: int = 100
    """Steps in which it rises."""
    least_rate: float = 0.01
    """At the end, as a share of the highest."""
    decay: float = 0.01
    """Weight decay of AdamW."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.998
    """Of the weights that are validated and kept: how much of the old stays in each step."""
    seed: int = 0
    precision: Precision = "auto"
    """auto: bfloat16 where a step with it is faster, measured at the start."""
    validate_every: int = 1000
    """Steps between validations; 0 = only at the end."""
    patience: int = 0
    """Validations without a better score after which the run ends; 0 = never."""
    example: ExampleConfig = field(default_factory=ExampleConfig)
    curriculum: Curriculum = field(default_factory=Curriculum)

    def __post_init__(self) -> None:
        if self.steps < 0 or (self.steps == 0 and not (0 < self.seconds < math.inf)):
            raise InputError("a run needs an end", "give --steps, or --time-limit in seconds")
        if self.batch < 1 or self.warmup < 0 or self.validate_every < 0 or self.patience < 0 or self.seed < 0:
            raise InputError("batch is at least 1; warm-up, seed, steps between validations and patience at least 0")
        if not (0 < self.rate < 1) or not self.clip > 0 or not 0 <= self.ema < 1 or self.decay < 0:
            raise InputError(
                f"rate={self.rate}, clip={self.clip}, ema={self.ema} or decay={self.decay} is no such value"
            )
        if min(self.example.size) < 32:
            raise InputError(f"images of {self.example.size[0]} x {self.example.size[1]} are too small to learn from")

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the run that is over, 0..1, after ``step`` steps and ``elapsed`` seconds."""
        return min(1.0, step / self.steps if self.steps else elapsed / self.seconds)

    def rate_at(self, step: int, elapsed: float) -> float:
        """Factor on the learning rate in ``step``: a linear rise, then half a cosine."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        fall = 0.5 * (1 + math.cos(math.pi * self.progress(step, elapsed)))
        return rise * (self.least_rate + (1 - self.least_rate) * fall)


@dataclass(frozen=True)
class RunOptions:
    """What may differ when a run is resumed."""

    device: str = "auto"
    """auto, cpu or cuda."""
    loaders: int = 1
    """Processes that make examples; 0 = this one."""
    time_limit: float = math.inf
    """Seconds after which this call stops, so that another goes on."""
    save_every: int = 200
    """Steps between checkpoints."""


def differences(before: dict[str, Any], now: TrainConfig) -> list[str]:
    """What differs between the JSON of a config and another, as ``name: old -> new``."""
    return _compared("", before, asdict(now))


def _compared(name: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = dict.fromkeys([*old, *new])
        prefix = f"{name}." if name else ""
        return [line for key in keys for line in _compared(f"{prefix}{key}", old.get(key), new.get(key))]
    if isinstance(new, tuple | list):
        new, old = list(new), list(old) if isinstance(old, tuple | list) else old
    same = old == new or (isinstance(new, float) and new == math.inf and old in (None, "Infinity", math.inf))
    return [] if same else [f"{name}: {old} -> {new}"]
