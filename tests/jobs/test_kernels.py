"""Compiled kernels: where they are kept, and the one line that is said before the first compilation."""

from __future__ import annotations

import logging

import pytest

from splatmatch.jobs import kernels


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder with one kernel source, and an empty cache."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    for function in (kernels._cache_root, kernels._source_hash, kernels.announce_compilation):
        function.cache_clear()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "blend.py").write_text("x = 1\n")
    yield tmp_path / "cpu" / "blend.py"
    for function in (kernels._cache_root, kernels._source_hash, kernels.announce_compilation):
        function.cache_clear()


def test_the_cache_folder_changes_with_any_source_beside_the_kernel(sources):
    """Numba itself would not notice an edit of an inlined function in another file."""
    before = kernels.cache_folder(str(sources))
    (sources.parent / "rules.py").write_text("y = 2\n")
    kernels._source_hash.cache_clear()
    assert kernels.cache_folder(str(sources)) != before


def test_compilation_is_announced_once_and_only_when_nothing_is_compiled(sources, caplog):
    caplog.set_level(logging.WARNING)
    kernels.announce_compilation(str(sources), "rasteriser")
    kernels.announce_compilation(str(sources), "rasteriser")
    assert [record.message for record in caplog.records] == [
        "compiling the rasteriser for this machine, once: half a minute or so"
    ]
    caplog.clear()
    compiled = kernels.cache_folder(str(sources)) / "cpu_1" / "blend.nbc"
    compiled.parent.mkdir(parents=True)
    compiled.write_bytes(b"")
    kernels.announce_compilation.cache_clear()
    kernels.announce_compilation(str(sources), "rasteriser")
    assert caplog.records == []


def test_a_cache_that_cannot_be_written_falls_back_to_the_temporary_folder(sources, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    kernels._cache_root.cache_clear()
    assert "splatmatch-kernels" in str(kernels.cache_folder(str(sources)))
