"""What can be trained by name: the task, the settings that suit it, and what it costs."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from splatmatch.errors import InputError
from splatmatch.training.task import Task


@dataclass(frozen=True)
class Preset:
    """A network with settings that were found to suit it."""

    name: str
    summary: str
    """One line for ``--list``."""
    make: Callable[[], Task]
    """Loads torch and the network's code when it is called."""
    size: tuple[int, int]
    """Width and height of the images it is trained on."""
    batch: int
    """Pairs in a step."""
    rate: float
    """Highest learning rate."""
    pairs_per_second: float
    """Measured with two threads of a server CPU (Zen 5), in the faster precision, examples from shards included."""
    usual_steps: int
    """Of the run that the estimate of its cost is for."""

    @property
    def hours(self) -> float:
        """Estimated for the usual run on two such cores."""
        return self.usual_steps * self.batch / self.pairs_per_second / 3600

    def parameters(self) -> int:
        """Numbers that are learnt or kept."""
        return sum(parameter.numel() for parameter in self.make().build().parameters())


def _points() -> Task:
    from splatmatch.training.point_task import PointTask

    return PointTask()


PRESETS: tuple[Preset, ...] = (
    Preset(
        "splatmatch-s",
        "keypoints: XFeat finds and describes, LightGlue assigns, a refiner makes precise",
        _points,
        (320, 240),
        8,
        4e-4,
        8.0,
        20_000,
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
