"""Matches of the photos by another matcher than SIFT, for structure from motion."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.correspondence.pair_choice import PairOptions
from splatmatch.formats.keypoint_matches import write_keypoint_matches
from splatmatch.formats.masks import read_mask
from splatmatch.jobs.progress import Progress
from splatmatch.matchers.pair_selection import PairSelection
from splatmatch.matchers.photo_matches import PhotoSource, match_photo_set
from splatmatch.matchers.registry import open_matcher
from splatmatch.reconstruction.structure.features import PhotoFile
from splatmatch.reconstruction.structure.matching import GivenMatches
from splatmatch.scene.keypoint_matches import KeypointMatches
from splatmatch.scene.matches import Size

SIFT = "sift"
"""The matcher that structure from motion has inside."""
_FOLDER, _FILE = "matcher", "matches.safetensors"


@dataclass(frozen=True)
class MatcherChoice:
    """Which matcher finds the matches."""

    name: str = SIFT
    size: int | None = None
    """Long side in pixels that it works at; None = its own default."""

    @property
    def inside(self) -> bool:
        """Whether structure from motion finds the matches itself."""
        return self.name == SIFT


INSIDE = MatcherChoice()


def matches_by(
    choice: MatcherChoice,
    photos: Sequence[PhotoFile],
    sizes: Sequence[Size],
    pairs: PairOptions,
    work: Path,
    progress: Progress,
) -> GivenMatches | None:
    """Features, pairs and matches of all photos, in ``work``; None for SIFT.

    Args:
        choice: the matcher.
        photos: in the order of their names.
        sizes: of the photos as they are read.
        pairs: how pairs are chosen.
        work: existing folder; an interrupted run in it goes on.
        progress: told about every stage.

    Raises:
        InputError: no such matcher.
        MissingDependencyError: its weights, or a package it needs, are not here.
        OutputError: the disk is full.
    """
    if choice.inside:
        return None
    settings: dict[str, Any] = {} if choice.size is None else {"size": choice.size}
    matcher = open_matcher(choice.name, **settings)
    sources = [PhotoSource(photo.path, size, photo.upright) for photo, size in zip(photos, sizes, strict=True)]
    selection = PairSelection("reconstruct", options=pairs)
    found = match_photo_set(matcher, sources, selection, work / _FOLDER, progress)
    masked = _unmasked(found.matches, photos, sizes)
    write_keypoint_matches(work / _FILE, masked)
    key = hashlib.sha256(repr((matcher.settings_hash, selection, found.pairs)).encode()).hexdigest()
    return GivenMatches(work / _FILE, key, frozenset(found.pairs), tuple(sorted(found.problems.items())))


def _unmasked(matches: KeypointMatches, photos: Sequence[PhotoFile], sizes: Sequence[Size]) -> KeypointMatches:
    """Without matches that lie where a mask is black."""
    allowed: dict[int, NDArray[np.bool_]] = {}
    for index, (photo, (width, height)) in enumerate(zip(photos, sizes, strict=True)):
        if photo.mask is not None:
            mask = read_mask(photo.mask, width, height, upright=photo.upright)
            cells = np.floor(matches.keypoints[index]).astype(int).clip(0, (width - 1, height - 1))
            allowed[index] = np.asarray(mask[cells[:, 1], cells[:, 0]], bool)
    return matches.restricted(allowed)
