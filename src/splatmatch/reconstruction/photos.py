"""The door: which photos there are, how large, with which EXIF focal length, which mask, and which are twins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from splatmatch.errors import FormatError, InputError, ReconstructionError, SplatmatchError
from splatmatch.files import sha256
from splatmatch.formats.images import list_photos, read_photo_info
from splatmatch.formats.masks import find_mask
from splatmatch.jobs.progress import Progress
from splatmatch.scene.views import Unregistered


@dataclass(frozen=True)
class Photo:
    """A photo by its header; its pixels have not been read yet."""

    name: str
    """Relative to the folder, '/' as separator."""
    path: Path
    width: int
    """Pixels, EXIF orientation applied."""
    height: int
    """Pixels, EXIF orientation applied."""
    focal: float | None
    """Pixels, by EXIF."""
    digest: str
    """SHA-256 of the file."""
    mask: Path | None = None


@dataclass(frozen=True)
class PhotoSet:
    """The usable photos of a folder."""

    photos: tuple[Photo, ...]
    """Sorted by name."""
    rejected: tuple[Unregistered, ...]
    """Files that cannot be used, and why."""


def find_photos(folder: Path, masks: Path | None, progress: Progress) -> PhotoSet:
    """The photos in ``folder``, at least two different ones.

    A file that cannot be read is rejected with its reason, and so is a copy of another photo; the rest goes on.

    Args:
        folder: searched with all folders below it.
        masks: folder with masks by the photos' names, black = ignored; None = none.
        progress: told about every photo.

    Raises:
        InputError: no such folder, no photos, or no mask for any photo.
        FormatError: a mask is unreadable or has not the size of its photo.
        ReconstructionError: fewer than two different photos can be read; says what is wrong with the others.
    """
    names = [name for name in list_photos(folder) if not is_mask(folder / name, masks)]
    photos: dict[str, Photo] = {}
    rejected = []
    for done, name in enumerate(names, 1):
        try:
            photo = _read(name, folder / name, None if masks is None else find_mask(masks, name))
        except FormatError as error:
            rejected.append(Unregistered(name, str(error)))
        else:
            twin = photos.setdefault(photo.digest, photo)
            if twin is not photo:
                rejected.append(Unregistered(name, f"is the same file as {twin.name}"))
        progress.update("photos", done / len(names), f"{done} of {len(names)}")
    found = tuple(sorted(photos.values(), key=lambda photo: photo.name))
    if len(found) < 2:
        raise _too_few(folder, len(names), found, rejected)
    if masks is not None:
        _check_masks(found, masks)
    return PhotoSet(found, tuple(rejected))


def is_mask(path: Path, masks: Path | None) -> bool:
    """Whether a file lies in the folder of masks, which may stand among the photos."""
    return masks is not None and path.resolve().is_relative_to(masks.resolve())


def _read(name: str, path: Path, mask: Path | None) -> Photo:
    info = read_photo_info(path)
    return Photo(name, path, info.width, info.height, info.focal, sha256(path), mask)


def _check_masks(photos: tuple[Photo, ...], folder: Path) -> None:
    if not any(photo.mask for photo in photos):
        raise InputError(f"{folder}: holds no mask for any photo", f"name the first one {photos[0].name}.png")
    for photo in photos:
        if photo.mask is None:
            continue
        info = read_photo_info(photo.mask)
        if (info.width, info.height) != (photo.width, photo.height):
            raise FormatError(
                f"{photo.mask}: the mask is {info.width} x {info.height}, its photo {photo.width} x {photo.height}",
                "give a mask of the photo's size",
            )


def _too_few(folder: Path, count: int, found: tuple[Photo, ...], rejected: list[Unregistered]) -> SplatmatchError:
    if count == 1 and found:
        return ReconstructionError(f"{folder}: holds a single photo, {found[0].name}", "take at least three, moving")
    if found and len(rejected) == count - 1 and all("same file" in item.reason for item in rejected):
        return ReconstructionError(f"{folder}: all {count} photos are identical", "take them from different places")
    return ReconstructionError(f"{folder}: fewer than two photos can be used: {listed(rejected)}")


def listed(items: list[Unregistered] | tuple[Unregistered, ...], most: int = 5) -> str:
    """Names and reasons in one line, at most ``most`` of them and a count of the rest."""
    shown = "; ".join(f"{item.name}: {item.reason}" for item in items[:most])
    return shown + (f"; and {len(items) - most} more" if len(items) > most else "")
