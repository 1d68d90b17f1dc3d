"""``match_folder()``: the pairs of a folder of photos, matched and written for COLMAP, hloc or numpy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from splatmatch.errors import FormatError, InputError
from splatmatch.files import output_errors, write_text
from splatmatch.formats.hloc import PairRows, write_hloc_features, write_hloc_matches, write_hloc_pairs
from splatmatch.formats.images import PhotoInfo, list_photos, read_photo_info
from splatmatch.formats.keypoint_matches import write_keypoint_matches
from splatmatch.formats.matches_npz import write_matches_npz
from splatmatch.jobs.progress import Progress, Silent
from splatmatch.matchers.colmap_database import write_colmap_database
from splatmatch.matchers.match import DEFAULT_MATCHER
from splatmatch.matchers.pair_selection import PairSelection, Selection, listed_pairs
from splatmatch.matchers.photo_matches import PhotoSetMatches, PhotoSource, match_photo_set
from splatmatch.matchers.registry import open_matcher
from splatmatch.matchers.sparse import weights_sha256
from splatmatch.scene.matcher import MatcherCard
from splatmatch.scene.matches import Features, Matches

Target = Literal["colmap", "hloc", "npz"]
PAIRS_FILE, FEATURES_FILE, MATCHES_FILE = "pairs.txt", "features.h5", "matches.h5"


@dataclass(frozen=True)
class FolderOptions:
    """How a folder is matched and what is written."""

    model: str = DEFAULT_MATCHER
    settings: tuple[tuple[str, Any], ...] = ()
    """Of the matcher, such as ("size", 640)."""
    device: str = "auto"
    pairs: str = "retrieval"
    """all, retrieval, sequential, or the path of a list with two names in each line."""
    partners: int = 20
    """Most partners that retrieval gives a photo."""
    overlap: int = 10
    """Neighbours on each side of a sequence."""
    to: Target = "colmap"


@dataclass(frozen=True)
class FolderPair:
    """A pair that was tried."""

    a: str
    b: str
    matches: int


@dataclass(frozen=True)
class MatchedFolder:
    """What was matched and written."""

    photos: int
    pairs: tuple[FolderPair, ...]
    verified: int | None
    """Pairs with a verified two-view geometry; None for formats that hold none."""
    rejected: tuple[tuple[str, str], ...]
    """Photos that could not be read, and why."""


def match_folder(
    folder: str | Path,
    out: str | Path,
    options: FolderOptions | None = None,
    *,
    work: str | Path | None = None,
    progress: Progress | None = None,
) -> MatchedFolder:
    """Match the photos of ``folder`` and write ``out``.

    Args:
        folder: searched with all folders below it.
        out: the database; or a folder, for hloc (features.h5, matches.h5, pairs.txt) and npz (one file for each pair).
        options: see ``FolderOptions``.
        work: where features and matches are kept, for this run and later ones; None = a hidden folder beside ``out``,
            removed when ``out`` is complete. In both cases an interrupted run goes on with what is there.
        progress: told about every stage.

    Raises:
        InputError: no such folder, fewer than two readable photos, unknown names in a list of pairs.
        OutputError: something cannot be written.
        MissingDependencyError: weights or a package that the matcher needs are not here.
    """
    options, progress = options or FolderOptions(), progress or Silent()
    folder, out = Path(folder), Path(out)
    _check_target(out, options.to)
    infos, rejected = _photos(folder)
    names = list(infos)
    selection = _selection(options, names)
    matcher = open_matcher(options.model, device=options.device, **dict(options.settings))
    kept = out.parent / f".{out.name}.match" if work is None else Path(work)
    sources = [PhotoSource(folder / name, (info.width, info.height)) for name, info in infos.items()]
    found = match_photo_set(matcher, sources, selection, kept, progress)
    rejected += [(names[index], why) for index, why in sorted(found.problems.items())]
    progress.update(f"writing {options.to}")
    verified = None
    if options.to == "colmap":
        with output_errors(kept):
            write_keypoint_matches(kept / "keypoints.safetensors", found.matches)
        sizes, focals = [source.size for source in sources], [info.focal for info in infos.values()]
        verified = write_colmap_database(out, kept / "keypoints.safetensors", names, sizes, focals, progress)
    elif options.to == "hloc":
        _write_hloc(out, names, sources, found)
    else:
        _write_npz(out, names, sources, found, matcher.card)
    if work is None:
        shutil.rmtree(kept, ignore_errors=True)
    counts = {pair: len(rows) for pair, rows in found.matches.rows.items()}
    pairs = tuple(FolderPair(names[a], names[b], counts.get((a, b), 0)) for a, b in found.pairs)
    return MatchedFolder(len(names) - len(found.problems), pairs, verified, tuple(rejected))


def _check_target(out: Path, to: Target) -> None:
    if to == "colmap" and out.is_dir():
        raise InputError(f"{out}: is a folder", "give the path of the database, such as database.db")
    if to != "colmap" and out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file", f"--to {to} writes a folder")


def _photos(folder: Path) -> tuple[dict[str, PhotoInfo], list[tuple[str, str]]]:
    """Photos by name, and those whose header cannot be read."""
    infos, rejected = {}, []
    for name in list_photos(folder):
        try:
            infos[name] = read_photo_info(folder / name)
        except FormatError as error:
            rejected.append((name, str(error)))
    if len(infos) < 2:
        why = f": {rejected[0][1]}" if rejected else ""
        raise InputError(f"{folder}: holds {len(infos)} readable photos, which make no pair{why}")
    return infos, rejected


def _selection(options: FolderOptions, names: Sequence[str]) -> PairSelection:
    kinds: dict[str, Selection] = {"all": "all", "retrieval": "retrieval", "sequential": "sequential"}
    if options.pairs in kinds:
        return PairSelection(kinds[options.pairs], partners=options.partners, overlap=options.overlap)
    path = Path(options.pairs)
    if not path.is_file():
        raise InputError(f"--pairs {options.pairs}: no such file", "give all, retrieval, sequential or a list of pairs")
    return listed_pairs(path, names)


def _write_hloc(out: Path, names: Sequence[str], sources: Sequence[PhotoSource], found: PhotoSetMatches) -> None:
    pairs = [(names[a], names[b]) for a, b in found.pairs]
    write_hloc_pairs(out / PAIRS_FILE, pairs)  # first: it refuses names that hloc cannot hold
    readable = [index for index in range(len(names)) if index not in found.problems]
    photos = ((names[index], _features(found, index, sources[index])) for index in readable)
    counts = write_hloc_features(out / FEATURES_FILE, photos)
    write_hloc_matches(out / MATCHES_FILE, _pair_rows(names, found), counts)


def _features(found: PhotoSetMatches, index: int, source: PhotoSource) -> Features:
    """The features of a photo; of a matcher without any the keypoints, with descriptors of length 0."""
    features = found.features_of(index)
    if features is not None:
        return features
    points = found.matches.keypoints[index]
    nothing = np.zeros((len(points), 0), np.float32)
    return Features(points, np.ones(len(points), np.float32), nothing, source.size, "tracks")


def _pair_rows(names: Sequence[str], found: PhotoSetMatches) -> Iterator[PairRows]:
    nothing, none = np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    for a, b in found.pairs:
        rows, scores = found.matches.rows.get((a, b), nothing), found.matches.scores.get((a, b), none)
        yield PairRows(names[a], names[b], rows, scores)


def _write_npz(
    out: Path, names: Sequence[str], sources: Sequence[PhotoSource], found: PhotoSetMatches, card: MatcherCard
) -> None:
    """One file ``A_B.npz`` for each pair, '/' in names as '-', and the list of pairs."""
    files: dict[str, tuple[int, int]] = {}
    for a, b in found.pairs:
        name = f"{names[a]}_{names[b]}.npz".replace("/", "-")
        if name in files:
            raise InputError(f"{out}: two pairs would be written to {name}", "rename one of the photos")
        files[name] = (a, b)
    weights = weights_sha256(card.weights)
    for (name, (a, b)), pair in zip(files.items(), _pair_rows(names, found), strict=True):
        keypoints = found.matches.keypoints[a], found.matches.keypoints[b]
        matches = Matches(
            points_a=keypoints[0][pair.rows[:, 0]],
            points_b=keypoints[1][pair.rows[:, 1]],
            scores=pair.scores,
            size_a=sources[a].size,
            size_b=sources[b].size,
            model=card.name,
            weights=weights,
            licence=card.licence,
            rows=pair.rows,
        )
        write_matches_npz(out / name, matches, *keypoints)
    lines = [f"{names[a]}\t{names[b]}\n" for a, b in found.pairs]  # a tab, since names may hold spaces
    write_text(out / PAIRS_FILE, "".join(lines))
