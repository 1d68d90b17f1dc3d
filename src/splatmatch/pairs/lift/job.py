"""A folder of photos becomes a data set of lifted pairs: resumable, the same whatever the number of workers."""

from __future__ import annotations

import shutil
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from splatmatch.errors import FormatError, InputError, MissingDependencyError, NumericalError
from splatmatch.formats.images import list_photos
from splatmatch.formats.json_text import read_json_object
from splatmatch.jobs.pool import map_ordered
from splatmatch.pairs.lift.config import UNREADABLE, LiftConfig, Skip
from splatmatch.pairs.lift.lift import lift_photo
from splatmatch.pairs.lift.photo import Photo, load_photo
from splatmatch.pairs.shards import INDEX_FILE, ShardWriter, encode
from splatmatch.pairs.timing import timed
from splatmatch.priors.registry import open_prior
from splatmatch.scene.depth_prior import DepthPrior

CHUNK = 8
"""Pairs of one photo that are made in one go."""
BYTES_PER_PIXEL = 1.6
"""Of what a pair takes on disk per pixel of its two images, measured on wallpapers at 640 x 480."""


@dataclass(frozen=True)
class LiftJob:
    """What to make of which photos."""

    photos: Path
    pairs: int
    config: LiftConfig = field(default_factory=LiftConfig)
    depth: str = "tiefenrausch"
    """As ``open_prior`` takes it; not used by planar motion."""
    seed: int = 0
    licence: str = "unknown"
    """Of the photos."""
    per_shard: int = 100

    @property
    def expected_bytes(self) -> int:
        """What the pairs will take on disk, roughly."""
        return round(self.pairs * 2 * self.config.width * self.config.height * BYTES_PER_PIXEL)


@dataclass(frozen=True)
class LiftReport:
    """What came of it."""

    pairs: int
    photos: int
    """How many photos gave at least one."""
    skipped: dict[str, int]
    """Pairs that could not be made, by reason."""
    bytes: int
    stages: dict[str, float]
    """Seconds of this run by stage, all workers together."""


@dataclass(frozen=True)
class _Task:
    """Some pairs of one photo."""

    index: int
    name: str
    variants: tuple[int, ...]

    def key(self, variant: int) -> str:
        return f"photo{self.index:05d}-{variant:04d}"


@dataclass(frozen=True)
class _Made:
    """What became of a task."""

    pairs: dict[int, bytes | Skip] = field(default_factory=dict)
    """By variant."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage."""


class _Work:
    """Makes the pairs of a task; keeps the prior and the last photo. Picklable before its first use."""

    def __init__(self, job: LiftJob) -> None:
        self._job = job
        self._prior: DepthPrior | None = None
        self._last: tuple[str, Photo | Skip] | None = None

    def __call__(self, task: _Task) -> _Made:
        made = _Made()
        with timed(made.seconds, "photo and depth"):
            if self._job.config.motion == "parallax" and self._prior is None:
                self._prior = open_prior(self._job.depth)
            photo = self._photo(task.name)
        made.pairs.update({variant: self._pair(photo, task, variant, made.seconds) for variant in task.variants})
        return made

    def _photo(self, name: str) -> Photo | Skip:
        if self._last is None or self._last[0] != name:
            try:
                photo = load_photo(self._job.photos / name, name, self._prior, self._job.config)
            except MissingDependencyError:
                raise
            except (InputError, FormatError, NumericalError):
                photo = UNREADABLE
            self._last = (name, photo)
        return self._last[1]

    def _pair(self, photo: Photo | Skip, task: _Task, variant: int, seconds: dict[str, float]) -> bytes | Skip:
        if isinstance(photo, Skip):
            return photo
        job = self._job
        rng = np.random.default_rng((job.seed, zlib.crc32(task.name.encode()), variant))
        depth_mode = "plane" if self._prior is None else self._prior.name
        sample = lift_photo(photo, task.key(variant), job.seed, rng, job.config, depth_mode, job.licence, seconds)
        if isinstance(sample, Skip):
            return sample
        with timed(seconds, "encoding"):
            return encode(sample)


def lift(
    job: LiftJob,
    out: Path,
    *,
    workers: int = 1,
    resume: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LiftReport:
    """Make ``job.pairs`` pairs and write them as shards into the folder ``out``.

    Photos take turns; each pair depends on the seed, the photo's name and its own number alone. What a photo could not
    give is asked of the others, until there are enough pairs or none gives more.

    Args:
        job: what to make.
        out: a new folder, or with ``resume`` one that the same job was begun in.
        workers: processes.
        resume: go on where an interrupted run stopped; the bytes are those of an uninterrupted one.
        progress: called with pairs done and asked for.

    Raises:
        InputError: no photos, an unknown prior, a folder that holds something else, or not one usable photo (the
            message says why), not enough disk.
        MissingDependencyError: the prior's weights are not there.
        OutputError: ``out`` cannot be written.
    """
    if min(job.pairs, job.per_shard) < 1 or job.seed < 0:
        raise InputError("pairs and pairs per shard are at least 1, seeds at least 0")
    names = list_photos(job.photos)
    _check_room(out, job.expected_bytes)
    prior = open_prior(job.depth) if job.config.motion == "parallax" else None
    with ShardWriter(out, _record(job, names, prior), per_shard=job.per_shard, resume=resume) as writer:
        tally = _Tally()
        if not writer.complete:
            tally = _fill(writer, job, names, workers, progress)
            if not tally.given.total():
                reasons = ", ".join(f"{reason} ({count})" for reason, count in tally.skipped.most_common())
                raise InputError(f"{job.photos}: not one photo can be lifted: {reasons}", "give other photos")
            photos = sum(count > 0 for count in tally.given.values())
            writer.finish({"skipped": dict(sorted(tally.skipped.items())), "photos": photos})
        pairs, size = len(writer.keys), writer.bytes_written
    statistics = read_json_object(out / INDEX_FILE)["statistics"]
    return LiftReport(pairs, statistics["photos"], statistics["skipped"], size, dict(tally.seconds))


@dataclass(frozen=True)
class _Tally:
    """Pairs so far."""

    given: Counter[str] = field(default_factory=Counter)
    """By photo."""
    skipped: Counter[str] = field(default_factory=Counter)
    """By reason."""
    seconds: Counter[str] = field(default_factory=Counter)
    """By stage."""


def _fill(
    writer: ShardWriter, job: LiftJob, names: tuple[str, ...], workers: int, progress: Callable[[int, int], None]
) -> _Tally:
    """Rounds over the photos until there are enough pairs, or a round adds none.

    What ``writer`` holds already is counted where its turn comes; what is missing before was skipped, and is tried
    again, so that the count of what is skipped is that of an uninterrupted run.
    """
    tally = _Tally()
    there = set(writer.keys)
    work = _Work(job)
    begun = dict.fromkeys(names, 0)
    quotas = _shared_out(job.pairs, names)
    while quotas:
        before = tally.given.total()
        tasks = [task for at, name in enumerate(names) for task in _tasks(at, name, begun[name], quotas.get(name, 0))]
        todo = [replace(task, variants=tuple(v for v in task.variants if task.key(v) not in there)) for task in tasks]
        results = map_ordered("lifting", work, [task for task in todo if task.variants], workers)
        for task, left in zip(tasks, todo, strict=True):
            tally.given[task.name] += len(task.variants) - len(left.variants)
            made = next(results) if left.variants else _Made()
            tally.seconds.update(made.seconds)
            for variant, pair in made.pairs.items():
                if isinstance(pair, Skip):
                    tally.skipped[pair.reason] += 1
                else:
                    writer.add(task.key(variant), pair)
                    tally.given[task.name] += 1
            progress(tally.given.total(), job.pairs)
        begun = {name: begun[name] + quotas.get(name, 0) for name in names}
        gained = tally.given.total() > before
        able = tuple(name for name in names if tally.given[name])
        quotas = _shared_out(job.pairs - tally.given.total(), able) if gained else {}
    return tally


def _check_room(out: Path, needed: int) -> None:
    """Refuse a job that cannot fit on the disk, before it has run for hours."""
    there = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    already = sum(path.stat().st_size for path in out.iterdir()) if out.is_dir() else 0
    if needed > free + already:
        raise InputError(
            f"{out}: about {needed / 1e9:.1f} GB are needed, the disk has {free / 1e9:.1f} GB left",
            "free some space, or ask for fewer --pairs",
        )


def _shared_out(pairs: int, names: tuple[str, ...]) -> dict[str, int]:
    """How many of the pairs each photo is asked for; the first ones give one more where it does not come out even."""
    shares = {name: pairs // len(names) + (at < pairs % len(names)) for at, name in enumerate(names)}
    return {name: share for name, share in shares.items() if share}


def _tasks(index: int, name: str, begun: int, quota: int) -> list[_Task]:
    """Pairs ``begun`` to ``begun + quota`` of one photo, a few at a time."""
    starts = range(begun, begun + quota, CHUNK)
    return [_Task(index, name, tuple(range(start, min(start + CHUNK, begun + quota)))) for start in starts]


def _record(job: LiftJob, names: tuple[str, ...], prior: DepthPrior | None) -> dict[str, Any]:
    """Everything the samples depend on."""
    return {
        "verb": "lift",
        "seed": job.seed,
        "pairs": job.pairs,
        "photos": list(names),
        "photo_licence": job.licence,
        "depth": None if prior is None else {"prior": prior.name, "licence": prior.licence},
        "config": asdict(job.config),
    }
