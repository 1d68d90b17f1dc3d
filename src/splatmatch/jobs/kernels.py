"""Compiling Numba kernels: one decorator, compiled code cached on disk and keyed by the sources it came from.

Numba notices edits of the file a kernel stands in, but not of other files whose functions it inlines. The cache folder
is therefore named after a hash of every source file beside the kernel, and of this one.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)

FAST = {"nsz", "arcp", "contract", "afn", "reassoc"}
"""Fast-math flags of all kernels: reordering is free, but NaN and infinity keep their meaning (guards rely on it)."""


def kernel(file: str, *, parallel: bool = False, inline: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a Numba kernel that stands in ``file`` (pass ``__file__``).

    Args:
        file: the source file of the kernel; its folder is what the cache is keyed by.
        parallel: allow ``prange``.
        inline: a device function, inlined into its callers and never compiled on its own.
    """
    import numba

    def decorate(function: Callable[..., Any]) -> Any:
        previous = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = previous if inline else str(cache_folder(file))
        try:
            return numba.njit(
                function,
                fastmath=FAST,
                error_model="numpy",
                boundscheck=False,
                parallel=parallel,
                cache=not inline,
                forceinline=inline,
            )
        finally:
            numba.config.CACHE_DIR = previous

    return decorate


def cache_folder(file: str) -> Path:
    """Where kernels of ``file``'s folder are kept: in NUMBA_CACHE_DIR or the user's cache, by source hash."""
    return _cache_root() / _source_hash(str(Path(file).parent))


@functools.cache
def announce_compilation(file: str, what: str) -> None:
    """Log one line, once per process, where no kernel of ``file``'s folder has been compiled on this machine yet."""
    if not any(cache_folder(file).glob("*/*.nbc")):
        _LOG.warning("compiling the %s for this machine, once: half a minute or so", what)


@functools.cache
def _source_hash(folder: str) -> str:
    digest = hashlib.sha256()
    for path in [Path(__file__), *sorted(Path(folder).glob("*.py"))]:
        digest.update(path.name.encode() + path.read_bytes())
    return f"{Path(folder).name}-{digest.hexdigest()[:16]}"


@functools.cache
def _cache_root() -> Path:
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    base = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")
    root = base / "splatmatch" / "kernels"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            return root
    except OSError:
        return Path(tempfile.gettempdir()) / f"splatmatch-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
