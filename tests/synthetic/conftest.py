"""Scenes that several tests look at; light is baked once per run."""

from __future__ import annotations

import pytest

from splatmatch.synthetic import SyntheticScene, build_scene


@pytest.fixture(scope="session")
def table() -> SyntheticScene:
    return build_scene("table", 2)


@pytest.fixture(scope="session")
def room() -> SyntheticScene:
    return build_scene("room", 1)


@pytest.fixture(scope="session", params=["room", "table", "street"])
def scene(request: pytest.FixtureRequest) -> SyntheticScene:
    """Geometry of each kind; nothing that needs its light."""
    return build_scene(request.param, 5)
