"""Strict reading of JSON files that others wrote: no NaN, one clear error that names the file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from splatmatch.errors import FormatError, InputError


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``.

    Raises:
        InputError: there is no such file.
        FormatError: it is not JSON, holds NaN or infinity, or is not an object.
    """
    try:
        return parse_json_object(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error


def parse_json_object(data: bytes, source: str) -> dict[str, Any]:
    """The JSON object in ``data``; ``source`` names it in errors (see ``read_json_object``)."""

    def refuse(token: str) -> Any:
        raise FormatError(f"{source}: holds {token}, which is no number")

    try:
        value = json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{source}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise FormatError(f"{source}: a JSON object is expected, not a {type(value).__name__}")
    return value


def number(entry: dict[str, Any], key: str, source: str, default: float | None = None) -> float:
    """The finite number ``entry[key]``, or ``default`` where the key is absent.

    Raises:
        FormatError: the key is absent and there is no default, or its value is not a finite number.
    """
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise FormatError(
            f"{source}: {key!r} is {value!r:.60}, not a number" if key in entry else f"{source}: no {key!r}"
        )
    return float(value)


def list_of(entry: dict[str, Any], key: str, kind: type, source: str) -> list[Any]:
    """The list ``entry[key]`` of values of type ``kind``; empty where the key is absent.

    Raises:
        FormatError: it is no list, or an element has another type.
    """
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        raise FormatError(f"{source}: {key!r} is not a list of {kind.__name__}")
    return values


def text(entry: dict[str, Any], key: str, source: str) -> str:
    """The non-empty string ``entry[key]``.

    Raises:
        FormatError: the key is absent, or its value is no string or empty.
    """
    value = entry.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise FormatError(
            f"{source}: {key!r} is {value!r:.60}, not a name" if key in entry else f"{source}: no {key!r}"
        )
    return value
