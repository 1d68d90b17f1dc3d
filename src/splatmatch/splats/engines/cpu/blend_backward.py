"""Blending tiles back to front: gradients of each Gaussian's record, one slot per (Gaussian, tile).

With v = dL/d(log alpha) per pixel, the gradients of centre and inverse covariance need only the moments of v over the
footprint: dx is constant down a column, so rows sum v, v dy, v dy^2 in registers and the x-moments follow once per
tile. The transmittance before each Gaussian is recovered from the stored final T, and S is the gradient that reaches
what lies behind it: v = alpha (T s - S / (1 - alpha)), s = sum_c dL/dI_c f_c.
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
from splatmatch.splats.engines.cpu.blend import (
    FLOATS_PER_LINE,
    PIXELS,
    Footprint,
    Planes,
    aligned_start,
    header,
    prefetch_record,
    row_bits,
)

f4, i4, i8 = np.float32, np.int32, np.int64
HEAD, TILE = records.HEAD, records.TILE
AHEAD = 6


@intrinsic
def blend_gaussian_backward(
    typing: Any, state: Any, base: Any, rec: Any, at: Any, position: Any, left: Any, top: Any, rows: Any,
    channels: Any, gradient: Any, slot: Any,
) -> Any:  # fmt: skip
    """Gradient record of one Gaussian over the given rows of a tile, written to ``gradient[slot]``.

    State planes: C upstream gradients, then T, S, and the position of the last Gaussian blended.
    """
    count = channels.count
    signature = types.void(
        state, types.int64, rec, types.int64, types.float32, types.float32, types.float32, types.int64,
        channels, gradient, types.int64,
    )  # fmt: skip

    def generate(context: Any, builder: ir.IRBuilder, sig: Any, arguments: Any) -> Any:
        state_value, base_value, rec_value, at_value, position_value, left_value, top_value, rows_value = arguments[:8]
        floats = lanes.array_pointer(context, builder, sig.args[0], state_value)
        floats = builder.gep(floats, [base_value])
        array = context.make_array(sig.args[2])(context, builder, rec_value)
        width = builder.extract_value(array.shape, 1)
        record = builder.gep(array.data, [builder.mul(at_value, width)])
        footprint = Footprint(builder, record, left_value, top_value)
        position = lanes.broadcast(builder, position_value)
        values = [header(builder, record, HEAD + c) for c in range(count)]

        def blend_row(row: ir.Value, sums: list[lanes.Lanes]) -> list[lanes.Lanes]:
            planes = Planes(builder, floats, row)
            dy_scalar, _, reaches, raw = footprint.row(row)
            dy = lanes.broadcast(builder, dy_scalar)
            blended = builder.and_(reaches, planes.load(count + 2).compare(">=", position))
            alpha = raw.minimum(rules.ALPHA_MAX).where(blended, 0.0)
            inverse = (lanes.constant(builder, 1.0) - alpha).reciprocal()
            before = planes.load(count) * inverse
            planes.store(count, before)
            weight = alpha * before
            behind = planes.load(count + 1)
            upstream = [planes.load(c) for c in range(count)]
            s = lanes.constant(builder, 0.0)
            for gradient_c, value in zip(upstream, values, strict=True):
                s = s + gradient_c * value
            v = alpha * (before * s - behind * inverse)
            v = v.where(raw.compare("<=", rules.ALPHA_MAX), 0.0)
            planes.store(count + 1, behind + weight * s)
            v_dy = v * dy
            moments = [sums[0] + v, sums[1] + v_dy, sums[2] + v_dy * dy]
            return moments + [total + weight * g for total, g in zip(sums[3:], upstream, strict=True)]

        zero = lanes.constant(builder, 0.0)
        v, v_dy, v_dy2, *channel_sums = lanes.for_rows(builder, rows_value, [zero] * (3 + count), blend_row)
        dx = footprint.dx
        sums = [v, v * dx, v * dx * dx, v_dy, v_dy * dx, v_dy2, *channel_sums]
        gradients = context.make_array(sig.args[9])(context, builder, arguments[9])
        row_width = builder.extract_value(gradients.shape, 1)
        target = builder.gep(gradients.data, [builder.mul(arguments[10], row_width)])
        for start in range(0, len(sums), lanes.WIDTH):
            total = lanes.sum_lanes(sums[start : start + lanes.WIDTH])
            lanes.store(total, builder.gep(target, [ir.Constant(lanes.INT, start)]))
        return context.get_dummy_value()

    return signature, generate


@kernel(__file__, parallel=True)
def blend_tiles_backward(
    rec: Any, box: Any, member: Any, slot: Any, tile_start: Any, columns: Any, background: Any, channels: Any,
    final: Any, last: Any, image_gradient: Any, gradient: Any, background_gradient: Any,
) -> None:  # fmt: skip
    """Gradient records of all (Gaussian, tile) pairs.

    Shapes: as ``blend_tiles``; image_gradient (C + 1, H, W) with alpha last; filled: gradient (M, G) by slot: moments
    of v, then channel gradients; background_gradient (tiles, 3) float64 partial sums.
    """
    height, width = final.shape
    count, record_width = len(channels), gradient.shape[1]
    for tile in prange(tile_start.shape[0] - 1):
        x0, y0 = (tile % columns) * TILE, (tile // columns) * TILE
        rows, cols = min(TILE, height - y0), min(TILE, width - x0)
        state = np.zeros((count + 3) * PIXELS + FLOATS_PER_LINE, np.float32)
        base = aligned_start(state)
        through = base + count * PIXELS
        behind, latest = through + PIXELS, through + 2 * PIXELS
        for i in range(PIXELS):
            state[through + i] = f4(1)
            state[latest + i] = f4(-1)
        row_last = np.full(TILE, -1, np.int64)
        for r in range(rows):
            for c in range(cols):
                i, y, x = r * TILE + c, y0 + r, x0 + c
                for channel in range(count):
                    state[base + channel * PIXELS + i] = image_gradient[channel, y, x]
                rest_gradient = -image_gradient[count, y, x]
                for channel in range(background.shape[0]):
                    rest_gradient += image_gradient[channel, y, x] * background[channel]
                    background_gradient[tile, channel] += image_gradient[channel, y, x] * final[y, x]
                state[through + i] = final[y, x]
                state[behind + i] = rest_gradient * final[y, x]
                state[latest + i] = f4(last[y, x])
                row_last[r] = max(row_last[r], i8(last[y, x]))
        furthest = i8(-1)
        for r in range(rows):
            furthest = max(furthest, row_last[r])
        left, upper = f4(x0) + f4(0.5), f4(y0) + f4(0.5)
        start, stop = tile_start[tile], tile_start[tile + 1]
        for k in range(start + furthest + 1, stop):
            for q in range(record_width):
                gradient[slot[k], q] = f4(0)
        live = i8(0)
        for k in range(start + furthest, start - 1, -1):
            position = k - start
            if (start + furthest - k) & 7 == 0:
                live = i8(0)
                for r in range(rows):
                    if row_last[r] >= position - 7:
                        live |= i8(1) << i8(r)
            ahead = max(k - AHEAD, start)
            prefetch_record(rec, i8(member[ahead]))
            g = member[k]
            reached = row_bits(max(0, box[g, 2] - y0), min(rows - 1, box[g, 3] - y0)) & live
            blend_gaussian_backward(
                state, base, rec, i8(g), f4(position), left, upper, reached, channels, gradient, i8(slot[k])
            )
