"""The published XFeat graph, which takes 640 x 480 only, for any size: changed in memory, the file stays as it is.

Its keypoint branch cuts the normalised image into cells of 8 x 8 pixels with a slice per row and column of cells, 140
of them, which fixes the size. SpaceToDepth with a block of 8 does the same for any size: both put pixel (row, column)
of a cell into channel 8 row + column, and the image has one channel there. All other layers are convolutions, and
resizes to the size of another tensor.

Field numbers are those of onnx.proto: ModelProto.graph = 7; GraphProto.node = 1, input = 11, output = 12;
NodeProto.input = 1, output = 2, op_type = 4, attribute = 5; AttributeProto.name = 1, i = 3, type = 20 (INT = 2);
ValueInfoProto.name = 1, type = 2; TypeProto.tensor_type = 1; Tensor.elem_type = 1 (FLOAT = 1), shape = 2; dim = 1;
dim_value = 1, dim_param = 2.
"""

from __future__ import annotations

from splatmatch.errors import FormatError
from splatmatch.formats.protobuf import Field, message, read_message, text, write_message

NORMALISED = "/norm/InstanceNormalization_output_0"
"""The grey image (B, 1, H, W)."""
CELLS = "/Reshape_1_output_0"
"""Its cells (B, 64, H / 8, W / 8)."""
CELL = 8
_GRAPH, _NODE, _INPUT, _OUTPUT = 7, 1, 11, 12


def size_free(model: bytes) -> bytes:
    """The graph with an input (batch, 3, height, width), both sides multiples of 32, and outputs as before.

    Raises:
        FormatError: it is not the graph of XFeat.
    """
    fields = read_message(model)
    graph = next((field for field in fields if field.number == _GRAPH), None)
    if graph is None:
        raise FormatError("the XFeat file holds no graph")
    inside = read_message(graph.data)
    producers = {name: field for field in inside if field.number == _NODE for name in _names(field, 2)}
    if NORMALISED not in producers or CELLS not in producers:
        raise FormatError("the XFeat file holds another graph than the published one")
    producers[CELLS] = _space_to_depth()
    kept, wanted = set(), [text_of(field, 1) for field in inside if field.number == _OUTPUT]
    while wanted:
        producer = producers.get(wanted.pop())
        if producer is not None and id(producer) not in kept:
            kept.add(id(producer))
            wanted += _names(producer, 1)
    changed: list[Field] = []
    for field in inside:
        if field.number == _INPUT:
            field = _input(text_of(field, 1))  # noqa: PLW2901
        elif field.number == _NODE and CELLS in _names(field, 2):
            field = producers[CELLS]  # noqa: PLW2901
        elif field.number == _NODE and id(field) not in kept:
            continue
        changed.append(field)
    return write_message([message(_GRAPH, *changed) if field is graph else field for field in fields])


def text_of(field: Field, number: int) -> str:
    """The text in field ``number`` of an embedded message; empty where there is none."""
    return next((inner.data.decode() for inner in read_message(field.data) if inner.number == number), "")


def _names(node: Field, number: int) -> list[str]:
    return [inner.data.decode() for inner in read_message(node.data) if inner.number == number]


def _space_to_depth() -> Field:
    block = message(5, text(1, "blocksize"), Field(3, 0, CELL), Field(20, 0, 2))
    return message(_NODE, text(1, NORMALISED), text(2, CELLS), text(4, "SpaceToDepth"), block)


def _input(name: str) -> Field:
    batch, channels, height, width = (
        message(1, text(2, "batch")),
        message(1, Field(1, 0, 3)),
        message(1, text(2, "height")),
        message(1, text(2, "width")),
    )
    tensor = message(1, Field(1, 0, 1), message(2, batch, channels, height, width))
    return message(_INPUT, text(1, name), message(2, tensor))
