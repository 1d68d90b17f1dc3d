"""Names, cards and settings of the matchers."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import pytest

from splatmatch.errors import InputError, MissingDependencyError
from splatmatch.matchers import adapters
from splatmatch.matchers.registry import cards, matcher_names, open_matcher, settings_of
from splatmatch.scene.matcher import FeatureMatcher
from splatmatch.weights.registry import entry


def test_every_card_is_named_like_its_file_and_names_registered_weights():
    assert {"sift", "xfeat", "xfeat-lighterglue"} <= set(matcher_names())
    for card, name in zip(cards(), matcher_names(), strict=True):
        assert card.name == name and card.licence and card.source
        assert not card.commercial or all(entry(weights).commercial for weights in card.weights)
        assert {"size", "tiles", "memory", "count"} <= set(settings_of(name))


def test_listing_matchers_loads_no_network_library():
    code = """
        import sys
        from splatmatch.matchers.registry import cards
        assert len(cards()) > 2
        print(sorted({"onnxruntime", "kornia", "h5py"} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_names_and_settings_are_told_with_the_closest():
    with pytest.raises(InputError, match="no matcher 'xfaet'; did you mean xfeat"):
        open_matcher("xfaet")
    with pytest.raises(InputError, match="sift has no setting 'ration'; did you mean ratio"):
        open_matcher("sift", ration=0.7)
    with pytest.raises(InputError, match=re.escape("no device 'gpu'; known: auto, cpu, cuda")):
        open_matcher("sift", device="gpu")


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"count": 1.5}, {"count": True}, {"size": -1}, {"size": 8}, {"tiles": 10}, {"memory": 0.0}]
)
def test_values_that_a_setting_cannot_have_are_refused(wrong):
    with pytest.raises(InputError):
        open_matcher("sift", **wrong)


def test_the_device_cuda_is_refused_where_there_is_none():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(MissingDependencyError, match="no CUDA"):
        open_matcher("sift", device="cuda")


def test_settings_hash_follows_settings_and_features_hash_follows_those_of_features():
    plain, same, strict = open_matcher("sift"), open_matcher("sift"), open_matcher("sift", ratio=0.7)
    fewer = open_matcher("sift", count=100)
    assert isinstance(plain, FeatureMatcher) and isinstance(strict, FeatureMatcher)
    assert isinstance(same, FeatureMatcher) and isinstance(fewer, FeatureMatcher)
    assert plain.settings_hash == same.settings_hash and plain.features_hash == same.features_hash
    assert plain.settings_hash != strict.settings_hash and plain.features_hash == strict.features_hash
    assert plain.features_hash != fewer.features_hash and plain.settings_hash != fewer.settings_hash


def test_a_matcher_is_added_by_one_file(tmp_path, monkeypatch):
    (tmp_path / "corner_shift.py").write_text(
        textwrap.dedent(
            '''
            """A matcher that knows the answer."""
            from dataclasses import dataclass
            from splatmatch.scene.matcher import MatcherCard

            CARD = MatcherCard("corner-shift", "dense", "a test", "Apache-2.0", True)

            @dataclass(frozen=True)
            class Options:
                shift: float = 2.0

            def open_adapter(options, device):
                return options.shift, device
            '''
        )
    )
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path)])
    assert "corner-shift" in matcher_names()
    assert open_matcher("corner-shift", shift=3.0, device="cpu") == (3.0, "cpu")


def test_settings_may_follow_the_name():
    plain, spoken = open_matcher("sift", ratio=0.7, count=300), open_matcher("sift:ratio=0.7:count=300")
    assert plain.settings_hash == spoken.settings_hash != open_matcher("sift").settings_hash
    for text, words in (
        ("sift:count=many", "count=many is no int"),
        ("sift:count", "'count' is no setting"),
        ("sift:cuont=3", "did you mean count"),
        ("sfit:count=3", "did you mean sift"),
    ):
        with pytest.raises(InputError, match=words):
            open_matcher(text)
