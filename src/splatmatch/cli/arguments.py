"""Types of command-line options that several commands share: how they are named in the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

FROM_PRESET = "(default: from the preset)"

SceneOrSplat = Annotated[Path, Positional, arg(metavar="SCENE")]
OutPath = Annotated[Path, arg(metavar="PATH")]
OptionalFile = Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")]
OptionalFolder = Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="")]
Count = Annotated[int, arg(metavar="N")]
PresetCount = Annotated[int | None, arg(metavar="N", help_behavior_hint=FROM_PRESET)]
OptionalCount = Annotated[int | None, arg(metavar="N", help_behavior_hint="")]
EngineName = Literal["auto", "cpu", "reference", "gsplat"]
UpAxis = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]
