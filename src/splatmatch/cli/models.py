"""``splatmatch models``: the matchers as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from splatmatch.cli.arguments import OptionalFile
from splatmatch.cli.output import print_table, write_result


@dataclass(frozen=True)
class Options:
    """Matchers: kind, licence, use in products, sizes they take, pixel origin, whether they are on this machine."""

    json: OptionalFile = None
    """Write all of it, with the settings of each and their defaults, to this file."""


def run(options: Options) -> None:
    """Print."""
    from splatmatch.matchers.availability import availability
    from splatmatch.matchers.registry import settings_of

    rows = availability()
    print_table(
        "matchers",
        ["name", "kind", "licence", "products", "takes", "sizes", "origin", "here"],
        [
            (
                row.card.name,
                row.card.kind,
                row.card.licence,
                "yes" if row.card.commercial else "no",
                row.card.input_range,
                row.card.size_rule,
                row.card.pixel_origin,
                row.state,
            )
            for row in rows
        ],
    )
    print_table("where they come from", ["name", "source"], [(row.card.name, row.card.source) for row in rows])
    absent = [(row.card.name, row.advice) for row in rows if row.advice]
    if absent:
        print_table("not here yet", ["name", "how to get it"], absent)
    items = [
        {**asdict(row.card), "state": row.state, "advice": row.advice, "settings": settings_of(row.card.name)}
        for row in rows
    ]
    write_result(options.json, protocol="models", config={}, mean={}, items=items)
