"""``splatmatch audit``: how hard pairs are, and how far their labels can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import Count, OptionalFile
from splatmatch.cli.output import console, progress, say, write_result

if TYPE_CHECKING:
    from splatmatch.pairs.audit import Audit


@dataclass(frozen=True)
class Options:
    """Measure pairs: overlap, rotation, zoom, label density, consistency, and errors against exact geometry."""

    pairs: Annotated[Path, Positional, arg(metavar="PAIRS")]
    """A folder made by generate or lift."""
    report: OptionalFile = None
    """Write a page with pictures to this .html file; a click shows the partner of a point."""
    json: OptionalFile = None
    """Write protocol, config, mean and items to this file."""
    limit: Count = 200
    """Pairs that are looked at, spread evenly over the folder."""
    exact: Annotated[str, arg(metavar="synthetic:KIND:SEED")] = ""
    """Judge labels by this exact geometry; the scenes must be in its frame. Pairs of synthetic scenes need none."""
    max_sigma: Annotated[float | None, arg(metavar="PIXELS", help_behavior_hint="")] = None
    """Labels of a larger predicted uncertainty, in pixels, are not counted; 2 if not given, inf = no limit."""
    strict: bool = False
    """A damaged shard or sample is an error; else it is named and skipped."""


def run(options: Options) -> None:
    """Measure, print the tables, write the page."""
    from splatmatch.errors import InputError
    from splatmatch.evaluation.pairs import EPIPOLAR_NOTE, consistency_table, difficulty_table, exactness_table
    from splatmatch.pairs.audit import PROTOCOL, AuditConfig, audit
    from splatmatch.pairs.labels import LabelConfig
    from splatmatch.pairs.reader import ShardReader

    if options.report is not None and options.report.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--report {options.report} is no .html file")
    if options.limit < 1:
        raise InputError(f"--limit {options.limit} leaves nothing to look at", "give 1 or more")
    if options.max_sigma is not None and not options.max_sigma > 0:
        raise InputError(f"--max-sigma {options.max_sigma} leaves no labels", "give pixels above 0")
    labels = LabelConfig() if options.max_sigma is None else LabelConfig(max_sigma=options.max_sigma)
    config = AuditConfig(pairs=options.limit, exact=options.exact, labels=labels)
    reader = ShardReader(options.pairs, on_corrupt="error" if options.strict else "skip")
    with progress("pairs") as report:
        found = audit(reader, config, report)
    if not found.pairs:
        raise InputError(f"{options.pairs}: not one sample can be read")
    for table in (difficulty_table(found), consistency_table(found), exactness_table(found)):
        if table is not None:
            console().print(table.to_rich())
    say(f"note: {EPIPOLAR_NOTE}")
    for corrupt in found.corrupt:
        say(f"warning: {corrupt.name}: {corrupt.reason}; skipped")
    write_result(options.json, protocol=PROTOCOL, config=config, mean=_mean(found), items=_items(found))
    if options.report is not None:
        from splatmatch.viewer.audit_page import write_audit_page

        write_audit_page(found, reader, options.report, config)
        say(f"{options.report}")


def _mean(found: Audit) -> dict[str, object]:
    from statistics import fmean

    names = (
        "overlap",
        "rotation",
        "zoom",
        "baseline",
        "density",
        "kept",
        "cycle",
        "reprojection",
        "label_reprojection",
    )
    means: dict[str, object] = {name: fmean(getattr(pair, name) for pair in found.pairs) for name in names}
    return means | {"pairs": found.total, "corrupt": list(found.corrupt), "exactness": list(found.exactness)}


def _items(found: Audit) -> list[dict[str, object]]:
    from dataclasses import asdict

    return [asdict(pair) for pair in found.pairs]
