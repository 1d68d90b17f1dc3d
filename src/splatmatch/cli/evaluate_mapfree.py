"""``splatmatch evaluate mapfree``: a submission to the map-free relocalisation benchmark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import OptionalFile
from splatmatch.cli.output import console, plain, say


@dataclass(frozen=True)
class Options:
    """VCRE, pose errors, precision and AUC of submitted poses, as the public benchmark computes them."""

    submission: Annotated[Path, Positional, arg(metavar="SUBMISSION.zip")]
    """A zip of pose_SCENE.txt files: frame, camera_from_world as qw qx qy qz tx ty tz, confidence."""
    truth: Annotated[Path, arg(metavar="DIR")]
    """The folder of scenes, each with poses.txt and intrinsics.txt."""
    json: OptionalFile = None
    """Write protocol, config, mean and items to this file."""


def run(options: Options) -> None:
    """Score, print the table, write the JSON."""
    from splatmatch.evaluation.matching.mapfree import evaluate_mapfree
    from splatmatch.files import write_json
    from splatmatch.formats.mapfree import read_mapfree_submission, read_mapfree_truth

    result = evaluate_mapfree(read_mapfree_truth(options.truth), read_mapfree_submission(options.submission))
    say(f"protocol: {result.protocol}")
    console().print(replace(result.figures(), title="").to_rich())
    if options.json is not None:
        write_json(options.json, plain(result.to_json()))
