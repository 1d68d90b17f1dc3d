"""splatmatch convert, from real files to real files, and what it says of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from splatmatch.formats.splat_files import read_splat, write_splat
from splatmatch.scene.gaussians import Gaussians


@pytest.fixture
def splat(tmp_path: Path) -> Path:
    random = torch.Generator().manual_seed(0)
    n = 50
    gaussians = Gaussians(
        means=torch.randn(n, 3, generator=random),
        log_scales=torch.randn(n, 3, generator=random) - 3,
        quaternions=torch.randn(n, 4, generator=random),
        logit_opacities=torch.randn(n, generator=random),
        sh=torch.randn(n, 4, 3, generator=random),
    )
    write_splat(gaussians, tmp_path / "in.ply")
    return tmp_path / "in.ply"


@pytest.mark.parametrize("suffix", [".ply", ".compressed.ply", ".spz"])
def test_the_suffix_chooses_the_format(suffix, splat, tmp_path, splatmatch):
    """Every Gaussian arrives; centres differ by no more than the format's rounding."""
    out = tmp_path / "new" / f"out{suffix}"
    outcome = splatmatch("convert", splat, out)
    assert outcome.code == 0, outcome.err
    assert "50 Gaussians, SH 1" in outcome.out
    before, after = read_splat(splat).means, read_splat(out).means
    assert torch.cdist(before, after).min(dim=1).values.max() < 0.01


def test_the_sh_degree_can_be_cut(splat, tmp_path, splatmatch):
    assert splatmatch("convert", splat, tmp_path / "o.ply", "--sh-degree", 0).code == 0
    assert read_splat(tmp_path / "o.ply").sh_degree == 0
    assert splatmatch("convert", splat, tmp_path / "o2.ply", "--sh-degree", 3).code == 0
    assert read_splat(tmp_path / "o2.ply").sh_degree == 1
    assert splatmatch("convert", splat, tmp_path / "o3.ply", "--sh-degree", 4).code == 2


def test_bad_input_is_one_line_and_leaves_nothing(splat, tmp_path, splatmatch):
    """Absent, cut, foreign and absurd files, an unknown suffix: exit code 2, no output file."""
    data = splat.read_bytes()
    (tmp_path / "cut.ply").write_bytes(data[:-5])
    (tmp_path / "text.ply").write_text("hello")
    (tmp_path / "huge.ply").write_bytes(data.replace(b"vertex 50", b"vertex 50000000000"))
    (tmp_path / "mesh.ply").write_bytes(
        b"ply\nformat ascii 1.0\nelement vertex 1\n"
        b"property float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n"
    )
    before = sorted(tmp_path.iterdir())
    for name in ("absent.ply", "cut.ply", "text.ply", "huge.ply", "mesh.ply"):
        outcome = splatmatch("convert", tmp_path / name, tmp_path / "out.ply")
        assert outcome.code == 2, outcome
        assert name in outcome.line
    outcome = splatmatch("convert", splat, tmp_path / "out.plyy")
    assert outcome.code == 2
    assert ".ply" in outcome.line
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_in_the_way_of_the_output_folder(splat, tmp_path, splatmatch):
    outcome = splatmatch("convert", splat, splat / "out.ply")
    assert outcome.code == 1
    assert "in the way" in outcome.line
