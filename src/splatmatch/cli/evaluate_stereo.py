"""``splatmatch evaluate stereo``: matchers on rectified stereo pairs with dense disparity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from splatmatch.cli.arguments import Count, OptionalFile
from splatmatch.cli.matchers import DeviceName, MatcherNames, open_matchers
from splatmatch.cli.output import console, plain, say


@dataclass(frozen=True)
class Options:
    """End-point errors of matches against dense disparity, without any estimator."""

    data: Annotated[Path, arg(metavar="DIR")]
    """A folder with rectified photos and their disparity, or a folder of such (Middlebury; docs/formats.md)."""
    models: MatcherNames = "sift,xfeat-lighterglue"
    """Matchers, separated by commas; splatmatch models lists them."""
    protocol: Literal["stereo/epe@1024"] = "stereo/epe@1024"
    """Image size and thresholds; printed with the table."""
    json: OptionalFile = None
    """Write protocol, config, mean and items to this file."""
    cache: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """Folder of predictions, used again by the next run; the user's cache if not given."""
    device: DeviceName = "auto"
    """What matchers run on."""
    threads: Count = 1
    """Threads of the matchers; CPU seconds are only comparable with 1."""


def run(options: Options) -> None:
    """Match, score, print the table, write the JSON."""
    from splatmatch.evaluation.matching.known_displacements import evaluate_stereo
    from splatmatch.evaluation.matching.protocols import STEREO_PROTOCOLS, named
    from splatmatch.files import write_json
    from splatmatch.formats.stereo_pairs import read_stereo_pairs
    from splatmatch.jobs.progress import Terminal

    pairs = read_stereo_pairs(options.data)
    matchers = open_matchers(options.models, options.device, options.threads)
    with Terminal() as terminal:
        result = evaluate_stereo(
            pairs,
            matchers,
            named(options.protocol, STEREO_PROTOCOLS),
            options.cache,
            lambda stage, done, total: terminal.update(stage, done / total, f"{done} of {total} pairs"),
        )
    say(f"protocol: {result.protocol}")
    console(columns=160).print(replace(result.figures(), title="").to_rich())
    if options.json is not None:
        write_json(options.json, plain(result.to_json()))
