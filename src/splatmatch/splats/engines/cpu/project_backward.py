"""From gradient records to gradients of the Gaussians' parameters and of the camera pose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange

from splatmatch.jobs.kernels import kernel
from splatmatch.splats.engines import rules
from splatmatch.splats.engines.cpu import records
from splatmatch.splats.engines.cpu.harmonics import basis_pullback, write_basis
from splatmatch.splats.engines.cpu.project import clamped, rotation_entries

f4 = np.float32
ZERO, HALF, ONE, TWO = f4(0), f4(0.5), f4(1), f4(2)
BLUR = f4(rules.BLUR)
BLOCK, HEAD, MOMENTS = records.BLOCK, records.HEAD, records.MOMENTS


@kernel(__file__)
def scatter_depth(order: Any, chosen: Any, gradient: Any, z_gradient: Any) -> None:
    """Add each pixel's depth gradient to the Gaussian it selected, in pixel order.

    Shapes: order (V,), chosen (H, W) sorted rows or -1, gradient (H, W), z_gradient (N,) added to.
    """
    for y in range(chosen.shape[0]):
        for x in range(chosen.shape[1]):
            if chosen[y, x] >= 0:
                z_gradient[order[chosen[y, x]]] += gradient[y, x]


@kernel(__file__, parallel=True)
def project_backward(
    means: Any, log_scales: Any, quaternions: Any, logits: Any, sh: Any, pose: Any, intrinsics: Any, limits: Any,
    layout: Any, antialiased: Any, rec: Any, first_slot: Any, gradient: Any, z_gradient: Any,
    g_means: Any, g_scales: Any, g_quaternions: Any, g_logits: Any, g_sh: Any, g_features: Any, g_offsets: Any,
    g_pose: Any,
) -> None:  # fmt: skip
    """Chain gradient records through the projection; every output row is written, culled Gaussians get zeros.

    Shapes: inputs as ``project``; first_slot (N + 1,), gradient (M, G) by slot; z_gradient (N,) or (0,); outputs like
    their inputs, g_offsets (N, 2) or (0, 2), g_pose (blocks, 6) float64 partial sums of the left tangent
    (translation, rotation), or (0, 6).
    """
    n, terms = means.shape[0], sh.shape[1]
    rgb_at, z_at, normal_at, distance_at, features_at = layout
    fx, fy = f4(intrinsics[0]), f4(intrinsics[1])
    v00, v01, v02 = f4(pose[0, 0]), f4(pose[0, 1]), f4(pose[0, 2])
    v10, v11, v12 = f4(pose[1, 0]), f4(pose[1, 1]), f4(pose[1, 2])
    v20, v21, v22 = f4(pose[2, 0]), f4(pose[2, 1]), f4(pose[2, 2])
    eye_x = -(pose[0, 0] * pose[0, 3] + pose[1, 0] * pose[1, 3] + pose[2, 0] * pose[2, 3])
    eye_y = -(pose[0, 1] * pose[0, 3] + pose[1, 1] * pose[1, 3] + pose[2, 1] * pose[2, 3])
    eye_z = -(pose[0, 2] * pose[0, 3] + pose[1, 2] * pose[1, 3] + pose[2, 2] * pose[2, 3])
    used = MOMENTS + (rec.shape[1] - HEAD)
    with_pose, with_offsets = g_pose.shape[0] > 0, g_offsets.shape[0] > 0
    for block in prange((n + BLOCK - 1) // BLOCK):
        total = np.empty(gradient.shape[1], np.float32)
        basis, basis_gradient = np.empty(16, np.float32), np.empty(16, np.float32)
        turn = np.empty(9, np.float32)
        twist = np.zeros(6, np.float64)
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            begin, end = first_slot[i], first_slot[i + 1]
            if begin == end:
                for k in range(3):
                    g_means[i, k] = ZERO
                    g_scales[i, k] = ZERO
                for k in range(4):
                    g_quaternions[i, k] = ZERO
                g_logits[i] = ZERO
                for k in range(terms):
                    for c in range(3):
                        g_sh[i, k, c] = ZERO
                for c in range(g_features.shape[1]):
                    g_features[i, c] = ZERO
                if with_offsets:
                    g_offsets[i, 0] = ZERO
                    g_offsets[i, 1] = ZERO
                continue
            for c in range(used):
                total[c] = gradient[begin, c]
            for slot in range(begin + 1, end):
                for c in range(used):
                    total[c] += gradient[slot, c]

            xd = pose[0, 0] * means[i, 0] + pose[0, 1] * means[i, 1] + pose[0, 2] * means[i, 2] + pose[0, 3]
            yd = pose[1, 0] * means[i, 0] + pose[1, 1] * means[i, 1] + pose[1, 2] * means[i, 2] + pose[1, 3]
            zd = pose[2, 0] * means[i, 0] + pose[2, 1] * means[i, 1] + pose[2, 2] * means[i, 2] + pose[2, 3]
            x, y, z = f4(xd), f4(yd), f4(zd)
            iz = ONE / z
            s0, s1, s2 = math.exp(log_scales[i, 0]), math.exp(log_scales[i, 1]), math.exp(log_scales[i, 2])
            w, qx, qy, qz = quaternions[i, 0], quaternions[i, 1], quaternions[i, 2], quaternions[i, 3]
            iq = ONE / math.sqrt(w * w + qx * qx + qy * qy + qz * qz)
            w, qx, qy, qz = w * iq, qx * iq, qy * iq, qz * iq
            r0, r1, r2, r3, r4, r5, r6, r7, r8 = rotation_entries(w, qx, qy, qz)
            tx, ty = clamped(x * iz, limits[0], limits[1]), clamped(y * iz, limits[2], limits[3])
            jx, jxz, jy, jyz = fx * iz, -fx * tx * iz, fy * iz, -fy * ty * iz
            a0, a1, a2 = jx * v00 + jxz * v20, jx * v01 + jxz * v21, jx * v02 + jxz * v22
            b0, b1, b2 = jy * v10 + jyz * v20, jy * v11 + jyz * v21, jy * v12 + jyz * v22
            u0, u1, u2 = a0 * r0 + a1 * r3 + a2 * r6, a0 * r1 + a1 * r4 + a2 * r7, a0 * r2 + a1 * r5 + a2 * r8
            t0, t1, t2 = b0 * r0 + b1 * r3 + b2 * r6, b0 * r1 + b1 * r4 + b2 * r7, b0 * r2 + b1 * r5 + b2 * r8
            p0, p1, p2, o0, o1, o2 = u0 * s0, u1 * s1, u2 * s2, t0 * s0, t1 * s1, t2 * s2

            # Inverse covariance (a, b, c) and its gradient from the moments: power = -(a dx^2 + 2 b dx dy + c dy^2) /
            # 2.
            a, b, c_ = rec[i, 2], rec[i, 3], rec[i, 4]
            gu = -(a * total[1] + b * total[3])
            gv = -(c_ * total[3] + b * total[1])
            ga, gb, gc = -HALF * total[2], -HALF * total[4], -HALF * total[5]  # gb: half of dL/db, of each off-diagonal
            # dL/dC = -C^-1 G C^-1 with G = [[ga, gb], [gb, gc]].
            h00, h01 = a * ga + b * gb, a * gb + b * gc
            h10, h11 = b * ga + c_ * gb, b * gb + c_ * gc
            g_xx, g_xy, g_yy = -(h00 * a + h01 * b), -(h00 * b + h01 * c_), -(h10 * b + h11 * c_)

            # Opacity: v = dL/d(log alpha) = dL/d(log o).
            log_opacity = total[0]
            g_logits[i] = log_opacity / (ONE + math.exp(logits[i]))
            if antialiased:
                # log o' = log o + (log m - log(m + BLUR (xx + yy) - BLUR^2)) / 2, m = |p x o|^2, xx yy blurred.
                n0, n1, n2 = p1 * o2 - p2 * o1, p2 * o0 - p0 * o2, p0 * o1 - p1 * o0
                minors = n0 * n0 + n1 * n1 + n2 * n2
                trace = p0 * p0 + p1 * p1 + p2 * p2 + o0 * o0 + o1 * o1 + o2 * o2
                determinant = minors + BLUR * trace + BLUR * BLUR
                g_minors = HALF * log_opacity * (ONE / max(minors, f4(1e-30)) - ONE / determinant)
                g_trace = -HALF * log_opacity * BLUR / determinant
                two_g = TWO * g_minors
                gp0 = two_g * (n2 * o1 - n1 * o2) + TWO * g_trace * p0
                gp1 = two_g * (n0 * o2 - n2 * o0) + TWO * g_trace * p1
                gp2 = two_g * (n1 * o0 - n0 * o1) + TWO * g_trace * p2
                go0 = two_g * (n1 * p2 - n2 * p1) + TWO * g_trace * o0
                go1 = two_g * (n2 * p0 - n0 * p2) + TWO * g_trace * o1
                go2 = two_g * (n0 * p1 - n1 * p0) + TWO * g_trace * o2
            else:
                gp0, gp1, gp2, go0, go1, go2 = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
            # C = M M^T, M = [p; o].
            gp0 += TWO * (g_xx * p0 + g_xy * o0)
            gp1 += TWO * (g_xx * p1 + g_xy * o1)
            gp2 += TWO * (g_xx * p2 + g_xy * o2)
            go0 += TWO * (g_yy * o0 + g_xy * p0)
            go1 += TWO * (g_yy * o1 + g_xy * p1)
            go2 += TWO * (g_yy * o2 + g_xy * p2)
            g_scales[i, 0] = gp0 * p0 + go0 * o0
            g_scales[i, 1] = gp1 * p1 + go1 * o1
            g_scales[i, 2] = gp2 * p2 + go2 * o2
            gp0, gp1, gp2, go0, go1, go2 = gp0 * s0, gp1 * s1, gp2 * s2, go0 * s0, go1 * s1, go2 * s2
            turn[0], turn[1], turn[2] = gp0 * a0 + go0 * b0, gp1 * a0 + go1 * b0, gp2 * a0 + go2 * b0
            turn[3], turn[4], turn[5] = gp0 * a1 + go0 * b1, gp1 * a1 + go1 * b1, gp2 * a1 + go2 * b1
            turn[6], turn[7], turn[8] = gp0 * a2 + go0 * b2, gp1 * a2 + go1 * b2, gp2 * a2 + go2 * b2
            ga0, ga1, ga2 = (
                gp0 * r0 + gp1 * r1 + gp2 * r2,
                gp0 * r3 + gp1 * r4 + gp2 * r5,
                gp0 * r6 + gp1 * r7 + gp2 * r8,
            )
            gb0, gb1, gb2 = (
                go0 * r0 + go1 * r1 + go2 * r2,
                go0 * r3 + go1 * r4 + go2 * r5,
                go0 * r6 + go1 * r7 + go2 * r8,
            )

            # a = jx V0 + jxz V2, b = jy V1 + jyz V2.
            g_jx = ga0 * v00 + ga1 * v01 + ga2 * v02
            g_jxz = ga0 * v20 + ga1 * v21 + ga2 * v22
            g_jy = gb0 * v10 + gb1 * v11 + gb2 * v12
            g_jyz = gb0 * v20 + gb1 * v21 + gb2 * v22
            iz2 = iz * iz
            gx, gy = gu * fx * iz, gv * fy * iz
            gz = -(gu * fx * x + gv * fy * y) * iz2 - (g_jx * fx + g_jy * fy - g_jxz * fx * tx - g_jyz * fy * ty) * iz2
            if limits[0] <= x * iz <= limits[1]:
                gx -= g_jxz * fx * iz2
                gz += g_jxz * fx * x * iz2 * iz
            if limits[2] <= y * iz <= limits[3]:
                gy -= g_jyz * fy * iz2
                gz += g_jyz * fy * y * iz2 * iz
            if with_offsets:
                g_offsets[i, 0], g_offsets[i, 1] = gu, gv
            if z_at >= 0:
                gz += total[MOMENTS + z_at]
            if z_gradient.shape[0] > 0:
                gz += z_gradient[i]

            nc0, nc1, nc2 = ZERO, ZERO, ZERO
            gn0, gn1, gn2 = ZERO, ZERO, ZERO
            if normal_at >= 0:
                shortest = 0 if s0 <= s1 and s0 <= s2 else (1 if s1 <= s2 else 2)
                m0 = r0 if shortest == 0 else (r1 if shortest == 1 else r2)
                m1 = r3 if shortest == 0 else (r4 if shortest == 1 else r5)
                m2 = r6 if shortest == 0 else (r7 if shortest == 1 else r8)
                nc0 = v00 * m0 + v01 * m1 + v02 * m2
                nc1 = v10 * m0 + v11 * m1 + v12 * m2
                nc2 = v20 * m0 + v21 * m1 + v22 * m2
                sign = -ONE if nc0 * x + nc1 * y + nc2 * z > ZERO else ONE
                nc0, nc1, nc2 = sign * nc0, sign * nc1, sign * nc2
                gn0 = total[MOMENTS + normal_at]
                gn1 = total[MOMENTS + normal_at + 1]
                gn2 = total[MOMENTS + normal_at + 2]
                if distance_at >= 0:
                    g_distance = total[MOMENTS + distance_at]
                    gn0, gn1, gn2 = gn0 + g_distance * x, gn1 + g_distance * y, gn2 + g_distance * z
                    gx, gy, gz = gx + g_distance * nc0, gy + g_distance * nc1, gz + g_distance * nc2
                turn[shortest] += sign * (v00 * gn0 + v10 * gn1 + v20 * gn2)
                turn[3 + shortest] += sign * (v01 * gn0 + v11 * gn1 + v21 * gn2)
                turn[6 + shortest] += sign * (v02 * gn0 + v12 * gn1 + v22 * gn2)

            wx, wy, wz = v00 * gx + v10 * gy + v20 * gz, v01 * gx + v11 * gy + v21 * gz, v02 * gx + v12 * gy + v22 * gz
            gd0, gd1, gd2 = ZERO, ZERO, ZERO
            if rgb_at >= 0:
                dx, dy, dz = f4(means[i, 0] - eye_x), f4(means[i, 1] - eye_y), f4(means[i, 2] - eye_z)
                il = ONE / math.sqrt(dx * dx + dy * dy + dz * dz)
                dx, dy, dz = dx * il, dy * il, dz * il
                write_basis(dx, dy, dz, terms, basis)
                for k in range(terms):
                    basis_gradient[k] = ZERO
                for c in range(3):
                    g_colour = total[MOMENTS + rgb_at + c] if rec[i, HEAD + rgb_at + c] > ZERO else ZERO
                    for k in range(terms):
                        g_sh[i, k, c] = g_colour * basis[k]
                        basis_gradient[k] += g_colour * sh[i, k, c]
                if terms > 1:
                    e0, e1, e2 = basis_pullback(dx, dy, dz, terms, basis_gradient)
                    along = e0 * dx + e1 * dy + e2 * dz
                    gd0, gd1, gd2 = (e0 - along * dx) * il, (e1 - along * dy) * il, (e2 - along * dz) * il
            else:
                for k in range(terms):
                    for c in range(3):
                        g_sh[i, k, c] = ZERO
            g_means[i, 0], g_means[i, 1], g_means[i, 2] = wx + gd0, wy + gd1, wz + gd2
            for c in range(g_features.shape[1]):
                g_features[i, c] = total[MOMENTS + features_at + c]

            k0 = TWO * (-qz * turn[1] + qy * turn[2] + qz * turn[3] - qx * turn[5] - qy * turn[6] + qx * turn[7])
            k1 = TWO * (qy * turn[1] + qz * turn[2] + qy * turn[3] - TWO * qx * turn[4] - w * turn[5])
            k1 += TWO * (qz * turn[6] + w * turn[7] - TWO * qx * turn[8])
            k2 = TWO * (-TWO * qy * turn[0] + qx * turn[1] + w * turn[2] + qx * turn[3] + qz * turn[5])
            k2 += TWO * (-w * turn[6] + qz * turn[7] - TWO * qy * turn[8])
            k3 = TWO * (-TWO * qz * turn[0] - w * turn[1] + qx * turn[2] + w * turn[3] - TWO * qz * turn[4])
            k3 += TWO * (qy * turn[5] + qx * turn[6] + qy * turn[7])
            along = k0 * w + k1 * qx + k2 * qy + k3 * qz
            g_quaternions[i, 0], g_quaternions[i, 1] = (k0 - along * w) * iq, (k1 - along * qx) * iq
            g_quaternions[i, 2], g_quaternions[i, 3] = (k2 - along * qy) * iq, (k3 - along * qz) * iq

            if with_pose:
                # Left perturbation: dp = rho + phi x p, dn = phi x n, d(V_k) = phi x V (columns); the camera centre
                # moves by -V^T rho, so viewing directions change by +V^T rho.
                d0, d1, d2 = (
                    v00 * gd0 + v01 * gd1 + v02 * gd2,
                    v10 * gd0 + v11 * gd1 + v12 * gd2,
                    v20 * gd0 + v21 * gd1 + v22 * gd2,
                )
                twist[0] += gx + d0
                twist[1] += gy + d1
                twist[2] += gz + d2
                # Columns of V enter a and b: dL/dV0 = jx ga, dL/dV1 = jy gb, dL/dV2 = jxz ga + jyz gb (rows of V).
                w20, w21, w22 = jxz * ga0 + jyz * gb0, jxz * ga1 + jyz * gb1, jxz * ga2 + jyz * gb2
                w00, w01, w02 = jx * ga0, jx * ga1, jx * ga2
                w10, w11, w12 = jy * gb0, jy * gb1, jy * gb2
                # dV = [phi]x V: dL/dphi_x = <W2, V1> - <W1, V2>, and cyclic.
                twist[3] += (w20 * v10 + w21 * v11 + w22 * v12) - (w10 * v20 + w11 * v21 + w12 * v22)
                twist[4] += (w00 * v20 + w01 * v21 + w02 * v22) - (w20 * v00 + w21 * v01 + w22 * v02)
                twist[5] += (w10 * v00 + w11 * v01 + w12 * v02) - (w00 * v10 + w01 * v11 + w02 * v12)
                twist[3] += y * gz - z * gy + nc1 * gn2 - nc2 * gn1
                twist[4] += z * gx - x * gz + nc2 * gn0 - nc0 * gn2
                twist[5] += x * gy - y * gx + nc0 * gn1 - nc1 * gn0
        if with_pose:
            for k in range(6):
                g_pose[block, k] = twist[k]
