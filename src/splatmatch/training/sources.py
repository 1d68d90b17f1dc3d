"""Where training pairs come from: shards on disk, or scenes that are rendered while training runs."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError
from splatmatch.files import sha256
from splatmatch.formats.json_text import number
from splatmatch.jobs.progress import Silent
from splatmatch.pairs.appearance import NEUTRAL
from splatmatch.pairs.backgrounds import Backgrounds
from splatmatch.pairs.check import CheckConfig
from splatmatch.pairs.lighting import LightingConfig
from splatmatch.pairs.making import PairMaker, PairTask
from splatmatch.pairs.opening import PREFIX, SourceCache, parse_scenes
from splatmatch.pairs.planning import PlanConfig, Planner
from splatmatch.pairs.reader import ShardReader
from splatmatch.pairs.sample import PairSample
from splatmatch.pairs.shards import INDEX_FILE
from splatmatch.pairs.viewpoints import ViewpointConfig

ROUND = 40
"""Pairs that are planned at once in a scene."""


@dataclass(frozen=True)
class Limits:
    """How hard pairs may be."""

    overlap: float = 0.0
    """Least mean overlap."""
    scale: float = math.inf
    """Largest apparent zoom, either way."""

    def allow(self, overlap: float, scale: float) -> bool:
        """Whether a pair of this overlap and zoom may be shown."""
        return overlap >= self.overlap and max(scale, 1 / max(scale, 1e-9)) <= self.scale


class PairSource(Protocol):
    """Gives pairs by number, always the same ones."""

    @property
    def name(self) -> str:
        """As the user named it."""
        ...

    def fingerprint(self) -> str:
        """Changes where its pairs do."""
        ...

    def pair(self, turn: int, attempt: int, limits: Limits) -> PairSample | None:
        """The pair of draw ``turn``, or, where that cannot be used, the next to try; None where it is damaged.

        Raises:
            InputError: there is none within ``limits``.
        """
        ...


@dataclass
class ShardSource:
    """A folder of shards; every pair once before any is drawn again."""

    name: str
    folder: Path
    seed: int
    _reader: ShardReader | None = None
    _facts: NDArray[np.float64] | None = None
    _rows: dict[Limits, NDArray[np.int64]] = field(default_factory=dict)
    _orders: dict[tuple[Limits, int], NDArray[np.int64]] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type[ShardSource], tuple[str, Path, int]]:
        return ShardSource, (self.name, self.folder, self.seed)

    @property
    def reader(self) -> ShardReader:
        """Opened when it is first asked for."""
        if self._reader is None:
            self._reader = ShardReader(self.folder)
            if not len(self._reader):
                raise InputError(f"{self.folder}: holds no pairs that can be read")
        return self._reader

    def fingerprint(self) -> str:
        """Hash of ``index.json``, or of the keys where the job is not finished."""
        index = self.folder / INDEX_FILE
        if index.is_file():
            return sha256(index)
        return hashlib.sha256("\n".join(self.reader.keys).encode()).hexdigest()

    def pair(self, turn: int, attempt: int, limits: Limits) -> PairSample | None:
        """The pair of draw ``turn``; see ``PairSource``."""
        rows = self._allowed(limits)
        lap, place = divmod(turn, len(rows))
        key = (limits, lap)
        if key not in self._orders:
            self._orders = {key: np.random.default_rng((self.seed, lap, 23)).permutation(rows)}
        return self.reader.read(int(self._orders[key][(place + 97 * attempt) % len(rows)]))

    def _allowed(self, limits: Limits) -> NDArray[np.int64]:
        if limits == Limits():
            return np.arange(len(self.reader))
        if limits in self._rows:
            return self._rows[limits]
        if self._facts is None:
            self._facts = np.array([self._difficulty(at) for at in range(len(self.reader))])
        rows = np.flatnonzero([limits.allow(overlap, scale) for overlap, scale in self._facts])
        if not len(rows):
            raise InputError(
                f"{self.name}: no pair overlaps by {limits.overlap:.2f} and is zoomed by {limits.scale:.2f} at most",
                "train without --curriculum",
            )
        self._rows[limits] = rows
        return rows

    def _difficulty(self, at: int) -> tuple[float, float]:
        source = str(self.folder)
        try:
            facts = self.reader.describe(at)
            return number(facts, "overlap", source), number(facts, "scale_ratio", source)
        except FormatError:
            return -1.0, 1.0  # reading it will say that it is damaged


@dataclass
class RenderedSource:
    """A scene, splat or synthetic scene that is rendered anew for every draw."""

    name: str
    size: tuple[int, int]
    seed: int
    engine: str = "auto"
    _rounds: dict[int, tuple[PairTask, ...]] = field(default_factory=dict)
    _planner: Planner | None = None
    _maker: PairMaker | None = None

    def __reduce__(self) -> tuple[type[RenderedSource], tuple[str, tuple[int, int], int, str]]:
        return RenderedSource, (self.name, self.size, self.seed, self.engine)

    def fingerprint(self) -> str:
        """Hash of the scene's files, or the name of a synthetic one."""
        return parse_scenes((self.name,))[0].fingerprint()

    def pair(self, turn: int, attempt: int, limits: Limits) -> PairSample | None:
        """The pair of draw ``turn``, rendered; one that is too hard is damaged for this purpose."""
        lap, place = divmod(turn, ROUND)
        tasks = self._tasks(lap)
        assert self._maker is not None
        sample = self._maker.sample(tasks[(place + 31 * attempt) % len(tasks)])
        return sample if limits.allow(sample.overlap, sample.scale_ratio) else None

    def _tasks(self, lap: int) -> tuple[PairTask, ...]:
        if self._planner is None:
            specs = parse_scenes((self.name,))
            cache = SourceCache(self.engine, "auto", "auto", most=1)
            plan = PlanConfig(
                ROUND, self.size, self.seed, ViewpointConfig(), CheckConfig(), "uniform", "auto", strict=False
            )
            self._planner = Planner(specs, plan, cache, Silent())
            self._maker = PairMaker(
                cache, NEUTRAL, LightingConfig(), Backgrounds.open(None), False, "unknown", self.seed
            )  # fmt: skip
        if lap not in self._rounds:
            found = self._planner.plan(self._planner.specs[0], lap, ROUND).tasks
            if not found:
                raise InputError(f"{self.name}: no pair of views of it overlaps", "leave it out of --data")
            self._rounds = {lap: found}
        return self._rounds[lap]


def open_source(text: str, size: tuple[int, int], seed: int, engine: str = "auto") -> PairSource:
    """What the user named: a folder of shards, a scene folder, a splat, or ``synthetic:room|table|street[:SEED]``.

    Args:
        text: as named.
        size: (width, height) at which scenes are rendered.
        seed: of every choice.
        engine: what renders.

    Raises:
        InputError: there is no such thing, or it holds no pairs.
        FormatError: shards of another version, damaged files.
    """
    path = Path(text)
    if not text.startswith(PREFIX) and ((path / INDEX_FILE).is_file() or any(path.glob("pairs-*.tar"))):
        source = ShardSource(text, path.resolve(), seed)
        _ = source.reader
        return source
    parse_scenes((text,))
    return RenderedSource(text, size, seed, engine)
