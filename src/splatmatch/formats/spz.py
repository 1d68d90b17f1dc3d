"""Niantic's .spz: quantised Gaussians, compressed; versions 1 to 4 are read, version 3 is written.

Versions 1 to 3 are one gzip stream of a 16-byte header and the sections below; version 4 is a plain 32-byte header, a
table of (compressed, raw) sizes and one Zstandard stream for each section.

=========  ==========================================================================================
positions  3 x 24-bit fixed point with the header's number of fractional bits (version 1: 3 x float16)
alphas     opacity * 255
colours    f_dc * 0.15 * 255 + 127.5
scales     (log scale + 10) * 16
rotations  from version 3 on: index of the largest of x y z w (2 bits), the others as sign and 9 bits
           of |q| * sqrt(2); before: x y z as q * 127.5 + 127.5, w >= 0
sh         coefficient * 128 + 128, coefficient-major, colours innermost
=========  ==========================================================================================

Convention: the file's axes are RUB (x right, y up, z backward); everyone's .ply is taken for RDF (x right, y down, z
forward), so y and z are turned on the way in and out, as all converters do. The file has no tag for what is up.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError, MissingDependencyError
from splatmatch.files import write_bytes
from splatmatch.formats.splat_rows import (
    SplatRows,
    bytes_from_logits,
    from_smallest_three,
    logits_from_bytes,
    rows_of,
    smallest_three,
)
from splatmatch.geometry.alignment import Similarity
from splatmatch.scene.gaussians import Gaussians

MAGIC = b"NGSP"
_GZIP = b"\x1f\x8b"
_LEGACY = struct.Struct("<4sIIBBBB")
_PLAIN = struct.Struct("<4sIIBBBBI12x")
_ANTIALIASED = 1
_COLOUR_SCALE = 0.15
_LARGEST_DEGREE = 4
_MOST_FRACTIONAL_BITS = 24
_DEFLATE_RATIO, _ZSTD_RATIO = 1040, 45_000
"""Neither method can shrink bytes more than this, so larger promises are absurd."""
_RDF_FROM_RUB = Similarity(1.0, torch.diag(torch.tensor([1.0, -1.0, -1.0]).double()), torch.zeros(3).double())


@dataclass(frozen=True)
class _Header:
    version: int
    count: int
    degree: int
    fractional_bits: int
    antialiased: bool

    @property
    def sections(self) -> tuple[int, ...]:
        """Bytes of each section: positions, alphas, colours, scales, rotations, sh."""
        position, rotation = (6 if self.version == 1 else 9), (3 if self.version < 3 else 4)
        widths = (position, 1, 3, 3, rotation, 3 * ((self.degree + 1) ** 2 - 1))
        return tuple(width * self.count for width in widths)


def read_spz(path: Path) -> Gaussians:
    """Read a .spz file of version 1 to 4.

    Raises:
        InputError: there is no such file.
        FormatError: not a .spz, damaged, truncated, or a header that promises more than the file can hold.
        MissingDependencyError: version 4 without the package ``zstandard``.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    if data.startswith(_GZIP):
        header, sections = _read_gzip(data, path)
    elif data.startswith(MAGIC):
        header, sections = _read_streams(data, path)
    else:
        raise FormatError(f"{path}: not a .spz file")
    splat = _decode(header, sections).gaussians(path, antialiased=header.antialiased)
    return splat.transformed(_RDF_FROM_RUB)


def write_spz(gaussians: Gaussians, path: Path) -> None:
    """Write a version 3 .spz, atomically; positions get as many fractional bits as fit.

    Raises:
        InputError: there are no Gaussians, or they lie farther than 4 million units from the origin.
        NumericalError: they hold NaN or infinity.
        OutputError: the file cannot be written.
    """
    splat = rows_of(gaussians.transformed(_RDF_FROM_RUB.inverse()))
    largest_position = max(float(np.abs(splat.means).max()), 1.0)
    fractional_bits = int(np.floor(np.log2((2**23 - 1) / largest_position)))
    if fractional_bits < 1:
        raise InputError(f"{path}: a .spz cannot hold positions as large as {largest_position:.3g}", "write a .ply")
    fixed = np.rint(splat.means.astype(np.float64) * 2**fractional_bits).astype("<i4")
    largest, three = smallest_three(splat.quaternions[:, [1, 2, 3, 0]])
    levels = np.minimum(np.rint(np.abs(three) * np.sqrt(2) * 511), 511).astype(np.uint32) | (three < 0) * np.uint32(512)
    rotations = (largest << 30 | levels[:, 0] << 20 | levels[:, 1] << 10 | levels[:, 2]).astype("<u4")
    payload = b"".join(
        [
            _LEGACY.pack(
                MAGIC, 3, len(fixed), gaussians.sh_degree, fractional_bits, _ANTIALIASED * gaussians.antialiased, 0
            ),
            fixed.view(np.uint8).reshape(-1, 4)[:, :3].tobytes(),
            bytes_from_logits(splat.logit_opacities).tobytes(),
            _byte(splat.sh[:, 0] * (_COLOUR_SCALE * 255) + 127.5),
            _byte((splat.log_scales + 10) * 16),
            rotations.tobytes(),
            _byte(splat.sh[:, 1:] * 128 + 128),
        ]
    )
    write_bytes(path, gzip.compress(payload, 6, mtime=0))


def _read_gzip(data: bytes, path: Path) -> tuple[_Header, list[NDArray[np.uint8]]]:
    stream = zlib.decompressobj(wbits=31)
    try:
        head = stream.decompress(data, _LEGACY.size)
        magic, *fields, _ = _LEGACY.unpack(head)
        if magic != MAGIC:
            raise FormatError(f"{path}: not a .spz file")
        header = _check_header(fields, (1, 2, 3), path)
        size = sum(header.sections)
        if size > _DEFLATE_RATIO * len(data):
            raise FormatError(f"{path}: is truncated: {len(data)} bytes cannot hold {header.count} Gaussians")
        payload = stream.decompress(stream.unconsumed_tail, size) if size else b""
    except (zlib.error, struct.error) as error:
        raise FormatError(f"{path}: damaged .spz ({error})") from error
    if len(payload) < size:
        raise FormatError(f"{path}: is truncated: {len(payload)} of {size} bytes")
    ends = np.cumsum(header.sections)
    return header, np.split(np.frombuffer(payload, np.uint8), ends[:-1])


def _read_streams(data: bytes, path: Path) -> tuple[_Header, list[NDArray[np.uint8]]]:
    if len(data) < _PLAIN.size:
        raise FormatError(f"{path}: is truncated")
    _, *fields, streams, table = _PLAIN.unpack_from(data)
    header = _check_header(fields, (4,), path)
    wanted = [size for size in header.sections if size]
    offset = table + 16 * streams
    if streams != len(wanted) or table < _PLAIN.size or offset > len(data):
        raise FormatError(f"{path}: damaged: {streams} streams where {len(wanted)} are expected")
    sections = []
    for index, size in enumerate(wanted):
        packed, raw = struct.unpack_from("<QQ", data, table + 16 * index)
        if raw != size or offset + packed > len(data) or raw > _ZSTD_RATIO * packed:
            raise FormatError(f"{path}: is truncated, or does not hold {header.count} Gaussians")
        sections.append(_unzstd(data[offset : offset + packed], size, path))
        offset += packed
    if len(sections) < len(header.sections):
        sections.append(np.empty(0, np.uint8))  # no spherical harmonics
    return header, sections


def _check_header(fields: list[int], versions: tuple[int, ...], path: Path) -> _Header:
    version, count, degree, fractional_bits, flags = fields
    if version not in versions:
        raise FormatError(f"{path}: .spz version {version} is unknown")
    if degree > _LARGEST_DEGREE or fractional_bits > _MOST_FRACTIONAL_BITS or count == 0:
        raise FormatError(f"{path}: damaged: {count} Gaussians, degree {degree}, {fractional_bits} fractional bits")
    return _Header(version, count, degree, fractional_bits, bool(flags & _ANTIALIASED))


def _unzstd(stream: bytes, size: int, path: Path) -> NDArray[np.uint8]:
    try:
        import zstandard
    except ImportError as error:
        raise MissingDependencyError(
            f"{path}: .spz version 4 needs the package zstandard", "pip install zstandard"
        ) from error
    try:
        if zstandard.frame_content_size(stream) not in (size, -1):  # -1 = not stated
            raise FormatError(f"{path}: damaged: a stream does not have the size that the header states")
        raw = zstandard.ZstdDecompressor().decompress(stream, max_output_size=size)
    except zstandard.ZstdError as error:
        raise FormatError(f"{path}: damaged .spz ({error})") from error
    if len(raw) != size:
        raise FormatError(f"{path}: is truncated: {len(raw)} of {size} bytes in a stream")
    return np.frombuffer(raw, np.uint8)


def _decode(header: _Header, sections: list[NDArray[np.uint8]]) -> SplatRows:
    positions, alphas, colours, scales, rotations, sh = sections
    count = header.count
    if header.version == 1:
        means = positions.view("<f2").reshape(count, 3).astype(np.float32)
    else:
        words = np.zeros((count * 3, 4), np.uint8)
        words[:, 1:] = positions.reshape(-1, 3)  # in the upper bytes, so that the shift below extends the sign
        means = (words.view("<i4") >> 8).reshape(count, 3).astype(np.float64) / 2**header.fractional_bits
    if header.version < 3:
        xyz = rotations.reshape(count, 3) / 127.5 - 1
        quaternions = from_smallest_three(np.zeros(count, np.int64), xyz)
    else:
        word = rotations.view("<u4")
        fields = np.stack([word >> 20, word >> 10, word], axis=1)
        three = np.where(fields & 512, -1, 1) * (fields & 511) / 511 * np.sqrt(0.5)
        quaternions = from_smallest_three((word >> 30).astype(np.int64), three)[:, [3, 0, 1, 2]]
    constant = (colours.reshape(count, 1, 3) / 255 - 0.5) / _COLOUR_SCALE
    rest = (sh.reshape(count, -1, 3).astype(np.float64) - 128) / 128
    return SplatRows(
        means=means.astype(np.float32),
        log_scales=(scales.reshape(count, 3) / np.float32(16) - 10).astype(np.float32),
        quaternions=quaternions,
        logit_opacities=logits_from_bytes(alphas),
        sh=np.concatenate([constant, rest], axis=1).astype(np.float32),
    )


def _byte(values: NDArray[np.floating]) -> bytes:
    return bytes(np.clip(np.rint(values), 0, 255).astype(np.uint8))
