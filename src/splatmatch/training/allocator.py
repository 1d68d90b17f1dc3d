"""Memory that a training step gives back stays in the process.

glibc returns every large block to the system, and the next step pays for its pages again: half of the time of a step on
a CPU. Where there is another C library this does nothing.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Names of ``mallopt`` (malloc.h)."""
_PAD = 500_000_000
"""Bytes by which the heap grows at least."""


def keep_memory() -> bool:
    """Let malloc neither map large blocks alone nor give memory back; True where the library took the settings."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    taken = [mallopt(name, value) == 1 for name, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, _PAD))]
    return all(taken)
