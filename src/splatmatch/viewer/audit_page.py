"""The page of an audit: one HTML file that works from the file system, pictures and labels inside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np

from splatmatch.evaluation.pairs import (
    EPIPOLAR_NOTE,
    Histogram,
    consistency_table,
    exactness_table,
    histograms,
)
from splatmatch.files import write_text
from splatmatch.pairs.audit import PROTOCOL, Audit, AuditConfig, Exactness
from splatmatch.pairs.reader import ShardReader
from splatmatch.viewer import report_parts as html
from splatmatch.viewer.audit_pairs import pair_block
from splatmatch.viewer.audit_script import SCRIPT, STYLE

SHOWN = 8
"""Pairs that are shown, from little to much overlap."""
SIZE = 560
"""Long side of their images in pixels."""


def write_audit_page(audit: Audit, reader: ShardReader, path: Path, config: AuditConfig | None = None) -> None:
    """Write the page.

    Args:
        audit: of ``audit()``.
        reader: the same data set, for the pictures.
        path: the .html file, written atomically.
        config: of the audit.

    Raises:
        OutputError: the file cannot be written.
    """
    config = config or AuditConfig()
    name = reader.folder.resolve().name
    body = [
        f"<style>{STYLE}</style>",
        f"<header><h1>{escape(name)}</h1><p>{escape(_subtitle(audit))}</p></header>",
        html.key_figures(_key_figures(audit)),
        html.section(
            "Pairs",
            "From little to much overlap. Dots of one colour are one point. Click into either image, or drag: the "
            "partner and both epipolar lines follow.",
            *_pair_blocks(audit, reader, config),
        ),
        html.section("How hard", "", f'<div class="bars">{"".join(_bars(one) for one in histograms(audit))}</div>'),
        html.section(
            "Consistency",
            "What labels say of each other. The reprojection error compares depth with the same source in the other "
            "view, so a consistent mistake passes.",
            html.table(consistency_table(audit)) if audit.pairs else "",
            f'<p class="note caveat">{escape(EPIPOLAR_NOTE)}</p>',
        ),
        _exactness_section(audit),
        _provenance_section(audit),
        "<footer>Made by splatmatch. This page is complete in itself.</footer>",
        f"<script>{SCRIPT}</script>",
    ]
    write_text(path, html.page(f"{name}: audit", "\n".join(part for part in body if part)))


def _subtitle(audit: Audit) -> str:
    scenes = len({pair.scene for pair in audit.pairs})
    modes = ", ".join(sorted({pair.depth_mode for pair in audit.pairs}))
    looked = "all" if len(audit.pairs) == audit.total else f"{len(audit.pairs)} of {audit.total:,}"
    text = f"audit of {looked} pairs  ·  {scenes} scene{'s' if scenes != 1 else ''}  ·  depth: {modes}"
    lost = sum(corrupt.samples for corrupt in audit.corrupt)
    return f"{text}  ·  {lost} samples damaged" if audit.corrupt else text


def _key_figures(audit: Audit) -> list[tuple[str, str]]:
    def middle(values: list[float]) -> float:
        known = [value for value in values if math.isfinite(value)]
        return float(np.median(known)) if known else float("nan")

    cycle = middle([pair.cycle for pair in audit.pairs])
    figures = [
        (f"{audit.total:,}", "pairs"),
        (f"{middle([pair.overlap for pair in audit.pairs]):.2f}", "median overlap"),
        (f"{100 * middle([pair.density for pair in audit.pairs]):.0f} %", "labelled, median"),
        (f"{cycle:.2g} px" if math.isfinite(cycle) else "–", "forward-backward error"),
    ]
    for found in audit.exactness[:1]:
        if found.ordinary is not None:
            figures.append((f"{found.ordinary.median:.2g} px", "median error against truth"))
            figures.append((f"{100 * found.ordinary.coverage:.0f} %", "of truly covisible labelled"))
    return figures


def _pair_blocks(audit: Audit, reader: ShardReader, config: AuditConfig) -> list[str]:
    order = sorted(audit.pairs, key=lambda pair: pair.overlap)
    count = min(SHOWN, len(order))
    chosen = [order[(2 * i + 1) * len(order) // (2 * count)] for i in range(count)]
    places = {key: at for at, key in enumerate(reader.keys)}
    samples = [(reader.read(places[pair.key]), pair) for pair in chosen]
    return [pair_block(sample, pair, SIZE, config.labels) for sample, pair in samples if sample is not None]


def _bars(histogram: Histogram) -> str:
    """A histogram with horizontal bars, as inline SVG."""
    width, row, left, right = 320, 26, 84, 40
    height = 30 + row * len(histogram.bins)
    most = max(*histogram.counts, 1)
    parts = [f'<text class="title" x="0" y="14">{escape(histogram.title)}</text>']
    for number, (name, count) in enumerate(zip(histogram.bins, histogram.counts, strict=True)):
        y = 28 + row * number
        length = (width - left - right) * count / most
        parts.append(f'<text x="{left - 10}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{left}" y="{y + 1}" width="{max(length, 1):.1f}" height="{row - 9}" rx="3"/>')
        parts.append(f'<text class="count" x="{left + length + 7:.1f}" y="{y + 13}">{count}</text>')
    label = f"pairs by {escape(histogram.title)}"
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _exactness_section(audit: Audit) -> str:
    table = exactness_table(audit)
    if table is None:
        return ""
    parts = [html.table(table)]
    for found in audit.exactness:
        if found.curve:
            parts.append(f'<div class="two">{_curve(found, "median")}{_curve(found, "percentile_95")}</div>')
    note = (
        "End points of labels against ray-cast geometry. Coverage is the share of truly covisible pixels that carry a "
        "label; along the curves the most certain labels, by their own prediction, come first."
    )
    return html.section("Against exact geometry", note, *parts)


def _curve(found: Exactness, name: Literal["median", "percentile_95"]) -> str:
    """Error over coverage; in thousandths of a pixel where it is that small."""
    points = [(100 * point.coverage, getattr(point, name)) for point in found.curve]
    finite = [error for _, error in points if math.isfinite(error)]
    small = bool(finite) and max(finite) < 0.1
    scaled = [(coverage, error * (1000 if small else 1)) for coverage, error in points]
    title, colour = ("median error", "var(--accent)") if name == "median" else ("95th percentile", "var(--second)")
    unit = "1/1000 px, over coverage in %" if small else "px, over coverage in %"
    return html.chart(f"{title}, {found.depth_mode}", scaled, colour, unit)


def _provenance_section(audit: Audit) -> str:
    job = audit.index.get("job")
    facts = {"protocol": PROTOCOL}
    facts |= _plain(job) if isinstance(job, Mapping) else {}
    statistics = audit.index.get("statistics")
    skipped = statistics.get("skipped") if isinstance(statistics, Mapping) else None
    if isinstance(skipped, Mapping):
        facts |= {f"skipped: {reason}": str(count) for reason, count in skipped.items()}
    facts |= {f"damaged: {corrupt.name}": corrupt.reason for corrupt in audit.corrupt}
    return html.section("Provenance", "", html.definitions(facts))


def _plain(job: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a job, those of its parts in one line each."""
    facts = {}
    for name, value in job.items():
        if isinstance(value, Mapping):
            facts[name] = ", ".join(f"{key} {item}" for key, item in value.items() if not isinstance(item, Mapping))
        elif isinstance(value, list):
            names = [str(item.get("scene", "")) if isinstance(item, Mapping) else str(item) for item in value]
            facts[name] = ", ".join(names) if len(", ".join(names)) < 200 else f"{len(names)} of them"
        elif value is not None:
            facts[name] = str(value)
    return facts
