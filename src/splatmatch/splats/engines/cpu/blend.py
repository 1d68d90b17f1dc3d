"""Blending tiles front to back.

State of a tile: planes of 256 floats, one per pixel row by row. Planes 0..C-1 hold the blended channels, then T
(negative once the pixel has ended: its size is the final transmittance), then the position in the tile's list of the
last Gaussian blended (-1 = none), then, if asked for, the position of the selected one (median or first depth), and k
weights and k positions of the strongest.

The numbers of channels, of selected maps and of strongest Gaussians are lengths of empty-valued tuples, so that each
combination is one compiled kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic

from splatmatch.jobs.kernels import kernel
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.cpu import lanes, records

f4, i4, u8, i8 = np.float32, np.int32, np.uint64, np.int64
HEAD, TILE = records.HEAD, records.TILE
PIXELS = 256
FLOATS_PER_LINE = 16
AHEAD = 6
"""How many records ahead the blending loop prefetches."""


def header(builder: ir.IRBuilder, pointer: ir.Value, column: int) -> lanes.Lanes:
    """Column of the record at ``pointer``, in all lanes."""
    return lanes.broadcast(builder, builder.load(builder.gep(pointer, [ir.Constant(lanes.INT, column)])))


class Footprint:
    """One Gaussian over the rows of a tile: dx along the lanes, dy per row, alpha from both."""

    def __init__(self, builder: ir.IRBuilder, record: ir.Value, left: ir.Value, top: ir.Value) -> None:
        self.builder = builder
        scalars = [builder.load(builder.gep(record, [ir.Constant(lanes.INT, c)])) for c in range(7)]
        x, y, a, b, c, opacity, power_min = scalars
        flags = lanes.FAST
        self.dx = lanes.broadcast(builder, builder.fsub(x, left, flags=flags)) - lanes.iota(builder)
        self.y = builder.fsub(y, top, flags=flags)
        minus_half = ir.Constant(lanes.FLOAT, -0.5)
        self.b = b
        self.half_c = builder.fmul(minus_half, c, flags=flags)
        self.half_a_dx = lanes.broadcast(builder, builder.fmul(minus_half, a, flags=flags)) * self.dx
        self.opacity = lanes.broadcast(builder, opacity)
        self.power_min = lanes.broadcast(builder, power_min)

    def row(self, row: ir.Value) -> tuple[ir.Value, lanes.Lanes, ir.Value, lanes.Lanes]:
        """dy, power, the mask power >= power_min, and alpha before the clamp, of one row of pixels."""
        builder, flags = self.builder, lanes.FAST
        dy = builder.fsub(self.y, builder.sitofp(row, lanes.FLOAT), flags=flags)
        b_dy = lanes.broadcast(builder, builder.fneg(builder.fmul(self.b, dy, flags=flags)))
        c_dy2 = lanes.broadcast(builder, builder.fmul(builder.fmul(self.half_c, dy, flags=flags), dy, flags=flags))
        power = (self.half_a_dx + b_dy) * self.dx + c_dy2
        reaches = power.compare(">=", self.power_min)
        return dy, power, reaches, self.opacity * power.minimum(0.0).exp()


class Planes:
    """Pointers to one row of each state plane."""

    def __init__(self, builder: ir.IRBuilder, state: ir.Value, row: ir.Value) -> None:
        self.builder = builder
        self.base = builder.gep(state, [builder.mul(row, ir.Constant(lanes.INT, TILE))])

    def pointer(self, plane: int) -> ir.Value:
        """Float pointer to the row in ``plane``."""
        return self.builder.gep(self.base, [ir.Constant(lanes.INT, plane * PIXELS)])

    def load(self, plane: int) -> lanes.Lanes:
        """The row of ``plane``."""
        return lanes.load(self.builder, self.pointer(plane))

    def store(self, plane: int, value: lanes.Lanes) -> None:
        """Set the row of ``plane``."""
        lanes.store(value, self.pointer(plane))


@intrinsic
def blend_gaussian(
    typing: Any, state: Any, base: Any, rec: Any, at: Any, position: Any, left: Any, top: Any, rows: Any,
    tau: Any, channels: Any, selected: Any, strongest: Any,
) -> Any:  # fmt: skip
    """Blend the Gaussian of record ``rec[at]`` into the rows of a tile whose bits are set in ``rows``."""
    channel_count, top_k, mode = channels.count, strongest.count, selected.count
    signature = types.void(
        state, types.int64, rec, types.int64, types.float32, types.float32, types.float32, types.int64,
        types.float32, channels, selected, strongest,
    )  # fmt: skip

    def generate(context: Any, builder: ir.IRBuilder, sig: Any, arguments: Any) -> Any:
        state_value, base_value, rec_value, at_value, position_value, left_value, top_value, rows_value = arguments[:8]
        floats = lanes.array_pointer(context, builder, sig.args[0], state_value)
        floats = builder.gep(floats, [base_value])
        array = context.make_array(sig.args[2])(context, builder, rec_value)
        width = builder.extract_value(array.shape, 1)
        record = builder.gep(array.data, [builder.mul(at_value, width)])
        footprint = Footprint(builder, record, left_value, top_value)
        position_lanes = lanes.broadcast(builder, position_value)
        values = [header(builder, record, HEAD + c) for c in range(channel_count)]
        threshold = lanes.broadcast(builder, arguments[8])

        def blend_row(row: ir.Value, carried: list[lanes.Lanes]) -> list[lanes.Lanes]:
            planes = Planes(builder, floats, row)
            _, _, reaches, raw = footprint.row(row)
            before = planes.load(channel_count)
            alpha = raw.minimum(rules.ALPHA_MAX)
            after = before - before * alpha
            touched = builder.and_(reaches, before.compare(">", 0.0))
            stays = after.compare(">", rules.T_MIN)
            blended = builder.and_(touched, stays)
            weight = (alpha * before).where(blended, 0.0)
            ended = builder.and_(touched, builder.not_(stays))
            planes.store(channel_count, after.where(blended, (-before).where(ended, before)))
            planes.store(channel_count + 1, position_lanes.where(blended, planes.load(channel_count + 1)))
            for c, value in enumerate(values):
                planes.store(c, planes.load(c) + weight * value)
            plane = channel_count + 2
            if mode:
                chosen = planes.load(plane)
                met = after.compare("<", 0.5) if mode == 1 else alpha.compare(">=", threshold)
                fresh = builder.and_(builder.and_(blended, met), chosen.compare("<", 0.0))
                planes.store(plane, position_lanes.where(fresh, chosen))
                plane += 1
            passed, owner = weight, position_lanes
            for j in range(top_k):
                held, holder = planes.load(plane + j), planes.load(plane + top_k + j)
                stronger = passed.compare(">", held)
                planes.store(plane + j, passed.where(stronger, held))
                planes.store(plane + top_k + j, owner.where(stronger, holder))
                passed, owner = held.where(stronger, passed), holder.where(stronger, owner)
            return carried

        lanes.for_rows(builder, rows_value, [], blend_row)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def prefetch_record(typing: Any, rec: Any, at: Any) -> Any:
    """Ask for the cache lines of record ``rec[at]``."""
    signature = types.void(rec, types.int64)

    def generate(context: Any, builder: ir.IRBuilder, sig: Any, arguments: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, arguments[0])
        width = builder.extract_value(array.shape, 1)
        record = builder.gep(array.data, [builder.mul(arguments[1], width)])
        lanes.prefetch(builder, record)
        lanes.prefetch(builder, builder.gep(record, [ir.Constant(lanes.INT, FLOATS_PER_LINE - 1)]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def row_lives(typing: Any, state: Any, at: Any) -> Any:
    """True if any of the 16 values from ``state[at]`` is positive."""
    signature = types.boolean(state, types.int64)

    def generate(context: Any, builder: ir.IRBuilder, sig: Any, arguments: Any) -> Any:
        floats = lanes.array_pointer(context, builder, sig.args[0], arguments[0])
        row = lanes.load(builder, builder.gep(floats, [arguments[1]]))
        return lanes.any_lane(builder, row.compare(">", 0.0))

    return signature, generate


@kernel(__file__, inline=True)
def aligned_start(scratch: Any) -> Any:
    """First index of ``scratch`` that lies on a 64-byte line."""
    return i8((u8(64) - (u8(scratch.ctypes.data) & u8(63))) & u8(63)) >> 2


@kernel(__file__, inline=True)
def row_bits(first: Any, last: Any) -> Any:
    """Bits first..last set; none where last < first."""
    if last < first:
        return i8(0)
    return (i8(2) << i8(last)) - (i8(1) << i8(first))


@kernel(__file__, parallel=True)
def blend_tiles(
    rec: Any, box: Any, member: Any, tile_start: Any, columns: Any, background: Any, tau: Any,
    channels: Any, selected: Any, strongest: Any, image: Any, final: Any, last: Any, chosen: Any, top: Any, top_at: Any,
) -> None:  # fmt: skip
    """Blend all tiles.

    Shapes: rec (V, R) and box (V, 4) in depth order, member (M,), tile_start (tiles + 1,), background (3,) or (0,)
    added to the first three channels; filled: image (C + 1, H, W) with alpha last, final (H, W) transmittance, last
    (H, W) int32 position in the tile's list or -1, chosen (H, W) int32 sorted row or -1 (or (0, 0)), top and top_at
    (H, W, k).
    """
    height, width = final.shape
    count, top_k, mode = len(channels), len(strongest), len(selected)
    plane_count = count + 2 + min(mode, 1) + 2 * top_k
    for tile in prange(tile_start.shape[0] - 1):
        x0, y0 = (tile % columns) * TILE, (tile // columns) * TILE
        rows, cols = min(TILE, height - y0), min(TILE, width - x0)
        state = np.zeros(plane_count * PIXELS + FLOATS_PER_LINE, np.float32)
        base = aligned_start(state)
        through, latest, picked = base + count * PIXELS, base + (count + 1) * PIXELS, base + (count + 2) * PIXELS
        for i in range(PIXELS):
            state[through + i] = f4(1) if i & 15 < cols else f4(-1)
            state[latest + i] = f4(-1)
        if mode > 0:
            for i in range(PIXELS):
                state[picked + i] = f4(-1)
        left, upper = f4(x0) + f4(0.5), f4(y0) + f4(0.5)
        start, stop = tile_start[tile], tile_start[tile + 1]
        live = row_bits(0, rows - 1)
        for k in range(start, stop):
            ahead = min(k + AHEAD, stop - 1)
            prefetch_record(rec, i8(member[ahead]))
            g = member[k]
            reached = row_bits(max(0, box[g, 2] - y0), min(rows - 1, box[g, 3] - y0)) & live
            if reached != 0:
                blend_gaussian(
                    state, base, rec, i8(g), f4(k - start), left, upper, reached, tau, channels, selected, strongest
                )
            if (k - start) & 15 == 15:
                for r in range(rows):
                    if live & (i8(1) << i8(r)) != 0 and not row_lives(state, through + r * TILE):
                        live &= ~(i8(1) << i8(r))
                if live == 0:
                    break
        for r in range(rows):
            for c in range(cols):
                i, y, x = r * TILE + c, y0 + r, x0 + c
                rest = abs(state[through + i])
                final[y, x] = rest
                last[y, x] = i4(state[latest + i])
                image[count, y, x] = f4(1) - rest
                for channel in range(count):
                    image[channel, y, x] = state[base + channel * PIXELS + i]
                for channel in range(background.shape[0]):
                    image[channel, y, x] += rest * background[channel]
                if mode > 0:
                    at = i4(state[picked + i])
                    chosen[y, x] = member[start + at] if at >= 0 else i4(-1)
                strongest_at = picked + min(mode, 1) * PIXELS
                for j in range(top_k):
                    weight = state[strongest_at + j * PIXELS + i]
                    at = i4(state[strongest_at + (top_k + j) * PIXELS + i])
                    top[y, x, j] = weight
                    top_at[y, x, j] = member[start + at] if weight > f4(0) else i4(-1)
