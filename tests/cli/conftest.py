"""Running the command line inside the test process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from splatmatch.cli.main import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr; fails where there is none or more."""
        lines = self.err.splitlines()
        assert len(lines) == 1, f"stderr holds {len(lines)} lines: {self.err}"
        return lines[0]


@pytest.fixture
def splatmatch(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``splatmatch("convert", path, ...)`` runs main() and returns exit code, stdout and stderr."""

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def scene_folder(tmp_path: Path) -> Path:
    """A scene of 4 views around a ball of 200 Gaussians, two of them held out, on disk; photos are 48x36 renders."""
    from splatmatch.formats.images import write_image
    from splatmatch.formats.scene_folder import save_scene
    from splatmatch.geometry.camera import Camera
    from splatmatch.geometry.pose import Pose
    from splatmatch.scene.gaussians import Gaussians
    from splatmatch.scene.views import Scene, SparsePoints, View
    from splatmatch.splats.render import render

    random = torch.Generator().manual_seed(0)
    n = 200
    directions = torch.nn.functional.normalize(torch.randn(n, 3, generator=random), dim=1)
    gaussians = Gaussians(
        means=directions,
        log_scales=torch.full((n, 3), 0.15).log(),
        quaternions=torch.randn(n, 4, generator=random),
        logit_opacities=torch.full((n,), 2.0),
        sh=torch.randn(n, 1, 3, generator=random),
    )
    camera = Camera.from_fov(48, 36, 60.0)
    views = []
    for index, eye in enumerate([(3.0, 0.0, 0.5), (2.0, 2.0, 0.5), (0.0, 3.0, 0.5), (-2.0, 2.0, 0.5)]):
        pose = Pose.looking_at(eye, (0.0, 0.0, 0.0))
        path = tmp_path / "photos" / f"{index}.png"
        write_image(path, render(gaussians, camera, pose, ("rgb",), engine="reference").rgb.numpy())
        views.append(View(path.name, camera, pose, path, split="test" if index % 2 == 0 else "train"))
    points = SparsePoints(
        directions[:20].double(), torch.zeros(20, 3, dtype=torch.uint8), torch.zeros(20, dtype=torch.float64)
    )
    save_scene(Scene(tuple(views), points, gaussians, up_known=True), tmp_path / "scene")
    return tmp_path / "scene"
