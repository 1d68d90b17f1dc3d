"""``generate()``: scenes become pairs of images with exact correspondences."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from splatmatch.errors import InputError
from splatmatch.jobs.pool import map_ordered
from splatmatch.jobs.progress import Progress, Silent
from splatmatch.pairs.appearance import NEUTRAL, AppearanceConfig
from splatmatch.pairs.backgrounds import Backgrounds
from splatmatch.pairs.check import CheckConfig
from splatmatch.pairs.free_space import LookFrom, UpAxis
from splatmatch.pairs.lighting import SAME_LIGHT, LightingConfig
from splatmatch.pairs.making import Made, PairMaker, PairTask
from splatmatch.pairs.opening import SourceCache, parse_scenes
from splatmatch.pairs.planning import DepthWish, PlanConfig, Planner
from splatmatch.pairs.reader import ShardReader
from splatmatch.pairs.selection import Order
from splatmatch.pairs.shards import ShardWriter
from splatmatch.pairs.tally import Tally
from splatmatch.pairs.viewpoints import PRESETS, ViewpointConfig

PROTOCOL = "pairs from scenes: jittered viewpoints, checked, pairs drawn over bands of overlap"
PATIENCE = 50
"""Pairs in a row that may be lost before the job is given up."""
ROOM = 1.05
"""Free disk that is asked for, times what is needed."""


@dataclass(frozen=True)
class GenerateConfig:
    """Everything the pairs depend on, but for the scenes."""

    pairs: int = 1000
    """How many."""
    size: tuple[int, int] = (640, 480)
    """Width and height of the images, pixels."""
    seed: int = 0
    """Of all random choices."""
    viewpoints: ViewpointConfig = PRESETS["default"]
    check: CheckConfig = field(default_factory=CheckConfig)
    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)
    lighting: LightingConfig = field(default_factory=LightingConfig)
    order: Order = "uniform"
    """Over the bands of overlap, or from easy to hard."""
    depth: DepthWish = "auto"
    """How depth is measured; auto: plane where it was fitted so, else what views agree on."""
    gaussian_ids: bool = False
    """Store the strongest Gaussian of each pixel."""
    up: UpAxis = "auto"
    """Which axis of a splat without cameras points up."""
    look_from: LookFrom = "auto"
    """Whether a splat without cameras is looked at from within or from around."""
    engine: str = "auto"
    licence: str = "unknown"
    """Of the scenes that do not say theirs; recorded with every pair."""
    per_shard: int = 100
    """Samples in a shard."""

    def __post_init__(self) -> None:
        if self.pairs < 1 or min(self.size) < 16 or self.seed < 0 or self.per_shard < 1:
            raise InputError("pairs and samples per shard are at least 1, image sides at least 16, seeds at least 0")
        if not self.licence:
            raise InputError("an empty licence says nothing", "leave it out, or name one")


COLOURS: dict[Literal["varied", "plain"], tuple[AppearanceConfig, LightingConfig]] = {
    "varied": (AppearanceConfig(), LightingConfig()),
    "plain": (NEUTRAL, SAME_LIGHT),
}
"""By the name of ``--colours``."""


@dataclass(frozen=True)
class Generated:
    """What a job made."""

    folder: Path
    pairs: int
    """All pairs in the folder."""
    made: int
    """Those made by this run."""
    seconds: float
    """Of this run."""
    stages: dict[str, float]
    """CPU stages of this run and their time in seconds, all workers together."""
    statistics: dict[str, Any]
    """What ``index.json`` records."""


def generate(
    scenes: Sequence[str],
    out: Path,
    config: GenerateConfig | None = None,
    *,
    backgrounds: Path | None = None,
    workers: int = 1,
    resume: bool = False,
    strict: bool = False,
    progress: Progress | None = None,
) -> Generated:
    """Make pairs from scene folders, splat files without cameras, and ``synthetic:room|table|street[:seed]``.

    The result depends on the scenes, the config and the backgrounds alone: not on the number of workers, nor on how
    often the job was interrupted.

    Args:
        scenes: what to render, each as often as the others.
        out: folder for the shards and ``index.json``.
        config: see there.
        backgrounds: folder of photos that fill empty pixels; random colours if None.
        workers: processes; one means this one, with all its threads.
        resume: go on with what an interrupted run left in ``out``.
        strict: refuse scene folders whose geometry was not fitted faithfully.
        progress: where progress goes; silent if None.

    Raises:
        InputError: a scene cannot be used or gives no pairs, ``out`` holds something else, the disk is too small.
        FormatError: a file is damaged.
        OutputError: ``out`` cannot be written, or the disk is full; the job can be resumed.
        CrashError: a worker died.
    """
    config, progress = config or GenerateConfig(), progress or Silent()
    began = time.monotonic()
    specs = parse_scenes(tuple(scenes))
    filling = Backgrounds.open(backgrounds)
    cache = SourceCache(config.engine, config.up, config.look_from)
    planner = Planner(
        specs,
        PlanConfig(
            config.pairs, config.size, config.seed, config.viewpoints, config.check, config.order, config.depth, strict
        ),
        cache,
        progress,
    )
    maker = PairMaker(
        cache, config.appearance, config.lighting, filling, config.gaussian_ids, config.licence, config.seed
    )
    job = {
        "protocol": PROTOCOL,
        "config": asdict(config),
        "scenes": [{"scene": spec.text, "name": spec.name, "content": spec.fingerprint()} for spec in specs],
        "backgrounds": [str(backgrounds.resolve()), list(filling.names)] if backgrounds is not None else None,
    }
    stages: Counter[str] = Counter()
    with ShardWriter(out, job, per_shard=config.per_shard, resume=resume) as writer:
        if writer.complete:
            statistics = ShardReader(out).index["statistics"]
            return Generated(out, len(writer.keys), 0, time.monotonic() - began, {}, statistics)
        tally, tasks = Tally(), planner.tasks()
        for description in writer.descriptions():
            tally.add(description)
        before = len(writer.keys)
        _skip(tasks, writer.keys, tally)
        with closing(map_ordered("making pairs", maker, tasks, workers)) as results:
            lost_in_a_row = 0
            while len(writer.keys) < config.pairs:
                made = next(results, None)
                if made is None:
                    progress.say(f"warning: no scene gives more pairs; {len(writer.keys)} of {config.pairs} are made")
                    break
                stages.update(made.seconds)
                lost_in_a_row = 0 if _store(made, writer, tally) else lost_in_a_row + 1
                if lost_in_a_row == PATIENCE:
                    raise InputError(
                        f"{made.task.spec.name}: the last {PATIENCE} pairs did not overlap once they were rendered",
                        "leave this scene out",
                    )
                if len(writer.keys) == before + 1 and made.blocks is not None:
                    _check_disk(out, writer, config.pairs, progress)
                fraction = len(writer.keys) / config.pairs
                progress.update("pairs", fraction, _pace(len(writer.keys) - before, time.monotonic() - began))
        last = int(writer.keys[-1].rsplit("-", 2)[1])  # rounds planned ahead do not count
        statistics = tally.statistics(part for part in planner.rounds if part.turn <= last)
        writer.finish(statistics)
    made_now = len(writer.keys) - before
    return Generated(out, len(writer.keys), made_now, time.monotonic() - began, dict(stages), statistics)


def _skip(tasks: Iterator[PairTask], keys: tuple[str, ...], tally: Tally) -> None:
    """Draw the tasks up to the last sample there is; those that were left out before it are counted as lost.

    Raises:
        InputError: the samples are not those of this job.
    """
    position = 0
    while position < len(keys):
        task = next(tasks, None)
        if task is None:
            raise InputError(f"sample {keys[position]} does not belong to this job", "choose another --out")
        if task.key == keys[position]:
            position += 1
        else:
            tally.lost[_scene_of(task)] += 1


def _store(made: Made, writer: ShardWriter, tally: Tally) -> bool:
    if made.blocks is None:
        tally.lost[_scene_of(made.task)] += 1
        return False
    tally.add(writer.add(made.task.key, made.blocks))
    return True


def _check_disk(out: Path, writer: ShardWriter, pairs: int, progress: Progress) -> None:
    """Say what a pair takes and what is needed, and stop now if the disk has no room for it.

    Raises:
        InputError: it has not.
    """
    each = writer.bytes_written / len(writer.keys)
    needed = each * (pairs - len(writer.keys))
    free = shutil.disk_usage(out).free
    progress.say(f"{each / 1e6:.2f} MB per pair, {needed / 1e9:.2f} GB still needed, {free / 1e9:.1f} GB free")
    if needed * ROOM > free:
        raise InputError(
            f"{out}: the disk has {free / 1e9:.1f} GB left, {needed / 1e9:.1f} GB are needed",
            "free some space and run it again with --resume, or ask for fewer --pairs",
        )


def _scene_of(task: PairTask) -> str:
    return task.key.rsplit("-", 2)[0]


def _pace(made: int, seconds: float) -> str:
    return f"{60 * made / max(seconds, 1e-9):.0f} pairs/min" if made else ""
