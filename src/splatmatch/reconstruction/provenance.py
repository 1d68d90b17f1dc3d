"""What ``scene.json`` records about how a scene came about."""

from __future__ import annotations

import hashlib
import math
import platform
import sys
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.scene.views import Scene

_PACKAGES = ("splatmatch", "torch", "numpy", "numba", "opencv-python-headless", "pillow", "pycolmap")


def versions() -> dict[str, str]:
    """Of Python and the packages that shape the result."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def command_line(photos: Path, out: Path, poses: Path | None, config: ReconstructConfig) -> list[str]:
    """The words of the command that does the same, without options that have their default."""
    words = ["splatmatch", "reconstruct", str(photos), "--out", str(out)]
    if poses is not None:
        words += ["--poses", str(poses)]
    defaults = options_of(ReconstructConfig())
    for name, value in options_of(config).items():
        if value != defaults[name]:
            values = value if isinstance(value, list) else [value]
            words += ["--" + name.replace("_", "-"), *([] if value is True else map(str, values))]
    return words


def options_of(config: ReconstructConfig) -> dict[str, Any]:
    """All options but ``resume``, in the types of JSON."""
    names = [field.name for field in fields(config) if field.name != "resume"]
    return {name: _plain(getattr(config, name)) for name in names}


def finite(value: Any) -> Any:
    """``value`` (dicts, lists, numbers) with null in the place of NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cameras_hash(scene: Scene) -> str:
    """A hash of all cameras, poses and points of a scene: fits from scenes with equal hashes are repeatable."""
    digest = hashlib.sha256()
    for view in scene.views:
        digest.update(repr((view.name, view.camera, view.split)).encode())
        digest.update(view.camera_from_world.matrix.numpy().tobytes())
    for table in (scene.points.positions, scene.points.colours):
        digest.update(table.contiguous().numpy().tobytes())
    return digest.hexdigest()


def peak_megabytes() -> float | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
