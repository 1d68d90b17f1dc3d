"""Sixteen float32 lanes at a time: a thin arithmetic over LLVM vectors, for kernels that must vectorise.

Numba leaves vectorising to LLVM's optimiser, which gives up silently when it cannot prove that two buffers are distinct
or keep accumulators in registers. The blending kernels therefore emit ``<16 x float>`` values themselves, one per row
of a 16-pixel tile; LLVM lowers them to the registers of the machine (one AVX-512, two AVX2, four NEON). This file holds
the arithmetic, ``blend.py`` and ``blend_backward.py`` the algorithms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

WIDTH = 16
FAST = ("nsz", "arcp", "contract", "afn", "reassoc")
FLOAT = ir.FloatType()
INT = ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, WIDTH)


def _exp_coefficients() -> list[float]:
    """Degree-5 polynomial P with P(x / 8)^8 = exp(x) on [-5.6, 0], fitted to the relative error at Chebyshev nodes."""
    nodes = -0.35 + 0.35 * np.cos(np.pi * (np.arange(200) + 0.5) / 200)
    powers = np.vander(nodes, 6, increasing=True)
    scale = np.exp(-nodes)[:, None]
    solution = np.linalg.lstsq(powers[:, 1:] * scale, 1 - scale[:, 0], rcond=None)[0]  # P(0) = 1 exactly
    return [1.0, *solution.tolist()]


EXP = _exp_coefficients()


class Lanes:
    """A ``<16 x float>`` value under construction; arithmetic with numbers and scalars broadcasts them."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder = builder
        self.value = value

    def _lift(self, other: Lanes | float) -> ir.Value:
        return other.value if isinstance(other, Lanes) else constant(self.builder, other).value

    def _make(self, value: ir.Value) -> Lanes:
        return Lanes(self.builder, value)

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._make(self.builder.fadd(self.value, self._lift(other), flags=FAST))

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._make(self.builder.fsub(self.value, self._lift(other), flags=FAST))

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._make(self.builder.fmul(self.value, self._lift(other), flags=FAST))

    def __neg__(self) -> Lanes:
        return self._make(self.builder.fsub(constant(self.builder, -0.0).value, self.value, flags=FAST))

    def reciprocal(self) -> Lanes:
        """1 / self, correctly rounded division."""
        return self._make(self.builder.fdiv(constant(self.builder, 1.0).value, self.value, flags=FAST))

    def minimum(self, other: Lanes | float) -> Lanes:
        """Lane-wise minimum; lanes must not be NaN."""
        right = self._lift(other)
        return self._make(self.builder.select(self.builder.fcmp_ordered("<", self.value, right), self.value, right))

    def compare(self, operator: str, other: Lanes | float) -> ir.Value:
        """A ``<16 x i1>`` mask; false where a lane is NaN."""
        return self.builder.fcmp_ordered(operator, self.value, self._lift(other))

    def where(self, mask: ir.Value, other: Lanes | float) -> Lanes:
        """``self`` where the mask is set, else ``other``."""
        return self._make(self.builder.select(mask, self.value, self._lift(other)))

    def exp(self) -> Lanes:
        """Exponential of lanes in [-5.6, 0], relative error below 2e-6: a polynomial of x / 8, squared thrice."""
        y = self * 0.125
        p = y * EXP[5] + EXP[4]
        for coefficient in (EXP[3], EXP[2], EXP[1], EXP[0]):
            p = p * y + coefficient
        p = p * p
        p = p * p
        return p * p


def constant(builder: ir.IRBuilder, number: float) -> Lanes:
    """All lanes ``number``, rounded to float32."""
    return Lanes(builder, ir.Constant(VECTOR, [float(np.float32(number))] * WIDTH))


def iota(builder: ir.IRBuilder) -> Lanes:
    """Lanes 0, 1, ... 15."""
    return Lanes(builder, ir.Constant(VECTOR, [float(i) for i in range(WIDTH)]))


def broadcast(builder: ir.IRBuilder, scalar: ir.Value) -> Lanes:
    """All lanes the float32 value ``scalar``."""
    undefined = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return Lanes(builder, builder.shuffle_vector(first, undefined, zeros))


def load(builder: ir.IRBuilder, pointer: ir.Value) -> Lanes:
    """Sixteen floats from a float pointer."""
    return Lanes(builder, builder.load(builder.bitcast(pointer, VECTOR.as_pointer()), align=4))


def store(lanes: Lanes, pointer: ir.Value) -> None:
    """Sixteen floats to a float pointer."""
    builder = lanes.builder
    builder.store(lanes.value, builder.bitcast(pointer, VECTOR.as_pointer()), align=4)


def any_lane(builder: ir.IRBuilder, mask: ir.Value) -> ir.Value:
    """i1: at least one lane of a ``<16 x i1>`` mask is set."""
    bits = builder.bitcast(mask, ir.IntType(WIDTH))
    return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))


def prefetch(builder: ir.IRBuilder, pointer: ir.Value) -> None:
    """Ask for the cache line of ``pointer``; reading past an array is harmless."""
    int32 = ir.IntType(32)
    byte_pointer = ir.IntType(8).as_pointer()
    function_type = ir.FunctionType(ir.VoidType(), [byte_pointer, int32, int32, int32])
    function = builder.module.declare_intrinsic("llvm.prefetch", [byte_pointer], function_type)
    arguments = [ir.Constant(int32, value) for value in (0, 3, 1)]
    builder.call(function, [builder.bitcast(pointer, byte_pointer), *arguments])


def sum_lanes(vectors: Sequence[Lanes]) -> Lanes:
    """Lane i of the result is the sum over the lanes of ``vectors[i]``; up to 16 vectors, missing ones give 0.

    A transposing tree: fifteen shuffle pairs and additions in place of one reduction per vector.
    """
    builder = vectors[0].builder
    level: list[Lanes | None] = [*vectors, *[None] * (WIDTH - len(vectors))]
    for low, high in _SUM_PATTERNS:
        level = [
            _pair_sum(builder, level[i], level[i + 1], low, high) if level[i] is not None else None
            for i in range(0, len(level), 2)
        ]
    (total,) = level
    assert total is not None
    return total


def _pair_sum(builder: ir.IRBuilder, left: Lanes | None, right: Lanes | None, low: list[int], high: list[int]) -> Lanes:
    assert left is not None
    second = constant(builder, 0.0) if right is None else right
    masks = [ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), pattern) for pattern in (low, high)]
    parts = [Lanes(builder, builder.shuffle_vector(left.value, second.value, mask)) for mask in masks]
    return parts[0] + parts[1]


def _sum_patterns() -> list[tuple[list[int], list[int]]]:
    """Shuffles of the four levels, chosen to stay inside 128-bit groups on the first two.

    Level 1 leaves a b a b in each group of four lanes, level 2 a b c d; levels 3 and 4 add the four groups.
    """
    groups = range(0, WIDTH, 4)
    first = [g + o for g in groups for o in (0, 16, 1, 17)], [g + o for g in groups for o in (2, 18, 3, 19)]
    second = [g + o for g in groups for o in (0, 1, 16, 17)], [g + o for g in groups for o in (2, 3, 18, 19)]
    quads = [list(range(g, g + 4)) for g in range(0, 32, 4)]
    third = quads[0] + quads[1] + quads[4] + quads[5], quads[2] + quads[3] + quads[6] + quads[7]
    fourth = quads[0] + quads[2] + quads[4] + quads[6], quads[1] + quads[3] + quads[5] + quads[7]
    return [first, second, third, fourth]


_SUM_PATTERNS = _sum_patterns()


def for_rows(builder: ir.IRBuilder, rows: ir.Value, carried: Sequence[Lanes], body: RowBody) -> list[Lanes]:
    """Run ``body`` for each set bit of the i64 ``rows``, lowest first; ``carried`` values stay in registers.

    Args:
        builder: where to emit.
        rows: bit r set = visit row r.
        carried: values before the first row.
        body: emits one row from (row index as i64, carried values) and returns the carried values after it.
    """
    entry = builder.block
    head, inside, done = (builder.append_basic_block(name) for name in ("rows.head", "rows.body", "rows.done"))
    builder.branch(head)
    builder.position_at_end(head)
    mask = builder.phi(INT)
    mask.add_incoming(rows, entry)
    phis = []
    for lanes in carried:
        phi = builder.phi(VECTOR)
        phi.add_incoming(lanes.value, entry)
        phis.append(phi)
    builder.cbranch(builder.icmp_unsigned("!=", mask, ir.Constant(INT, 0)), inside, done)
    builder.position_at_end(inside)
    row = builder.cttz(mask, ir.Constant(ir.IntType(1), 1))
    rest = builder.and_(mask, builder.sub(mask, ir.Constant(INT, 1)))
    after = body(row, [Lanes(builder, phi) for phi in phis])
    last = builder.block
    mask.add_incoming(rest, last)
    for phi, lanes in zip(phis, after, strict=True):
        phi.add_incoming(lanes.value, last)
    builder.branch(head)
    builder.position_at_end(done)
    return [Lanes(builder, phi) for phi in phis]


RowBody = Callable[[ir.Value, list[Lanes]], list[Lanes]]


def array_pointer(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any) -> ir.Value:
    """Float pointer to the first element of a Numba array argument."""
    return context.make_array(array_type)(context, builder, array).data
