"""Lost vectorisation gives right results slowly: look at the machine code of the blending kernels."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite.binding import get_host_cpu_features

COMPILE = """
import torch
from splatmatch.splats.engines.cpu import blend, blend_backward
from splatmatch.splats.render import render
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from tests.splats.scenes import random_gaussians
splat = random_gaussians(5, 0).to(torch.float32)
splat.means.requires_grad_()
render(splat, Camera(20, 20, 20, 20, 10, 10), Pose.identity(), ("rgb",), engine="cpu").rgb.sum().backward()
for kernel in (blend.blend_tiles, blend_backward.blend_tiles_backward):
    (compiled,) = kernel.overloads.values()
    libraries = [compiled.library, *compiled.library._linking_libraries]
    print(f"== {kernel.py_func.__name__}")
    print("\\n".join(library.get_asm_str() for library in libraries))
"""


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not get_host_cpu_features().get("avx"),
    reason="reads x86 machine code with AVX",
)
def test_blending_kernels_use_wide_registers(tmp_path: Path) -> None:
    """Compiled afresh, both kernels multiply whole rows in AVX registers and call no scalar exponential."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", COMPILE], cwd=root, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    sections = result.stdout.split("== ")[1:]
    assert len(sections) == 2
    for section in sections:
        packed = re.findall(r"v(?:mul|add|sub|fn?m(?:add|sub)\d+)ps\s[^\n]*[yz]mm\d+", section)
        assert len(packed) >= 20, f"{section.splitlines()[0]}: {len(packed)} packed operations"
        assert not re.search(r"call\w*\s+\S*expf", section)
