"""``splatmatch evaluate homography``: matchers on photos of planes with known homographies."""

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
    """Distances of matches from a known homography, and the corner error of the homography found from them."""

    data: Annotated[Path, arg(metavar="DIR")]
    """A folder with photos and H_1_2 or H1to2p files, or a folder of such (HPatches, Oxford, OpenCV's graf)."""
    models: MatcherNames = "sift,xfeat-lighterglue"
    """Matchers, separated by commas; splatmatch models lists them."""
    protocol: Literal["homography/opencv-2px@1024", "homography/poselib-2px@1024"] = "homography/opencv-2px@1024"
    """Image size, estimator of the corner error, threshold, seeds; printed with the table."""
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
    from splatmatch.evaluation.matching.known_displacements import evaluate_homographies
    from splatmatch.evaluation.matching.protocols import HOMOGRAPHY_PROTOCOLS, named
    from splatmatch.files import write_json
    from splatmatch.formats.homography_pairs import read_homography_pairs
    from splatmatch.jobs.progress import Terminal

    pairs = read_homography_pairs(options.data)
    matchers = open_matchers(options.models, options.device, options.threads)
    with Terminal() as terminal:
        result = evaluate_homographies(
            pairs,
            matchers,
            named(options.protocol, HOMOGRAPHY_PROTOCOLS),
            options.cache,
            lambda stage, done, total: terminal.update(stage, done / total, f"{done} of {total} pairs"),
        )
    say(f"protocol: {result.protocol}")
    console(columns=160).print(replace(result.figures(), title="").to_rich())
    if options.json is not None:
        write_json(options.json, plain(result.to_json()))
