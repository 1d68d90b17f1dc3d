"""``splatmatch lift``: single photos become training pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import Count
from splatmatch.cli.output import progress, say

if TYPE_CHECKING:
    from splatmatch.pairs.lift.config import LiftConfig


@dataclass(frozen=True)
class Options:
    """Lift single photos to 3D, look from a second viewpoint, and store the pairs with exact correspondences."""

    photos: Annotated[Path, Positional, arg(metavar="PHOTOS")]
    """A folder of photos."""
    out: Annotated[Path, arg(metavar="PAIRS")]
    """Folder for the shards and index.json."""
    pairs: Count = 1000
    """How many; photos take turns."""
    depth: Annotated[str, arg(metavar="PRIOR|FILE.onnx|DIR")] = "tiefenrausch"
    """tiefenrausch, depth-anything-v2-small, a network, or a folder of maps NAME.npy or NAME.png (16 bit)."""
    motion: Literal["parallax", "planar"] = "parallax"
    """parallax: by depth; planar: the photo is one plane and the pair a homography."""
    size: Annotated[tuple[int, int], arg(metavar="W H")] = (640, 480)
    """Width and height of the images."""
    colours: Literal["varied", "plain"] = "varied"
    """varied: exposure, white balance, blur, noise and more, each image on its own; plain: as in the photo."""
    without: Annotated[str, arg(metavar="LIST")] = ""
    """Leave out any of relighting,sky,cut,inpainting, joined by commas: for ablations."""
    licence: Annotated[str, arg(metavar="TEXT")] = "unknown"
    """Licence of the photos, recorded with each pair."""
    seed: Count = 0
    """Of everything random."""
    workers: Count = 1
    """Processes; the pairs do not depend on it."""
    per_shard: Count = 100
    """Pairs in each shard."""
    resume: bool = False
    """Go on where an interrupted run stopped."""


def run(options: Options) -> None:
    """Lift, say what came of it."""
    import time

    from splatmatch.pairs.lift.job import LiftJob, lift

    job = LiftJob(
        options.photos, options.pairs, _config(options), options.depth, options.seed, options.licence, options.per_shard
    )
    each = job.expected_bytes / max(options.pairs, 1)
    say(f"about {each / 1e6:.2f} MB per pair, {job.expected_bytes / 1e9:.2f} GB in all")
    began = time.monotonic()
    with progress("pairs") as report:
        made = lift(job, options.out, workers=options.workers, resume=options.resume, progress=report)
    minutes = (time.monotonic() - began) / 60
    say(f"{options.out}: {made.pairs} pairs of {made.photos} photos, {made.bytes / 1e6:.0f} MB, {minutes:.1f} min")
    if total := sum(made.stages.values()):
        shares = ", ".join(f"{stage} {100 * seconds / total:.0f} %" for stage, seconds in made.stages.items())
        say(f"  {60 * made.pairs / total:.0f} pairs per minute and process; {shares}")
    for reason, count in made.skipped.items():
        say(f"  {count} pairs skipped: {reason}")
    if made.pairs < options.pairs:
        say(f"warning: {options.pairs} pairs were asked for; no photo gives more")


def _config(options: Options) -> LiftConfig:
    """The configuration; what is left out is a word of ``--without``."""
    from dataclasses import replace

    from splatmatch.errors import InputError
    from splatmatch.pairs.appearance import NEUTRAL
    from splatmatch.pairs.lift.config import LiftConfig

    config = LiftConfig(options.size[0], options.size[1], options.motion)
    changes: dict[str, dict[str, object]] = {
        "relighting": {"relight": False},
        "sky": {"sky": False},
        "cut": {"max_jump": 1e9},
        "inpainting": {"inpaint": False},
    }
    for word in filter(None, map(str.strip, options.without.split(","))):
        if word not in changes:
            raise InputError(f"--without {word} is not known", f"any of {', '.join(changes)}")
        config = replace(config, **changes[word])  # type: ignore[arg-type]
    return config if options.colours == "varied" else replace(config, appearance=NEUTRAL)
