"""Names of images in files: relative paths with '/' that cannot leave their folder."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from splatmatch.errors import FormatError

_DRIVE = re.compile(r"[A-Za-z]:/")
_UNWRITABLE = {"Cc", "Cs"}
"""Unicode categories of control characters, and of what stands for undecodable bytes."""


def checked_name(name: str, source: str) -> str:
    """``name`` with '/' as separator and without './'.

    Raises:
        FormatError: empty, absolute, with '..' or with control characters: it could name a file outside its folder, or
            could not be written into other files.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    unwritable = any(unicodedata.category(character) in _UNWRITABLE for character in name)
    if not path.parts or path.is_absolute() or ".." in path.parts or _DRIVE.match(str(path)) or unwritable:
        raise FormatError(f"{source}: {name[:80]!r} is no name of an image inside its folder")
    return str(path)
