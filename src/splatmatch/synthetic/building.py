"""Putting a scene together: primitives in nested frames, then the packed tables."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splatmatch.synthetic.kernels import layout
from splatmatch.synthetic.materials import NUMBER_OF_PATTERN, Colour, Mark, Material, Sky, linear
from splatmatch.synthetic.scene import Guide, SceneKind, SyntheticScene
from splatmatch.synthetic.tree import build_tree

Vector = Sequence[float] | NDArray[np.float64]
TURNS = {"no": 0.0, "along": 1.0, "across": 2.0}


class SceneBuilder:
    """Collects primitives, materials and lights; ``finish`` packs them.

    Everything is placed in the current frame, which starts as the world (metres, +z up) and is moved by ``placed``.
    """

    def __init__(self, texel: float = 0.08) -> None:
        """``texel``: largest distance between samples of baked light, metres."""
        self.names: list[str] = []
        self._texel = texel
        self._frame: NDArray[np.float64] = np.eye(4)
        self._rows: list[NDArray[np.float64]] = []
        self._materials: dict[Material, int] = {}
        self._heights: list[NDArray[np.float64]] = []
        self._lights: list[NDArray[np.float64]] = []
        self._texels = 0

    @contextlib.contextmanager
    def placed(self, at: Vector, yaw: float = 0.0, rotation: NDArray[np.float64] | None = None) -> Iterator[None]:
        """A frame at ``at``, turned by ``yaw`` radians about z or by ``rotation`` (3, 3), inside the current one."""
        outer = self._frame
        inner = np.eye(4)
        inner[:3, :3] = turn_z(yaw) if rotation is None else rotation
        inner[:3, 3] = at
        self._frame = outer @ inner
        try:
            yield
        finally:
            self._frame = outer

    def thing(self, name: str) -> None:
        """Start a new instance: the primitives that follow belong to it."""
        self.names.append(name)

    def box(
        self, centre: Vector, size: Vector, material: Material, *, yaw: float = 0.0,
        rotation: NDArray[np.float64] | None = None, continuous: bool = False,
    ) -> None:  # fmt: skip
        """A box; a ``continuous`` one carries the pattern on from its neighbours in the same frame."""
        self._add(layout.BOX, centre, size, material, yaw, rotation, anchor=centre if continuous else None)

    def sheet(
        self, centre: Vector, size: Vector, material: Material, *, rotation: NDArray[np.float64],
        anchor: Vector | None = None, disc: bool = False,
    ) -> None:  # fmt: skip
        """A rectangle or elliptic disc of ``size`` (2,) whose local x, y, normal are the columns of ``rotation``.

        ``anchor`` (2,): where its centre lies in the pattern, so that neighbouring sheets join.
        """
        kind = layout.DISC if disc else layout.RECTANGLE
        place = None if anchor is None else (*anchor, 0.0)
        self._add(kind, centre, (size[0], size[1], 0.0), material, 0.0, rotation, anchor=place)

    def ball(self, centre: Vector, radii: Vector | float, material: Material, *, yaw: float = 0.0) -> None:
        """A sphere, or an ellipsoid of three radii."""
        sizes = (radii, radii, radii) if isinstance(radii, int | float) else radii
        self._add(layout.SPHERE, centre, [2.0 * size for size in sizes], material, yaw)

    def rod(
        self, start: Vector, end: Vector, radius: float, material: Material, *, top: float | None = None,
        open_ends: bool = False,
    ) -> None:  # fmt: skip
        """A cylinder from ``start`` to ``end``, of another radius ``top`` there if given (a cone frustum)."""
        a, b = np.array(start, dtype=float), np.array(end, dtype=float)
        length = float(np.linalg.norm(b - a))
        far_radius = radius if top is None else top
        wide = max(radius, far_radius)
        self._add(
            layout.CYLINDER, 0.5 * (a + b), (2 * wide, 2 * wide, length), material, 0.0,
            basis_along(b - a), radii=(radius / wide, far_radius / wide), caps=0.0 if open_ends else 1.0,
        )  # fmt: skip

    def lathe(self, base: Vector, profile: Sequence[tuple[float, float]], material: Material) -> None:
        """A turned body: frustums between (height, radius) pairs above ``base``, closed below and above."""
        x, y, z = base
        for (low, wide), (high, narrow) in pairwise(profile):
            self.rod((x, y, z + low), (x, y, z + high), max(wide, 1e-4), material, top=narrow)

    def heights(
        self, centre: Vector, size: Vector, grid: NDArray[np.float64], material: Material, *, yaw: float = 0.0,
        rotation: NDArray[np.float64] | None = None,
    ) -> None:  # fmt: skip
        """A displaced sheet of ``size`` (2,): ``grid`` (rows along local y, columns along local x) holds metres."""
        low, high = float(grid.min()), float(grid.max())
        half = max(0.5 * (high - low), 1e-4)
        turn = turn_z(yaw) if rotation is None else rotation
        middle = np.array(centre, dtype=float) + turn[:, 2] * 0.5 * (low + high)
        row = self._add(layout.HEIGHTS, middle, (size[0], size[1], 2 * half), material, 0.0, turn)
        row[layout.GRID] = sum(samples.size for samples in self._heights)
        row[layout.GRID_Y], row[layout.GRID_X] = grid.shape
        self._heights.append((grid - 0.5 * (low + high)) / half)

    def sun(self, direction: Vector, colour: Colour, irradiance: float, radius: float = 0.01) -> None:
        """Parallel light from unit ``direction`` (world frame), with the tangent of its radius."""
        self._light(layout.SUN, np.array(direction) / np.linalg.norm(direction), radius, colour, irradiance)

    def lamp(self, at: Vector, colour: Colour, strength: float, radius: float = 0.06) -> None:
        """A round lamp; ``strength`` is the irradiance at one metre."""
        self._light(layout.LAMP, self._point(at), radius, colour, strength)

    def panel(self, centre: Vector, half_u: Vector, half_v: Vector, colour: Colour, radiance: float) -> None:
        """A rectangle that shines towards half_u x half_v, soft enough to be baked: a window or a ceiling panel."""
        row = self._light(layout.PANEL, self._point(centre), 0.0, colour, radiance)
        row[layout.PANEL_U : layout.PANEL_U + 3] = self._frame[:3, :3] @ np.array(half_u)
        row[layout.PANEL_V : layout.PANEL_V + 3] = self._frame[:3, :3] @ np.array(half_v)

    def finish(self, kind: SceneKind, seed: int, sky: Sky, brightness: float, guide: Guide) -> SyntheticScene:
        """The scene, packed; what was built so far is left as it is."""
        rows = np.array(self._rows)
        world = rows[:, layout.WORLD : layout.WORLD + 12].reshape(-1, 3, 4)
        reach = np.abs(world[:, :, :3])
        flat = np.isin(rows[:, layout.KIND], (layout.RECTANGLE, layout.DISC))
        reach[flat, :, 2] = 0.0
        extent = reach.sum(2) + 1e-7
        tree = build_tree(world[:, :, 3] - extent, world[:, :, 3] + extent)
        marks: list[list[float]] = []
        materials = [self._pack(material, marks) for material in self._materials]
        return SyntheticScene(
            kind=kind,
            seed=seed,
            names=tuple(self.names),
            nodes=np.hstack([tree.boxes, tree.links.astype(np.float64)]),
            primitives=np.ascontiguousarray(rows[tree.order]),
            heights=np.concatenate([samples.ravel() for samples in self._heights]) if self._heights else np.zeros(1),
            materials=np.array(materials),
            marks=np.array(marks) if marks else np.zeros((1, layout.MARK_COLUMNS)),
            lights=np.array(self._lights).reshape(-1, layout.LIGHT_COLUMNS),
            sky=np.array([*linear(sky.zenith), *linear(sky.horizon), sky.clouds, sky.seed]),
            sky_light=sky.light,
            texels=self._texels,
            brightness=brightness,
            guide=guide,
        )

    def _point(self, at: Vector) -> NDArray[np.float64]:
        point: NDArray[np.float64] = self._frame[:3, :3] @ np.array(at, dtype=float) + self._frame[:3, 3]
        return point

    def _add(
        self, kind: int, centre: Vector, size: Vector, material: Material, yaw: float,
        rotation: NDArray[np.float64] | None = None, *, radii: tuple[float, float] = (1.0, 1.0), caps: float = 1.0,
        anchor: Vector | None = None,
    ) -> NDArray[np.float64]:  # fmt: skip
        if not self.names:
            self.thing("scene")
        half = 0.5 * np.array(size, dtype=float)
        scale = np.where(half > 0.0, half, 1.0)
        world = np.eye(4)
        world[:3, :3] = (turn_z(yaw) if rotation is None else rotation) * scale
        world[:3, 3] = centre
        world = self._frame @ world
        row = np.zeros(layout.PRIMITIVE_COLUMNS)
        row[layout.LOCAL : layout.LOCAL + 12] = np.linalg.inv(world)[:3].ravel()
        row[layout.WORLD : layout.WORLD + 12] = world[:3].ravel()
        row[layout.HALF_X], row[layout.HALF_Y], row[layout.HALF_Z] = half
        (row[layout.FOOT], row[layout.TOP]), row[layout.KIND], row[layout.CAPS] = radii, kind, caps
        row[layout.MATERIAL] = self._materials.setdefault(material, len(self._materials))
        row[layout.INSTANCE] = len(self.names) - 1
        if anchor is not None:
            row[layout.ANCHOR : layout.ANCHOR + 3] = anchor
        else:
            row[layout.VARIANT] = len(self._rows) + 1
        self._chart(row, kind, half)
        self._rows.append(row)
        return row

    def _chart(self, row: NDArray[np.float64], kind: int, half: NDArray[np.float64]) -> None:
        """Reserve the texels of a primitive: finer for small things."""
        texel = min(self._texel, max(0.015, 2.0 * float(half.max()) / 6.0))
        wide = 2.0 * half
        if kind == layout.CYLINDER:
            wide = np.array([math.pi * half[0] * (row[layout.FOOT] + row[layout.TOP]), 2.0 * half[1], 2.0 * half[2]])
        nx, ny, nz = (int(min(160, max(2, math.ceil(extent / texel)))) for extent in wide)
        row[layout.CHART : layout.CHART + 4] = self._texels, nx, ny, nz
        if kind in {layout.BOX, layout.SPHERE}:
            self._texels += 2 * (ny * nz + nx * nz + nx * ny)
        elif kind == layout.CYLINDER:
            self._texels += nx * nz + 2 * ny * ny
        else:
            self._texels += 2 * nx * ny

    def _light(
        self, kind: int, at: NDArray[np.float64], radius: float, colour: Colour, strength: float
    ) -> NDArray[np.float64]:
        row = np.zeros(layout.LIGHT_COLUMNS)
        row[layout.LIGHT_KIND], row[layout.LIGHT_RADIUS] = kind, radius
        row[layout.LIGHT_AT : layout.LIGHT_AT + 3] = at
        row[layout.LIGHT_COLOUR : layout.LIGHT_COLOUR + 3] = strength * np.array(linear(colour))
        self._lights.append(row)
        return row

    def _pack(self, material: Material, marks: list[list[float]]) -> NDArray[np.float64]:
        row = np.zeros(layout.MATERIAL_COLUMNS)
        row[layout.PATTERN] = NUMBER_OF_PATTERN[material.pattern]
        for column, colour in (
            (layout.COLOUR_A, material.a),
            (layout.COLOUR_B, material.b),
            (layout.COLOUR_C, material.c),
        ):
            row[column : column + 3] = linear(colour)
        row[layout.SCALE], row[layout.ASPECT], row[layout.CONTRAST] = material.scale, material.aspect, material.contrast
        row[layout.JOINT], row[layout.WEAR], row[layout.SEED] = material.joint, material.wear, material.seed
        row[layout.SPECULAR], row[layout.ROUGHNESS] = material.specular, material.roughness
        row[layout.EMISSION], row[layout.TURN] = material.emission, TURNS[material.turn]
        if material.print is not None:
            row[layout.MARKS], row[layout.MARK_COUNT] = len(marks), len(material.print.marks)
            marks.extend(pack_mark(mark) for mark in material.print.marks)
        return row


def pack_mark(mark: Mark) -> list[float]:
    """One row of the table of marks."""
    row = [0.0] * layout.MARK_COLUMNS
    row[layout.SHAPE], row[layout.MARK_X], row[layout.MARK_Y] = mark.shape, mark.x, mark.y
    row[layout.MARK_W], row[layout.MARK_H] = mark.half_width, mark.half_height
    row[layout.MARK_COS], row[layout.MARK_SIN] = math.cos(mark.angle), math.sin(mark.angle)
    reach = 1.15 * (math.hypot(mark.half_width, mark.half_height) + mark.extra * (mark.shape == layout.RING)) + 0.02
    row[layout.MARK_REACH] = math.inf if mark.shape == layout.HILLS else reach * reach
    row[layout.MARK_COLOUR : layout.MARK_COLOUR + 3] = linear(mark.colour)
    row[layout.MARK_EXTRA], row[layout.MARK_SEED] = mark.extra, mark.seed
    return row


def turn_z(yaw: float) -> NDArray[np.float64]:
    """Rotation (3, 3) by ``yaw`` radians about z."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def turn_x(pitch: float) -> NDArray[np.float64]:
    """Rotation (3, 3) by ``pitch`` radians about x."""
    c, s = math.cos(pitch), math.sin(pitch)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def upright(yaw: float) -> NDArray[np.float64]:
    """Frame of a sheet that stands upright and faces the direction ``yaw`` (0 = +x): x to its right, y up, z out."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([[-s, 0.0, c], [c, 0.0, s], [0.0, 1.0, 0.0]])


def basis_along(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some frame (3, 3) whose z axis is ``direction``; the identity for +z."""
    z = direction / np.linalg.norm(direction)
    x = np.cross(np.array([0.0, 1.0, 0.0]) if abs(z[1]) < 0.9 else np.array([1.0, 0.0, 0.0]), z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)
