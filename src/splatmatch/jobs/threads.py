"""Threads of the Numba kernels: as many as torch has, on a threading layer that is chosen explicitly."""

from __future__ import annotations

import functools
import os
import sys


def use_torch_threads() -> int:
    """Give Numba as many threads as torch has, and pick the threading layer if nothing has run yet.

    The layer is OpenMP where Numba has it (it shares threads well with torch), else TBB or Numba's own work queue;
    ``NUMBA_THREADING_LAYER`` in the environment wins. Cheap: called before each parallel kernel.

    Returns:
        The number of threads the next parallel kernel will use.
    """
    import numba
    import torch

    _launch()
    threads: int = max(1, min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(threads)
    return threads


@functools.cache
def _launch() -> None:
    """Choose the layer and start Numba's threads.

    Starting them sets the thread count of the OpenMP runtime, which torch may share: torch's own count is put back.
    """
    import numba
    import torch
    from numba.np.ufunc.parallel import _launch_threads

    if "NUMBA_THREADING_LAYER" not in os.environ and numba.config.THREADING_LAYER == "default":
        numba.config.THREADING_LAYER = "workqueue" if sys.platform == "darwin" else _best_layer()
    threads = torch.get_num_threads()
    _launch_threads()
    torch.set_num_threads(threads)


def _best_layer() -> str:
    for layer, module in (("omp", "omppool"), ("tbb", "tbbpool")):
        try:
            __import__(f"numba.np.ufunc.{module}")
        except ImportError:
            continue
        return layer
    return "workqueue"
