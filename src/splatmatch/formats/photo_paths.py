"""Finding the photos that a pose file names, and what to call them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from splatmatch.formats.image_names import checked_name
from splatmatch.formats.images import SUFFIXES

IMAGES = "images"
"""Folders of photos begin so: images, images_2, images_4 ..."""


def locate_photo(name: str, base: Path, images: Path | None) -> Path | None:
    """The photo that a pose file calls ``name``, or None where there is none.

    Args:
        name: as in the file: relative to ``base`` or absolute, perhaps without suffix.
        base: the folder of the pose file.
        images: the user's own folder of photos; then only that is searched, also without leading folders of ``name``.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    parts = path.parts[1:] if path.is_absolute() else path.parts
    tails = [PurePosixPath(*parts[start:]) for start in range(len(parts))]
    candidates = [base / path] if images is None else [images / tail for tail in tails]
    for candidate in candidates:
        has_suffix = candidate.suffix.lower() in SUFFIXES
        for suffix in ("",) if has_suffix else (".png", *SUFFIXES):
            if os.path.isfile(f"{candidate}{suffix}"):  # False for every impossible name
                return Path(f"{candidate}{suffix}")
    return None


def photo_names(
    names: Sequence[str], paths: Sequence[Path | None], base: Path, images: Path | None, source: Path
) -> list[str]:
    """What to call the photos of the pose file ``source``.

    A photo in the user's folder ``images`` is called by its path there. Otherwise by its path below ``base`` (or as in
    the file where it does not exist), without a common leading ``images*`` folder; outside ``base`` by its file name.

    Raises:
        FormatError: a name that could not be a file's.
    """
    labels = []
    for name, path in zip(names, paths, strict=True):
        below = PurePosixPath(name.replace("\\", "/")) if path is None else Path(os.path.relpath(path, images or base))
        parts = [part for part in below.parts if part != "/"]
        labels.append(parts[-1:] if ".." in parts else parts)
    loose = [images is None or path is None for path in paths]  # not settled by the user's folder
    heads = {parts[0] for parts, is_loose in zip(labels, loose, strict=True) if is_loose and len(parts) > 1}
    if len(heads) == 1 and next(iter(heads)).startswith(IMAGES):
        labels = [parts[is_loose and len(parts) > 1 :] for parts, is_loose in zip(labels, loose, strict=True)]
    return [checked_name("/".join(parts), str(source)) for parts in labels]
