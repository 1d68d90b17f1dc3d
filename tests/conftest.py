"""Shared test tools: where real data lies, and hypothesis settings that suit a busy machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: on a busy machine spinning threads block each other

import pytest
from hypothesis import settings

settings.register_profile("busy", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("busy")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: Ctrl-C must reach the tests of it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def data_folder(name: str) -> Path:
    """The real capture ``name``; skips the test where it is not on this machine."""
    root = os.environ.get("SPLATMATCH_DATA")
    if not root:
        pytest.skip(f"set SPLATMATCH_DATA to the folder that holds {name}/")
    folder = Path(root) / name
    if not folder.is_dir():
        pytest.skip(f"SPLATMATCH_DATA={root} holds no {name}/")
    return folder


def weight_file(name: str) -> Path:
    """The weight file ``name``; skips the test where it is not on this machine."""
    root = os.environ.get("SPLATMATCH_WEIGHTS")
    if not root:
        pytest.skip(f"set SPLATMATCH_WEIGHTS to the folder that holds {name}")
    path = Path(root) / name
    if not path.is_file():
        pytest.skip(f"SPLATMATCH_WEIGHTS={root} holds no {name}")
    return path
