"""``splatmatch match``: correspondences of two photos, or of a whole folder for other tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import Count, OptionalCount, OptionalFile
from splatmatch.cli.output import say, write_result

if TYPE_CHECKING:
    from splatmatch.geometry.distorted import DistortedCamera
    from splatmatch.matchers.match import MatchedPair

OptionalText = Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")]


@dataclass(frozen=True)
class Options:
    """Match two photos, or all promising pairs of a folder for COLMAP, hloc or your own programs."""

    photos: Annotated[tuple[Path, ...], Positional, arg(metavar="A B|FOLDER")]
    """Two photos, or one folder that is searched with all folders below it."""
    model: Annotated[str, arg(metavar="NAME")] = "xfeat-lighterglue"
    """The matcher; splatmatch models lists them."""
    size: OptionalCount = None
    """Long side in pixels that the matcher works at; its own default if not given. Results are in pixels of the photos.
    """
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks run."""
    out: OptionalFile = None
    """Two photos: write the matches to this .npz. Folder: the database, or the folder for npz and hloc files."""
    plot: OptionalFile = None
    """Two photos: draw the matches into this .png or .jpg, verified ones apart."""
    intrinsics: OptionalText = None
    """Two photos: their camera, for a relative pose: exif, or f, f,cx,cy, fx,fy,cx,cy or MODEL:p1,... in pixels of the
    photos; different cameras separated by a slash."""
    pairs: Annotated[str, arg(metavar="all|retrieval|sequential|FILE")] = "retrieval"
    """Folder: which pairs: all; the ones that look alike; neighbours by name; or those of a list, two names a line."""
    partners: Count = 20
    """Folder: most partners that retrieval gives a photo."""
    overlap: Count = 10
    """Folder: neighbours on each side that sequential matches; further ones in steps of 2, 4, 8 ..."""
    to: Literal["colmap", "hloc", "npz"] = "colmap"
    """Folder: a COLMAP database with verified pairs, hloc's h5 files, or one .npz for each pair."""
    work: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="")] = None
    """Folder: keep features and matches here and use what is there; by default beside --out until it is complete."""
    json: OptionalFile = None
    """Write protocol, config, mean and items (the pairs) to this file."""


def run(options: Options) -> None:
    """Match two photos or a folder."""
    from splatmatch.errors import InputError

    if len(options.photos) == 1 and options.photos[0].is_dir():
        _check_unused(options, "plot", "intrinsics")
        if options.out is None:
            raise InputError("--out PATH missing", "say where the matches of the folder shall go")
        from splatmatch.cli.match_folder import run_folder

        run_folder(options)
    elif len(options.photos) == 2:
        _check_unused(options, "work")
        _run_pair(options)
    else:
        first = options.photos[0]
        if len(options.photos) == 1 and not first.exists():
            raise InputError(f"{first}: no such file or folder")
        raise InputError(f"{len(options.photos)} photos are no pair", "give two photos, or one folder")


def settings_of(options: Options) -> dict[str, Any]:
    """The settings of the matcher that were given."""
    return {} if options.size is None else {"size": options.size}


def _run_pair(options: Options) -> None:
    from splatmatch.formats.images import read_image, write_image
    from splatmatch.matchers.match import match

    a, b = options.photos
    cameras = (None, None) if options.intrinsics is None else _cameras(options.intrinsics, a, b)
    pixels_a, pixels_b = read_image(a), read_image(b)
    found = match(
        pixels_a,
        pixels_b,
        model=options.model,
        camera_a=cameras[0],
        camera_b=cameras[1],
        device=options.device,
        **settings_of(options),
    )
    trusted = found.geometry.inliers & found.place.same
    for line in described(found):
        say(line)
    if options.out is not None:
        from splatmatch.formats.matches_npz import write_matches_npz

        write_matches_npz(options.out, found.matches, inliers=trusted)
        say(f"matches: {options.out}")
    if options.plot is not None:
        from splatmatch.drawing.matches import match_picture

        picture = match_picture(pixels_a, pixels_b, found.matches, trusted, options.model)
        write_image(options.plot, picture)
        say(f"picture: {options.plot}")
    write_result(
        options.json, protocol=str(found.geometry), config=options, mean=figures(found), items=[figures(found)]
    )


def described(found: MatchedPair) -> list[str]:
    """What the terminal says about a pair."""
    matches, geometry, place = found.matches, found.geometry, found.place
    count = int(geometry.inliers.sum())
    share = f" ({100 * count / len(matches):.0f} %)" if len(matches) else ""
    lines = [f"{matches.model}: {len(matches)} matches, {count} agree with one geometry{share}"]
    lines.append(f"same place: {place.verdict} ({place.score:.2f})")
    if not place.same:
        why = geometry.reason or "as many agree by chance in photos of different places"
        return [*lines, f"no match is verified: {why}"]
    if geometry.planar:
        lines.append("one plane explains the matches: a flat thing, a distant one, or a camera that only turned")
    if geometry.pose is not None and geometry.pose.b_from_a is not None:
        matrix = geometry.pose.b_from_a.matrix.numpy()
        lines.append("b_from_a, rotation and direction of translation (its length is unknown):")
        lines += ["  " + " ".join(f"{value: .6f}" for value in row) for row in matrix[:3]]
    elif geometry.fundamental is not None:
        lines.append("fundamental matrix, x_b^T F x_a = 0 in corner pixels:")
        lines += ["  " + " ".join(f"{value: .6e}" for value in row) for row in geometry.fundamental]
    return [*lines, f"verified by {geometry}"]


def figures(found: MatchedPair) -> dict[str, Any]:
    """What ``--json`` says about a pair."""
    geometry = found.geometry
    pose = None if geometry.pose is None else geometry.pose.b_from_a
    return {
        "matches": len(found.matches),
        "inliers": int(geometry.inliers.sum()),
        "same_place": found.place.score,
        "same": found.place.same,
        "planar_share": geometry.planar_share,
        "fundamental": None if geometry.fundamental is None else geometry.fundamental.tolist(),
        "b_from_a": None if pose is None else pose.matrix.tolist(),
        "model": found.matches.model,
        "weights": found.matches.weights,
        "licence": found.matches.licence,
    }


def _cameras(text: str, a: Path, b: Path) -> tuple[DistortedCamera, DistortedCamera]:
    from splatmatch.errors import InputError

    texts = text.split("/")
    if len(texts) > 2:
        raise InputError(f"--intrinsics {text!r} describes {len(texts)} cameras", "two photos have one or two")
    return _camera(texts[0], a), _camera(texts[-1], b)


def _camera(text: str, path: Path) -> DistortedCamera:
    from splatmatch.errors import InputError
    from splatmatch.formats.camera_text import parse_camera
    from splatmatch.formats.images import read_photo_info

    info = read_photo_info(path)
    if text.strip().lower() != "exif":
        return parse_camera(text, info.width, info.height)
    if info.focal is None:
        raise InputError(f"{path}: EXIF does not state a focal length", "give --intrinsics f in pixels")
    return parse_camera(str(info.focal), info.width, info.height)


def _check_unused(options: Options, *names: str) -> None:
    from splatmatch.errors import InputError

    for name in names:
        if getattr(options, name) is not None:
            kind = "two photos" if name != "work" else "folders"
            raise InputError(f"--{name} is for {kind}", f"leave it out, or give {kind}")
