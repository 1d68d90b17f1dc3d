"""``evaluate pairs --out FILE.html``: the table, and the worst pairs with lines that are right or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from splatmatch.drawing.judged_matches import judged_picture
from splatmatch.evaluation.matching.pairs_result import POOLED, PairsResult
from splatmatch.evaluation.matching.scores import PIXEL_LIMIT
from splatmatch.evaluation.matching.worst import Specimen
from splatmatch.files import write_text
from splatmatch.viewer import report_parts as html


def write_pairs_page(result: PairsResult, specimens: Sequence[Specimen], path: Path) -> None:
    """Write a self-contained page about an evaluation of pairs.

    Args:
        result: of ``evaluate_pairs``.
        specimens: of ``worst_pairs``, matcher by matcher.
        path: the .html file, written atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    differences = result.difference_figures()
    compared = html.section("Compared pair by pair", differences.title, html.table(differences)) if differences else ""
    names = ", ".join(pair_list.name for pair_list in result.lists)
    count = sum(len(pair_list.pairs) for pair_list in result.lists)
    body = [
        f"<header><h1>Matchers on {count} pairs</h1><p>{escape(names)}</p></header>",
        html.key_figures(_key_figures(result)),
        html.section(
            "Figures", f"{result.protocol}. {', '.join(result.solvers.values())}.", html.table(result.figures())
        ),
        compared,
        *(_worst(matcher, list(group)) for matcher, group in groupby(specimens, key=lambda found: found.matcher)),
        "<footer>Made by splatmatch. This page is complete in itself.</footer>",
    ]
    write_text(path, html.page(f"Matchers on {count} pairs", "\n".join(part for part in body if part)))


def _key_figures(result: PairsResult) -> list[tuple[str, str]]:
    whole = POOLED if len(result.lists) > 1 else result.lists[0].name
    rows = [row for row in result.summaries() if row.list == whole and row.estimator == result.estimators[0]]
    middle = result.protocol.thresholds[1]
    return [(f"{row.auc[1]:.1f} %", f"AUC@{middle:g}, {row.matcher}") for row in rows]


def _worst(matcher: str, specimens: Sequence[Specimen]) -> str:
    note = (
        f"Green lines end within {PIXEL_LIMIT:g} px of the epipolar line of the true pose, vermilion ones do not. "
        "A wrong match can lie on its line by chance."
    )
    blocks = []
    for found in specimens:
        score = found.score
        degrees = " / ".join(f"{error:.1f}" for error in found.errors)
        prediction = found.prediction
        picture = judged_picture(found.photo_a, found.photo_b, prediction.points_a, prediction.points_b, found.right)
        words = f"{score.matches} matches, {int(found.right.sum())} right; error {degrees} degrees over the seeds"
        blocks.append(html.figure(picture, words, f"{score.list}: {score.name_a} and {score.name_b}. {words}"))
    return html.section(f"Worst pairs of {matcher}", note, *blocks)
