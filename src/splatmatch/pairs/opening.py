"""Scenes as the user names them: paths, and ``synthetic:room|table|street[:seed]``."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from splatmatch.errors import InputError
from splatmatch.files import sha256
from splatmatch.formats.scene_folder import SCENE_FILE, load_scene
from splatmatch.formats.splat_files import read_splat
from splatmatch.pairs.exact_source import ExactSource
from splatmatch.pairs.free_space import LookFrom, UpAxis
from splatmatch.pairs.sources import Source
from splatmatch.pairs.splat_source import splat_source
from splatmatch.scene.views import Scene, SparsePoints
from splatmatch.synthetic import SceneKind, build_scene

PREFIX = "synthetic:"
_PLAIN = {"splats", "sog", "meta", "point_cloud", "scene"}
"""Names that say nothing: the folder above is named too."""


@dataclass(frozen=True)
class SourceSpec:
    """A scene that has been asked for."""

    text: str
    """Absolute path, or ``synthetic:KIND[:SEED]``."""
    name: str
    """Letters, digits, - and _; unique in the job."""

    @property
    def synthetic(self) -> tuple[SceneKind, int | None] | None:
        """Kind and seed of a synthetic scene, seed None = another scene each round; None for files."""
        if not self.text.startswith(PREFIX):
            return None
        kind, _, seed = self.text.removeprefix(PREFIX).partition(":")
        return kind, int(seed) if seed else None  # type: ignore[return-value]

    def seed(self, job_seed: int, turn: int) -> int:
        """The seed of the scene to build in round ``turn`` of the job; 0 for files."""
        if self.synthetic is None:
            return 0
        seed = self.synthetic[1]
        return 10_000 * job_seed + turn if seed is None else seed

    def fingerprint(self) -> str:
        """What must be the same for a job to be resumed: the hash of the files, or the name of a synthetic scene."""
        if self.synthetic is not None:
            return self.text
        path = Path(self.text)
        if path.is_file():
            return sha256(path)
        files = [path / "splats.ply", path / SCENE_FILE] if (path / SCENE_FILE).is_file() else sorted(path.rglob("*"))
        return "-".join(sha256(file)[:16] for file in files if file.is_file())


def parse_scenes(texts: tuple[str, ...]) -> tuple[SourceSpec, ...]:
    """What the user named, each with a unique name.

    Raises:
        InputError: no scenes, an unknown synthetic kind, or no such file or folder.
    """
    if not texts:
        raise InputError("no scenes", "name scene folders, splat files or synthetic:room")
    specs: list[SourceSpec] = []
    for text in texts:
        full, name = _synthetic(text) if text.startswith(PREFIX) else _path(text)
        taken = {spec.name for spec in specs}
        number = 2
        unique = name
        while unique in taken:
            unique, number = f"{name}-{number}", number + 1
        specs.append(SourceSpec(full, unique))
    return tuple(specs)


@dataclass
class SourceCache:
    """Opens scenes and keeps the last few; a copy in another process starts empty."""

    engine: str
    up: UpAxis
    look_from: LookFrom
    most: int = 2
    _opened: OrderedDict[tuple[str, int], Source] = field(default_factory=OrderedDict)

    def __reduce__(self) -> tuple[type[SourceCache], tuple[str, UpAxis, LookFrom, int]]:
        return SourceCache, (self.engine, self.up, self.look_from, self.most)

    def open(self, spec: SourceSpec, seed: int) -> Source:
        """The scene ``spec``; ``seed`` is that of ``SourceSpec.seed``.

        Raises:
            InputError: it holds no splat, or nothing opaque.
            FormatError: a file is damaged.
        """
        key = (spec.text, seed)
        if key not in self._opened:
            self._opened[key] = self._load(spec, seed)
        self._opened.move_to_end(key)
        while len(self._opened) > self.most:
            self._opened.popitem(last=False)
        return self._opened[key]

    def _load(self, spec: SourceSpec, seed: int) -> Source:
        if spec.synthetic is not None:
            kind = spec.synthetic[0]
            return ExactSource(f"{spec.name}-{seed}", build_scene(kind, seed))
        path = Path(spec.text)
        known = (path / SCENE_FILE).is_file()
        scene = load_scene(path) if known else Scene((), SparsePoints.empty(), read_splat(path))
        return splat_source(scene, spec.name, self.engine, self.up, self.look_from)


def _synthetic(text: str) -> tuple[str, str]:
    kinds: tuple[Any, ...] = get_args(SceneKind)
    kind, colon, seed = text.removeprefix(PREFIX).partition(":")
    if kind not in kinds or (colon and not re.fullmatch(r"\d{1,9}", seed)):
        raise InputError(f"there is no scene {text}", f"choose {PREFIX}{'|'.join(kinds)}, with :SEED (>= 0) or without")
    return text, kind


def _path(text: str) -> tuple[str, str]:
    path = Path(text).resolve()
    if not path.exists():
        raise InputError(f"{text}: no such scene folder or splat file")
    stem = path.name if path.is_dir() else path.name.split(".")[0]
    if stem in _PLAIN and path.parent.name:
        stem = f"{path.parent.name}-{stem}"
    return str(path), re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:80] or "scene"
