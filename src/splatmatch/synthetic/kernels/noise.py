"""Hashes and band-limited noise: the same numbers on every machine, for any number of threads."""

from __future__ import annotations

import math

from splatmatch.jobs.kernels import kernel


@kernel(__file__)
def scramble(x: int, y: int, seed: int) -> int:
    """32 bits that depend on every bit of three integers."""
    h = (x * 0x9E3779B1 + y * 0x85EBCA77 + seed * 0xC2B2AE3D + 0x27D4EB2F) & 0xFFFFFFFF
    h ^= h >> 15
    h = (h * 0x2C1B3C6D) & 0xFFFFFFFF
    h ^= h >> 12
    h = (h * 0x297A2D39) & 0xFFFFFFFF
    return h ^ (h >> 15)


@kernel(__file__)
def chance(x: int, y: int, seed: int) -> float:
    """A number in [0, 1) for a cell of the integer plane."""
    fraction: float = scramble(x, y, seed) / 4294967296.0
    return fraction


@kernel(__file__)
def clamp(value: float) -> float:
    """Into 0..1."""
    return min(1.0, max(0.0, value))


@kernel(__file__)
def cover(distance: float, width: float) -> float:
    """How much of a footprint of ``width`` lies inside an edge at signed ``distance`` (negative = inside)."""
    return min(1.0, max(0.0, 0.5 - distance / width))


@kernel(__file__)
def noise(u: float, v: float, seed: int) -> float:
    """Smooth value noise in [-1, 1] with cells of size one."""
    fu, fv = math.floor(u), math.floor(v)
    x, y = int(fu), int(fv)
    a, b = u - fu, v - fv
    a, b = a * a * (3.0 - 2.0 * a), b * b * (3.0 - 2.0 * b)
    low = chance(x, y, seed) * (1.0 - a) + chance(x + 1, y, seed) * a
    high = chance(x, y + 1, seed) * (1.0 - a) + chance(x + 1, y + 1, seed) * a
    value: float = 2.0 * (low * (1.0 - b) + high * b) - 1.0
    return value


@kernel(__file__)
def fractal(u: float, v: float, octaves: int, width: float, seed: int) -> float:
    """Sum of octaves of noise, the first with cells of size one; octaves finer than the footprint fade out.

    At most ``octaves``, each of twice the frequency and half the amplitude of the last; ``width`` is the footprint of
    the sample in units of u and v.
    """
    total, amplitude = 0.0, 0.5
    for octave in range(octaves):
        keep = min(1.0, 2.0 - 2.5 * width)
        if keep <= 0.0:
            break
        total += keep * amplitude * noise(u, v, seed + octave)
        u, v = 1.62 * u + 1.21 * v + 7.3, 1.62 * v - 1.21 * u + 3.1
        width *= 2.02
        amplitude *= 0.5
    return total


@kernel(__file__)
def nearest_cells(u: float, v: float, seed: int) -> tuple[float, int]:
    """Voronoi cells of one jittered point per unit square (Worley, 1996).

    Returns:
        Distance to the border between the two nearest cells (approximately), and a hash of the nearest.
    """
    x, y = int(math.floor(u)), int(math.floor(v))
    first, second, owner = 9.0, 9.0, 0
    for j in range(-1, 2):
        for i in range(-1, 2):
            h = scramble(x + i, y + j, seed)
            du = x + i + 0.15 + 0.7 * (h & 0xFFFF) / 65536.0 - u
            dv = y + j + 0.15 + 0.7 * (h >> 16) / 65536.0 - v
            square = du * du + dv * dv
            if square < first:
                first, second, owner = square, first, h
            elif square < second:
                second = square
    return 0.5 * (math.sqrt(second) - math.sqrt(first)), owner
