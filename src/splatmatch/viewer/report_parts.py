"""The pieces that reports are put together from, as HTML strings. Every text that comes from outside is escaped."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape

from splatmatch.drawing.pictures import Picture, jpeg_bytes
from splatmatch.evaluation.tables import Figures
from splatmatch.viewer.report_style import CSS


def page(title: str, body: str) -> str:
    """A whole document: no scripts, styles, fonts or pictures from anywhere else."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{CSS}\n</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )


def image(picture: Picture, description: str, quality: int = 86) -> str:
    """An <img> that carries its pixels as JPEG."""
    data = base64.b64encode(jpeg_bytes(picture, quality)).decode()
    size = f'width="{picture.shape[1]}" height="{picture.shape[0]}"'
    return f'<img {size} alt="{escape(description)}" src="data:image/jpeg;base64,{data}">'


def figure(picture: Picture, description: str, caption: str = "", style: str = "") -> str:
    """A picture with its caption."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="{style}">{image(picture, description)}{below}</figure>'


def slider(left: Picture, right: Picture, left_label: str, right_label: str) -> str:
    """Two pictures of one size over each other, with a handle that moves the border between them."""
    width = 84 * left.shape[1] / left.shape[0]  # never higher than the window
    move = "this.parentNode.style.setProperty('--x', this.value + '%')"
    label = f"{escape(left_label)} against {escape(right_label)}"
    handle = f'<input type="range" min="0" max="100" value="50" step="0.1" aria-label="{label}" oninput="{move}">'
    tags = f'<div class="tags"><span>{escape(left_label)}</span><span>{escape(right_label)}</span></div>'
    over = f'<div class="over">{image(left, left_label)}</div>'
    return f'<div class="slide" style="max-width:{width:.1f}vh">{image(right, right_label)}{over}{handle}{tags}</div>'


def section(title: str, note: str, *parts: str) -> str:
    """A heading, one sentence, and what follows; nothing at all where there are no parts."""
    shown = [part for part in parts if part]
    if not shown:
        return ""
    words = f"<p>{escape(note)}</p>" if note else ""
    return "\n".join([f"<section><h2>{escape(title)}</h2>{words}", *shown, "</section>"])


def key_figures(figures: Sequence[tuple[str, str]]) -> str:
    """Cards of (figure, what it is)."""
    cards = [f'<div class="key"><b>{escape(value)}</b><span>{escape(label)}</span></div>' for value, label in figures]
    return f'<div class="keys">{"".join(cards)}</div>'


def table(figures: Figures) -> str:
    """A table of figures; columns of numbers stand right, columns of text left."""
    texts = [any(isinstance(row[i], str) for row in figures.rows) for i in range(len(figures.columns))]
    styles = ["" if text else ' class="n"' for text in texts]

    def line(cells: Sequence[str], tag: str = "td") -> str:
        return "<tr>" + "".join(f"<{tag}{s}>{c}</{tag}>" for s, c in zip(styles, cells, strict=True)) + "</tr>"

    heads = [escape(c.title) + (f"<small>{escape(c.note)}</small>" if c.note else "") for c in figures.columns]
    rows = "".join(line([escape(cell) for cell in figures.cells(row)]) for row in figures.rows)
    total = f"<tfoot>{line([escape(cell) for cell in figures.cells(figures.total)])}</tfoot>" if figures.total else ""
    head = f"<thead>{line(heads, 'th')}</thead>"
    return f'<div class="scroll"><table>{head}<tbody>{rows}</tbody>{total}</table></div>'


def definitions(pairs: Mapping[str, str]) -> str:
    """A list of names and what they stand for; empty where there are none."""
    if not pairs:
        return ""
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs.items()) + "</dl>"


def code(text: str) -> str:
    """A block of code."""
    return f"<pre>{escape(text)}</pre>"


def shares(seconds: Mapping[str, float]) -> str:
    """A bar of how a total splits up, and the list of its parts."""
    total = sum(seconds.values())
    if total <= 0:
        return ""
    colours = {
        name: f"hsl({round(330 - 150 * i / max(len(seconds) - 1, 1))} 52% 56%)" for i, name in enumerate(seconds)
    }
    bar = "".join(
        f'<div style="flex:{value / total:.5f} 0 2px;background:{colours[name]}" title="{escape(name)}"></div>'
        for name, value in seconds.items()
    )
    rows = "".join(
        f'<tr><td><span class="swatch" style="background:{colours[name]}"></span>{escape(name)}</td>'
        f'<td class="n">{escape(duration(value))}</td><td class="n">{100 * value / total:.0f} %</td></tr>'
        for name, value in seconds.items()
    )
    foot = f'<tfoot><tr><td>together</td><td class="n">{escape(duration(total))}</td><td class="n"></td></tr></tfoot>'
    return f'<div class="bar">{bar}</div><div class="scroll"><table><tbody>{rows}</tbody>{foot}</table></div>'


def chart(title: str, points: Sequence[tuple[float, float]], colour: str, unit: str) -> str:
    """A curve over the steps of a fit as inline SVG; ``colour`` is a CSS colour; empty below two points."""
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    if len(finite) < 2:
        return ""
    width, height, left, right, top, bottom = 560, 250, 52, 12, 34, 30
    xs, ys = [x for x, _ in finite], [y for _, y in finite]
    ticks_x, ticks_y = nice_ticks(0, max(xs), 5), nice_ticks(min(ys), max(ys), 5)
    low, high = min(ticks_y[0], *ys), max(ticks_y[-1], *ys)

    def px(x: float) -> float:
        return left + (width - left - right) * x / max(max(xs), 1e-9)

    def py(y: float) -> float:
        return height - bottom - (height - top - bottom) * (y - low) / max(high - low, 1e-9)

    parts = [
        f'<text class="title" x="0" y="14">{escape(title)} <tspan fill="var(--soft)">{escape(unit)}</tspan></text>'
    ]
    for tick in ticks_y:
        line = f'<line class="grid" x1="{left}" x2="{width - right}" y1="{py(tick):.1f}" y2="{py(tick):.1f}"/>'
        parts.append(f'{line}<text x="{left - 8}" y="{py(tick) + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for tick in (tick for tick in ticks_x if tick <= max(xs)):
        parts.append(f'<text x="{px(tick):.1f}" y="{height - 8}" text-anchor="middle">{short(tick)}</text>')
    path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in finite)
    end = f'<circle cx="{px(xs[-1]):.1f}" cy="{py(ys[-1]):.1f}" r="3.5" fill="{colour}"/>'
    parts.append(f'<polyline class="curve" stroke="{colour}" points="{path}"/>{end}')
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)} over the steps">'
        f"{''.join(parts)}</svg>"
    )


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """About ``count`` round numbers (1, 2, 2.5 or 5 times a power of ten) that cover low..high."""
    span = max(high - low, 1e-9 * max(abs(high), 1))
    raw = span / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]


def short(value: float) -> str:
    """A number for an axis: 1200000 is 1.2M, 7000 is 7k."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{letter}"
    return f"{value:g}"


def duration(seconds: float) -> str:
    """Seconds as people say them: 8.4 s, 3 min 12 s, 1 h 05 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
