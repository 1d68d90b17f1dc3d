"""Errors of relative poses, and the area under their recall curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from splatmatch.geometry.pose import Pose, rotation_angle_degrees

THRESHOLDS = (5.0, 10.0, 20.0)
"""Degrees at which AUC is usually given."""


def rotation_degrees(estimate: Pose, truth: Pose) -> float:
    """Angle between two rotations in degrees, 0..180."""
    return float(rotation_angle_degrees(estimate.rotation @ truth.rotation.T))


def translation_degrees(estimate: Pose, truth: Pose, folded: bool = True) -> float:
    """Angle between the directions of two translations in degrees.

    Args:
        estimate: b_from_a.
        truth: b_from_a; without translation (shorter than 1e-9) there is no direction, and the error is 0.
        folded: a direction and its opposite count as equal (0..90), as in the evaluation of SuperGlue; else 0..180.
    """
    lengths = float(estimate.translation.norm()), float(truth.translation.norm())
    if lengths[1] < 1e-9:
        return 0.0
    if lengths[0] == 0:
        return 90.0 if folded else 180.0
    a, b = estimate.translation / lengths[0], truth.translation / lengths[1]
    angle = math.degrees(math.atan2(float(torch.linalg.cross(a, b).norm()), float(a @ b)))
    return min(angle, 180 - angle) if folded else angle


def recall_auc(errors: Sequence[float] | NDArray[np.floating], thresholds: Sequence[float]) -> NDArray[np.float64]:
    """Area under the curve of recall over error up to each threshold, divided by the threshold, (T,) 0..1.

    The trapezoid rule over the sorted errors, as in the evaluation of SuperGlue (Sarlin et al., 2020): from (0, 0) to
    (e_i, i / N), then level from the last error within the threshold to the threshold.

    Args:
        errors: (N,) at least 0; infinite ones are never within a threshold.
        thresholds: above 0.

    Raises:
        ValueError: there are no errors, one of them is NaN or negative, or a threshold is not above 0.
    """
    ordered = np.sort(np.asarray(errors, np.float64))
    if len(ordered) == 0 or np.isnan(ordered).any() or ordered[0] < 0:
        raise ValueError("recall needs errors that are 0 or more")
    if min(thresholds) <= 0:
        raise ValueError(f"thresholds {thresholds} are not all above 0")
    recall = np.arange(len(ordered) + 1) / len(ordered)
    ordered = np.concatenate([[0.0], ordered])
    areas = []
    for threshold in thresholds:
        last = int(np.searchsorted(ordered, threshold))
        x = np.concatenate([ordered[:last], [threshold]])
        y = np.concatenate([recall[:last], [recall[last - 1]]])
        areas.append(float(((x[1:] - x[:-1]) * (y[1:] + y[:-1])).sum() / (2 * threshold)))
    return np.array(areas)
