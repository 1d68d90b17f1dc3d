"""``splatmatch reconstruct``: a folder of photos becomes cameras and a Gaussian splat."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import OptionalFile
from splatmatch.cli.output import say, write_result
from splatmatch.reconstruction.config import ReconstructConfig

if TYPE_CHECKING:
    from splatmatch.scene.views import Scene

PROTOCOL = "held-out photos: PSNR of colours clamped to 0..1 and SSIM 11x11 valid, mean of images"


@dataclass(frozen=True)
class Options:
    """Photos to cameras to a Gaussian splat, written as a scene folder that COLMAP and splat viewers open."""

    photos: Annotated[Path, Positional, arg(metavar="PHOTOS")]
    """Folder of jpg, png, tiff or webp photos, searched with all folders below it."""
    out: Annotated[Path, arg(metavar="SCENE")]
    """The scene folder to write."""
    poses: OptionalFile = None
    """Keep these poses: COLMAP model, transforms.json, poses_bounds.npy, cameras.json or a scene folder."""
    report: OptionalFile = None
    """Write a self-contained HTML page with pictures and figures to this file."""
    json: OptionalFile = None
    """Write protocol, config, mean and items (the held-out photos) to this file."""
    config: ReconstructConfig = field(default_factory=ReconstructConfig)
    """How the cameras are found and the splat is fitted."""


def run(options: Options) -> None:
    """Reconstruct and print what came out."""
    scene = reconstruct_with_bars(options.photos, options.out, options.poses, options.config)
    metrics = scene.provenance.get("metrics", {})
    write_result(
        options.json,
        protocol=PROTOCOL,
        config=options.config,
        mean=metrics.get("mean", {}),
        items=metrics.get("held_out", []),
    )
    if options.report is not None:
        from splatmatch.viewer.report import ReportConfig, write_report

        write_report(scene, options.report, config=ReportConfig(engine=options.config.engine))
        say(f"report: {options.report}")


def reconstruct_with_bars(photos: Path, out: Path, poses: Path | None, config: ReconstructConfig) -> Scene:
    """Reconstruct with progress on stderr, and say on stdout what came out and how to look at it."""
    from splatmatch.jobs.progress import Terminal
    from splatmatch.reconstruction.reconstruct import reconstruct
    from splatmatch.splats.render import get_engine

    get_engine(config.engine)  # an engine that is not here is better named now than after the cameras are found
    with Terminal() as terminal:
        scene = reconstruct(photos, out, poses=poses, config=config, progress=terminal)
    total = len(scene.views) + len(scene.unregistered)
    splat = f", {len(scene.gaussians):,} Gaussians" if scene.gaussians is not None else ""
    say(f"{out}: {len(scene.views)} of {total} photos, {len(scene.points):,} points{splat}")
    mean = scene.provenance.get("metrics", {}).get("mean", {})
    if mean:
        say(f"held-out photos: PSNR {mean['psnr']:.2f} dB, SSIM {mean['ssim']:.4f}")
    say(f"look at it: splatmatch view {out}")
    return scene
