"""Reading data sets of pairs by number or in order, without ever running what a shard holds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.json_text import list_of, number, read_json_object, text
from splatmatch.pairs.archive import Entry, describe_at, scan, unpack
from splatmatch.pairs.members import sample_from_members
from splatmatch.pairs.sample import KEY, PairSample
from splatmatch.pairs.shards import INDEX_FILE, VERSION

OnCorrupt = Literal["skip", "error"]


@dataclass(frozen=True)
class Corrupt:
    """What could not be read."""

    name: str
    """Shard, or shard and key."""
    reason: str
    samples: int
    """How many samples are lost by it, as far as is known."""


class ShardReader:
    """The samples of a folder of shards, in order and by number.

    Members of unknown kinds (a pickle, above all) are always refused; damage is counted in ``corrupt`` and skipped, or
    an error.
    """

    def __init__(self, folder: Path, *, on_corrupt: OnCorrupt = "skip") -> None:
        """Open a folder with ``index.json``, or, where a job is not finished, with shards alone.

        Raises:
            InputError: no such folder, or no pairs in it.
            FormatError: a shard holds members of a kind that is not read; ``index.json`` is damaged; with
                ``on_corrupt="error"`` also a shard that is missing, damaged or of another size than the index says.
        """
        self.folder = Path(folder)
        self.on_corrupt = on_corrupt
        self.index: dict[str, Any] = {}
        """``index.json``; empty where the job is not finished."""
        self.corrupt: list[Corrupt] = []
        """What has been skipped so far."""
        self._places: list[tuple[Path, Entry]] = []
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: no such folder")
        if (self.folder / INDEX_FILE).is_file():
            self._open_index()
        else:
            self._open_shards()

    def __len__(self) -> int:
        return len(self._places)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all samples, in order."""
        return tuple(entry.key for _, entry in self._places)

    def __getitem__(self, at: int) -> PairSample:
        """Sample ``at``.

        Raises:
            IndexError: there are not so many.
            FormatError: the sample is damaged.
        """
        path, entry = self._places[at]
        source = str(path)
        try:
            with open(path, "rb") as file:
                file.seek(entry.offset)
                blocks = file.read(entry.size)
        except OSError as error:
            raise FormatError(f"{source}: cannot be read ({error.strerror})") from error
        if len(blocks) < entry.size:
            raise FormatError(f"{source}: truncated before the end of sample {entry.key}")
        damaged = zlib.crc32(blocks) != entry.crc32
        members = unpack(blocks, entry.key, source)  # a pickle is named as such, whatever the sum says
        if damaged:
            raise FormatError(f"{source}: sample {entry.key} is damaged (its checksum differs)")
        return sample_from_members(members, entry.key, source)

    def __iter__(self) -> Iterator[PairSample]:
        for at in range(len(self)):
            sample = self.read(at)
            if sample is not None:
                yield sample

    def read(self, at: int) -> PairSample | None:
        """Sample ``at``; None, and one more in ``corrupt``, if it is damaged and damage is to be skipped."""
        try:
            return self[at]
        except FormatError as error:
            path, entry = self._places[at]
            self._skip(Corrupt(f"{path}: {entry.key}", str(error), 1), error)
            return None

    def describe(self, at: int) -> dict[str, Any]:
        """The JSON of sample ``at``, without its images.

        Raises:
            FormatError: the sample is damaged, or its shard cannot be read.
        """
        path, entry = self._places[at]
        try:
            return describe_at(path, entry)
        except OSError as error:
            raise FormatError(f"{path}: cannot be read ({error.strerror})") from error

    def _open_index(self) -> None:
        source = str(self.folder / INDEX_FILE)
        self.index = read_json_object(self.folder / INDEX_FILE)
        if self.index.get("version") != VERSION:
            raise FormatError(f"{source}: version {self.index.get('version')!r} is not known here")
        for shard in list_of(self.index, "shards", dict, source):
            name = text(shard, "name", source)
            if Path(name).name != name:
                raise FormatError(f"{source}: {name!r:.80} is no name of a shard")
            path = self.folder / name
            entries = [_entry(entry, source) for entry in list_of(shard, "samples", dict, source)]
            size = path.stat().st_size if path.is_file() else -1
            if size == number(shard, "bytes", source):
                self._places += [(path, entry) for entry in entries]
                continue
            reason = "missing" if size < 0 else f"{size} bytes, the index says {shard['bytes']}"
            if size >= 0:
                scan(path)  # refuses what must not be there
            self._skip(Corrupt(str(path), reason, len(entries)), None)

    def _open_shards(self) -> None:
        paths = sorted(self.folder.glob("pairs-*.tar"))
        if not paths:
            raise InputError(f"{self.folder}: holds no pairs", "make some with splatmatch generate or splatmatch lift")
        for path in paths:
            entries, trouble = scan(path)
            self._places += [(path, entry) for entry in entries]
            if trouble:
                self._skip(Corrupt(str(path), trouble, 0), None)

    def _skip(self, corrupt: Corrupt, error: FormatError | None) -> None:
        if self.on_corrupt == "error":
            raise error or FormatError(f"{corrupt.name}: {corrupt.reason}", "read without --strict to skip it")
        self.corrupt.append(corrupt)


def _entry(data: dict[str, Any], source: str) -> Entry:
    values = {field.name: int(number(data, field.name, source)) for field in fields(Entry) if field.name != "key"}
    key = text(data, "key", source)
    if not KEY.fullmatch(key) or min(values["offset"], values["size"]) < 0:
        raise FormatError(f"{source}: {key!r:.80} is no sample")
    return Entry(key=key, **values)
