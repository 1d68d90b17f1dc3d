"""Light from a surface to the viewer: sharp light by shadow rays, baked light, highlights, one reflection."""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.appearance import sky_colour, surface_colour
from splatmatch.synthetic.kernels.charts import INDIRECT, TOTAL, baked_light, is_sheet
from splatmatch.synthetic.kernels.intersection import hit_primitive, surface
from splatmatch.synthetic.kernels.layout import (
    COLOUR_A,
    EMISSION,
    FAR,
    KIND,
    LIGHT_COLOUR,
    MATERIAL,
    ROUGHNESS,
    SPECULAR,
)
from splatmatch.synthetic.kernels.lighting import LIFT, around, light_sample
from splatmatch.synthetic.kernels.traversal import any_hit, closest_hit

UNUSED = -2
"""Shadow count of a light that is baked only."""


@kernel(__file__)
def reflected(
    px: float,
    py: float,
    pz: float,
    dx: float,
    dy: float,
    dz: float,
    width: float,
    nodes: Any,
    primitives: Any,
    heights: Any,
    materials: Any,
    marks: Any,
    sky: Any,
    light: Any,
) -> tuple[float, float, float]:
    """Radiance that arrives at p from unit direction d, by baked light alone; ``width`` is the footprint in radians."""
    t, i = closest_hit(px, py, pz, dx, dy, dz, FAR, -1, nodes, primitives, heights)
    if i < 0:
        r, g, b = sky_colour(dx, dy, dz, width, sky)
        return r, g, b
    face, s, v, size_s, size_t, nx, ny, nz = surface(i, px + t * dx, py + t * dy, pz + t * dz, primitives, heights)
    if nx * dx + ny * dy + nz * dz > 0.0 and is_sheet(primitives[i, KIND]):
        face = 1
    m = materials[int(primitives[i, MATERIAL])]
    r, g, b = surface_colour(i, face, s, v, size_s, size_t, t * width + 0.002, primitives, materials, marks)
    er, eg, eb = baked_light(i, face, s, v, TOTAL, primitives, light)
    glow = m[EMISSION]
    return (
        r * er + glow * m[COLOUR_A],
        g * eg + glow * m[COLOUR_A + 1],
        b * eb + glow * m[COLOUR_A + 2],
    )


@kernel(__file__)
def shade(
    i: int,
    t: float,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    angle: float,
    thinning: float,
    disk_x: float,
    disk_y: float,
    nodes: Any,
    primitives: Any,
    heights: Any,
    materials: Any,
    marks: Any,
    lights: Any,
    sky: Any,
    light: Any,
    shadows: Any,
    shadow_counts: Any,
    blockers: Any,
) -> tuple[float, float, float]:
    """Radiance towards o from primitive ``i`` at o + t d.

    ``angle`` is the footprint of the sample in radians; ``thinning`` the weight of its reflection, 0 = none;
    ``disk_x`` and ``disk_y`` the point of the unit disk that stands for the face of every light. ``shadows`` (L, P) and
    ``shadow_counts`` (L,) say what may shade this block from each light (count -1: walk the tree, UNUSED: no sharp
    light); ``blockers`` (L,) what shaded the last sample (-1: nothing).
    """
    px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / length, dy / length, dz / length
    face, s, v, size_s, size_t, nx, ny, nz = surface(i, px, py, pz, primitives, heights)
    facing = -(nx * dx + ny * dy + nz * dz)
    if facing < 0.0:
        nx, ny, nz, facing = -nx, -ny, -nz, -facing
        if is_sheet(primitives[i, KIND]):
            face = 1
    m = materials[int(primitives[i, MATERIAL])]
    width = angle * t * length / math.sqrt(max(facing, 0.05))
    r, g, b = surface_colour(i, face, s, v, size_s, size_t, width, primitives, materials, marks)
    er, eg, eb = baked_light(i, face, s, v, INDIRECT, primitives, light)
    specular, rough = m[SPECULAR], m[ROUGHNESS]
    metal = specular > 0.4
    power = 2.0 / (rough * rough * rough * rough + 1e-4)
    lift = LIFT * (1.0 + t)
    px, py, pz = px + lift * nx, py + lift * ny, pz + lift * nz
    gr, gg, gb = 0.0, 0.0, 0.0
    for lamp in range(len(lights)):
        if shadow_counts[lamp] == UNUSED:
            continue
        lx, ly, lz, distance, factor = light_sample(lights, lamp, px, py, pz, disk_x, disk_y)
        cosine = lx * nx + ly * ny + lz * nz
        if cosine <= 0.0:
            continue
        blocker = blockers[lamp]
        if blocker >= 0 and hit_primitive(blocker, px, py, pz, lx, ly, lz, distance - 1e-3, primitives, heights) == FAR:
            blocker = -1
        if blocker < 0:
            if shadow_counts[lamp] < 0:
                blocker = any_hit(px, py, pz, lx, ly, lz, distance - 1e-3, -1, nodes, primitives, heights)
            else:
                for at in range(shadow_counts[lamp]):
                    other = shadows[lamp, at]
                    if hit_primitive(other, px, py, pz, lx, ly, lz, distance - 1e-3, primitives, heights) < FAR:
                        blocker = other
                        break
        blockers[lamp] = blocker
        if blocker >= 0:
            continue
        cr = factor * cosine * lights[lamp, LIGHT_COLOUR]
        cg = factor * cosine * lights[lamp, LIGHT_COLOUR + 1]
        cb = factor * cosine * lights[lamp, LIGHT_COLOUR + 2]
        er, eg, eb = er + cr, eg + cg, eb + cb
        if specular > 0.0:
            hx, hy, hz = lx - dx, ly - dy, lz - dz
            along = (hx * nx + hy * ny + hz * nz) / math.sqrt(hx * hx + hy * hy + hz * hz)
            if power * (1.0 - along) < 9.0:  # beyond, the lobe is below one part in eight thousand
                lobe = 0.125 * (power + 8.0) * along**power
                gr, gg, gb = gr + lobe * cr, gg + lobe * cg, gb + lobe * cb
    shine = 0.0
    if specular > 0.0:
        shine = specular + (1.0 - specular) * (1.0 - rough) * (1.0 - facing) ** 5
        weight = 1.0 if metal else thinning
        if shine > 0.015 and weight > 0.0:
            rx, ry, rz = dx + 2.0 * facing * nx, dy + 2.0 * facing * ny, dz + 2.0 * facing * nz
            blur = 0.5 * rough * rough
            rx, ry, rz = around(rx, ry, rz, blur * disk_x, blur * disk_y)
            sr, sg, sb = reflected(
                px, py, pz, rx, ry, rz, angle + blur,
                nodes,
                primitives,
                heights,
                materials,
                marks,
                sky,
                light,
            )  # fmt: skip
            gr, gg, gb = specular * gr, specular * gg, specular * gb
            mirror = weight * shine
            gr, gg, gb = gr + mirror * sr, gg + mirror * sg, gb + mirror * sb
        else:
            gr, gg, gb = specular * gr, specular * gg, specular * gb
    if metal:
        return r * gr, g * gg, b * gb
    glow, keep = m[EMISSION], 1.0 - shine
    return (
        keep * r * er + gr + glow * m[COLOUR_A],
        keep * g * eg + gg + glow * m[COLOUR_A + 1],
        keep * b * eb + gb + glow * m[COLOUR_A + 2],
    )
