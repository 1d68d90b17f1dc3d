"""Cards: a small JSON file beside a network or a folder of maps that says what they cannot say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from splatmatch.errors import FormatError
from splatmatch.formats.json_text import read_json_object

Kind = Literal["inverse", "log_inverse", "depth"]
"""What values mean: inverse depth (larger = nearer), its natural logarithm, or depth (larger = farther)."""
MAX_BYTES = 64 * 1024
Card = TypeVar("Card")


def read_card(path: Path, card: type[Card]) -> Card:
    """The dataclass ``card`` filled from the JSON object in ``path``; its defaults where there is no such file.

    Raises:
        FormatError: not a JSON object, a field that ``card`` does not have, or a value of another type.
    """
    if not path.is_file():
        return card()
    if path.stat().st_size > MAX_BYTES:
        raise FormatError(f"{path}: a card has at most {MAX_BYTES // 1024} kB")
    values = read_json_object(path)
    hints = get_type_hints(card)
    if not values.keys() <= hints.keys():
        raise FormatError(f"{path}: must be an object with some of {', '.join(hints)}")
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise FormatError(f"{path}: {name} cannot be {json.dumps(value)[:60]}")
    return card(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        return isinstance(value, list) and len(value) == len(kinds) and all(map(_fits, value, kinds))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    return isinstance(value, hint)
