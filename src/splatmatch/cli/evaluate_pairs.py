"""``splatmatch evaluate pairs``: relative poses of image pairs, many matchers, one protocol."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from splatmatch.cli.arguments import Count, OptionalFile
from splatmatch.cli.matchers import DeviceName, MatcherNames, open_matchers, words_of
from splatmatch.cli.output import console, plain, say

if TYPE_CHECKING:
    from splatmatch.evaluation.matching.pairs_result import PairsResult
    from splatmatch.formats.pair_list import PairList

OptionalPath = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]


@dataclass(frozen=True)
class Options:
    """AUC of relative poses, precision, inliers and time of matchers on image pairs with known poses."""

    data: OptionalPath = None
    """A pair list (.json), or a folder of them; docs/formats.md tells their keys."""
    scene: OptionalPath = None
    """Instead of --data: a posed scene (scene folder, COLMAP model, transforms.json, cameras.json) becomes a list."""
    models: MatcherNames = "sift,xfeat-lighterglue"
    """Matchers, separated by commas; splatmatch models lists them."""
    protocol: Literal["pairs/poselib-1px@640", "pairs/poselib-1px@1024", "pairs/loftr-cv2-0.5px"] = (
        "pairs/poselib-1px@640"
    )
    """Image size, estimator, threshold, seeds, failure value; printed with the table."""
    lists: Annotated[str, arg(metavar="A,B,...")] = ""
    """Only these lists of --data; all if not given."""
    every: Count = 1
    """Only each N-th pair of every list."""
    pairs: Count = 60
    """With --scene: most pairs."""
    all_estimators: bool = False
    """Score with poselib, OpenCV (RANSAC and MAGSAC) and pycolmap side by side, from the same predictions."""
    baseline: Annotated[str, arg(metavar="MODEL")] = ""
    """Compare the others with this matcher pair by pair: difference of AUC@10 with a 95 % interval."""
    out: Annotated[Path | None, arg(metavar="FILE.html", help_behavior_hint="")] = None
    """Write a page with the table and the worst pairs drawn."""
    worst: Count = 3
    """Pairs per matcher that are drawn."""
    json: OptionalFile = None
    """Write protocol, config, mean and items to this file."""
    cache: OptionalPath = None
    """Folder of predictions, used again by the next run; the user's cache if not given."""
    device: DeviceName = "auto"
    """What matchers run on."""
    threads: Count = 1
    """Threads of the matchers; CPU seconds are only comparable with 1."""


def run(options: Options) -> None:
    """Match, score, print the table, write page and JSON."""
    from splatmatch.errors import InputError
    from splatmatch.evaluation.matching.pairs import PairsConfig, evaluate_pairs
    from splatmatch.evaluation.matching.protocols import PAIRS_PROTOCOLS, named
    from splatmatch.files import write_json
    from splatmatch.jobs.progress import Terminal

    if options.out is not None and options.out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {options.out} is no .html file")
    lists = pair_lists(options)
    matchers = open_matchers(options.models, options.device, options.threads)
    config = PairsConfig(options.cache, options.all_estimators, options.baseline)
    with Terminal() as terminal:
        result = evaluate_pairs(
            lists,
            matchers,
            named(options.protocol, PAIRS_PROTOCOLS),
            config,
            lambda stage, done, total: terminal.update(stage, done / total, f"{done} of {total} pairs"),
        )
    _print(result)
    if options.json is not None:
        write_json(options.json, plain(result.to_json()))
    if options.out is not None:
        from splatmatch.evaluation.matching.worst import worst_pairs
        from splatmatch.viewer.pairs_page import write_pairs_page

        write_pairs_page(result, worst_pairs(result, matchers, options.worst, options.cache), options.out)
        say(f"{options.out}")


def pair_lists(options: Options) -> tuple[PairList, ...]:
    """The lists that --data, --lists and --every, or --scene and --pairs, ask for."""
    from splatmatch.errors import InputError
    from splatmatch.formats.pair_list import read_pair_lists

    if (options.data is None) == (options.scene is None):
        raise InputError("either --data or --scene is needed", "see splatmatch evaluate pairs --help")
    if options.every < 1 or options.worst < 1:
        raise InputError("--every and --worst are 1 or more")
    if options.scene is not None:
        from splatmatch.evaluation.matching.scene_pairs import ScenePairsConfig, scene_pairs
        from splatmatch.formats.posed import read_posed_capture

        capture = read_posed_capture(options.scene)
        made = scene_pairs(capture, options.scene.resolve().name, ScenePairsConfig(options.pairs))
        return (made.every(options.every),)
    assert options.data is not None
    lists = read_pair_lists(options.data)
    if options.lists:
        known = {found.name: found for found in lists}
        wanted = words_of(options.lists)
        for name in wanted:
            if name not in known:
                raise InputError(f"{options.data}: holds no list {name}", f"there are {', '.join(known)}")
        lists = tuple(known[name] for name in wanted)
    return tuple(found.every(options.every) for found in lists)


def _print(result: PairsResult) -> None:
    say(f"protocol: {result.protocol}")
    say(f"estimated by {', '.join(result.solvers.values())}")
    console(columns=190).print(replace(result.figures(), title="").to_rich())
    differences = result.difference_figures()
    if differences is not None:
        console().print(differences.to_rich())
