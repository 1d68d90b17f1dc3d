"""Names of images in files: relative paths with '/' that cannot leave their folder."""

from __future__ import annotations

from pathlib import PurePosixPath

from splatmatch.errors import FormatError


def checked_name(name: str, source: str) -> str:
    """``name`` with '/' as separator and without './'.

    Raises:
        FormatError: empty, absolute, with '..' or with control characters: it could name a file outside its folder.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    drive = len(name) > 1 and name[1] == ":"
    if not path.parts or path.is_absolute() or drive or ".." in path.parts or not name.isprintable():
        raise FormatError(f"{source}: {name[:80]!r} is no name of an image inside its folder")
    return str(path)
