"""The compressed .ply of PlayCanvas (SuperSplat): 16 bytes a Gaussian, quantised within chunks of 256.

Element ``chunk`` holds min and max of position, log scale and (in newer files) colour of 256 consecutive Gaussians;
element ``vertex`` four packed words: position and scale as 11-10-11 bits between those bounds, colour and opacity as
8-8-8-8, rotation as the index of the largest quaternion component (2 bits) and the other three (10 bits each). An
optional element ``sh`` holds the higher bands as bytes, n = (x + 0.5) / 256 with coefficient (n - 0.5) * 8.

Convention: quaternions w x y z, ``f_rest`` channel-major, the frame and its comments as in ``splat_ply``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError
from splatmatch.files import atomic_path
from splatmatch.formats.ply_header import PlyHeader, read_ply_header, read_ply_rows
from splatmatch.formats.splat_rows import (
    SH_SIZES,
    SplatRows,
    bytes_from_logits,
    from_smallest_three,
    logits_from_bytes,
    rows_of,
    smallest_three,
)
from splatmatch.formats.splat_tags import SplatTags, read_tags
from splatmatch.geometry.spherical_harmonics import SH_C0
from splatmatch.scene.gaussians import Gaussians

CHUNK = 256
_POSITION = tuple(f"{end}_{axis}" for end in ("min", "max") for axis in "xyz")
_SCALE = tuple(f"{end}_scale_{axis}" for end in ("min", "max") for axis in "xyz")
_COLOUR = tuple(f"{end}_{channel}" for end in ("min", "max") for channel in "rgb")
_PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_LARGEST_SCALE = 20.0
"""Log scales are clamped to +-20, as in the engine that made the format."""


def is_compressed(header: PlyHeader) -> bool:
    """Whether the header is that of a compressed splat."""
    vertex = header.element("vertex")
    return header.element("chunk") is not None and vertex is not None and set(_PACKED) <= set(vertex.names)


def read_compressed_ply(path: Path, header: PlyHeader | None = None) -> Gaussians:
    """Read a compressed .ply, with or without colour bounds and spherical harmonics.

    Args:
        path: the file.
        header: its header where it has been read already.

    Raises:
        InputError: there is no such file.
        FormatError: not a compressed splat, truncated, or too few chunks.
    """
    header = header or read_ply_header(path)
    if not is_compressed(header):
        raise FormatError(f"{path}: not a compressed splat")
    packed, chunks = read_ply_rows(path, header, "vertex"), read_ply_rows(path, header, "chunk")
    bounds = set(chunks.dtype.names or ())
    if any(packed[name].dtype.kind != "u" for name in _PACKED) or not {*_POSITION, *_SCALE} <= bounds:
        raise FormatError(f"{path}: damaged: the columns of its chunks or vertices are not those of the format")
    if len(chunks) * CHUNK < len(packed):
        raise FormatError(f"{path}: damaged: {len(chunks)} chunks for {len(packed)} Gaussians")
    chunk = np.arange(len(packed)) // CHUNK

    def between(names: tuple[str, ...], fractions: NDArray[np.float64]) -> NDArray[np.float32]:
        low, high = (np.stack([chunks[name] for name in part], axis=1)[chunk] for part in (names[:3], names[3:]))
        return np.asarray(low + (high - low) * fractions, np.float32)

    colours = _unpack(packed["packed_color"], (8, 8, 8, 8))
    rotation = packed["packed_rotation"]
    three = (_unpack(rotation, (2, 10, 10, 10))[:, 1:] - 0.5) * np.sqrt(2)
    base = between(_COLOUR, colours[:, :3]) if {*_COLOUR} <= bounds else colours[:, :3]
    sh = ((base - 0.5) / SH_C0)[:, None, :]
    if header.element("sh") is not None:
        sh = np.concatenate([sh, _read_sh(path, header, len(packed))], axis=1)
    splat = SplatRows(
        means=between(_POSITION, _unpack(packed["packed_position"], (11, 10, 11))),
        log_scales=between(_SCALE, _unpack(packed["packed_scale"], (11, 10, 11))),
        quaternions=from_smallest_three((rotation >> 30).astype(np.int64), three),
        logit_opacities=logits_from_bytes((packed["packed_color"] & 255).astype(np.uint8)),
        sh=sh.astype(np.float32),
    )
    tags = read_tags(header.comments)
    return splat.gaussians(path, antialiased=tags.antialiased, frame=tags.frame)


def write_compressed_ply(gaussians: Gaussians, path: Path) -> None:
    """Write a compressed .ply, the Gaussians in Morton order, atomically.

    Raises:
        InputError: there are no Gaussians.
        NumericalError: they hold NaN or infinity.
        OutputError: the file cannot be written.
    """
    splat = rows_of(gaussians)
    order = morton_order(splat.means)
    largest, three = smallest_three(splat.quaternions[order])
    position_bounds, positions = _quantities(splat.means[order])
    scale_bounds, scales = _quantities(np.clip(splat.log_scales[order], -_LARGEST_SCALE, _LARGEST_SCALE))
    colour_bounds, colours = _quantities(splat.sh[order, 0] * np.float32(SH_C0) + np.float32(0.5))
    opacities = bytes_from_logits(splat.logit_opacities[order])[:, None] / 255.0
    fractions = three * np.sqrt(0.5) + 0.5
    words = [
        _pack(positions, (11, 10, 11)),
        _pack(np.concatenate([largest[:, None] / 3, fractions], axis=1), (2, 10, 10, 10)),
        _pack(scales, (11, 10, 11)),
        _pack(np.concatenate([colours, opacities], axis=1), (8, 8, 8, 8)),
    ]
    bands = splat.sh[order, 1:].transpose(0, 2, 1).reshape(len(order), -1)
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "comment written by splatmatch",
        *(f"comment {comment}" for comment in SplatTags(gaussians.antialiased, gaussians.frame).comments()),
        f"element chunk {len(position_bounds)}",
        *(f"property float {name}" for name in (*_POSITION, *_SCALE, *_COLOUR)),
        f"element vertex {len(order)}",
        *(f"property uint {name}" for name in _PACKED),
        *([f"element sh {len(order)}"] if bands.shape[1] else []),
        *(f"property uchar f_rest_{index}" for index in range(bands.shape[1])),
        "end_header\n",
    ]
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write("\n".join(lines).encode())
        np.concatenate([position_bounds, scale_bounds, colour_bounds], axis=1).astype("<f4").tofile(file)
        np.stack(words, axis=1).astype("<u4").tofile(file)
        np.clip(np.floor((bands / 8 + 0.5) * 256), 0, 255).astype(np.uint8).tofile(file)


def morton_order(means: NDArray[np.float32]) -> NDArray[np.int64]:
    """The order of points (N, 3) along a Morton curve with 10 bits an axis: neighbours in it are close in space."""
    low, high = means.min(axis=0), means.max(axis=0)
    cells = ((means - low) / np.maximum(high - low, 1e-30) * 1023).astype(np.uint64)
    code = np.zeros(len(means), np.uint64)
    for bit in range(10):
        for axis in range(3):
            code |= ((cells[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return np.argsort(code, kind="stable")


def _quantities(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Bounds (C, 6) = min, max of each chunk, and values (N, 3) as fractions between them."""
    starts = np.arange(0, len(values), CHUNK)
    low, high = np.minimum.reduceat(values, starts, axis=0), np.maximum.reduceat(values, starts, axis=0)
    chunk = np.arange(len(values)) // CHUNK
    extent = (high.astype(np.float64) - low)[chunk]
    fractions = (values - low[chunk].astype(np.float64)) / np.where(extent > 0, extent, 1)
    return np.concatenate([low, high], axis=1), fractions


def _pack(fractions: NDArray[np.float64], bits: tuple[int, ...]) -> NDArray[np.uint32]:
    """Columns in 0..1 as one word each row, the first column in the highest bits."""
    words = np.zeros(len(fractions), np.uint32)
    for column, width in enumerate(bits):
        level = np.rint(np.clip(fractions[:, column], 0, 1) * ((1 << width) - 1)).astype(np.uint32)
        words = (words << np.uint32(width)) | level
    return words


def _unpack(words: NDArray[np.unsignedinteger], bits: tuple[int, ...]) -> NDArray[np.float64]:
    """The inverse of ``_pack``, (N, len(bits))."""
    columns, shift = [], sum(bits)
    for width in bits:
        shift -= width
        columns.append(((words >> shift) & ((1 << width) - 1)) / ((1 << width) - 1))
    return np.stack(columns, axis=1)


def _read_sh(path: Path, header: PlyHeader, count: int) -> NDArray[np.float32]:
    rows = read_ply_rows(path, header, "sh")
    names = rows.dtype.names or ()
    if len(rows) != count or len(names) % 3 or len(names) // 3 not in SH_SIZES:
        raise FormatError(f"{path}: damaged: {len(rows)} x {len(names)} spherical harmonics for {count} Gaussians")
    if set(names) != {f"f_rest_{index}" for index in range(len(names))}:
        raise FormatError(f"{path}: damaged: the columns of 'sh' are not f_rest_0, f_rest_1 ...")
    levels = np.stack([rows[f"f_rest_{index}"] for index in range(len(names))], axis=1).astype(np.float32)
    fractions = np.where(levels == 0, 0, np.where(levels == 255, 1, (levels + 0.5) / 256))
    return ((fractions - 0.5) * 8).reshape(count, 3, -1).transpose(0, 2, 1).astype(np.float32)
