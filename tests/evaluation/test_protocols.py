"""Protocols never change: a new value is a new name or a new version, and a new line here."""

from __future__ import annotations

import hashlib

import pytest

from splatmatch.evaluation.matching.protocols import (
    HOMOGRAPHY_PROTOCOLS,
    MAPFREE_PROTOCOL,
    PAIRS_PROTOCOLS,
    STEREO_PROTOCOLS,
)

FROZEN = {
    "pairs/poselib-1px@640 1": "6d5c840a8ed60cd5",
    "pairs/poselib-1px@1024 1": "f65c613a62221c2e",
    "pairs/loftr-cv2-0.5px 1": "12b2a59697f53619",
    "homography/opencv-2px@1024 1": "7fe9dede658cc473",
    "homography/poselib-2px@1024 1": "c7f3d2d66659bba9",
    "stereo/epe@1024 1": "7ad81675df7bdcc3",
    "mapfree/vcre 1": "1c9b8727b0b9828b",
}
PROTOCOLS = (*PAIRS_PROTOCOLS, *HOMOGRAPHY_PROTOCOLS, *STEREO_PROTOCOLS, MAPFREE_PROTOCOL)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_protocols_are_frozen(protocol):
    digest = hashlib.sha256(repr(protocol).encode()).hexdigest()[:16]
    assert FROZEN.get(f"{protocol.name} {protocol.version}") == digest, f"{protocol!r}: {digest}"


def test_protocols_say_what_they_are():
    for protocol in PROTOCOLS:
        assert str(protocol).startswith(f"{protocol.name} version {protocol.version} (")
    assert "poselib, 1 px of the resized image" in str(PAIRS_PROTOCOLS[0])
    assert "seeds 0, 1, 2" in str(PAIRS_PROTOCOLS[0]) and "180 degrees" in str(PAIRS_PROTOCOLS[0])
    assert "0.5 px of the file" in str(PAIRS_PROTOCOLS[2]) and "dialect loftr" in str(PAIRS_PROTOCOLS[2])
