"""Forward and backward of the CPU engine against another rasteriser, interleaved in one process.

    python benchmarks/rasteriser.py [--peer FOLDER] [--gaussians 100000 500000] [--repeats 15] [--torch]

``--peer`` names a folder with a Numba rasteriser module ``nb4`` (class NB with ``fwd`` and ``bwd``), ``--torch`` adds a
tile rasteriser in plain torch. Rows give medians in milliseconds and the median of the pairwise ratios; without a
peer the plain row is the yardstick. Extras (pose, SH 3, top-k, 8 more channels) are priced against the plain row.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.geometry.spherical_harmonics import SH_C0
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.scene.gaussians import Gaussians
from splatmatch.splats.render import render

WIDTH, HEIGHT = 640, 480


def trained_room(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """A splat with the statistics of a trained room: shell, objects, floaters; flat log-normal scales, bimodal opacity.

    60 % of the Gaussians lie on the walls of an 8 x 8 x 4 box, 37 % on 14 spheres, 3 % float; float32 arrays.
    """
    rng = np.random.default_rng(seed)
    half = np.array([4.0, 4.0, 2.0])
    shell, floating = int(0.6 * count), count - int(0.6 * count) - int(0.37 * count)
    objects = count - shell - floating
    areas = np.array([half[1] * half[2], half[0] * half[2], half[0] * half[1]])
    axis = rng.choice(3, shell, p=areas / areas.sum())
    side = rng.choice([-1.0, 1.0], shell)
    walls = rng.uniform(-1, 1, (shell, 3)) * half
    rows = np.arange(shell)
    walls[rows, axis] = side * half[axis]
    wall_normals = np.zeros((shell, 3))
    wall_normals[rows, axis] = -side
    centres, radii = rng.uniform(-2, 2, (14, 3)) * [1, 1, 0.6], rng.uniform(0.25, 0.7, 14)
    which = rng.choice(14, objects, p=radii**2 / (radii**2).sum())
    directions = _unit(rng.normal(size=(objects, 3)))
    spheres = centres[which] + directions * radii[which, None]
    floaters = rng.uniform(-0.9, 0.9, (floating, 3)) * half
    normals = np.concatenate([wall_normals, directions, _unit(rng.normal(size=(floating, 3)))])
    points = np.concatenate([walls, spheres, floaters]) + normals * rng.normal(0, 0.02, (count, 1))
    normals = _unit(normals + rng.normal(0, 0.15, normals.shape))
    density = np.where(rows_below(count, shell), 8 * areas.sum() / shell, 4 * np.pi * (radii**2).sum() / objects)
    base = 0.45 * np.sqrt(density) * np.exp(rng.normal(0, 0.55, count))
    scales = base[:, None] * np.exp(rng.normal(0, 0.5, (count, 3)))
    scales[:, 2] = scales.min(1) * np.exp(rng.normal(-1.2, 0.5, count))
    scales[-floating:] *= 3
    opacity = np.where(rng.uniform(size=count) < 0.5, rng.beta(1, 6, count), rng.beta(5, 1, count))
    opacity[-floating:] *= 0.15
    colours = np.clip(0.5 + 0.4 * np.sin(points * 3) + rng.normal(0, 0.1, (count, 3)), 0, 1)
    arrays = {
        "means": points,
        "quats": _quaternions_to(normals, rng.uniform(0, np.pi, count)),
        "scales": np.clip(scales, 5e-4, 0.5),
        "opac": np.clip(opacity, 0.005, 0.995),
        "colors": colours,
    }
    order = rng.permutation(count)
    return {name: np.ascontiguousarray(array[order], np.float32) for name, array in arrays.items()}


def rows_below(count: int, limit: int) -> np.ndarray:
    """True for the first ``limit`` of ``count`` rows."""
    return np.arange(count) < limit


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _quaternions_to(normals: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Rotations that roll about z by twice ``roll`` and then turn z to ``normals``; w x y z."""
    turn = np.stack([1 + normals[:, 2], -normals[:, 1], normals[:, 0], 0 * roll], 1)
    turn[np.linalg.norm(turn, axis=1) < 1e-6] = [0, 1, 0, 0]
    w, x, y, z = _unit(turn).T
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([w * c - z * s, x * c + y * s, y * c - x * s, z * c + w * s], 1)


def gaussians_of(arrays: dict[str, np.ndarray], degree: int = 0, seed: int = 0) -> Gaussians:
    """The splat as product tensors; bands above 0 are small random numbers."""
    tensor = {name: torch.from_numpy(array) for name, array in arrays.items()}
    sh = torch.randn(len(tensor["means"]), (degree + 1) ** 2, 3, generator=torch.Generator().manual_seed(seed)) * 0.05
    sh[:, 0] = (tensor["colors"] - 0.5) / SH_C0
    return Gaussians(tensor["means"], tensor["scales"].log(), tensor["quats"], torch.logit(tensor["opac"]), sh)


def room_camera() -> tuple[Camera, Pose]:
    """Inside the room, 65 degrees wide."""
    eye = (3.2 * np.cos(0.6), 3.2 * np.sin(0.6), 0.4)
    return Camera.from_fov(WIDTH, HEIGHT, 65.0), Pose.looking_at(eye, (0.0, 0.0, -0.2))


class Product:
    """One forward and backward of our engine with a fixed upstream gradient."""

    def __init__(self, arrays: dict[str, np.ndarray], *, degree: int = 0, pose: bool = False, top_k: int = 0,
                 features: int = 0, engine: str = "cpu") -> None:  # fmt: skip
        self.gaussians = gaussians_of(arrays, degree)
        for tensor in self.gaussians.tensors().values():
            tensor.requires_grad_()
        self.camera, self.pose = room_camera()
        self.extra: dict[str, Tensor] = {}
        if pose:
            self.extra["pose_tangent"] = torch.zeros(6, requires_grad=True)
        if features:
            self.extra["features"] = torch.randn(len(self.gaussians), features, requires_grad=True)
        self.top_k, self.engine = top_k, engine
        self.upstream = [torch.randn(HEIGHT, WIDTH, c) for c in (3, 1, 3, 1)] + [torch.randn(HEIGHT, WIDTH, 8)]

    def forward(self) -> Tensor:
        """Loss of rgb, depth, normal, alpha and features against the fixed gradient."""
        result = render(
            self.gaussians, self.camera, self.pose, ("rgb", "depth", "normal"), top_k=self.top_k, engine=self.engine,
            **self.extra,
        )  # fmt: skip
        self.result = result
        return result.alpha

    def backward(self) -> None:
        """Backward of the last forward with the fixed upstream gradient."""
        r = self.result
        outputs = [r.rgb, r.depth, r.normal, r.alpha]
        upstream = [self.upstream[0], self.upstream[1][..., 0], self.upstream[2], self.upstream[3][..., 0]]
        if r.features is not None:
            outputs, upstream = [*outputs, r.features], [*upstream, self.upstream[4]]
        for tensor in (*self.gaussians.tensors().values(), *self.extra.values()):
            tensor.grad = None
        torch.autograd.backward(outputs, upstream)

    def both(self) -> None:
        """Forward and backward."""
        self.forward()
        self.backward()


class Peer:
    """The same pass in another Numba rasteriser."""

    def __init__(self, module: ModuleType, arrays: dict[str, np.ndarray]) -> None:
        camera, pose = room_camera()
        self.rasteriser, self.arrays = module.NB(), arrays
        self.view = pose.matrix.numpy().astype(np.float32)
        self.intrinsics = camera.intrinsics.numpy().astype(np.float32)
        self.upstream = np.random.default_rng(0).normal(size=(8, HEIGHT, WIDTH)).astype(np.float32)

    def forward(self) -> None:
        """Image of 7 channels and alpha."""
        self.image = self.rasteriser.fwd(self.arrays, self.view, self.intrinsics, WIDTH, HEIGHT)

    def both(self) -> None:
        """Forward and backward."""
        self.forward()
        self.rasteriser.bwd(self.arrays, self.upstream)


def milliseconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return 1e3 * (time.perf_counter() - start)


def interleaved(functions: dict[str, Callable[[], object]], repeats: int) -> dict[str, np.ndarray]:
    """Times (repeats,) of each function, called in turn after two warm-up rounds."""
    for _ in range(2):
        for function in functions.values():
            function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(milliseconds(function))
    return {name: np.array(values) for name, values in times.items()}


def on_threads(function: Callable[[], object], threads: int) -> Callable[[], object]:
    """``function`` with torch, and so the engine, limited to ``threads``."""

    def run() -> object:
        torch.set_num_threads(threads)
        return function()

    return run


def show(times: dict[str, np.ndarray], yardstick: str) -> None:
    """Print medians, minima and the median ratio to the yardstick."""
    for name, values in times.items():
        ratio = np.median(values / times[yardstick])
        print(f"  {name:34s} median {np.median(values):8.1f} ms   min {values.min():8.1f}   ratio {ratio:6.3f}")


def main() -> None:
    """Run the comparison named in the module docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="folder with nb4.py")
    parser.add_argument("--gaussians", type=int, nargs="+", default=[100_000, 500_000])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--torch", action="store_true", help="also time the tile rasteriser in plain torch, once")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    use_torch_threads()  # Numba's threads follow torch's, for the peer as well
    print(f"{WIDTH}x{HEIGHT}, {options.threads} threads, median of {options.repeats} interleaved runs")
    for count in options.gaussians:
        arrays = trained_room(count)
        print(f"{count} Gaussians, SH 0, rgb + depth + normal + alpha, forward and backward")
        product = Product(arrays)
        rows: dict[str, Callable[[], object]] = {"splatmatch": product.both}
        forward: dict[str, Callable[[], object]] = {"splatmatch forward": product.forward}
        if options.peer:
            sys.path.insert(0, str(options.peer))
            import nb4

            peer = Peer(nb4, arrays)
            rows["nb4"], forward["nb4 forward"] = peer.both, peer.forward
        show(interleaved(rows, options.repeats), "nb4" if options.peer else "splatmatch")
        show(interleaved(forward, options.repeats), "nb4 forward" if options.peer else "splatmatch forward")
        print("  extras, each against the plain row")
        extras = {
            "plain": Product(arrays).both,
            "+ pose": Product(arrays, pose=True).both,
            "+ SH 3": Product(arrays, degree=3).both,
            "+ top 4": Product(arrays, top_k=4).both,
            "+ 8 channels": Product(arrays, features=8).both,
        }
        show(interleaved(extras, max(5, options.repeats // 2)), "plain")
        if options.threads > 1:
            print(f"  1 and {options.threads} threads in turn")
            show(
                interleaved(
                    {f"{n} threads": on_threads(product.both, n) for n in (1, options.threads)}, options.repeats
                ),
                "1 threads",
            )
            torch.set_num_threads(options.threads)
        if options.torch:
            tiles = Product(arrays, engine="reference")
            print(f"  torch tiles, once: {milliseconds(tiles.both):.0f} ms")


if __name__ == "__main__":
    main()
