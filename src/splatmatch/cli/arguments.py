"""Types of command-line options that several commands share: how they are named in the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

SceneOrSplat = Annotated[Path, Positional, arg(metavar="SCENE")]
OutPath = Annotated[Path, arg(metavar="PATH")]
OptionalFile = Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")]
Count = Annotated[int, arg(metavar="N")]
OptionalCount = Annotated[int | None, arg(metavar="N", help_behavior_hint="")]
EngineName = Literal["auto", "cpu", "reference", "gsplat"]
UpAxis = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]
