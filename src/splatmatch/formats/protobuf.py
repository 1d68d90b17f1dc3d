"""The wire format of protocol buffers, without a schema: enough to change a few fields of an ONNX file in memory.

Source: "Encoding", protobuf.dev. A message is a sequence of fields; unknown ones are kept as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from splatmatch.errors import FormatError


@dataclass(frozen=True)
class Field:
    """One field of a message."""

    number: int
    wire: int
    """0 varint, 1 eight bytes, 2 a length and as many bytes (text or an embedded message), 5 four bytes."""
    value: int | bytes

    @property
    def data(self) -> bytes:
        """The bytes of a field that holds bytes.

        Raises:
            FormatError: it holds a varint.
        """
        if isinstance(self.value, int):
            raise FormatError(f"field {self.number} holds a number where a message was expected")
        return self.value


def read_message(data: bytes) -> list[Field]:
    """The fields of one message, in order.

    Raises:
        FormatError: the bytes are cut off or no message.
    """
    fields, position = [], 0
    while position < len(data):
        tag, position = _varint(data, position)
        wire, number = tag & 7, tag >> 3
        value: int | bytes
        if wire == 0:
            value, position = _varint(data, position)
        else:
            length = {1: 8, 5: 4}.get(wire, -1)
            if wire == 2:
                length, position = _varint(data, position)
            if length < 0 or position + length > len(data):
                raise FormatError("not a protocol buffer, or cut off")
            value = data[position : position + length]
            position += length
        fields.append(Field(number, wire, value))
    return fields


def write_message(fields: list[Field]) -> bytes:
    """The bytes of a message."""
    parts = []
    for field in fields:
        parts.append(_as_varint(field.number << 3 | field.wire))
        if isinstance(field.value, int):
            parts.append(_as_varint(field.value))
        else:
            parts += [_as_varint(len(field.value))] * (field.wire == 2) + [field.value]
    return b"".join(parts)


def message(number: int, *fields: Field) -> Field:
    """An embedded message."""
    return Field(number, 2, write_message(list(fields)))


def text(number: int, value: str) -> Field:
    """A field of text."""
    return Field(number, 2, value.encode())


def read_varints(data: bytes) -> list[int]:
    """The numbers of a packed field.

    Raises:
        FormatError: the bytes are cut off.
    """
    numbers, position = [], 0
    while position < len(data):
        number, position = _varint(data, position)
        numbers.append(number)
    return numbers


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise FormatError("not a protocol buffer, or cut off")


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
