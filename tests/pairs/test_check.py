"""The check before rendering: floors, the rule of two standard deviations, and reasons that can be counted."""

from __future__ import annotations

import numpy as np

from splatmatch.pairs.check import CheckConfig, check, indicators, median_depth
from splatmatch.pairs.sources import Glance

from .splat_worlds import CAMERA


def look(depth=2.0, alpha=1.0, contributing=1000, empty=0.0, near=0.0):
    depths = np.full((48, 64), depth, np.float32)
    alphas = np.full((48, 64), alpha, np.float32)
    columns = round(64 * empty)
    depths[:, :columns] = 0
    alphas[:, :columns] = 0
    depths[:, 64 - round(64 * near) :] = 0.01
    return Glance(CAMERA, depths, alphas, contributing)


def test_the_four_indicators():
    seen = indicators(look(alpha=0.8, contributing=7, empty=0.25, near=0.125), near=0.1)
    assert (seen.contributing, seen.valid_share, seen.near_share) == (7, 0.75, 0.125)
    assert abs(seen.alpha - 0.6) < 1e-6
    assert indicators(look(alpha=0.4), near=0.1).valid_share == 0


def test_floors_differ_for_captures_and_bare_splats():
    looks = [look(contributing=1000 + i, alpha=0.99 + 0.001 * (i % 3)) for i in range(12)] + [look(empty=0.5)] * 2
    assert check(looks, True, CheckConfig(deviations=5))[-2:] == ["mostly empty"] * 2
    assert check(looks, False, CheckConfig(deviations=5))[-2:] == [""] * 2
    assert check([look(empty=0.9)], False, CheckConfig()) == ["mostly empty"]


def test_views_inside_matter_are_left_out():
    looks = [look(depth=2.0 + 0.01 * i) for i in range(10)] + [look(near=0.5), look(depth=0.1)]
    reasons = check(looks, True, CheckConfig())
    assert reasons[-2:] == ["too close to matter"] * 2 and not any(reasons[:10])


def test_outliers_of_each_indicator_are_named():
    ordinary = [look(contributing=1000 + 10 * i, alpha=0.95 + 0.001 * i) for i in range(20)]
    reasons = check([*ordinary, look(contributing=3000, alpha=0.96)], True, CheckConfig())
    assert reasons[-1] == "unusual number of Gaussians" and sum(map(bool, reasons)) == 1
    reasons = check([*ordinary, look(contributing=1100, alpha=0.7)], True, CheckConfig())
    assert reasons[-1] == "unusual mean opacity"


def test_views_that_are_all_alike_are_all_kept_and_bad_ones_do_not_shift_the_statistics():
    assert check([look()] * 10, True, CheckConfig()) == [""] * 10
    looks = [look(contributing=1000 + i) for i in range(10)] + [look(contributing=50, empty=1.0)] * 10
    assert check(looks, True, CheckConfig(deviations=2.5))[:10] == [""] * 10
    assert check([], True, CheckConfig()) == []


def test_the_median_depth_ignores_what_is_empty():
    assert median_depth([look(depth=3.0, empty=0.6), look(empty=1.0)]) == 3.0
    assert median_depth([look(empty=1.0)]) == 0.0


def test_views_that_would_be_a_blur_are_left_out():
    fine = [Glance(CAMERA, look().depth, look().alpha, 1000, grain=0.01) for _ in range(10)]
    blur = Glance(CAMERA, look().depth, look().alpha, 1000, grain=0.05)
    assert check([*fine, blur], True, CheckConfig())[-1] == "too coarse"
