"""The matches of many pairs in one file that is only ever appended to, so a killed run loses at most its last pair.

A record is: magic, length of the body, CRC-32 of the body (all little-endian), and the body, safetensors with the key
of the pair among its metadata. A torn record at the end is cut off when the file is opened again.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
from safetensors.numpy import load, save

from splatmatch.errors import InputError
from splatmatch.files import output_errors
from splatmatch.scene.matches import Matches

_MAGIC = b"SMJ1"
_HEAD = struct.Struct("<4sII")
_LARGEST = 1 << 30
"""Bytes of a body; a larger number is a damaged head."""


class MatchJournal:
    """Matches by key, on disk. A context manager; one process at a time.

    Args:
        path: the file; made with its folder where it does not exist.

    Raises:
        InputError: another process is writing to it.
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 (closed in __exit__)
        _lock(self._file, path)
        end = 0
        for key, start, length in self._records():
            self._places[key] = (start, length)
            end = start + length
        self._file.truncate(end)
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, key: str, matches: Matches) -> None:
        """Append the matches of a pair.

        Raises:
            OutputError: the disk is full.
        """
        arrays = {"points_a": matches.points_a, "points_b": matches.points_b, "scores": matches.scores}
        if matches.rows is not None:
            arrays["rows"] = matches.rows.astype(np.int32)
        if matches.covariance is not None:
            arrays["covariance"] = matches.covariance
        body = save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            {
                "key": key,
                "size_a": _words(matches.size_a),
                "size_b": _words(matches.size_b),
                "model": matches.model,
                "weights": matches.weights,
                "licence": matches.licence,
            },
        )
        with output_errors(self._path):
            self._file.seek(self._end)
            self._file.write(_HEAD.pack(_MAGIC, len(body), zlib.crc32(body)) + body)
            self._file.flush()
        self._places[key] = (self._end + _HEAD.size, len(body))
        self._end += _HEAD.size + len(body)

    def read(self, key: str) -> Matches:
        """The matches of a pair that is in the journal; KeyError if it is not."""
        start, length = self._places[key]
        self._file.seek(start)
        body = self._file.read(length)
        arrays, facts = load(body), _metadata(body)
        rows = arrays.get("rows")
        return Matches(
            points_a=arrays["points_a"],
            points_b=arrays["points_b"],
            scores=arrays["scores"],
            size_a=_size(facts["size_a"]),
            size_b=_size(facts["size_b"]),
            model=facts["model"],
            weights=facts["weights"],
            licence=facts["licence"],
            covariance=arrays.get("covariance"),
            rows=None if rows is None else rows.astype(np.int64),
        )

    def _records(self) -> Iterator[tuple[str, int, int]]:
        """(key, start and length of the body) of all whole records, up to the first that is not."""
        size = os.fstat(self._file.fileno()).st_size
        place = 0
        while place + _HEAD.size <= size:
            self._file.seek(place)
            magic, length, checksum = _HEAD.unpack(self._file.read(_HEAD.size))
            start = place + _HEAD.size
            if magic != _MAGIC or length > _LARGEST or start + length > size:
                return
            body = self._file.read(length)
            if zlib.crc32(body) != checksum:
                return
            yield _metadata(body)["key"], start, length
            place = start + length


def _metadata(body: bytes) -> dict[str, str]:
    (length,) = struct.unpack_from("<Q", body)
    facts: dict[str, str] = json.loads(body[8 : 8 + length])["__metadata__"]
    return facts


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]} {size[1]}"


def _size(words: str) -> tuple[int, int]:
    width, height = words.split()
    return int(width), int(height)


def _lock(file: IO[bytes], path: Path) -> None:
    """Refuse a second writer, where the system has file locks."""
    with contextlib.suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{path}: another run is writing to it", "wait for it, or choose another --work"
            ) from error
