"""SOG of PlayCanvas: a ``meta.json`` and lossless WebP images, in a folder or zipped as ``.sog``; read only.

Pixel i, row by row, of each image belongs to Gaussian i. Versions 1 and 2 differ in what a byte stands for:

=======  =====================================================================================================
means    16 bits an axis (low bytes in the first image, high bytes in the second) between ``mins`` and ``maxs``
         of sign(x) log(1 + abs(x))
scales   log scale: v2 ``codebook[byte]``, v1 linear between ``mins`` and ``maxs``
quats    the three smaller components of w x y z times sqrt(2), from -1..1; alpha - 252 = index of the largest
sh0      f_dc: v2 ``codebook[byte]``, v1 linear; alpha = opacity: v2 itself, v1 its logit, linear
shN      a palette (64 entries a row, K pixels each, bytes as for sh0) and its 16-bit labels
=======  =====================================================================================================

A streamed scene is a folder of such folders named LEVEL_CHUNK; each level is the whole scene, 0 the finest.

Convention: the frame is whatever it was; ``"model": "antialiased"`` marks Gaussians trained with antialiasing.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.WebPImagePlugin import WebPImageFile

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.images import MAX_PIXELS
from splatmatch.formats.json_text import list_of, parse_json_object
from splatmatch.formats.splat_rows import SH_SIZES, SplatRows, from_smallest_three, logits_from_bytes
from splatmatch.scene.gaussians import Gaussians, concatenate

META = "meta.json"
_MAX_MEMBER_BYTES = 1 << 30
_PALETTE_COLUMNS = 64
Decode = Callable[[NDArray[Any]], NDArray[np.float64]]


@dataclass(frozen=True)
class _Bundle:
    """The files of one SOG scene, by name."""

    path: Path
    load: Callable[[str], bytes]

    def fail(self, what: str) -> FormatError:
        return FormatError(f"{self.path}: damaged SOG: {what}")

    def section(self, meta: dict[str, Any], name: str) -> dict[str, Any]:
        section = meta.get(name)
        if not isinstance(section, dict):
            raise self.fail(f"{META} has no {name!r}")
        return section

    def pixels(self, section: dict[str, Any], index: int) -> NDArray[np.uint8]:
        """File ``index`` of a section, as (H, W, 4) RGBA."""
        files = list_of(section, "files", str, str(self.path))
        if index >= len(files) or not re.fullmatch(r"[\w.-]+", files[index]) or files[index].startswith("."):
            raise self.fail(f"{files!r} does not name files beside {META}")
        data = self.load(files[index])
        try:
            image = WebPImageFile(io.BytesIO(data))
            if image.width * image.height > MAX_PIXELS:
                raise self.fail(f"{files[index]} states {image.width} x {image.height} pixels")
            return np.array(image.convert("RGBA"))
        except FormatError:
            raise
        except Exception as error:  # decoders raise nearly anything on damaged files
            raise self.fail(f"{files[index]} is not a readable WebP image") from error

    def rows(self, section: dict[str, Any], index: int, count: int) -> NDArray[np.uint8]:
        """The first ``count`` pixels of file ``index``, (count, 4)."""
        pixels = self.pixels(section, index).reshape(-1, 4)
        if len(pixels) < count:
            raise self.fail(f"{len(pixels)} pixels for {count} Gaussians")
        return pixels[:count]


def is_sog_folder(folder: Path) -> bool:
    """Whether the folder holds a SOG scene or the chunks of a streamed one."""
    return (folder / META).is_file() or bool(_levels(folder))


def read_sog(path: Path) -> Gaussians:
    """Read a SOG folder, its ``meta.json``, a zipped ``.sog``, or the finest level in a folder of chunks.

    Raises:
        InputError: there is no such file or folder, or no ``meta.json`` in it.
        FormatError: damaged, truncated, or a file outside the folder is named.
    """
    path = Path(path)
    if path.is_file() and path.name != META:
        return _read_zip(path)
    folder = path.parent if path.name == META else path
    levels = _levels(folder)
    if (folder / META).is_file() or not levels:
        return _read_bundle(_Bundle(folder, lambda name: _read_file(folder / name)))
    return concatenate([read_sog(chunk) for chunk in levels[min(levels)]])


def _levels(folder: Path) -> dict[int, list[Path]]:
    """Chunk folders of a streamed scene by level, in order of their number."""
    levels: dict[int, list[tuple[int, Path]]] = {}
    for child in folder.iterdir() if folder.is_dir() else ():
        match = re.fullmatch(r"(\d{1,9})_(\d{1,9})", child.name)
        if match and (child / META).is_file():
            levels.setdefault(int(match[1]), []).append((int(match[2]), child))
    return {level: [chunk for _, chunk in sorted(chunks)] for level, chunks in levels.items()}


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: no such file") from error


def _read_zip(path: Path) -> Gaussians:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {PurePosixPath(name).name: name for name in archive.namelist()}

            def load(name: str) -> bytes:
                if name not in names:
                    raise FormatError(f"{path}: damaged SOG: holds no {name}")
                if archive.getinfo(names[name]).file_size > _MAX_MEMBER_BYTES:
                    raise FormatError(f"{path}: damaged SOG: {name} is absurdly large")
                return archive.read(names[name])

            return _read_bundle(_Bundle(path, load))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FormatError(f"{path}: not a readable .sog archive ({error})") from error


def _read_bundle(bundle: _Bundle) -> Gaussians:
    meta = parse_json_object(bundle.load(META), f"{bundle.path} ({META})")
    version = meta.get("version", 1)
    if version not in (1, 2):
        raise bundle.fail(f"version {version!r} is unknown")
    means, sh0 = bundle.section(meta, "means"), bundle.section(meta, "sh0")
    shape = meta.get("count") if version == 2 else (list_of(means, "shape", int, str(bundle.path)) or [None])[0]
    if not isinstance(shape, int) or not 0 < shape <= MAX_PIXELS:
        raise bundle.fail(f"{shape!r} Gaussians")
    count = shape
    low, high = (bundle.rows(means, index, count)[:, :3].astype(np.int64) for index in (0, 1))
    logs = _linear(bundle, means, 3)((low + (high << 8)) / 257)
    scales = bundle.section(meta, "scales")
    decode_scales = _decoder(bundle, scales, version, 3)
    colours = bundle.rows(sh0, 0, count)
    if version == 2:
        constant, logits = _decoder(bundle, sh0, version, 3)(colours[:, :3]), logits_from_bytes(colours[:, 3])
    else:
        values = _linear(bundle, sh0, 4)(colours)
        constant, logits = values[:, :3], values[:, 3].astype(np.float32)
    quaternions = bundle.rows(bundle.section(meta, "quats"), 0, count)
    if quaternions[:, 3].min() < 252:
        raise bundle.fail("the quaternions were not stored losslessly")
    rest = _read_bands(bundle, bundle.section(meta, "shN"), version, count) if meta.get("shN") else None
    sh = constant[:, None] if rest is None else np.concatenate([constant[:, None], rest], axis=1)
    return SplatRows(
        means=(np.sign(logs) * np.expm1(np.abs(logs))).astype(np.float32),
        log_scales=decode_scales(bundle.rows(scales, 0, count)[:, :3]).astype(np.float32),
        quaternions=from_smallest_three(
            quaternions[:, 3].astype(np.int64) - 252, (quaternions[:, :3] / 127.5 - 1) * np.sqrt(0.5)
        ),
        logit_opacities=logits,
        sh=sh.astype(np.float32),
    ).gaussians(bundle.path, antialiased=meta.get("model") == "antialiased")


def _read_bands(bundle: _Bundle, section: dict[str, Any], version: int, count: int) -> NDArray[np.float64]:
    """(count, K, 3) coefficients above the constant one."""
    palette = bundle.pixels(section, 0)[:, :, :3]
    size = palette.shape[1] // _PALETTE_COLUMNS
    if size not in SH_SIZES or size == 0 or palette.shape[1] % _PALETTE_COLUMNS:
        raise bundle.fail(f"a palette {palette.shape[1]} pixels wide holds no whole degree of spherical harmonics")
    decode = _decoder(bundle, section, version, 1)
    entries = palette.reshape(-1, size, 3)
    labels = bundle.rows(section, 1, count).astype(np.int64)
    rows = labels[:, 0] + (labels[:, 1] << 8)
    if rows.max() >= len(entries):
        raise bundle.fail("a label points outside the palette")
    return decode(entries)[rows]


def _decoder(bundle: _Bundle, section: dict[str, Any], version: int, channels: int) -> Decode:
    """What turns the bytes of a section into values: its codebook (version 2) or its linear range (version 1)."""
    if version == 1:
        return _linear(bundle, section, channels)
    book = section.get("codebook")
    if not isinstance(book, list) or len(book) != 256:
        raise bundle.fail("a codebook does not have 256 entries")
    if book[0] is None and all(isinstance(value, int | float) for value in book[1:]):
        book = [book[1] + (book[1] - book[255]) / 255, *book[1:]]  # a writer's bug that readers repair
    try:
        table = np.array(book, np.float64).reshape(256)
    except (TypeError, ValueError, OverflowError) as error:
        raise bundle.fail("a codebook holds something that is no number") from error
    return lambda levels: table[levels]


def _linear(bundle: _Bundle, section: dict[str, Any], channels: int) -> Decode:
    """Linear between ``mins`` (0) and ``maxs`` (255), which are lists of ``channels`` numbers or one number."""
    try:
        low, high = (np.asarray(section[end], np.float64).reshape(-1) * np.ones(channels) for end in ("mins", "maxs"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise bundle.fail("bounds are missing or malformed") from error
    return lambda levels: low + levels / 255 * (high - low)
