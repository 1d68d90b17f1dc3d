"""A photo beside what the splat shows from the same place."""

from __future__ import annotations

from dataclasses import dataclass

from splatmatch.drawing.depth import depth_range
from splatmatch.drawing.pictures import Picture, picture_from_rgb
from splatmatch.evaluation.views import load_photo
from splatmatch.metrics.psnr import psnr
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Engine
from splatmatch.scene.views import View
from splatmatch.viewer.outputs import RenderConfig, What, picture_of, render_view


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pictures of one view, all of the same size."""

    view: View
    photo: Picture
    drawn: dict[What, Picture]
    """What was asked for, by kind."""
    psnr: float
    """dB at this size, ignored pixels left out."""
    near_far: tuple[float, float] | None
    """Depths at the ends of the ramp, scene units; None where depth was not asked for."""


def compare(
    gaussians: Gaussians,
    view: View,
    long_side: int,
    what: tuple[What, ...] = ("rgb",),
    engine: str | Engine = "auto",
) -> Comparison:
    """Render ``view`` at most ``long_side`` pixels long, and scale its photo to the same size.

    Raises:
        InputError: the view has no photo.
        FormatError: the photo cannot be read or is not of its camera's size.
    """
    camera = view.camera.with_long_side(long_side)
    photo, mask = load_photo(view, camera)
    wanted: tuple[What, ...] = tuple(dict.fromkeys(("rgb", *what)))
    at = View(view.name, camera, view.camera_from_world)
    drawn = render_view(gaussians, at, RenderConfig(wanted, depth_mode="median"), engine)
    assert drawn.rgb is not None
    near_far = None if drawn.depth is None else depth_range(drawn.depth, drawn.depth_valid)
    return Comparison(
        view,
        picture_from_rgb(photo),
        {kind: picture_of(drawn, kind, near_far) for kind in what},
        float(psnr(drawn.rgb.cpu().to(photo), photo, mask)),
        near_far,
    )
