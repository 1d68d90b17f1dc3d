"""Writing data sets of pairs: tar shards in the WebDataset layout, resumable, the same bytes however often interrupted.

``pairs-000000.tar`` and so on with a fixed number of samples each, and ``index.json``, which comes last: a folder that
has one is complete. While it is being made, ``job.json`` says what job it is, and the shard being written is called
``pairs-NNNNNN.tar.part``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from splatmatch.errors import InputError
from splatmatch.files import output_errors, write_json
from splatmatch.formats.json_text import read_json_object
from splatmatch.pairs.archive import END, Entry, describe, entry_of, pack, scan
from splatmatch.pairs.members import members_from_sample
from splatmatch.pairs.sample import PairSample

INDEX_FILE = "index.json"
JOB_FILE = "job.json"
PART = ".part"
VERSION = 1


def shard_name(number: int) -> str:
    """File name of shard ``number``."""
    return f"pairs-{number:06d}.tar"


def encode(sample: PairSample) -> bytes:
    """A sample as the tar blocks that ``ShardWriter.add`` takes; workers may do this part."""
    return pack(sample.key, members_from_sample(sample))


class ShardWriter:
    """Appends samples to the shards of one folder.

    Each sample is one write; what an interrupted run left complete is kept, the torn rest is cut off.
    """

    def __init__(self, folder: Path, job: dict[str, Any], *, per_shard: int = 100, resume: bool = False) -> None:
        """Open ``folder`` for the job described by ``job``, plain JSON that says everything the samples depend on.

        Args:
            folder: made if it is not there.
            job: of a folder that is resumed, what it was begun with.
            per_shard: samples in each shard but the last.
            resume: go on with what an interrupted run of the same job left; a new job if there is nothing.

        Raises:
            InputError: the folder holds something else, another job, or, without ``resume``, pairs.
            OutputError: it cannot be written.
        """
        self.folder = Path(folder)
        self.per_shard = per_shard
        self._job = json.loads(json.dumps(job | {"per_shard": per_shard}, allow_nan=False))
        self._shards: list[list[Entry]] = []
        self._part: BinaryIO | None = None
        self.complete = False
        """The folder was complete before; there is nothing to add."""
        self._open(resume)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the samples written so far, in order."""
        return tuple(entry.key for shard in self._shards for entry in shard)

    @property
    def bytes_written(self) -> int:
        """Bytes of all samples so far."""
        return sum(entry.size for shard in self._shards for entry in shard)

    def descriptions(self) -> Iterator[dict[str, Any]]:
        """The JSON of the samples written so far, in order.

        Raises:
            FormatError: a shard has been damaged since.
        """
        for number, entries in enumerate(self._shards):
            path = self._path(number)
            with open(path if path.is_file() else f"{path}{PART}", "rb") as file:
                for entry in entries:
                    file.seek(entry.offset)
                    yield describe(file.read(entry.size), entry.key, str(path))

    def add(self, key: str, blocks: bytes) -> dict[str, Any]:
        """Append one sample, given as the blocks that ``encode`` makes of it.

        Returns:
            The sample's JSON.

        Raises:
            FormatError: the blocks are not those of sample ``key``.
            OutputError: the disk is full; what is there stays complete, and the job can be resumed.
        """
        description = describe(blocks, key, key)
        if not self._shards or len(self._shards[-1]) == self.per_shard:
            self._shards.append([])
        shard = self._shards[-1]
        path = self._path(len(self._shards) - 1)
        offset = shard[-1].offset + shard[-1].size if shard else 0
        with output_errors(path):
            if self._part is None:
                self._part = open(f"{path}{PART}", "ab", buffering=0)  # noqa: SIM115 (open across calls)
            try:
                _write_all(self._part, blocks)
            except OSError:
                self._part.truncate(offset)
                raise
        shard.append(entry_of(key, offset, blocks))
        if len(shard) == self.per_shard:
            self._finish_shard()
        return description

    def finish(self, statistics: dict[str, Any]) -> None:
        """Close the last shard and write ``index.json``: the job, the shards and ``statistics``, plain JSON.

        Raises:
            OutputError: the folder cannot be written.
        """
        if self._part is not None:
            self._finish_shard()
        shards = []
        for number, entries in enumerate(self._shards):
            size = entries[-1].offset + entries[-1].size + len(END)
            shards.append({"name": shard_name(number), "bytes": size, "samples": [asdict(entry) for entry in entries]})
        samples = sum(len(entries) for entries in self._shards)
        index = {"version": VERSION, "job": self._job, "samples": samples, "statistics": statistics, "shards": shards}
        write_json(self.folder / INDEX_FILE, index)
        (self.folder / JOB_FILE).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files; an unfinished job stays resumable."""
        if self._part is not None:
            self._part.close()
            self._part = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, resume: bool) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{self.folder}: is a file", "choose a folder as --out")
        index, job = self.folder / INDEX_FILE, self.folder / JOB_FILE
        begun = index if index.is_file() else job if job.is_file() else None
        if begun is None:
            if self.folder.is_dir() and any(self.folder.iterdir()):
                raise InputError(f"{self.folder}: holds files but no pairs", "choose a new or empty folder as --out")
            write_json(job, self._job)
            return
        if not resume:
            raise InputError(f"{self.folder}: holds pairs already", "add --resume to go on, or choose another --out")
        data = read_json_object(begun)
        before = data.get("job") if begun is index else data
        if before != self._job:
            changed = sorted(
                key for key in {*self._job, *(before or {})} if (before or {}).get(key) != self._job.get(key)
            )
            raise InputError(
                f"{self.folder}: was begun with another {', '.join(changed)}",
                "resume with the same arguments, or choose another --out",
            )
        self.complete = begun is index
        self._recover()

    def _recover(self) -> None:
        """Take in the shards that are there, and the complete samples of the one that was being written."""
        number = 0
        while self._path(number).is_file():
            entries, trouble = scan(self._path(number))
            if trouble:
                raise InputError(
                    f"{self._path(number)}: damaged ({trouble})", "remove it and all after it, then resume"
                )
            self._shards.append(entries)
            number += 1
        part = Path(f"{self._path(number)}{PART}")
        if part.is_file():
            entries, _ = scan(part)
            if len(entries) > self.per_shard:
                raise InputError(f"{part}: holds more samples than a shard", "remove it, then resume")
            with output_errors(part):
                self._part = open(part, "ab", buffering=0)  # noqa: SIM115 (open across calls)
                self._part.truncate(entries[-1].offset + entries[-1].size if entries else 0)
            self._shards.append(entries)
            if len(entries) == self.per_shard:
                self._finish_shard()

    def _finish_shard(self) -> None:
        assert self._part is not None
        path = self._path(len(self._shards) - 1)
        with output_errors(path):
            end = self._part.seek(0, os.SEEK_END)
            try:
                _write_all(self._part, END)
            except OSError:
                self._part.truncate(end)
                raise
            os.fsync(self._part.fileno())
            self._part.close()
            self._part = None
            os.replace(f"{path}{PART}", path)

    def _path(self, number: int) -> Path:
        return self.folder / shard_name(number)


def _write_all(file: BinaryIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
