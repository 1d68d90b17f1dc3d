"""Memory that is used again from frame to frame: a fresh large array costs a page fault per 4 KiB.

A buffer is free when nobody but the pool refers to it. Views made by numpy and tensors made by ``torch.from_numpy``
keep their buffer alive through its reference count, so nothing has to be handed back and nothing in use can be handed
out.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LINE = 64
"""Bytes; buffers start on a cache line."""
SMALL = 1 << 16
"""Bytes below which memory is not kept."""
PATIENCE = 400
"""Requests after which an unused buffer is given back to the system."""


class Pool:
    """Recycles numpy memory; thread-safe."""

    def __init__(self) -> None:
        self._buffers: list[NDArray[np.uint8]] = []
        self._last_used: list[int] = []
        self._tick = 0
        self._lock = threading.Lock()

    def take(self, shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
        """An uninitialised array; valid as long as it, a view or a tensor of it is referred to."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        with self._lock:
            memory = self._find(size)
        array: NDArray[Any] = memory[:size].view(dtype).reshape(shape)
        return array

    def tensor(self, shape: tuple[int, ...]) -> Tensor:
        """The same as a float32 tensor."""
        return torch.from_numpy(self.take(shape))

    def _find(self, size: int) -> NDArray[np.uint8]:
        self._tick += 1
        best = -1
        for i in range(len(self._buffers)):
            have = self._buffers[i].nbytes
            # A free buffer has two references: the pool's list and getrefcount's own argument.
            free = size <= have <= 2 * size and sys.getrefcount(self._buffers[i]) == 2
            if free and (best < 0 or have < self._buffers[best].nbytes):
                best = i
        if best >= 0:
            self._last_used[best] = self._tick
            return self._buffers[best]
        keep = [i for i, used in enumerate(self._last_used) if self._tick - used < PATIENCE]
        self._buffers = [self._buffers[i] for i in keep]
        self._last_used = [self._last_used[i] for i in keep]
        raw = np.empty(size + size // 8 + 2 * LINE, np.uint8)
        start = -raw.ctypes.data % LINE
        aligned = np.frombuffer(raw.data[start : start + size + size // 8 + LINE], np.uint8)
        self._buffers.append(aligned)
        self._last_used.append(self._tick)
        return aligned


POOL = Pool()
