"""ONNX files of a few hundred bytes, written field by field: the tests need no onnx package."""

from __future__ import annotations

from pathlib import Path


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, payload: bytes | str) -> bytes:
    data = payload.encode() if isinstance(payload, str) else payload
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _value(name: str, shape: tuple[int | str, ...]) -> bytes:
    sides = b"".join(_message(1, _number(1, s) if isinstance(s, int) else _message(2, s)) for s in shape)
    return _message(1, name) + _message(2, _message(1, _number(1, 1) + _message(2, sides)))


def _node(kind: str, source: str, target: str, attributes: bytes = b"") -> bytes:
    return _message(1, _message(1, source) + _message(2, target) + _message(4, kind) + attributes)


def write_network(path: Path, *, hidden: str = "hidden", height: int | str = "H", width: int | str = "W") -> Path:
    """``nearness`` = exp(mean over the channels of ``photo``), the mean being an inner tensor called ``hidden``."""
    axes = _message(5, _message(1, "axes") + _number(20, 7) + _number(8, 1))
    keep = _message(5, _message(1, "keepdims") + _number(20, 2) + _number(3, 1))
    nodes = _node("ReduceMean", "photo", hidden, axes + keep) + _node("Exp", hidden, "nearness")
    graph = nodes + _message(2, "tiny")
    graph += _message(11, _value("photo", (1, 3, height, width))) + _message(
        12, _value("nearness", (1, 1, height, width))
    )
    path.write_bytes(_number(1, 7) + _message(7, graph) + _message(8, _message(1, "") + _number(2, 13)))
    return path
