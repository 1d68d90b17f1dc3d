"""``render()``: one image of a splat, on whichever engine the machine has."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from splatmatch.errors import InputError, MissingDependencyError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import DepthMode, Engine, Quantity, Render, RenderRequest

ENGINES = ("auto", "cpu", "gsplat", "reference")


def get_engine(name: str = "auto", device: torch.device | str = "cpu") -> Engine:
    """The engine ``name``; ``auto`` is gsplat for tensors on a CUDA device and cpu for all others.

    Raises:
        InputError: no engine of that name.
        MissingDependencyError: the engine's package or device is not there.
    """
    if name not in ENGINES:
        raise InputError(f"no engine {name!r}", f"choose one of {', '.join(ENGINES)}")
    if name == "auto":
        name = "gsplat" if torch.device(device).type == "cuda" else "cpu"
    return _load(name)


@functools.cache
def _load(name: str) -> Engine:
    if name == "cpu":
        from splatmatch.splats.engines.cpu.engine import CpuEngine

        return CpuEngine()
    if name == "gsplat":
        from splatmatch.splats.engines.gsplat import GsplatEngine

        if not torch.cuda.is_available():
            raise MissingDependencyError("the gsplat engine needs a CUDA device", "use --engine cpu")
        return GsplatEngine()
    from splatmatch.splats.engines.reference import ReferenceEngine

    return ReferenceEngine()


def render(
    gaussians: Gaussians,
    camera: Camera,
    camera_from_world: Pose,
    want: Sequence[Quantity] = ("rgb", "alpha"),
    *,
    depth: DepthMode = "expected",
    tau: float = 0.5,
    background: Tensor | None = None,
    features: Tensor | None = None,
    top_k: int = 0,
    pose_tangent: Tensor | None = None,
    intrinsics: Tensor | None = None,
    screen_offsets: Tensor | None = None,
    engine: str | Engine = "auto",
) -> Render:
    """Render Gaussians from one camera; differentiable in every tensor argument.

    Args:
        gaussians: N Gaussians; tensors on one device.
        camera: pinhole intrinsics and image size.
        camera_from_world: pose, OpenCV axes.
        want: any of rgb, alpha, depth, normal, radii; alpha always comes.
        depth: ``expected`` = sum w z / sum w; ``median`` = z where T falls below 0.5; ``first`` = z of the first
            Gaussian with alpha >= tau; ``plane`` = depth of the blended plane (PGSR). All are z-depth.
        tau: alpha threshold of ``first``, 0..1.
        background: (3,) colour behind the splat; black if None.
        features: (N, C) further channels to blend.
        top_k: number of strongest Gaussians per pixel to name; 0 = none.
        pose_tangent: (6,) zeros whose gradient is wanted: exp(tangent) @ camera_from_world, (translation, rotation).
        intrinsics: (4,) fx fy cx cy in place of the camera's; gradients in the reference engine only.
        screen_offsets: (N, 2) pixels added to the projected centres; zeros whose gradient is the screen gradient.
        engine: auto, cpu, gsplat, reference, or an Engine.

    Raises:
        InputError: unknown engine or quantity, or tensors whose shapes do not fit.
        MissingDependencyError: the engine is not available here.
    """
    unknown = set(want) - {"rgb", "alpha", "depth", "normal", "radii"}
    if unknown:
        raise InputError(f"cannot render {sorted(unknown)[0]!r}", "choose from rgb, alpha, depth, normal, radii")
    if depth not in ("expected", "median", "first", "plane"):
        raise InputError(f"no depth mode {depth!r}", "choose expected, median, first or plane")
    n = len(gaussians)
    shapes = {
        "background": (background, (3,)),
        "pose_tangent": (pose_tangent, (6,)),
        "intrinsics": (intrinsics, (4,)),
        "screen_offsets": (screen_offsets, (n, 2)),
        "features": (features, (n, features.shape[-1] if features is not None else 0)),
    }
    for name, (tensor, shape) in shapes.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise InputError(f"{name} has shape {tuple(tensor.shape)}, not {shape}")
    chosen = get_engine(engine, gaussians.means.device) if isinstance(engine, str) else engine
    request = RenderRequest(want=tuple(want), depth=depth, tau=tau, top_k=top_k)
    return chosen.render(
        gaussians,
        camera,
        camera_from_world,
        request,
        background=background,
        features=features,
        pose_tangent=pose_tangent,
        intrinsics=intrinsics,
        screen_offsets=screen_offsets,
    )
