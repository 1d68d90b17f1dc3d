"""PSNR and SSIM of the held-out views of a fitted scene, as recorded in ``scene.json``."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from splatmatch.formats.images import read_image_float
from splatmatch.formats.masks import read_mask
from splatmatch.jobs.progress import Progress
from splatmatch.metrics.psnr import psnr
from splatmatch.metrics.ssim import ssim
from splatmatch.scene.views import Scene, View
from splatmatch.splats.render import render


@dataclass(frozen=True)
class HeldOutScore:
    """Figures of one view that the fit has never seen."""

    name: str
    psnr: float
    """dB, of colours clamped to 0..1; ignored pixels do not count."""
    ssim: float
    """11x11 window, without padding at the borders."""


def held_out_scores(scene: Scene, engine: str, progress: Progress) -> tuple[HeldOutScore, ...]:
    """Render every held-out view that has a photo, and compare."""
    views = [view for view in scene.test_views if view.image_path is not None]
    scores = []
    for done, view in enumerate(views, 1):
        scores.append(_score(scene, view, engine))
        progress.update("held-out views", done / len(views), f"{view.name} {scores[-1].psnr:.2f} dB")
    return tuple(scores)


def _score(scene: Scene, view: View, engine: str) -> HeldOutScore:
    assert scene.gaussians is not None
    assert view.image_path is not None
    photo = torch.from_numpy(read_image_float(view.image_path))
    mask = None
    if view.mask_path is not None:
        mask = torch.from_numpy(read_mask(view.mask_path, view.camera.width, view.camera.height))
    with torch.no_grad():
        drawn = render(scene.gaussians, view.camera, view.camera_from_world, ("rgb",), engine=engine).rgb
    assert drawn is not None
    drawn = drawn.cpu().clamp(0, 1)
    likeness = ssim(drawn.double(), photo.double(), "valid", mask)
    return HeldOutScore(view.name, float(psnr(drawn, photo, mask)), float(likeness))
