"""``splatmatch generate``: scenes become pairs of images with exact correspondences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import Count, EngineName, OptionalFile, UpAxis
from splatmatch.cli.output import print_table, say, write_result

if TYPE_CHECKING:
    from splatmatch.pairs.generate import GenerateConfig, Generated

OptionalFactor = Annotated[float | None, arg(metavar="FACTOR", help_behavior_hint="")]


@dataclass(frozen=True)
class Options:
    """Render pairs of images with exact correspondences from scenes and splats, into tar shards."""

    scenes: Annotated[tuple[str, ...], Positional, arg(metavar="SCENE...")]
    """Scene folders, splat files without cameras, or synthetic:room|table|street[:SEED], each rendered as often."""
    out: Annotated[Path, arg(metavar="PAIRS")]
    """Folder for the shards and index.json."""
    pairs: Count = 1000
    """How many pairs to make."""
    size: Annotated[tuple[int, int], arg(metavar="W H")] = (640, 480)
    """Width and height of the images."""
    preset: Literal["default", "extreme"] = "default"
    """How far viewpoints are moved; extreme: zoom to 8, any roll."""
    max_zoom: OptionalFactor = None
    """Largest zoom instead of the preset's; 1 = none."""
    order: Literal["uniform", "curriculum"] = "uniform"
    """Over bands of overlap alike, or from easy to hard."""
    depth_mode: Literal["auto", "plane", "median", "expected", "first"] = "auto"
    """How labels measure depth; auto: plane if the scene was fitted so, else plane or median, what views agree on."""
    colours: Literal["varied", "plain"] = "varied"
    """varied: other light, exposure, noise and so on in each image; plain: as rendered."""
    backgrounds: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="")] = None
    """Photos that fill empty pixels; random colours if not given."""
    gaussian_ids: bool = False
    """Store the strongest Gaussian of each pixel."""
    up: UpAxis = "auto"
    """Axis that points up, for splats without cameras."""
    look_from: Literal["auto", "within", "around"] = "auto"
    """Where to stand, for splats without cameras: in the scene, or around it; auto: as its shape suggests."""
    licence: str = "unknown"
    """Licence of scenes that do not state theirs; recorded with every pair."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of all random choices: the same seed gives the same bytes."""
    workers: Count = 1
    """Processes; the bytes do not depend on it."""
    resume: bool = False
    """Go on where an interrupted run stopped."""
    strict: bool = False
    """Refuse scenes that were not fitted with --geometry faithful."""
    engine: EngineName = "auto"
    """What renders: auto is gsplat on a CUDA device, else cpu."""
    json: OptionalFile = None
    """Write protocol, config, mean and items (the scenes) to this file."""


def run(options: Options) -> None:
    """Make the pairs, say what came out."""
    from splatmatch.jobs.progress import Terminal
    from splatmatch.pairs.generate import PROTOCOL, generate
    from splatmatch.splats.render import get_engine

    get_engine(options.engine)
    config = _config(options)
    with Terminal() as terminal:
        made = generate(
            options.scenes,
            options.out,
            config,
            backgrounds=options.backgrounds,
            workers=options.workers,
            resume=options.resume,
            strict=options.strict,
            progress=terminal,
        )
    _print(made, config.pairs)
    scenes = [{"scene": name} | facts for name, facts in made.statistics["scenes"].items()]
    mean = {"pairs": made.pairs, "seconds": made.seconds, "pairs_per_minute": _pace(made), "stages": made.stages}
    write_result(options.json, protocol=PROTOCOL, config=config, mean=mean, items=scenes)


def _config(options: Options) -> GenerateConfig:
    from dataclasses import replace

    from splatmatch.errors import InputError
    from splatmatch.pairs.generate import COLOURS, GenerateConfig
    from splatmatch.pairs.viewpoints import PRESETS

    viewpoints = PRESETS[options.preset]
    if options.max_zoom is not None:
        if options.max_zoom < 1:
            raise InputError(f"--max-zoom {options.max_zoom} is below 1", "1 means no zoom")
        least = 1.0 if options.max_zoom == 1 else min(viewpoints.least_zoom, options.max_zoom)
        viewpoints = replace(viewpoints, least_zoom=least, most_zoom=options.max_zoom)
    appearance, lighting = COLOURS[options.colours]
    return GenerateConfig(
        pairs=options.pairs,
        size=options.size,
        seed=options.seed,
        viewpoints=viewpoints,
        appearance=appearance,
        lighting=lighting,
        order=options.order,
        depth=options.depth_mode,
        gaussian_ids=options.gaussian_ids,
        up=options.up,
        look_from=options.look_from,
        licence=options.licence,
        engine=options.engine,
    )


def _print(made: Generated, wanted: int) -> None:
    rows = []
    for name, facts in made.statistics["scenes"].items():
        left_out = ", ".join(f"{count} {reason}" for reason, count in facts["rejected"].items())
        rows.append([name, facts["kind"], facts["depth_mode"], facts["pairs"], facts["views"], left_out or "-"])
    print_table("scenes", ["scene", "kind", "depth", "pairs", "views looked at", "left out"], rows)
    bands = ", ".join(f"{band}: {count}" for band, count in made.statistics["overlap"].items())
    say(f"pairs by overlap: {bands}")
    if made.made:
        total = sum(made.stages.values())
        shares = ", ".join(f"{name} {100 * seconds / total:.0f} %" for name, seconds in made.stages.items())
        say(f"{made.made} pairs in {made.seconds:.0f} s ({_pace(made):.0f} per minute, planning included): {shares}")
    short = "" if made.pairs >= wanted else f" of {wanted}"
    say(f"{made.folder}: {made.pairs}{short} pairs")


def _pace(made: Generated) -> float:
    return 60 * made.made / max(made.seconds, 1e-9)
