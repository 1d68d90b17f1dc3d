"""Tar files of samples: blocks whose bytes depend on their content alone, and a scan that stops where a write did.

Headers are USTAR with mode 0644 and neither time nor owner, as any tar program reads them.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from splatmatch.errors import FormatError
from splatmatch.formats.json_text import parse_json_object
from splatmatch.pairs.members import JSON_SUFFIX, check_suffix

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
"""What closes a tar file."""


@dataclass(frozen=True)
class Entry:
    """Where one sample lies in its shard."""

    key: str
    offset: int
    """Bytes before its first header."""
    size: int
    """Bytes, headers and padding included."""
    crc32: int
    """Of these bytes."""


def pack(key: str, members: Mapping[str, bytes]) -> bytes:
    """The blocks of one sample: a header and padded data per member, in the order given."""
    blocks = []
    for suffix, data in members.items():
        info = tarfile.TarInfo(f"{key}.{suffix}")
        info.size = len(data)
        blocks += [info.tobuf(tarfile.USTAR_FORMAT), data, bytes(-len(data) % BLOCK)]
    return b"".join(blocks)


def unpack(blocks: bytes, key: str, source: str) -> dict[str, bytes]:
    """The members of one sample by suffix.

    Raises:
        FormatError: the blocks are damaged, or hold another sample's members or one of a kind that is not read.
    """
    members: dict[str, bytes] = {}
    for info, name in _walk(BytesIO(blocks), len(blocks), source):
        found, suffix = check_suffix(name, source)
        if found != key or suffix in members:
            raise FormatError(f"{source}: {name} stands in the place of sample {key}")
        members[suffix] = blocks[info.offset_data : info.offset_data + info.size]
    return members


def describe(blocks: bytes, key: str, source: str) -> dict[str, Any]:
    """The JSON of one sample.

    Raises:
        FormatError: as ``unpack``; or there is no JSON.
    """
    members = unpack(blocks, key, source)
    if JSON_SUFFIX not in members:
        raise FormatError(f"{source}: sample {key} has no {JSON_SUFFIX}")
    return parse_json_object(members[JSON_SUFFIX], f"{source}: {key}")


def describe_at(path: Path, entry: Entry) -> dict[str, Any]:
    """The JSON of one sample of a shard; nothing else of it is read.

    Raises:
        FormatError: the blocks are damaged, or there is no JSON.
    """
    end = entry.offset + entry.size
    with open(path, "rb") as file:
        for info, name in _walk(file, end, str(path), entry.offset):
            if name == f"{entry.key}.{JSON_SUFFIX}":
                file.seek(info.offset_data)
                return parse_json_object(file.read(info.size), f"{path}: {entry.key}")
    raise FormatError(f"{path}: sample {entry.key} has no {JSON_SUFFIX}")


def entry_of(key: str, offset: int, blocks: bytes) -> Entry:
    """The entry of a sample's blocks at ``offset``."""
    return Entry(key, offset, len(blocks), zlib.crc32(blocks))


def scan(path: Path) -> tuple[list[Entry], str]:
    """The complete samples of a shard, and why it ends before its end ('' = it is whole).

    Raises:
        FormatError: a member is of a kind that is not read.
    """
    entries: list[Entry] = []
    with open(path, "rb") as file:
        size = path.stat().st_size
        start, key = 0, ""
        try:
            for info, name in _walk(file, size, str(path)):
                found, suffix = check_suffix(name, str(path))
                if found != key and info.offset != start:
                    return entries, f"sample {key} ends early"
                key = found
                if suffix == JSON_SUFFIX:
                    end = info.offset_data + info.size + -info.size % BLOCK
                    file.seek(start)
                    entries.append(entry_of(key, start, file.read(end - start)))
                    start = end
        except _TornError as torn:
            return entries, str(torn)
        file.seek(start)
        rest = file.read(len(END) + 1)
    if rest != END:
        return entries, "the end of the archive is missing" if len(rest) < len(END) else f"sample {key} ends early"
    return entries, ""


class _TornError(FormatError):
    """The archive stops, or stops being one."""


def _walk(file: BinaryIO, size: int, source: str, at: int = 0) -> Iterator[tuple[tarfile.TarInfo, str]]:
    """The members of a tar file one after the other, from byte ``at``, each (TarInfo, name), as far as complete."""
    while at < size:
        file.seek(at)
        header = file.read(BLOCK)
        if header == bytes(BLOCK):
            return
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise _TornError(f"{source}: damaged or truncated at byte {at}") from error
        if not info.isreg():
            raise FormatError(f"{source}: {info.name!r:.80} is no regular file", "the shard was not made by splatmatch")
        info.offset, info.offset_data = at, at + BLOCK
        end = info.offset_data + info.size + -info.size % BLOCK
        if end > size:
            raise _TornError(f"{source}: truncated in {info.name}")
        yield info, info.name
        at = end
