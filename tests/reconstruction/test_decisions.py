"""Pure decisions: is a principal point determined, and why has a photo no pose."""

from __future__ import annotations

import math

import pytest

from splatmatch.reconstruction.structure.diagnosis import unregistered_reasons
from splatmatch.reconstruction.structure.principal_point import PrincipalPoint, describe, is_determined
from splatmatch.solvers.pycolmap import Intrinsics

CAMERA = Intrinsics("SIMPLE_RADIAL", 1000, 800, (1200.0, 500.0, 400.0, 0.0))


@pytest.mark.parametrize(
    ("freed", "sigma", "believed"),
    [
        ((507.0, 393.0), 0.9, True),
        ((507.0, 393.0), 1.1, False),
        ((507.0, 393.0), math.inf, False),
        ((512.0, 390.0), 0.4, True),
        ((512.0, 390.0), 0.6, False),
        ((516.0, 413.0), 0.1, False),
        ((530.0, 418.0), 2.0, False),
    ],
)
def test_a_principal_point_is_believed_if_near_and_sharp(freed, sigma, believed):
    """Shift up to 1 % with a standard deviation up to 0.1 % of the longer side; up to 2 % with half of that."""
    assert is_determined(CAMERA, (500.0, 400.0), freed, sigma) is believed


def test_both_positions_and_the_decision_are_told():
    """Also where the uncertainty is unknown; many cameras are counted instead of listed."""
    kept = PrincipalPoint(0, 1000, 800, (500.0, 400.0), (507.0, 393.0), 0.9, True)
    refused = PrincipalPoint(1, 1000, 800, (500.0, 400.0), (540.0, 430.0), math.inf, False)
    assert str(kept) == (
        "principal point freed to (507.0, 393.0): shift (+7.0, -7.0) px = 0.99 % of the long side, +- 0.90 px"
    )
    assert "kept at (500.0, 400.0), freed it would be (540.0, 430.0)" in str(refused)
    assert "undetermined" in str(refused)
    lines = describe([kept] * 3 + [refused] * 3)
    assert len(lines) == 5
    assert lines[-1] == "... 6 cameras in all, 3 with a freed principal point"


NAMES = [f"{index}.jpg" for index in range(8)]
FEATURES = dict.fromkeys(range(8), 900) | {5: 12}
INLIERS = {(0, 1): 200, (1, 2): 150, (2, 3): 16, (3, 7): 40, (4, 6): 90}
GROUPS = [frozenset({0, 1, 2}), frozenset({4, 6})]


def test_every_photo_without_a_pose_has_its_own_reason():
    """Too few features; no overlap; a separate group; too few matches with posed photos; only with unposed ones."""
    reasons = unregistered_reasons(NAMES, FEATURES, INLIERS, GROUPS)
    assert set(reasons) == {3, 4, 5, 6, 7}
    assert "at best 16 with 2.jpg" in reasons[3]
    assert "separate group of 2 photos" in reasons[4]
    assert "only 12 features" in reasons[5]
    assert "only with photos that have no pose themselves: 40 verified matches with 3.jpg" in reasons[7]


def test_reasons_where_nothing_has_a_pose():
    """Photos with matches were taken from one place; those without show different things."""
    reasons = unregistered_reasons(NAMES, {0: 900, 1: 900, 2: 900}, {(0, 1): 300}, [])
    assert "300 verified matches with 1.jpg, but no two photos differ enough" in reasons[0]
    assert "overlaps with no other photo" in reasons[2]
