"""``report.html``: one file that shows what came out of a reconstruction, and how."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from splatmatch.evaluation.tables import Column, Figures
from splatmatch.evaluation.views import ViewsResult
from splatmatch.files import write_text
from splatmatch.scene.views import Scene, View
from splatmatch.splats.checkpoint import FitRecord
from splatmatch.viewer import report_parts as html
from splatmatch.viewer.comparison import Comparison, compare
from splatmatch.viewer.screenshot import ScreenshotConfig, screenshot


@dataclass(frozen=True)
class ReportConfig:
    """How a report is made."""

    title: str = ""
    """Heading; the name of the scene folder if empty."""
    views: int = 4
    """How many photos are compared with their renders."""
    size: int = 560
    """Long side of these pictures in pixels; the middle one is shown at twice that."""
    engine: str = "auto"
    """auto, cpu, gsplat or reference."""


def write_report(
    scene: Scene,
    path: Path,
    *,
    metrics: ViewsResult | None = None,
    history: Sequence[FitRecord] = (),
    config: ReportConfig = ReportConfig(),
) -> None:
    """Write a self-contained HTML page about ``scene``: pictures inside, nothing fetched from anywhere.

    Args:
        scene: views with photos; with Gaussians for renders, without for the cameras alone.
        path: the .html file, written atomically.
        metrics: figures of the held-out views.
        history: of the fit, for the curves.
        config: see ``ReportConfig``.

    Raises:
        InputError: the scene has neither cameras nor Gaussians, or a photo is gone.
        OutputError: the file cannot be written.
    """
    title = config.title or (scene.folder.resolve().name if scene.folder else "reconstruction")
    pairs = _comparisons(scene, config)
    body = [
        f"<header><h1>{escape(title)}</h1><p>{escape(_subtitle(scene))}</p></header>",
        html.figure(screenshot(scene, ScreenshotConfig(engine=config.engine)), f"overview of {title}", style="hero"),
        html.key_figures(_key_figures(scene, metrics)),
        _comparison_section(scene, pairs, metrics),
        _metrics_section(metrics),
        _cameras_section(scene),
        _training_section(history),
        html.section("Time", "", html.shares(_numbers(scene.provenance.get("timings")))),
        _provenance_section(scene.provenance),
        f"<footer>Made by splatmatch {escape(_version(scene.provenance))}. This page is complete in itself.</footer>",
    ]
    write_text(path, html.page(title, "\n".join(part for part in body if part)))


def _subtitle(scene: Scene) -> str:
    posed, lost = len(scene.views), len(scene.unregistered)
    parts = [f"{posed + lost} photos", f"{posed} cameras"] if posed else []
    if len(scene.points):
        parts.append(f"{len(scene.points):,} points")
    if scene.gaussians is not None:
        parts.append(f"{len(scene.gaussians):,} Gaussians")
    return "  →  ".join(parts)


def _key_figures(scene: Scene, metrics: ViewsResult | None) -> list[tuple[str, str]]:
    figures = []
    if scene.views:
        total = len(scene.views) + len(scene.unregistered)
        figures.append((f"{len(scene.views)} / {total}", "photos with a camera"))
    if metrics is not None:
        mean = metrics.mean
        figures.append((f"{mean.psnr:.2f} dB", f"PSNR, {len(metrics.items)} held-out photos"))
        figures.append((f"{mean.ssim:.3f}", f"SSIM, {metrics.protocol.ssim_dialect}"))
        if mean.lpips is not None:
            figures.append((f"{mean.lpips:.3f}", f"LPIPS, {metrics.protocol.lpips_dialect}"))
    if scene.gaussians is not None:
        figures.append((f"{len(scene.gaussians):,}", f"Gaussians, SH degree {scene.gaussians.sh_degree}"))
    seconds = _numbers(scene.provenance.get("timings"))
    if seconds:
        figures.append((html.duration(sum(seconds.values())), "from photos to splat"))
    return figures


def _comparisons(scene: Scene, config: ReportConfig) -> list[Comparison]:
    """Held-out views, or training views where none are, spread evenly over the capture; the middle one larger."""
    if scene.gaussians is None:
        return []
    candidates = [view for view in scene.test_views or scene.views if view.image_path is not None]
    count = min(config.views, len(candidates))
    picks = [candidates[(2 * i + 1) * len(candidates) // (2 * count)] for i in range(count)]
    sizes = [2 * config.size if i == count // 2 else config.size for i in range(count)]
    return [
        compare(scene.gaussians, view, size, ("rgb", "depth", "normal"), config.engine)
        for view, size in zip(picks, sizes, strict=True)
    ]


def _comparison_section(scene: Scene, pairs: list[Comparison], metrics: ViewsResult | None) -> str:
    if not pairs:
        return ""
    held_out = bool(scene.test_views)
    note = (
        "Photos that the optimiser never saw, beside what the splat shows from their cameras."
        if held_out
        else "No photo was held out: these were trained on, and say nothing about new views."
    )
    figures = {item.name: item.psnr for item in metrics.items} if metrics is not None else {}
    decibels = [figures.get(pair.view.name, pair.psnr) for pair in pairs]
    middle = len(pairs) // 2
    large = pairs[middle]
    blocks = [html.slider(large.photo, large.drawn["rgb"], "photo", f"render, {decibels[middle]:.2f} dB")]
    blocks.append(f'<p class="note">{escape(large.view.name)}: drag to compare.</p>')
    unit = " m" if scene.metric else ""
    rows = [_comparison_row(pair, value, unit) for pair, value in zip(pairs, decibels, strict=True)]
    blocks.append(f'<div class="views">{"".join(rows)}</div>')
    return html.section("Held-out photos" if held_out else "Photos and renders", note, *blocks)


def _comparison_row(pair: Comparison, decibels: float, unit: str) -> str:
    cells = [html.figure(pair.photo, f"photo {pair.view.name}", "photo")]
    near, far = pair.near_far or (0.0, 0.0)
    captions = {"rgb": "render", "depth": f"depth, {near:.3g} (light) to {far:.3g}{unit}", "normal": "normals"}
    for kind, picture in pair.drawn.items():
        cells.append(html.figure(picture, f"{kind} of {pair.view.name}", captions[kind]))
    head = f"<h3>{escape(pair.view.name)}<span>{decibels:.2f} dB</span></h3>"
    return f'<div class="view">{head}<div class="row" style="--columns:{len(cells)}">{"".join(cells)}</div></div>'


def _metrics_section(metrics: ViewsResult | None) -> str:
    if metrics is None:
        return ""
    figures = metrics.figures()
    note = f"Protocol {metrics.protocol.name} ({metrics.protocol.like}), {metrics.resolution}."
    absent = f'<p class="note warn">LPIPS: {escape(metrics.lpips_note)}</p>' if metrics.lpips_note else ""
    return html.section("Figures", note, html.table(figures), absent)


def _cameras_section(scene: Scene) -> str:
    if not scene.views:
        return ""
    lost = Figures(
        "unregistered",
        (Column("photo without a camera"), Column("why")),
        tuple((u.name, u.reason) for u in scene.unregistered),
    )
    facts = html.definitions(_camera_facts(scene.views) | _point_facts(scene))
    note = "World in metres" if scene.metric else "World in arbitrary units"
    note += ", +z up." if scene.up_known else ", up direction unknown."
    return html.section("Cameras and points", note, facts, html.table(lost) if scene.unregistered else "")


def _camera_facts(views: Sequence[View]) -> dict[str, str]:
    sizes = [f"{view.camera.width} × {view.camera.height}" for view in views]
    counted = ", ".join(f"{size} ({sizes.count(size)})" for size in dict.fromkeys(sizes))
    focals = [view.camera.fx for view in views]
    fields = [view.camera.horizontal_degrees for view in views]
    low, high = min(focals), max(focals)
    focal = f"{low:.1f} px" if high - low < 0.05 else f"{low:.1f} to {high:.1f} px"
    return {
        "image sizes": counted,
        "focal length": f"{focal} ({statistics.median(fields):.1f}° across)",
        "training / held out": f"{sum(v.split == 'train' for v in views)} / {sum(v.split == 'test' for v in views)}",
    }


def _point_facts(scene: Scene) -> dict[str, str]:
    facts = {"sparse points": f"{len(scene.points):,}"}
    if len(scene.points):
        errors = scene.points.errors[scene.points.errors.isfinite()]
        if len(errors):
            facts["reprojection error"] = f"{float(errors.mean()):.2f} px mean, {float(errors.median()):.2f} px median"
        if scene.points.tracks is not None:
            facts["mean track length"] = f"{len(scene.points.tracks.point_index) / len(scene.points):.1f} photos"
    return facts


def _training_section(history: Sequence[FitRecord]) -> str:
    curves = [
        html.chart("PSNR of training photos", [(r.step, r.psnr) for r in history], "var(--accent)", "dB"),
        html.chart("Gaussians", [(r.step, float(r.gaussians)) for r in history], "var(--second)", ""),
    ]
    shown = "".join(f"<div>{curve}</div>" for curve in curves if curve)
    return html.section("Training", "Over the steps of the fit.", f'<div class="two">{shown}</div>' if shown else "")


def _provenance_section(provenance: Mapping[str, Any]) -> str:
    """What ``scene.json`` records: the command, then everything that is a plain value or a table of such."""
    command = provenance.get("command")
    parts = [html.code(" ".join(command) if isinstance(command, list) else str(command))] if command else []
    single = {_words(key): str(value) for key, value in provenance.items() if key != "command" and _plain(value)}
    lists = [f"<div><h3>run</h3>{html.definitions(single)}</div>"] if single else []
    for key, value in provenance.items():
        if isinstance(value, Mapping) and key != "timings":
            plain = {str(name): str(item) for name, item in value.items() if _plain(item)}
            if plain:
                lists.append(f"<div><h3>{escape(_words(key))}</h3>{html.definitions(plain)}</div>")
    return html.section("Provenance", "", *parts, f'<div class="two">{"".join(lists)}</div>' if lists else "")


def _numbers(value: Any) -> dict[str, float]:
    """The numbers of a mapping that came from a file, by name."""
    if not isinstance(value, Mapping):
        return {}
    numbers = {str(k): float(v) for k, v in value.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {name: number for name, number in numbers.items() if number >= 0}


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) and len(str(value)) < 300


def _words(key: str) -> str:
    return str(key).replace("_", " ")


def _version(provenance: Mapping[str, Any]) -> str:
    versions = provenance.get("versions")
    return str(versions.get("splatmatch", "")) if isinstance(versions, Mapping) else ""
