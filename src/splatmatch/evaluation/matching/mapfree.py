"""``evaluate_mapfree``: a submission to the map-free relocalisation benchmark against its ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from splatmatch.errors import InputError
from splatmatch.evaluation.matching.protocols import MAPFREE_PROTOCOL, MapfreeProtocol
from splatmatch.evaluation.tables import Column, Figures
from splatmatch.formats.mapfree import Answer, TrueFrame
from splatmatch.metrics.mapfree import (
    POSE_DEGREES,
    POSE_METRES,
    VCRE_PIXELS,
    precision_recall,
    quaternion_degrees,
    vcre,
)


@dataclass(frozen=True)
class FrameScore:
    """One answered frame."""

    scene: str
    frame: str
    translation: float
    """Metres."""
    rotation: float
    """Degrees."""
    vcre: float
    """Pixels."""
    confidence: float


@dataclass(frozen=True)
class MapfreeResult:
    """Figures of one submission."""

    protocol: MapfreeProtocol
    items: tuple[FrameScore, ...]
    failures: int
    """Frames without an answer."""

    @property
    def summary(self) -> dict[str, float]:
        """Under the benchmark's own names; NaN medians where nothing was answered."""
        accepted = [item.vcre < VCRE_PIXELS for item in self.items]
        precise = [item.translation < POSE_METRES and item.rotation < POSE_DEGREES for item in self.items]
        confidences = [item.confidence for item in self.items]
        total = len(self.items) + self.failures
        pose = f"Pose Error < ({100 * POSE_METRES}cm, {POSE_DEGREES:g}deg)"
        return {
            "Average Median Translation Error": self._median("translation"),
            "Average Median Rotation Error": self._median("rotation"),
            "Average Median Reprojection Error": self._median("vcre"),
            f"Precision @ {pose}": sum(precise) / total,
            f"AUC @ {pose}": precision_recall(confidences, precise, self.failures).auc,
            f"Precision @ VCRE < {VCRE_PIXELS:g}px": sum(accepted) / total,
            f"AUC @ VCRE < {VCRE_PIXELS:g}px": precision_recall(confidences, accepted, self.failures).auc,
            "Estimates for % of frames": len(self.items) / total,
        }

    def figures(self) -> Figures:
        """The table, ready for any medium."""
        rows = tuple((name, value) for name, value in self.summary.items())
        return Figures(str(self.protocol), (Column("figure"), Column("value", 4)), rows)

    def to_json(self) -> dict[str, Any]:
        """{protocol, config, mean, items}."""
        return {
            "protocol": {**asdict(self.protocol), "text": str(self.protocol)},
            "config": {"failures": self.failures},
            "mean": self.summary,
            "items": [asdict(item) for item in self.items],
        }

    def _median(self, name: str) -> float:
        """Mean over scenes of the median over their answered frames."""
        scenes = dict.fromkeys(item.scene for item in self.items)
        medians = [np.median([getattr(i, name) for i in self.items if i.scene == scene]) for scene in scenes]
        return float(np.mean(medians)) if medians else float("nan")


def evaluate_mapfree(
    truth: Mapping[str, Mapping[str, TrueFrame]],
    answers: Mapping[str, Mapping[str, Answer]],
    protocol: MapfreeProtocol = MAPFREE_PROTOCOL,
) -> MapfreeResult:
    """Compare submitted poses with the truth as the public benchmark does.

    Args:
        truth: see ``formats.mapfree``. Of an answered scene every fifth frame counts, of another one all frames.
        answers: of the same scenes; frames that the truth does not count are ignored.
        protocol: see ``evaluation.matching.protocols``.

    Raises:
        InputError: an answered scene is not among those of the truth.
    """
    unknown = sorted(set(answers) - set(truth))
    if unknown:
        raise InputError(f"the submission answers the scene {unknown[0]}, which the truth does not have")
    items, failures = [], 0
    for scene, frames in truth.items():
        if scene not in answers:
            failures += len(frames)
            continue
        for name in list(frames)[:: protocol.every]:
            answer, true = answers[scene].get(name), frames[name]
            if answer is None:
                failures += 1
                continue
            estimate = answer.world_from_camera
            items.append(
                FrameScore(
                    scene=scene,
                    frame=name,
                    translation=float((estimate.translation - true.world_from_camera.translation).norm()),
                    rotation=quaternion_degrees(estimate, true.world_from_camera),
                    vcre=vcre(estimate, true.world_from_camera, true.K, true.size),
                    confidence=answer.confidence,
                )
            )
    return MapfreeResult(protocol, tuple(items), failures)
