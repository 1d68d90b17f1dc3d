"""One door for all splat files: the format is told by content when reading, by suffix when writing."""

from __future__ import annotations

import difflib
from pathlib import Path

from splatmatch.errors import InputError
from splatmatch.formats import compressed_ply, sog, splat_bytes, splat_ply, spz
from splatmatch.formats.ply_header import read_ply_header
from splatmatch.scene.gaussians import Gaussians

WRITERS = {
    ".compressed.ply": compressed_ply.write_compressed_ply,
    ".ply": splat_ply.write_splat_ply,
    ".spz": spz.write_spz,
}
"""By suffix; the longest that fits counts."""
READABLE = (*WRITERS, ".splat", ".sog", "a SOG folder", "a scene folder")


def read_splat(path: Path) -> Gaussians:
    """Read a splat: 3DGS .ply in any dialect, compressed .ply, .splat, .spz, SOG folder or .sog, or a scene folder's.

    Rows that cannot be rendered are dropped and counted in a logged warning.

    Raises:
        InputError: there is no such file, or it is none of these.
        FormatError: it is damaged, truncated, or no splat.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "splats.ply").is_file():
            return read_splat(path / "splats.ply")
        if sog.is_sog_folder(path):
            return sog.read_sog(path)
        raise InputError(f"{path}: this folder holds no splat", "give a scene folder with splats.ply, or a SOG folder")
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    name = path.name.lower()
    if magic.startswith(b"ply"):
        header = read_ply_header(path)
        compressed = compressed_ply.is_compressed(header)
        read = compressed_ply.read_compressed_ply if compressed else splat_ply.read_splat_ply
        return read(path, header)
    if magic == spz.MAGIC or name.endswith(".spz"):
        return spz.read_spz(path)
    if name == sog.META or name.endswith(".sog"):
        return sog.read_sog(path)
    if name.endswith(".splat"):
        return splat_bytes.read_splat_bytes(path)
    if name.endswith(".ply"):
        read_ply_header(path)  # says what is wrong with it
    raise InputError(f"{path}: not a splat file", f"these are read: {', '.join(READABLE)}")


def write_splat(gaussians: Gaussians, path: Path) -> None:
    """Write a splat as .ply, .compressed.ply or .spz by suffix, atomically; frame and antialias tags are kept.

    Raises:
        InputError: another suffix, or there are no Gaussians.
        NumericalError: they hold NaN or infinity.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    check_splat_suffix(path)
    suffix = next(suffix for suffix in WRITERS if path.name.lower().endswith(suffix))
    WRITERS[suffix](gaussians, path)


def check_splat_suffix(path: Path) -> None:
    """Say before hours of work that ``write_splat`` could not write to ``path``.

    Raises:
        InputError: the suffix is none of ``WRITERS``; the closest is named.
    """
    path = Path(path)
    if path.name.lower().endswith(tuple(WRITERS)):
        return
    closest = difflib.get_close_matches(path.suffix.lower() or ".ply", WRITERS, n=1, cutoff=0.0)[0]
    suffix = path.suffix or "a file without suffix"
    raise InputError(f"{path}: splats are not written as {suffix}", f"use {closest} ({', '.join(WRITERS)})")
