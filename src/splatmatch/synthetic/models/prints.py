"""Pictures, posters, pages, labels, rugs, signs and clocks, drawn from a seed as vector marks."""

from __future__ import annotations

import math

from splatmatch.synthetic.kernels import layout
from splatmatch.synthetic.materials import Colour, Mark, Palette, Print, darker


def fill(aspect: float, colour: Colour) -> Mark:
    """The ground of a print."""
    return Mark(layout.BAR, 0.5 * aspect, 0.5, aspect, 1.0, colour)


def bar(x: float, y: float, w: float, h: float, colour: Colour, angle: float = 0.0, outline: float = 0.0) -> Mark:
    """A bar of half sizes w, h around (x, y)."""
    return Mark(layout.BAR, x, y, w, h, colour, angle, outline)


def text(x: float, y: float, w: float, h: float, lines: int, colour: Colour, seed: int, angle: float = 0.0) -> Mark:
    """Lines of letter-like signs in a box of half sizes w, h."""
    return Mark(layout.GLYPHS, x, y, w, h, colour, angle, float(lines), seed)


def border(aspect: float, inset: float, width: float, colour: Colour) -> Mark:
    """A rectangular line along the edge."""
    return bar(0.5 * aspect, 0.5, 0.5 * aspect - inset, 0.5 - inset, colour, outline=width)


def scatter(palette: Palette, aspect: float, count: int, low: float, high: float) -> list[Mark]:
    """Random shapes of half sizes low..high in random colours, all over the print."""
    marks = []
    for _ in range(count):
        shape = int(palette.rng.choice([layout.BAR, layout.ELLIPSE, layout.RING, layout.TRIANGLE, layout.STAR]))
        size = palette.uniform(low, high)
        extra = 0.0
        if shape == layout.RING:
            extra = size * palette.uniform(0.1, 0.3)
        elif shape == layout.STAR:
            extra = float(palette.rng.integers(3, 9))
        elif shape == layout.BAR and palette.rng.random() < 0.3:
            extra = 0.2 * size
        marks.append(
            Mark(
                shape,
                palette.uniform(0, aspect),
                palette.uniform(0, 1),
                size,
                size * palette.uniform(0.4, 1.0),
                palette.vivid(),
                palette.uniform(0, math.pi),
                extra,
            )
        )
    return marks


def landscape(palette: Palette, aspect: float) -> Print:
    """Hills under a sky with a sun, trees in front."""
    sky, ground = palette.vivid(), palette.vivid()
    marks = [fill(aspect, sky)]
    for k in range(8):
        tone = darker(sky, 0.75 + 0.09 * k)
        marks.append(bar(0.5 * aspect, 0.95 - 0.1 * k, aspect, 0.05, tone))
    marks.append(
        Mark(
            layout.ELLIPSE, palette.uniform(0.2, 0.8) * aspect, palette.uniform(0.65, 0.85), 0.08, 0.08, (1, 0.93, 0.7)
        )
    )
    for k in range(4):
        colour = darker(ground, 1.25 - 0.25 * k)
        height = palette.uniform(0.08, 0.16)
        marks.append(
            Mark(
                layout.HILLS,
                0.5 * aspect,
                0.62 - 0.15 * k,
                9.0,
                height,
                colour,
                extra=palette.uniform(1.5, 3.5),
                seed=palette.seed(),
            )
        )
        for _ in range(3 + 3 * k):
            tall = palette.uniform(0.03, 0.06) * (1 + 0.5 * k)
            x, y = palette.uniform(0, aspect), 0.5 - 0.14 * k + palette.uniform(-0.06, 0.03)
            marks.append(Mark(layout.TRIANGLE, x, y, 0.5 * tall, tall, darker(colour, palette.uniform(0.5, 0.8))))
    return framed_paper(palette, Print(aspect, tuple(marks)))


def abstract(palette: Palette, aspect: float) -> Print:
    """Many bright shapes on one ground."""
    marks = [fill(aspect, palette.muted(0.3, 0.95))]
    if palette.rng.random() < 0.5:
        step = palette.uniform(0.12, 0.25)
        for row in range(math.ceil(1 / step)):
            for column in range(math.ceil(aspect / step)):
                x, y = (column + 0.5) * step, (row + 0.5) * step
                marks.append(bar(x, y, 0.46 * step, 0.46 * step, palette.vivid()))
                if palette.rng.random() < 0.6:
                    size = step * palette.uniform(0.15, 0.4)
                    shape = int(palette.rng.choice([layout.ELLIPSE, layout.TRIANGLE, layout.STAR]))
                    marks.append(Mark(shape, x, y, size, size, palette.vivid(), palette.uniform(0, 3), 5.0))
        return framed_paper(palette, Print(aspect, tuple(marks)))
    marks += scatter(palette, aspect, 45, 0.02, 0.22)
    return framed_paper(palette, Print(aspect, tuple(marks)))


def framed_paper(palette: Palette, picture: Print) -> Print:
    """The picture with a white margin, half of the time."""
    if palette.rng.random() < 0.5:
        return picture
    inset = palette.uniform(0.05, 0.09)
    aspect, paper = picture.aspect, palette.grey(0.85, 0.97)
    edges = (
        bar(0.5 * aspect, 0.0, aspect, inset, paper),
        bar(0.5 * aspect, 1.0, aspect, inset, paper),
        bar(0.0, 0.5, inset, 1.0, paper),
        bar(aspect, 0.5, inset, 1.0, paper),
    )
    return Print(aspect, (*picture.marks, *edges))


def poster(palette: Palette, aspect: float) -> Print:
    """A large motif between a title and a few lines of text."""
    ground, ink = palette.vivid(), palette.grey(0.02, 0.2)
    if sum(ground) < 1.2:
        ink = palette.grey(0.85, 1.0)
    marks = [fill(aspect, ground), *scatter(palette, aspect, 14, 0.03, 0.14)]
    marks.append(bar(0.5 * aspect, 0.88, 0.5 * aspect, 0.12, darker(ground, 0.75)))
    marks.append(text(0.5 * aspect, 0.88, 0.45 * aspect, 0.075, 1, ink, palette.seed()))
    radius = 0.3 * min(aspect, 0.75)
    for k in range(int(palette.rng.integers(2, 6))):
        size = radius * (1 - 0.18 * k)
        shape = int(palette.rng.choice([layout.ELLIPSE, layout.STAR, layout.BAR, layout.TRIANGLE]))
        marks.append(
            Mark(
                shape,
                0.5 * aspect,
                0.52,
                size,
                size,
                palette.vivid(),
                palette.uniform(0, 3),
                0.0 if shape == 0 else 6.0,
            )
        )
    marks.append(bar(0.5 * aspect, 0.13, 0.5 * aspect, 0.13, darker(ground, 1.3)))
    marks.append(text(0.5 * aspect, 0.13, 0.45 * aspect, 0.1, int(palette.rng.integers(2, 6)), ink, palette.seed()))
    return Print(aspect, tuple(marks))


def page(palette: Palette, aspect: float) -> Print:
    """A printed page: headline, columns, a picture."""
    paper, ink = palette.grey(0.85, 0.98), palette.grey(0.05, 0.25)
    marks = [fill(aspect, paper), text(0.5 * aspect, 0.9, 0.42 * aspect, 0.045, 1, ink, palette.seed())]
    columns = int(palette.rng.integers(1, 4))
    width = 0.88 * aspect / columns
    for column in range(columns):
        x = 0.06 * aspect + (column + 0.5) * width
        marks.append(text(x, 0.42, 0.45 * width, 0.37, int(palette.rng.integers(12, 22)), ink, palette.seed()))
    x, y = palette.uniform(0.3, 0.7) * aspect, palette.uniform(0.3, 0.6)
    marks.append(bar(x, y, 0.2 * aspect, 0.13, palette.vivid()))
    for _ in range(6):
        size = palette.uniform(0.02, 0.06)
        at = (x + palette.uniform(-0.15, 0.15) * aspect, y + palette.uniform(-0.08, 0.08))
        marks.append(Mark(layout.ELLIPSE, *at, size, size, palette.vivid()))
    return Print(aspect, tuple(marks))


def chart(palette: Palette, aspect: float) -> Print:
    """A plan: a grid with lines, dots, rings and captions."""
    paper, ink = palette.muted(0.75, 0.97), palette.muted(0.05, 0.4)
    marks = [fill(aspect, paper), border(aspect, 0.04, 0.006, ink)]
    for k in range(1, 8):
        marks.append(bar(0.5 * aspect, k / 8, 0.46 * aspect, 0.0015, ink))
    for k in range(1, 9):
        marks.append(bar(aspect * k / 9, 0.5, 0.0015, 0.46, ink))
    for _ in range(14):
        x, y = palette.uniform(0.1, 0.9) * aspect, palette.uniform(0.1, 0.9)
        marks.append(bar(x, y, palette.uniform(0.05, 0.3), 0.005, palette.vivid(), palette.uniform(0, 3)))
        size = palette.uniform(0.02, 0.09)
        marks.append(Mark(layout.RING, x, y, size, size, palette.vivid(), extra=0.006))
        marks.append(text(min(x + 0.06, aspect - 0.1), y + 0.03, 0.05, 0.016, 1, ink, palette.seed()))
    return Print(aspect, tuple(marks))


def rug(palette: Palette, aspect: float) -> Print:
    """A carpet: bands along the border, a mirrored field, a medallion."""
    ground, second = palette.vivid(), palette.vivid()
    marks = [fill(aspect, darker(ground, 0.8))]
    for inset, width in ((0.03, 0.012), (0.06, 0.03), (0.12, 0.01)):
        marks.append(border(aspect, inset, width, palette.vivid()))
    steps = int(palette.rng.integers(8, 14))
    for k in range(steps):
        for x, y in ((aspect * (k + 0.5) / steps, 0.075), (aspect * (k + 0.5) / steps, 0.925)):
            marks.append(bar(x, y, 0.02, 0.02, second, math.pi / 4))
    for _ in range(26):
        x, y, size = palette.uniform(0, 0.38) * aspect, palette.uniform(0, 0.34), palette.uniform(0.015, 0.055)
        colour, angle = palette.vivid(), palette.uniform(0, 3)
        shape = int(palette.rng.choice([layout.BAR, layout.RING, layout.ELLIPSE, layout.STAR]))
        extra = {layout.BAR: 0.0, layout.RING: 0.2 * size}.get(shape, 5.0)
        for sx, sy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            marks.append(
                Mark(shape, 0.5 * aspect + sx * x, 0.5 + sy * y, size, 0.7 * size, colour, sx * sy * angle, extra)
            )
    for k in range(4):
        size = 0.2 - 0.045 * k
        marks.append(Mark(layout.STAR, 0.5 * aspect, 0.5, size, size, palette.vivid(), 0.2 * k, 8.0 - 2 * (k % 2)))
    return Print(aspect, tuple(marks))


def label(palette: Palette, aspect: float) -> Print:
    """The side of a carton, a tin or a book cover."""
    ground, other = palette.vivid(), palette.vivid()
    marks = [fill(aspect, ground)]
    for _ in range(int(palette.rng.integers(1, 4))):
        marks.append(
            bar(0.5 * aspect, palette.uniform(0.05, 0.95), aspect, palette.uniform(0.01, 0.09), palette.vivid())
        )
    marks += scatter(palette, aspect, int(palette.rng.integers(2, 8)), 0.03, 0.16)
    y = palette.uniform(0.3, 0.75)
    marks.append(bar(0.5 * aspect, y, 0.42 * aspect, 0.13, other))
    ink = (0.05, 0.05, 0.08) if sum(other) > 1.4 else (0.95, 0.95, 0.9)
    marks.append(text(0.5 * aspect, y, 0.38 * aspect, 0.09, int(palette.rng.integers(1, 3)), ink, palette.seed()))
    marks.append(text(0.5 * aspect, 0.1, 0.38 * aspect, 0.06, 3, ink, palette.seed()))
    return Print(aspect, tuple(marks))


def spine(palette: Palette) -> Print:
    """The back of a book: bands and a title that runs along it."""
    ground = palette.vivid() if palette.rng.random() < 0.7 else palette.muted(0.2, 0.8)
    ink = (0.93, 0.88, 0.7) if sum(ground) < 1.5 else (0.1, 0.08, 0.12)
    aspect = 0.18
    marks = [fill(aspect, ground)]
    for y in (palette.uniform(0.08, 0.16), palette.uniform(0.82, 0.92)):
        marks.append(bar(0.5 * aspect, y, aspect, palette.uniform(0.008, 0.03), palette.vivid()))
    marks.append(text(0.5 * aspect, 0.5, 0.28, 0.055, 1, ink, palette.seed(), math.pi / 2))
    return Print(aspect, tuple(marks))


def sign(palette: Palette, aspect: float) -> Print:
    """A board over a shop: one word and an emblem."""
    ground = palette.vivid()
    ink = palette.grey(0.9, 1.0) if sum(ground) < 1.5 else palette.grey(0.02, 0.15)
    emblem = int(palette.rng.choice([layout.ELLIPSE, layout.STAR, layout.TRIANGLE, layout.RING]))
    extra = 0.05 if emblem == layout.RING else 5.0
    return Print(
        aspect,
        (
            fill(aspect, ground),
            border(aspect, 0.06, 0.05, ink),
            Mark(emblem, 0.6, 0.5, 0.26, 0.26, palette.vivid(), 0.3, extra),
            text(0.5 * aspect + 0.4, 0.5, 0.5 * aspect - 0.75, 0.33, 1, ink, palette.seed()),
        ),
    )


def clock(palette: Palette) -> Print:
    """A dial with ticks and hands."""
    ink = palette.grey(0.05, 0.2)
    marks = [fill(1.0, palette.grey(0.88, 0.98)), Mark(layout.RING, 0.5, 0.5, 0.46, 0.46, palette.vivid(), extra=0.03)]
    for hour in range(12):
        angle = math.pi * hour / 6
        x, y = 0.5 + 0.37 * math.sin(angle), 0.5 + 0.37 * math.cos(angle)
        marks.append(bar(x, y, 0.012, 0.06 if hour % 3 == 0 else 0.035, ink, -angle))
    for length, width in ((0.2, 0.022), (0.3, 0.014)):
        angle = palette.uniform(0, 6.28)
        marks.append(
            bar(
                0.5 + 0.4 * length * math.sin(angle),
                0.5 + 0.4 * length * math.cos(angle),
                width,
                0.6 * length,
                ink,
                -angle,
            )
        )
    return Print(1.0, tuple(marks))


def picture(palette: Palette, aspect: float) -> Print:
    """Something to hang on a wall."""
    kinds = (landscape, abstract, poster, page, chart)
    return kinds[int(palette.rng.choice(5, p=(0.28, 0.27, 0.25, 0.08, 0.12)))](palette, aspect)
