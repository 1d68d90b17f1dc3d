"""Sources mixed by weight: which pair comes in which step follows from the seed and the step alone."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError
from splatmatch.jobs.pool import map_ordered
from splatmatch.training.batch import Example, PairBatch, collate
from splatmatch.training.examples import ExampleConfig, make_example
from splatmatch.training.sources import Limits, PairSource

BLOCK = 1000
"""Draws within which every source has exactly its share."""
TRIES = 20
"""Pairs in a row that may be of no use."""
STAGES = 8
"""Steps in which a curriculum gets harder."""
READY = 12
"""Examples that each loader may have ready."""


@dataclass(frozen=True)
class Curriculum:
    """From pairs that overlap much and are of one scale to all."""

    steps: int = 0
    """After so many steps every pair is shown; 0 = from the first."""
    overlap: float = 0.5
    """Least overlap at the beginning."""
    scale: float = 1.5
    """Largest zoom at the beginning."""

    def limits(self, step: int) -> Limits:
        """What is allowed in ``step``."""
        done = 1.0 if self.steps <= 0 else min(1.0, math.floor(STAGES * step / self.steps) / STAGES)
        if done >= 1.0:
            return Limits()
        return Limits((1 - done) * self.overlap, self.scale ** (1 / (1 - done)))


@dataclass(frozen=True)
class Draw:
    """One place in the order of all examples."""

    position: int
    step: int


@dataclass(frozen=True, eq=False)
class Drawn:
    """What came of a draw."""

    example: Example
    source: str
    skipped: tuple[str, ...]
    """Why pairs before it were of no use."""


@dataclass(frozen=True)
class PairMix:
    """Makes the example of any draw, in this process or in a worker.

    Raises:
        InputError: no sources, a weight that is not above 0, or so small that its source would not be drawn.
    """

    sources: tuple[PairSource, ...]
    weights: tuple[float, ...]
    """One per source; only their ratios count."""
    seed: int
    example: ExampleConfig = field(default_factory=ExampleConfig)
    curriculum: Curriculum = field(default_factory=Curriculum)

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError("there is nothing to train on", "name shards or scenes with --data")
        if len(self.weights) != len(self.sources):
            raise InputError(f"{len(self.weights)} weights for {len(self.sources)} sources", "give one for each")
        if not all(math.isfinite(weight) and weight > 0 for weight in self.weights):
            raise InputError(f"the weights {self.weights} are not all above 0")
        for source, count in zip(self.sources, shares(self.weights), strict=True):
            if not count:
                raise InputError(f"{source.name}: its weight is below a thousandth of all", "raise it, or leave it out")

    def chosen(self, position: int) -> tuple[int, int]:
        """The source of a draw, and how often that one was drawn before."""
        block, place = divmod(position, BLOCK)
        order = _order(self.weights, self.seed, block)
        source = int(order[place])
        return source, block * shares(self.weights)[source] + int((order[:place] == source).sum())

    def __call__(self, draw: Draw) -> Drawn:
        """The example of a draw; pairs that are damaged or share too little are replaced by others of their source.

        Raises:
            InputError: too many in a row are of no use.
        """
        which, turn = self.chosen(draw.position)
        source, limits = self.sources[which], self.curriculum.limits(draw.step)
        skipped = []
        for attempt in range(TRIES):
            sample = source.pair(turn, attempt, limits)
            if sample is None:
                skipped.append(f"{source.name}: a pair is damaged or too hard")
                continue
            example = make_example(sample, self.example, np.random.default_rng((self.seed, draw.position, attempt)))
            if example is not None:
                return Drawn(example, source.name, tuple(skipped))
            skipped.append(f"{source.name}: {sample.key} has no valid label")
        raise InputError(
            f"{source.name}: {TRIES} pairs in a row teach nothing ({skipped[-1]})", "leave this source out of --data"
        )

    def batches(
        self, first: int, batch: int, loaders: int, rank: int = 0, world: int = 1
    ) -> Generator[tuple[PairBatch, tuple[Drawn, ...]]]:
        """The batches of steps ``first``, ``first`` + 1 and so on without end, made ahead by other processes.

        Args:
            first: step.
            batch: pairs in a step, those of all ranks.
            loaders: processes that make examples; 0 = this one.
            rank: of this process; it gets every ``world``-th pair of a batch.
            world: number of processes that train together.
        """
        own = len(range(rank, batch, world))
        ahead = max(READY * loaders, 2 * own) if loaders else 0
        with closing(map_ordered("making examples", _Worker(self), _draws(first, batch, rank, world), loaders,
                                 ahead=ahead)) as drawn:  # fmt: skip
            while True:
                part = tuple(next(drawn) for _ in range(own))
                yield collate([one.example for one in part]), part


@dataclass(frozen=True)
class _Worker:
    """The mix in a loader, where OpenCV must not start threads of its own."""

    mix: PairMix

    def __call__(self, draw: Draw) -> Drawn:
        return self.mix(draw)

    def __setstate__(self, state: dict[str, PairMix]) -> None:
        cv2.setNumThreads(1)
        object.__setattr__(self, "mix", state["mix"])


def shares(weights: Sequence[float]) -> NDArray[np.int64]:
    """How many of ``BLOCK`` draws each source gets: largest remainders, in sum all."""
    exact = BLOCK * np.asarray(weights, np.float64) / sum(weights)
    counts = np.floor(exact).astype(np.int64)
    rest = np.argsort(counts - exact, kind="stable")[: BLOCK - int(counts.sum())]
    counts[rest] += 1
    return counts


@lru_cache(maxsize=8)
def _order(weights: tuple[float, ...], seed: int, block: int) -> NDArray[np.int64]:
    """Sources of the draws of a block."""
    draws = np.repeat(np.arange(len(weights)), shares(weights))
    return np.random.default_rng((seed, block, 17)).permutation(draws)


def _draws(first: int, batch: int, rank: int, world: int) -> Iterator[Draw]:
    step = first
    while True:
        for slot in range(rank, batch, world):
            yield Draw(step * batch + slot, step)
        step += 1
