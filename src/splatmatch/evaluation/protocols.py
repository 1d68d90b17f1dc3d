"""The protocols: everything a published figure depends on, under a name that never changes its meaning."""

from __future__ import annotations

from dataclasses import dataclass

from splatmatch.errors import InputError
from splatmatch.metrics.lpips import Inputs, Network
from splatmatch.metrics.ssim import Border


@dataclass(frozen=True)
class ViewsProtocol:
    """How rendered views are compared with held-out photos.

    In every one of them: RGB as stored, clamped to 0..1; the figure of a set is the mean over its images; poses are not
    touched by the images they are judged on; pixels a mask marks as ignored do not count.
    """

    name: str
    like: str
    """Whose published figures use the same metrics."""
    ssim_border: Border
    lpips_network: Network
    lpips_inputs: Inputs

    @property
    def psnr_dialect(self) -> str:
        """What stands over the PSNR column."""
        return "clamped, mean of images"

    @property
    def ssim_dialect(self) -> str:
        """What stands over the SSIM column."""
        return f"11x11, {self.ssim_border}"

    @property
    def lpips_dialect(self) -> str:
        """What stands over the LPIPS column."""
        return f"{self.lpips_network}, inputs {self.lpips_inputs}"


VIEWS_PROTOCOLS = (
    ViewsProtocol("views/gsplat", "gsplat, nerfstudio splatfacto (torchmetrics)", "valid", "alex", "-1..1"),
    ViewsProtocol("views/graphdeco", "3DGS and the papers built on its code", "padded", "vgg", "0..1"),
    ViewsProtocol("views/vgg", "NeRF papers: SSIM without padding, VGG fed as it was trained", "valid", "vgg", "-1..1"),
)


def views_protocol(name: str) -> ViewsProtocol:
    """The protocol of that name.

    Raises:
        InputError: there is none; the message lists the known ones.
    """
    for protocol in VIEWS_PROTOCOLS:
        if protocol.name == name:
            return protocol
    raise InputError(f"no protocol {name!r}", f"choose one of {', '.join(p.name for p in VIEWS_PROTOCOLS)}")
