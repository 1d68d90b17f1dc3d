"""Weights that are part of the package."""

from __future__ import annotations

import hashlib

import pytest

from splatmatch.errors import FormatError, MissingDependencyError
from splatmatch.weights import load as loading
from splatmatch.weights import registry
from splatmatch.weights.registry import Shipped, Weights


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Registered weights of twelve bytes that are not there yet."""
    digest = hashlib.sha256(b"twelve bytes").hexdigest()
    weights = Weights("ours", "test", "ours.safetensors", 12, digest, Shipped(), "Apache-2.0", True)
    known = (*registry.REGISTRY, weights)
    for module in (registry, loading):
        monkeypatch.setattr(module, "REGISTRY", known)
    monkeypatch.setattr(loading, "SHIPPED", tmp_path)
    return tmp_path / "ours.safetensors"


def test_shipped_weights_are_found_in_the_package_and_checked(shipped):
    assert [row.state for row in loading.status() if row.weights.name == "ours"] == ["missing"]
    with pytest.raises(MissingDependencyError, match="install splatmatch again"):
        loading.load("ours")
    shipped.write_bytes(b"twelve bytes")
    assert loading.load("ours") == shipped
    assert [row.state for row in loading.status() if row.weights.name == "ours"] == ["ready"]
    shipped.write_bytes(b"other bytes!")
    with pytest.raises(FormatError, match="SHA-256 differs"):
        loading.load("ours")
