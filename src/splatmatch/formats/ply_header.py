"""PLY files: a strict header parser and one reader of an element's rows, for splats and point clouds alike.

What the header promises is checked against the size of the file before anything is allocated.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError, InputError

MAX_HEADER_BYTES = 1 << 20
_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
_SCALARS = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip


@dataclass(frozen=True)
class PlyElement:
    """One element of a header, for example ``vertex``."""

    name: str
    count: int
    """Rows."""
    properties: tuple[tuple[str, str], ...]
    """(name, numpy type code without byte order); the code of a list property is empty."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the properties, in file order."""
        return tuple(name for name, _ in self.properties)

    @property
    def has_lists(self) -> bool:
        """Whether rows have no fixed size."""
        return any(not code for _, code in self.properties)

    def dtype(self, order: str) -> np.dtype[np.void]:
        """Structured type of one row; ``order`` is '<', '>' or '='."""
        return np.dtype([(name, order + code) for name, code in self.properties])


@dataclass(frozen=True)
class PlyHeader:
    """A header whose promises fit into the file."""

    encoding: str
    """``ascii``, ``binary_little_endian`` or ``binary_big_endian``."""
    elements: tuple[PlyElement, ...]
    """In file order."""
    comments: tuple[str, ...]
    body: int
    """Offset of the first byte after the header."""

    def element(self, name: str) -> PlyElement | None:
        """The element called ``name``, or None."""
        return next((element for element in self.elements if element.name == name), None)


def read_ply_header(path: Path) -> PlyHeader:
    """The header of a PLY file, checked against the size of the file.

    Raises:
        InputError: there is no such file.
        FormatError: not a PLY file, a damaged header, or a body too short for the rows that the header promises.
    """
    try:
        with open(path, "rb") as file:
            lines, body = _header_lines(file, path)
            size = file.seek(0, 2)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    header = _parse(lines, body, path)
    _check_size(header, size, path)
    return header


def read_ply_rows(path: Path, header: PlyHeader, name: str) -> NDArray[np.void]:
    """The rows of the element ``name`` as a structured array.

    Raises:
        FormatError: there is no such element, it or one before it holds lists, or a number is malformed.
    """
    wanted = header.element(name)
    if wanted is None:
        raise FormatError(f"{path}: has no element {name!r}")
    before = tuple(itertools.takewhile(lambda element: element is not wanted, header.elements))
    if any(element.has_lists for element in (*before, wanted)):
        raise FormatError(f"{path}: lists in or before {name!r} cannot be read")
    order = _ORDERS[header.encoding]
    dtype = wanted.dtype(order)
    with open(path, "rb") as file:
        if header.encoding == "ascii":
            return _ascii_rows(file, header, sum(element.count for element in before), wanted, path)
        file.seek(header.body + sum(element.count * element.dtype(order).itemsize for element in before))
        rows = np.fromfile(file, dtype, wanted.count)
    if len(rows) != wanted.count:
        raise FormatError(f"{path}: is truncated: {len(rows)} of {wanted.count} rows of {name!r}")
    return rows


def _header_lines(file: BinaryIO, path: Path) -> tuple[list[str], int]:
    lines: list[str] = []
    if file.read(3) != b"ply":
        raise FormatError(f"{path}: not a PLY file")
    file.seek(0)
    while True:
        line = file.readline(MAX_HEADER_BYTES)
        if not line.endswith(b"\n") or file.tell() > MAX_HEADER_BYTES:
            raise FormatError(f"{path}: the PLY header has no end")
        lines.append(line.decode("latin-1").strip())
        if lines[-1] == "end_header":
            return lines, file.tell()


def _parse(lines: list[str], body: int, path: Path) -> PlyHeader:
    encoding, comments = "", []
    elements: list[tuple[str, int, list[tuple[str, str]]]] = []
    for line in lines[1:-1]:
        words = line.split()
        match words:
            case ["comment" | "obj_info", *_]:
                comments.append(line.partition(" ")[2].strip())
            case ["format", kind, "1.0"] if kind in _ORDERS and not encoding:
                encoding = kind
            case ["element", name, count] if count.isascii() and count.isdigit() and len(count) < 19:
                elements.append((name, int(count), []))
            case ["property", kind, name] if kind in _SCALARS and elements:
                elements[-1][2].append((name, _SCALARS[kind]))
            case ["property", "list", length, kind, name] if {length, kind} <= _SCALARS.keys() and elements:
                elements[-1][2].append((name, ""))
            case []:
                continue
            case _:
                raise FormatError(f"{path}: damaged PLY header: {line[:80]!r}")
    for names in ([name for name, _, _ in elements], *([name for name, _ in rows] for _, _, rows in elements)):
        if len(set(names)) != len(names):
            raise FormatError(f"{path}: damaged PLY header: a name occurs twice")
    if not encoding or not elements:
        raise FormatError(f"{path}: damaged PLY header: no format or no elements")
    if not all(properties for _, _, properties in elements):
        raise FormatError(f"{path}: damaged PLY header: an element has no properties")
    return PlyHeader(encoding, tuple(PlyElement(n, c, tuple(p)) for n, c, p in elements), tuple(comments), body)


def _check_size(header: PlyHeader, size: int, path: Path) -> None:
    """The least number of bytes that the promised rows take must be there."""
    least = header.body
    for element in header.elements:
        if header.encoding == "ascii":
            least += element.count * 2 * len(element.properties)  # a digit and a separator each
        else:
            codes = (np.dtype(code).itemsize if code else 1 for _, code in element.properties)
            least += element.count * sum(codes)
    if header.encoding == "ascii":
        least -= 1  # the last line may lack its end
    if size < least:
        counts = ", ".join(f"{element.count} {element.name}" for element in header.elements)
        raise FormatError(f"{path}: is truncated: {size} bytes cannot hold {counts}")


def _ascii_rows(file: BinaryIO, header: PlyHeader, skip: int, wanted: PlyElement, path: Path) -> NDArray[np.void]:
    file.seek(header.body)
    lines = itertools.islice(file, skip, skip + wanted.count)
    dtype = wanted.dtype("=")
    try:
        table = np.array([line.split() for line in lines], dtype=np.float64)
    except ValueError as error:
        raise FormatError(f"{path}: a row of {wanted.name!r} is damaged") from error
    if table.shape != (wanted.count, len(wanted.names)) and wanted.count:
        raise FormatError(f"{path}: is truncated: {len(table)} of {wanted.count} rows of {wanted.name!r}")
    rows = np.empty(wanted.count, dtype)
    for index, name in enumerate(wanted.names):
        column = table[:, index] if wanted.count else np.empty(0)
        if dtype[name].kind in "iu" and not (np.isfinite(column).all() and _fits(column, dtype[name])):
            raise FormatError(f"{path}: {name!r} holds a number that does not fit its type")
        rows[name] = column
    return rows


def _fits(column: NDArray[np.float64], dtype: np.dtype[Any]) -> bool:
    limits = np.iinfo(dtype.str)
    return bool(column.size == 0 or (column.min() >= limits.min and column.max() <= limits.max))
