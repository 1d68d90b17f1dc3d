"""Projection of Gaussians to records and boxes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange

from splatmatch.jobs.kernels import kernel
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.cpu import records
from splatmatch.splats.engines.cpu.harmonics import write_basis

f4, i4 = np.float32, np.int32
ZERO, HALF, ONE, TWO = f4(0), f4(0.5), f4(1), f4(2)
BLUR, ALPHA_MIN, NEAR = f4(rules.BLUR), f4(rules.ALPHA_MIN), rules.NEAR
FAR_OFF = f4(16)
BLOCK, HEAD = records.BLOCK, records.HEAD


@kernel(__file__, inline=True)
def rotation_entries(w: Any, x: Any, y: Any, z: Any) -> Any:
    """Row-major rotation matrix of a unit quaternion."""
    return (
        ONE - TWO * (y * y + z * z), TWO * (x * y - w * z), TWO * (x * z + w * y),
        TWO * (x * y + w * z), ONE - TWO * (x * x + z * z), TWO * (y * z - w * x),
        TWO * (x * z - w * y), TWO * (y * z + w * x), ONE - TWO * (x * x + y * y),
    )  # fmt: skip


@kernel(__file__, inline=True)
def clamped(value: Any, low: Any, high: Any) -> Any:
    """``value`` within low..high."""
    return min(high, max(low, value))


@kernel(__file__, parallel=True)
def project(
    means: Any, log_scales: Any, quaternions: Any, logits: Any, sh: Any, features: Any, offsets: Any,
    pose: Any, intrinsics: Any, limits: Any, size: Any, layout: Any, antialiased: Any, rec: Any, box: Any, depth: Any,
    radii: Any,
) -> None:  # fmt: skip
    """Fill the records, boxes and depths of all Gaussians.

    Shapes: means (N, 3), log_scales (N, 3), quaternions (N, 4), logits (N,), sh (N, K, 3), features (N, F), offsets
    (N, 2) or (0, 2), pose (3, 4) float64 camera from world, intrinsics (4,) float64, limits (4,) float32 of
    ``jacobian_limits``, size (width, height), layout (rgb, z, normal, distance, features) channel starts or -1,
    rec (N, HEAD + C), box (N, 4) int32, depth (N,) float32, radii (N,) float32 (0 = culled).
    """
    n, terms, width, height = means.shape[0], sh.shape[1], size[0], size[1]
    rgb_at, z_at, normal_at, distance_at, features_at = layout
    fx, fy = f4(intrinsics[0]), f4(intrinsics[1])
    v00, v01, v02 = f4(pose[0, 0]), f4(pose[0, 1]), f4(pose[0, 2])
    v10, v11, v12 = f4(pose[1, 0]), f4(pose[1, 1]), f4(pose[1, 2])
    v20, v21, v22 = f4(pose[2, 0]), f4(pose[2, 1]), f4(pose[2, 2])
    eye_x = -(pose[0, 0] * pose[0, 3] + pose[1, 0] * pose[1, 3] + pose[2, 0] * pose[2, 3])
    eye_y = -(pose[0, 1] * pose[0, 3] + pose[1, 1] * pose[1, 3] + pose[2, 1] * pose[2, 3])
    eye_z = -(pose[0, 2] * pose[0, 3] + pose[1, 2] * pose[1, 3] + pose[2, 2] * pose[2, 3])
    for block in prange((n + BLOCK - 1) // BLOCK):
        basis = np.empty(16, np.float32)
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            box[i, 0] = -1
            radii[i] = ZERO
            m0, m1, m2 = means[i, 0], means[i, 1], means[i, 2]
            zd = pose[2, 0] * m0 + pose[2, 1] * m1 + pose[2, 2] * m2 + pose[2, 3]
            if not zd > NEAR:
                continue
            xd = pose[0, 0] * m0 + pose[0, 1] * m1 + pose[0, 2] * m2 + pose[0, 3]
            yd = pose[1, 0] * m0 + pose[1, 1] * m1 + pose[1, 2] * m2 + pose[1, 3]
            u = intrinsics[0] * xd / zd + intrinsics[2]
            v = intrinsics[1] * yd / zd + intrinsics[3]
            if offsets.shape[0] > 0:
                u += offsets[i, 0]
                v += offsets[i, 1]
            s0, s1, s2 = math.exp(log_scales[i, 0]), math.exp(log_scales[i, 1]), math.exp(log_scales[i, 2])
            x, y, z = f4(xd), f4(yd), f4(zd)
            iz = ONE / z
            reach = FAR_OFF * max(s0, max(s1, s2)) * max(fx, fy) * iz + FAR_OFF
            if not (u > -reach and u < width + reach and v > -reach and v < height + reach):
                continue
            opacity = ONE / (ONE + math.exp(-logits[i]))
            q0, q1, q2, q3 = quaternions[i, 0], quaternions[i, 1], quaternions[i, 2], quaternions[i, 3]
            iq = ONE / math.sqrt(q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
            r0, r1, r2, r3, r4, r5, r6, r7, r8 = rotation_entries(q0 * iq, q1 * iq, q2 * iq, q3 * iq)
            tx, ty = clamped(x * iz, limits[0], limits[1]), clamped(y * iz, limits[2], limits[3])
            jx, jxz, jy, jyz = fx * iz, -fx * tx * iz, fy * iz, -fy * ty * iz
            a0, a1, a2 = jx * v00 + jxz * v20, jx * v01 + jxz * v21, jx * v02 + jxz * v22
            b0, b1, b2 = jy * v10 + jyz * v20, jy * v11 + jyz * v21, jy * v12 + jyz * v22
            p0, q_0 = (a0 * r0 + a1 * r3 + a2 * r6) * s0, (b0 * r0 + b1 * r3 + b2 * r6) * s0
            p1, q_1 = (a0 * r1 + a1 * r4 + a2 * r7) * s1, (b0 * r1 + b1 * r4 + b2 * r7) * s1
            p2, q_2 = (a0 * r2 + a1 * r5 + a2 * r8) * s2, (b0 * r2 + b1 * r5 + b2 * r8) * s2
            xx = p0 * p0 + p1 * p1 + p2 * p2 + BLUR
            xy = p0 * q_0 + p1 * q_1 + p2 * q_2
            yy = q_0 * q_0 + q_1 * q_1 + q_2 * q_2 + BLUR
            c0, c1, c2 = p1 * q_2 - p2 * q_1, p2 * q_0 - p0 * q_2, p0 * q_1 - p1 * q_0
            minors = c0 * c0 + c1 * c1 + c2 * c2
            determinant = minors + BLUR * (xx + yy) - BLUR * BLUR
            if antialiased:
                opacity = opacity * math.sqrt(minors / determinant)
            if not opacity >= ALPHA_MIN:
                continue
            power = f4(math.log(f4(255) * opacity))
            hx, hy = math.sqrt(TWO * power * xx), math.sqrt(TWO * power * yy)
            x0, x1 = max(math.ceil(u - hx - 0.5), 0.0), min(math.floor(u + hx - 0.5), width - 1.0)
            y0, y1 = max(math.ceil(v - hy - 0.5), 0.0), min(math.floor(v + hy - 0.5), height - 1.0)
            if not (x0 <= x1 and y0 <= y1):
                continue
            box[i, 0], box[i, 1], box[i, 2], box[i, 3] = i4(x0), i4(x1), i4(y0), i4(y1)
            depth[i] = z
            radii[i] = max(hx, hy)
            inverse = ONE / determinant
            rec[i, 0], rec[i, 1] = f4(u), f4(v)
            rec[i, 2], rec[i, 3], rec[i, 4] = yy * inverse, -xy * inverse, xx * inverse
            rec[i, 5], rec[i, 6], rec[i, 7], rec[i, 8] = opacity, -power, hx, hy
            if rgb_at >= 0:
                dx, dy, dz = f4(m0 - eye_x), f4(m1 - eye_y), f4(m2 - eye_z)
                il = ONE / math.sqrt(dx * dx + dy * dy + dz * dz)
                write_basis(dx * il, dy * il, dz * il, terms, basis)
                for c in range(3):
                    value = HALF
                    for k in range(terms):
                        value += basis[k] * sh[i, k, c]
                    rec[i, HEAD + rgb_at + c] = max(value, ZERO)
            if z_at >= 0:
                rec[i, HEAD + z_at] = z
            if normal_at >= 0:
                if s0 <= s1 and s0 <= s2:
                    n0, n1, n2 = r0, r3, r6
                elif s1 <= s2:
                    n0, n1, n2 = r1, r4, r7
                else:
                    n0, n1, n2 = r2, r5, r8
                nx = v00 * n0 + v01 * n1 + v02 * n2
                ny = v10 * n0 + v11 * n1 + v12 * n2
                nz = v20 * n0 + v21 * n1 + v22 * n2
                distance = nx * x + ny * y + nz * z
                sign = -ONE if distance > ZERO else ONE
                rec[i, HEAD + normal_at] = sign * nx
                rec[i, HEAD + normal_at + 1] = sign * ny
                rec[i, HEAD + normal_at + 2] = sign * nz
                if distance_at >= 0:
                    rec[i, HEAD + distance_at] = sign * distance
            if features_at >= 0:
                for c in range(features.shape[1]):
                    rec[i, HEAD + features_at + c] = features[i, c]
