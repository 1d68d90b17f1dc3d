"""The size-free XFeat graph, and the wire format it is edited in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import FormatError
from splatmatch.formats.protobuf import Field, message, read_message, text, write_message
from splatmatch.matchers.onnx_session import open_session
from splatmatch.matchers.xfeat_graph import size_free
from tests.conftest import weight_file

_numbers = st.integers(1, 5000)
_fields = st.one_of(
    st.builds(Field, _numbers, st.just(0), st.integers(0, 2**64 - 1)),
    st.builds(Field, _numbers, st.just(1), st.binary(min_size=8, max_size=8)),
    st.builds(Field, _numbers, st.just(2), st.binary(max_size=300)),
    st.builds(Field, _numbers, st.just(5), st.binary(min_size=4, max_size=4)),
)


@given(st.lists(_fields, max_size=8))
def test_messages_survive_reading_and_writing(fields):
    data = write_message(fields)
    assert read_message(data) == fields
    assert write_message(read_message(data)) == data


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_clear_error(data):
    try:
        fields = read_message(data)
    except FormatError:
        return
    assert sum(len(f.value) for f in fields if isinstance(f.value, bytes)) <= len(data)


def test_known_bytes_of_the_wire_format():
    # the two examples of "Encoding", protobuf.dev: a = 150; b = "testing"
    assert read_message(bytes.fromhex("089601")) == [Field(1, 0, 150)]
    assert write_message([text(2, "testing")]) == bytes.fromhex("120774657374696e67")


@pytest.mark.parametrize("model", [b"", write_message([message(7, text(2, "other"))]), b"\xff" * 40])
def test_other_graphs_are_refused(model):
    with pytest.raises(FormatError):
        size_free(model)


@pytest.mark.data
def test_the_size_free_graph_gives_what_the_published_one_gives_at_640_by_480():
    model = weight_file("xfeat.onnx").read_bytes()
    images = np.random.default_rng(0).random((2, 3, 480, 640), np.float32)
    published = open_session(model, "published", "cpu").run(None, {"image": images})
    free = open_session(size_free(model), "size-free", "cpu")
    for ours, theirs in zip(free.run(None, {"image": images}), published, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    smaller = free.run(None, {"image": images[:1, :, :96, :160]})
    assert [part.shape for part in smaller] == [(1, 64, 12, 20), (1, 65, 12, 20), (1, 1, 12, 20)]
