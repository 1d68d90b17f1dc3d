"""Small data sets that the tests of training share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from splatmatch.pairs.shards import ShardWriter, encode

from .worlds import room_pair


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    """Six pairs at 96 x 72; each later one overlaps less and is zoomed more."""
    folder = tmp_path_factory.mktemp("pairs")
    with ShardWriter(folder, {"verb": "test"}, per_shard=4) as writer:
        for number in range(6):
            sample = room_pair((96, 72), 0.1 + 0.08 * number, 1.0 + 0.1 * number, key=f"room-{number}")
            sample = replace(sample, overlap_ab=0.9 - 0.1 * number, overlap_ba=0.9 - 0.1 * number)
            writer.add(sample.key, encode(sample))
        writer.finish({})
    return folder
