"""The order of examples: shares of the sources, independence of loaders and batches, curriculum, what is refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import FormatError, InputError
from splatmatch.pairs.shards import ShardWriter, encode
from splatmatch.training.examples import ExampleConfig
from splatmatch.training.mix import BLOCK, Curriculum, Draw, PairMix, shares
from splatmatch.training.sources import Limits, ShardSource, open_source

from .worlds import room_pair

CONFIG = ExampleConfig(size=(64, 48))


class Named:
    """A source that gives no pairs."""

    def __init__(self, name):
        self.name = name

    def fingerprint(self):
        return self.name

    def pair(self, turn, attempt, limits):
        return None


def mix_of(*folders, **settings):
    sources = tuple(open_source(str(folder), CONFIG.size, 5) for folder in folders)
    return PairMix(sources, tuple(1.0 for _ in folders), 5, CONFIG, **settings)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=6))
def test_every_block_has_the_shares_that_were_asked_for(weights):
    counts = shares(weights)
    assert counts.sum() == BLOCK
    assert (np.abs(counts - BLOCK * np.array(weights) / sum(weights)) < 1).all()


def test_sources_are_drawn_by_weight_and_turns_count_up():
    mix = PairMix((Named("a"), Named("b"), Named("c")), (6.0, 3.0, 1.0), 7)
    drawn = [mix.chosen(position) for position in range(2 * BLOCK)]
    assert Counter(source for source, _ in drawn) == {0: 1200, 1: 600, 2: 200}
    for which in range(3):
        assert [turn for source, turn in drawn if source == which] == list(range(200 * (6, 3, 1)[which]))
    assert len({source for source, _ in drawn[:20]}) > 1


def test_a_source_is_shown_whole_before_it_is_repeated(shards):
    source = ShardSource("x", shards, 3)
    keys = [source.pair(turn, 0, Limits()).key for turn in range(18)]
    for lap in range(3):
        assert sorted(keys[6 * lap : 6 * lap + 6]) == sorted(source.reader.keys)
    assert keys[:6] != keys[6:12]


def test_the_order_depends_on_neither_loaders_nor_ranks_nor_the_first_step(shards):
    mix = mix_of(shards)
    alone = [batch for batch, _ in islice(mix.batches(0, 4, 0), 3)]
    apart = [batch for batch, _ in islice(mix.batches(0, 4, 2), 3)]
    later = [batch for batch, _ in islice(mix.batches(2, 4, 1), 1)]
    for one, two in (*zip(alone, apart, strict=True), (alone[2], later[0])):
        assert one.keys == two.keys and torch.equal(one.images_a, two.images_a)
        assert torch.equal(one.target_ab, two.target_ab)
    ranks = [next(iter(mix.batches(1, 4, 0, rank, 2)))[0] for rank in range(2)]
    assert ranks[0].keys + ranks[1].keys == alone[1].keys[::2] + alone[1].keys[1::2]
    assert torch.equal(ranks[1].images_b[1], alone[1].images_b[3])


def test_another_seed_gives_another_order(shards):
    one = next(iter(mix_of(shards).batches(0, 6, 0)))[0]
    two = next(iter(replace(mix_of(shards), seed=6).batches(0, 6, 0)))[0]
    assert not torch.equal(one.images_a, two.images_a)


def test_a_curriculum_begins_with_what_overlaps_and_ends_with_everything(shards):
    curriculum = Curriculum(steps=80, overlap=0.75, scale=1.3)
    assert curriculum.limits(80) == Limits() == Curriculum().limits(0)
    steps = [curriculum.limits(step) for step in range(0, 81, 5)]
    assert all(a.overlap >= b.overlap and a.scale <= b.scale for a, b in pairwise(steps))
    mix = mix_of(shards, curriculum=curriculum)
    early = {mix(Draw(position, 0)).example.key for position in range(40)}
    assert early == {"room-0", "room-1"}
    assert {mix(Draw(position, 90)).example.key for position in range(40)} == {f"room-{i}" for i in range(6)}
    with pytest.raises(InputError, match="without --curriculum"):
        mix_of(shards, curriculum=Curriculum(10, 0.99))(Draw(0, 0))


def test_pairs_without_labels_and_damaged_ones_are_replaced_and_named(tmp_path):
    good, bad = room_pair((96, 72), key="good"), room_pair((96, 72), key="bad")
    nothing = np.zeros_like(bad.a.valid)
    bad = replace(bad, a=replace(bad.a, valid=nothing))
    for name, samples in (("both", (good, bad)), ("none", (bad,))):
        with ShardWriter(tmp_path / name, {"verb": "test"}) as writer:
            for sample in samples:
                writer.add(sample.key, encode(sample))
            writer.finish({})
    mix = mix_of(tmp_path / "both")
    drawn = [mix(Draw(position, 0)) for position in range(8)]
    assert {one.example.key for one in drawn} == {"good"}
    skipped = [reason for one in drawn for reason in one.skipped]
    assert len(skipped) == 4 and all(reason.endswith("bad has no valid label") for reason in skipped)
    with pytest.raises(InputError, match=r"teach nothing.*bad has no valid label"):
        mix_of(tmp_path / "none")(Draw(0, 0))


def test_what_cannot_be_mixed_is_refused(shards, tmp_path):
    with pytest.raises(InputError, match="nothing to train on"):
        PairMix((), (), 0)
    with pytest.raises(InputError, match="2 weights for 1 sources"):
        PairMix((Named("a"),), (1.0, 2.0), 0)
    with pytest.raises(InputError, match="not all above 0"):
        PairMix((Named("a"),), (0.0,), 0)
    with pytest.raises(InputError, match="b: its weight is below a thousandth"):
        PairMix((Named("a"), Named("b")), (10000.0, 1.0), 0)
    with pytest.raises(InputError):
        open_source(str(tmp_path / "missing"), CONFIG.size, 0)
    other = tmp_path / "other"
    shutil.copytree(shards, other)
    index = json.loads((other / "index.json").read_text())
    (other / "index.json").write_text(json.dumps(index | {"version": 99}))
    with pytest.raises(FormatError, match="version 99"):
        open_source(str(other), CONFIG.size, 0)


def test_data_that_changed_has_another_fingerprint(shards, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(shards, other)
    one, two = (open_source(str(folder), CONFIG.size, 0) for folder in (shards, other))
    assert one.fingerprint() == two.fingerprint()
    with open(other / "index.json", "a") as file:
        file.write("\n")
    assert one.fingerprint() != two.fingerprint()


@pytest.mark.slow
def test_a_synthetic_scene_is_rendered_on_the_fly_and_always_alike():
    one, two = (open_source("synthetic:table", (64, 48), 3) for _ in range(2))
    first, again = one.pair(2, 0, Limits()), two.pair(2, 0, Limits())
    assert first.a.rgb.shape == (48, 64, 3) and np.array_equal(first.b.rgb, again.b.rgb)
    mix = PairMix((one,), (1.0,), 1, CONFIG)
    assert mix(Draw(0, 0)).example.covisible_ab.any()
