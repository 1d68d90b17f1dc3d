"""One Adam step over a flat array: element-wise, so the same bits for any number of threads."""

from __future__ import annotations

import math

import numpy as np
from numba import prange
from numpy.typing import NDArray

from splatmatch.jobs.kernels import kernel

_f4 = np.float32
_u8 = np.uint64
_0, _1 = _f4(0), _f4(1)


@kernel(__file__, parallel=True)
def adam(
    values: NDArray[np.float32],
    gradient: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    rates: NDArray[np.float32],
    decay1: float,
    decay2: float,
    correction1: float,
    correction2: float,
    epsilon: float,
    checks: NDArray[np.float32],
) -> None:
    """Update ``values``, ``first`` and ``second`` (all (n,)) in place where ``gradient`` is not exactly zero.

    ``rates`` (block,) holds the learning rate of each element of one block; blocks repeat. The corrections are
    1 / (1 - decay^t). ``checks`` (blocks,) becomes zero where the block's gradient is finite, NaN elsewhere.
    """
    n = values.shape[0]
    block = rates.shape[0]
    b1, b2, c1, c2, e = _f4(decay1), _f4(decay2), _f4(correction1), _f4(correction2), _f4(epsilon)
    for task in prange((n + block - 1) // block):
        start = _u8(task * block)
        count = _u8(min(block, n - task * block))
        check = _0
        for i in range(count):  # two loops: with five arrays in one, LLVM gives up proving that they are apart
            j = start + i
            g = gradient[j]
            check += g * _0
            hit = g != _0
            m, v = first[j], second[j]
            first[j] = b1 * m + (_1 - b1) * g if hit else m
            second[j] = b2 * v + (_1 - b2) * g * g if hit else v
        for i in range(count):
            j = start + i
            step = rates[i] * c1 * first[j] / (math.sqrt(second[j] * c2) + e)
            values[j] -= step if gradient[j] != _0 else _0
        checks[task] = check
