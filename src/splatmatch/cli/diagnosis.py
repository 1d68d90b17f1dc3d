"""What ``splatmatch doctor`` finds out about this machine."""

from __future__ import annotations

import os
import platform
import re
import statistics
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from splatmatch.errors import SplatmatchError

if TYPE_CHECKING:
    from splatmatch.scene.gaussians import Gaussians

OPTIONAL = {
    "gsplat": "pip install 'splatmatch[gpu]' on a machine with CUDA: the gsplat engine",
    "imageio-ffmpeg": "pip install 'splatmatch[video]': splatmatch render --out FILE.mp4",
}


@dataclass(frozen=True)
class Package:
    """One package: ``version`` is empty where it is not installed, ``advice`` says what it would give."""

    name: str
    version: str
    advice: str = ""


@dataclass(frozen=True)
class EngineSpeed:
    """One engine: median milliseconds of a small render, or why there is none."""

    name: str
    workload: str
    forward_ms: float | None
    backward_ms: float | None
    first_s: float | None
    """The first call, with loading or compiling the kernels."""
    problem: str = ""


@dataclass(frozen=True)
class Threads:
    """How this process computes."""

    cores: int
    torch_threads: int
    numba_threads: int
    numba_layer: str
    kernel_cache: str


def system() -> str:
    """Python and operating system in one line."""
    return f"Python {platform.python_version()} ({sys.executable}), {platform.platform()}"


def packages() -> list[Package]:
    """splatmatch and what it requires, then the optional packages."""
    required = [line for line in requires("splatmatch") or [] if "extra ==" not in line]
    names = ["splatmatch", *[re.split(r"[^A-Za-z0-9._-]", line)[0] for line in required]]
    found = [Package(name, _version(name), "" if _version(name) else f"pip install {name}") for name in names]
    return found + [Package(name, _version(name), "" if _version(name) else why) for name, why in OPTIONAL.items()]


def threads() -> Threads:
    """Thread counts, Numba's threading layer and where compiled kernels are kept.

    The layer is known once a parallel kernel has run: measure the engines first.
    """
    import numba
    import torch

    from splatmatch.jobs import kernels
    from splatmatch.jobs.threads import use_torch_threads

    count = use_torch_threads()
    try:
        layer = numba.threading_layer()
    except ValueError:
        layer = "none started"
    return Threads(
        cores=os.cpu_count() or 1,
        torch_threads=torch.get_num_threads(),
        numba_threads=count,
        numba_layer=layer,
        kernel_cache=str(kernels.cache_folder(kernels.__file__).parent),
    )


def engines(repeats: int = 5) -> list[EngineSpeed]:
    """Measure every engine that runs here on a seeded cloud of Gaussians."""
    return [
        _measure("cpu", 100_000, 640, 480, repeats),
        _measure("gsplat", 100_000, 640, 480, repeats),
        _measure("reference", 500, 64, 48, repeats),
    ]


def _measure(name: str, count: int, width: int, height: int, repeats: int) -> EngineSpeed:
    import torch

    from splatmatch.geometry.camera import Camera
    from splatmatch.geometry.pose import Pose
    from splatmatch.splats.render import get_engine, render

    workload = f"{count:,} Gaussians, {width}x{height}, SH 0"
    try:
        engine = get_engine(name)
    except (SplatmatchError, ImportError) as error:
        return EngineSpeed(name, workload, None, None, None, problem=" ".join(str(error).split()))
    device = "cuda" if name == "gsplat" else "cpu"
    gaussians = _cloud(count, device)
    camera = Camera.from_fov(width, height, 60.0)
    forward, backward = [], []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        image = render(gaussians, camera, Pose.identity(), want=("rgb",), engine=engine).rgb
        assert image is not None
        if device == "cuda":
            torch.cuda.synchronize()
        middle = time.perf_counter()
        image.sum().backward()  # type: ignore[no-untyped-call]
        if device == "cuda":
            torch.cuda.synchronize()
        forward.append(middle - start)
        backward.append(time.perf_counter() - middle)
    return EngineSpeed(
        name,
        workload,
        forward_ms=1e3 * statistics.median(forward[1:]),
        backward_ms=1e3 * statistics.median(backward[1:]),
        first_s=forward[0] + backward[0],
    )


def _cloud(count: int, device: str) -> Gaussians:
    """Seeded Gaussians of a few pixels each in front of the camera, all with gradients."""
    import torch

    from splatmatch.scene.gaussians import Gaussians

    random = torch.Generator().manual_seed(0)
    z = 2 + 4 * torch.rand(count, generator=random)
    across = (torch.rand(count, 2, generator=random) - 0.5) * torch.tensor([1.15, 0.87])
    tensors = (
        torch.cat([across * z[:, None], z[:, None]], dim=1),
        (0.004 * z).log()[:, None] + 0.5 * torch.randn(count, 3, generator=random),
        torch.randn(count, 4, generator=random),
        torch.randn(count, generator=random),
        torch.randn(count, 1, 3, generator=random),
    )
    means, log_scales, quaternions, logit_opacities, sh = (t.to(device).requires_grad_() for t in tensors)
    return Gaussians(means, log_scales, quaternions, logit_opacities, sh)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
