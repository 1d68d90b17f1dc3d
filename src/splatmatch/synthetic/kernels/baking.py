"""Baked light: irradiance from panels, sky and surfaces (two bounces) at the texels of every primitive.

Bouncing light changes slowly over a surface, so it is computed once per scene at a few centimetres' distance; sharp
light (sun and lamps) is cast again for every sample of a picture.
"""

from __future__ import annotations

from typing import Any

import numba

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.appearance import sky_colour, surface_colour
from splatmatch.synthetic.kernels.charts import chart, is_sheet, place_in_world, texel_place
from splatmatch.synthetic.kernels.intersection import surface
from splatmatch.synthetic.kernels.layout import (
    COLOUR_A,
    EMISSION,
    FAR,
    KIND,
    LIGHT_COLOUR,
    LIGHT_KIND,
    MATERIAL,
    PANEL,
)
from splatmatch.synthetic.kernels.lighting import LIFT, cosine_direction, disk_point, light_sample, panel_sample
from splatmatch.synthetic.kernels.traversal import any_hit, closest_hit

FAINT = 0.3
"""Shining surfaces light others no more than this: what shines more stands for a lamp, which is counted already."""


@kernel(__file__)
def _direct(
    texel: int,
    i: int,
    nodes: Any,
    primitives: Any,
    heights: Any,
    materials: Any,
    marks: Any,
    lights: Any,
    panel_samples: int,
    lamp_samples: int,
    frames: Any,
    glow: Any,
    panels: Any,
    direct: Any,
) -> None:
    """One texel of primitive ``i`` for ``bake_direct``."""
    face, s, t = texel_place(texel, i, primitives)
    px, py, pz = place_in_world(i, face, s, t, primitives, heights)
    _, _, _, size_s, size_t, nx, ny, nz = surface(i, px, py, pz, primitives, heights)
    if face == 1 and is_sheet(primitives[i, KIND]):
        nx, ny, nz = -nx, -ny, -nz
    px, py, pz = px + LIFT * nx, py + LIFT * ny, pz + LIFT * nz
    frames[texel, 0], frames[texel, 1], frames[texel, 2] = px, py, pz
    frames[texel, 3], frames[texel, 4], frames[texel, 5] = nx, ny, nz
    m = materials[int(primitives[i, MATERIAL])]
    _, width, _ = chart(i, face, primitives)
    r, g, b = surface_colour(i, face, s, t, size_s, size_t, size_s / width, primitives, materials, marks)
    glow[texel, 0], glow[texel, 1], glow[texel, 2] = r, g, b
    for c in range(3):
        glow[texel, 3 + c] = min(FAINT, m[EMISSION]) * m[COLOUR_A + c]
        panels[texel, c] = 0.0
        direct[texel, c] = 0.0
    for light in range(len(lights)):
        panel = lights[light, LIGHT_KIND] == PANEL
        samples = panel_samples if panel else lamp_samples
        total = 0.0
        for k in range(samples):
            if panel:
                dx, dy, dz, distance, factor = panel_sample(lights, light, px, py, pz, k, samples)
            else:
                x, y = disk_point(k, samples)
                dx, dy, dz, distance, factor = light_sample(lights, light, px, py, pz, x, y)
            facing = dx * nx + dy * ny + dz * nz
            if facing <= 0.0 or factor <= 0.0:
                continue
            blocker = any_hit(px, py, pz, dx, dy, dz, distance - 1e-3, -1, nodes, primitives, heights)
            if blocker < 0:
                total += facing * factor / samples
        for c in range(3):
            if panel:
                panels[texel, c] += total * lights[light, LIGHT_COLOUR + c]
            else:
                direct[texel, c] += total * lights[light, LIGHT_COLOUR + c]


@kernel(__file__, parallel=True)
def bake_direct(
    owners: Any,
    nodes: Any,
    primitives: Any,
    heights: Any,
    materials: Any,
    marks: Any,
    lights: Any,
    panel_samples: int,
    lamp_samples: int,
    frames: Any,
    glow: Any,
    panels: Any,
    direct: Any,
) -> None:
    """First pass, per texel: place and normal (T, 6), albedo and emission (T, 4), light of panels and of the rest.

    ``owners`` (T,) is the primitive of each texel; the last four arguments, (T, 6), (T, 6), (T, 3), (T, 3), are filled.
    """
    for texel in numba.prange(len(owners)):
        _direct(
            texel, owners[texel], nodes, primitives, heights, materials, marks, lights, panel_samples, lamp_samples,
            frames, glow, panels, direct,
        )  # fmt: skip


@kernel(__file__)
def _gather(
    texel: int,
    frames: Any,
    radiosity: Any,
    sky: Any,
    sky_light: float,
    rays: int,
    nodes: Any,
    primitives: Any,
    heights: Any,
) -> tuple[float, float, float]:
    """Mean radiance that one texel receives over its hemisphere."""
    px, py, pz = frames[texel, 0], frames[texel, 1], frames[texel, 2]
    nx, ny, nz = frames[texel, 3], frames[texel, 4], frames[texel, 5]
    r, g, b = 0.0, 0.0, 0.0
    for k in range(rays):
        dx, dy, dz = cosine_direction(nx, ny, nz, k, rays)
        t, i = closest_hit(px, py, pz, dx, dy, dz, FAR, -1, nodes, primitives, heights)
        if i < 0:
            sr, sg, sb = sky_colour(dx, dy, dz, 1.0, sky)
            r, g, b = r + sky_light * sr, g + sky_light * sg, b + sky_light * sb
            continue
        face, s, v, _, _, ax, ay, az = surface(i, px + t * dx, py + t * dy, pz + t * dz, primitives, heights)
        if is_sheet(primitives[i, KIND]) and ax * dx + ay * dy + az * dz > 0.0:
            face = 1
        first, width, height = chart(i, face, primitives)
        column, row = min(width - 1, max(0, int(s * width))), min(height - 1, max(0, int(v * height)))
        at = first + row * width + column
        r, g, b = r + radiosity[at, 0], g + radiosity[at, 1], b + radiosity[at, 2]
    return r / rays, g / rays, b / rays


@kernel(__file__, parallel=True)
def bake_bounce(
    frames: Any,
    radiosity: Any,
    panels: Any,
    sky: Any,
    sky_light: float,
    rays: int,
    nodes: Any,
    primitives: Any,
    heights: Any,
    indirect: Any,
) -> None:
    """One gathering of light: fills ``indirect`` (T, 3) from ``panels``, the sky and the last ``radiosity`` (T, 3)."""
    for texel in numba.prange(len(frames)):
        r, g, b = _gather(texel, frames, radiosity, sky, sky_light, rays, nodes, primitives, heights)
        indirect[texel, 0] = panels[texel, 0] + r
        indirect[texel, 1] = panels[texel, 1] + g
        indirect[texel, 2] = panels[texel, 2] + b
