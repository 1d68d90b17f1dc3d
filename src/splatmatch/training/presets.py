"""What can be trained by name: the task, the settings that suit it, and what it costs."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from splatmatch.errors import InputError
from splatmatch.networks.semidense import PRESETS as SEMIDENSE
from splatmatch.training.point_task import PointTask
from splatmatch.training.semidense_task import SemiDenseTask, SemiDenseTaskConfig
from splatmatch.training.task import Task


@dataclass(frozen=True)
class Preset:
    """A network with settings that were found to suit it."""

    name: str
    summary: str
    """One line for ``--list``."""
    make: Callable[[], Task]
    size: tuple[int, int]
    """Width and height of the images it is trained on."""
    batch: int
    """Pairs in a step."""
    rate: float
    """Highest learning rate."""
    core_seconds: float
    """Of a server CPU (Xeon) for one pair: forward and backward in bfloat16 and the making of the example."""
    usual_steps: int
    """Of the run that the estimate of its cost is for."""

    @property
    def core_hours(self) -> float:
        """Estimated for the usual run."""
        return self.usual_steps * self.batch * self.core_seconds / 3600

    def parameters(self) -> int:
        """Numbers that are learnt or kept."""
        return sum(parameter.numel() for parameter in self.make().build().parameters())


def _semidense(size: str) -> Callable[[], Task]:
    return lambda: SemiDenseTask(f"semidense-{size}", SemiDenseTaskConfig(network=SEMIDENSE[size]))


PRESETS: tuple[Preset, ...] = (
    Preset(
        "splatmatch-s",
        "keypoints: XFeat finds and describes, LightGlue assigns, a refiner makes precise",
        PointTask,
        (320, 240),
        8,
        4e-4,
        0.35,
        20_000,
    ),
    Preset(
        "semidense-s",
        "every cell of 8 pixels, from XFeat and LighterGlue",
        _semidense("s"),
        (320, 256),
        8,
        4e-4,
        0.35,
        20_000,
    ),
    Preset(
        "semidense-m",
        "the same with a backbone of its own, from random values",
        _semidense("m"),
        (320, 256),
        8,
        4e-4,
        0.67,
        100_000,
    ),
    Preset(
        "semidense-l",
        "of the size of EfficientLoFTR, from random values, for a GPU",
        _semidense("l"),
        (640, 480),
        16,
        4e-4,
        9.0,
        200_000,
    ),
)


def preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        InputError: there is none; names the closest.
    """
    names = [one.name for one in PRESETS]
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        mend = f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"
        raise InputError(f"there is no preset {name!r}", mend)
    return PRESETS[names.index(name)]
