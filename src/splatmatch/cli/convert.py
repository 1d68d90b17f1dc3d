"""``splatmatch convert``: one splat file into another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from splatmatch.cli.output import say


@dataclass(frozen=True)
class Options:
    """Convert between splat files; the format of OUT is chosen by its suffix."""

    source: Annotated[Path, Positional, arg(metavar="IN")]
    """3DGS .ply in any dialect, compressed .ply, .splat, .spz, SOG folder or .sog, or a scene folder."""
    target: Annotated[Path, Positional, arg(metavar="OUT")]
    """FILE.ply, FILE.compressed.ply or FILE.spz."""
    sh_degree: Annotated[int | None, arg(metavar="0..3", help_behavior_hint="(default: as in IN)")] = None
    """Cut the spherical harmonics to this degree, for smaller files."""


def run(options: Options) -> None:
    """Read, write, say what came out."""
    from splatmatch.errors import InputError
    from splatmatch.formats.splat_files import check_splat_suffix, read_splat, write_splat

    if options.sh_degree is not None and not 0 <= options.sh_degree <= 3:
        raise InputError(f"--sh-degree {options.sh_degree} is out of range", "give 0, 1, 2 or 3")
    check_splat_suffix(options.target)
    gaussians = read_splat(options.source)
    if options.sh_degree is not None and options.sh_degree < gaussians.sh_degree:
        gaussians = gaussians.with_sh_degree(options.sh_degree)
    write_splat(gaussians, options.target)
    size = options.target.stat().st_size / 1e6
    say(f"{options.target}: {len(gaussians):,} Gaussians, SH {gaussians.sh_degree}, {size:.1f} MB")
