"""What one iteration of a fit costs beyond rendering, and how fast a fit learns.

    python benchmarks/fit.py iteration [--gaussians 300000] [--degrees 0 3] [--repeats 15]
    python benchmarks/fit.py curve POSES [--images DIR] [--size 640] [--steps 2000] [--max-gaussians 100000] ...

``iteration`` interleaves whole iterations (render, loss, backward, Adam, statistics) of a splat with the statistics of
a trained room with forward + backward of the same request alone, and prints the ratio and the share of each stage.
``curve`` fits a posed capture with pinhole cameras and points, and prints the PSNR of the held-out views over the time
spent on fitting: wall seconds and CPU seconds, evaluation excluded.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np
import torch

from rasteriser import gaussians_of, interleaved, room_camera, trained_room
from splatmatch.formats.posed import read_posed_capture
from splatmatch.formats.posed_capture import posed_view
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import RenderRequest
from splatmatch.scene.views import Scene, View
from splatmatch.splats.checkpoint import FitState
from splatmatch.splats.corrections import Corrections
from splatmatch.splats.densification.adaptive import Adaptive, AdaptiveConfig
from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.fit import FitProgress, fit
from splatmatch.splats.fit_config import FitConfig
from splatmatch.splats.iteration import FitPlan, StageSeconds, iterate
from splatmatch.splats.parameters import Parameters
from splatmatch.splats.photometric import psnr_of
from splatmatch.splats.render import get_engine, render
from splatmatch.splats.training_images import TrainingImage, TrainingView, load_training_views


class Iteration:
    """Whole iterations on one view, with a fixed number of Gaussians."""

    def __init__(self, gaussians: Gaussians, camera: Camera, pose: Pose) -> None:
        pixels = torch.randint(256, (3, camera.height, camera.width), dtype=torch.uint8).permute(1, 2, 0)
        view = View("view", camera, pose)
        config = FitConfig(steps=10**9, coarse=(), sh_degree=gaussians.sh_degree)
        self.plan = FitPlan(
            config=config,
            engine=get_engine("cpu"),
            device=torch.device("cpu"),
            views=(TrainingView(view, (TrainingImage(camera, pixels, None),)),),
            extent=1.0,
            strategy=Adaptive(AdaptiveConfig(start=10**9), config.steps, len(gaussians)),
            depth_targets={},
            normal_targets={},
            neighbours=(),
            unit=1.0,
        )
        statistics = ScreenStatistics.zeros(len(gaussians))
        corrections = Corrections.starting((view,), "black")
        self.state = FitState(0, Parameters.starting(gaussians), statistics, corrections, [])
        self.seconds = StageSeconds()

    def step(self) -> None:
        """One iteration."""
        iterate(self.plan, self.state, self.seconds)


class ForwardBackward:
    """The same request with a fixed upstream gradient, without loss and optimiser."""

    def __init__(self, gaussians: Gaussians, camera: Camera, pose: Pose) -> None:
        self.leaves = Parameters.starting(gaussians).leaves()
        self.offsets = torch.zeros(len(gaussians), 2, requires_grad=True)
        self.camera, self.pose = camera, pose
        self.upstream = torch.randn(3, camera.height, camera.width).permute(1, 2, 0)

    def both(self) -> None:
        """Forward and backward."""
        request = RenderRequest(want=("rgb", "radii"))
        image = get_engine("cpu").render(self.leaves, self.camera, self.pose, request, screen_offsets=self.offsets)
        for tensor in (*self.leaves.tensors().values(), self.offsets):
            tensor.grad = None
        image.rgb.backward(self.upstream)


def iteration(args: argparse.Namespace) -> None:
    """Print the cost of an iteration over its own forward and backward, per degree."""
    camera, pose = room_camera()
    for degree in args.degrees:
        gaussians = gaussians_of(trained_room(args.gaussians), degree)
        whole, bare = Iteration(gaussians, camera, pose), ForwardBackward(gaussians, camera, pose)
        times = interleaved({"iteration": whole.step, "alone": bare.both}, args.repeats)
        ratio = np.median(times["iteration"] / times["alone"])
        both, alone = (np.median(times[name]) for name in ("iteration", "alone"))
        print(
            f"{args.gaussians} Gaussians, SH {degree}, {camera.width}x{camera.height}, {args.threads} threads: "
            f"iteration {both:.1f} ms, forward + backward alone {alone:.1f} ms, median ratio {ratio:.2f}"
        )
        print_shares(whole.seconds)


def print_shares(seconds: StageSeconds) -> None:
    """One line with the share of each stage."""
    total = sum(astuple(seconds))
    shares = ", ".join(f"{f.name} {100 * getattr(seconds, f.name) / total:.0f} %" for f in fields(seconds))
    print(f"  stages: {shares}")


def curve(args: argparse.Namespace) -> None:
    """Print the learning curve of one fit."""
    capture = read_posed_capture(args.poses, args.images)
    views = [posed_view(image) for image in capture.with_photos]
    if not any(view.split == "test" for view in views):
        views = [replace(view, split="train" if index % 8 else "test") for index, view in enumerate(views)]
    scene = Scene(tuple(views), capture.points)
    tests = load_training_views(scene.test_views, args.size, 1)
    config = FitConfig(
        steps=args.steps, max_gaussians=args.max_gaussians, sh_degree=args.sh_degree, size=args.size, seed=args.seed,
        strategy=args.strategy,
    )  # fmt: skip
    spent_elsewhere = np.zeros(2)
    start = np.array([time.perf_counter(), time.process_time()])

    def report(progress: FitProgress) -> None:
        step = progress.record.step
        if step % args.every and step != args.steps:
            return
        now = np.array([time.perf_counter(), time.process_time()])
        wall, cpu = now - start - spent_elsewhere
        score = np.mean([held_out_psnr(progress.gaussians, view) for view in tests])
        print(
            f"  step {step:6d}  wall {wall:7.1f} s  cpu {cpu:7.1f} s  {progress.record.gaussians:8d} Gaussians"
            f"  held-out PSNR {score:6.2f}  training PSNR {progress.record.psnr:6.2f}",
            flush=True,
        )
        spent_elsewhere[:] += np.array([time.perf_counter(), time.process_time()]) - now

    print(f"{args.poses}: {len(scene.train_views)} training views, {len(tests)} held out, {len(scene.points)} points")
    print_shares(fit(scene, config, progress=report).seconds)


def held_out_psnr(gaussians: Gaussians, view: TrainingView) -> float:
    """PSNR of one view at its training size, clamped colours."""
    image = view.levels[0]
    with torch.no_grad():
        rgb = render(gaussians, image.camera, view.view.camera_from_world, ("rgb",)).rgb
    return psnr_of(float((rgb.clamp(0, 1) - image.pixels / 255).square().mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("iteration")
    one.set_defaults(run=iteration)
    one.add_argument("--gaussians", type=int, default=300_000)
    one.add_argument("--degrees", type=int, nargs="+", default=[0, 3])
    one.add_argument("--repeats", type=int, default=15)
    two = commands.add_parser("curve")
    two.set_defaults(run=curve)
    two.add_argument("poses", type=Path)
    two.add_argument("--images", type=Path)
    two.add_argument("--size", type=int)
    two.add_argument("--steps", type=int, default=2000)
    two.add_argument("--max-gaussians", type=int, default=100_000)
    two.add_argument("--sh-degree", type=int, default=1)
    two.add_argument("--strategy", choices=["adaptive", "mcmc"], default="adaptive")
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--every", type=int, default=250)
    for command in (one, two):
        command.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.run(args)


if __name__ == "__main__":
    main()
