"""The first parallel kernel of a process must not change torch's number of threads."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import torch
torch.set_num_threads(1)
from splatmatch.splats.photometric import photometric_loss
photometric_loss(torch.rand(32, 32, 3), torch.rand(32, 32, 3))
import numba
assert (torch.get_num_threads(), numba.get_num_threads()) == (1, 1), (torch.get_num_threads(), numba.get_num_threads())
"""


def test_starting_the_thread_pool_keeps_torchs_thread_count():
    """In a fresh process, because the pool starts only once; proves nothing about other threading layers."""
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=300)
