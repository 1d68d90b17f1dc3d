"""``splatmatch demo``: the main job on the capture that ships with splatmatch, with a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from splatmatch.cli.arguments import Count, EngineName, OutPath
from splatmatch.cli.output import say
from splatmatch.cli.reconstruct import reconstruct_with_bars
from splatmatch.reconstruction.config import ReconstructConfig

PHOTOS = Path(__file__).parent.parent / "demo_capture" / "photos"


@dataclass(frozen=True)
class Options:
    """Turn forty photos of a table, without any poses, into a scene folder and a report with pictures."""

    out: OutPath = Path("splatmatch-demo")
    """The scene folder to write; report.html is put into it."""
    steps: Count = 2000
    """Optimiser steps of the splat."""
    size: Count = 480
    """Long side of the training images in pixels."""
    engine: EngineName = "auto"
    """What renders: auto is gsplat on a CUDA device, else cpu."""
    resume: bool = False
    """Go on where an interrupted run stopped."""


def run(options: Options) -> None:
    """Reconstruct, evaluate, report."""
    from splatmatch.evaluation.views import ViewsConfig, evaluate_views
    from splatmatch.splats.checkpoint import FitRecord
    from splatmatch.viewer.report import ReportConfig, write_report

    config = ReconstructConfig(
        preset="fast", steps=options.steps, size=options.size, engine=options.engine, resume=options.resume
    )
    scene = reconstruct_with_bars(PHOTOS, options.out, None, config)
    write_report(
        scene,
        options.out / "report.html",
        metrics=evaluate_views(scene, engine=options.engine, config=ViewsConfig(fetch=False)),
        history=[FitRecord(**record) for record in scene.provenance["fit"]["history"]],
        config=ReportConfig(title="The splatmatch demo", engine=options.engine),
    )
    say(f"report: {options.out / 'report.html'}")
