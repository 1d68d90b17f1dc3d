"""The commands of ``splatmatch``: the one list that the help, the dispatcher and the tests read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command: the words that select it and the module that runs it.

    The module offers ``Options``, a frozen dataclass whose field docstrings are the help of ``name --help``,
    and ``run(options: Options) -> None``.
    """

    name: str
    """One word, or two for a command inside a group (``evaluate views``)."""
    module: str
    """Module inside ``splatmatch.cli``, imported only when the command is chosen."""
    usage: str
    """The arguments one needs, as shown by ``splatmatch --help``."""
    summary: str
    """One line for ``splatmatch --help``."""
    resume: str = "nothing was written under its final name; run the command again"
    """What to do after Ctrl-C."""


_GO_ON = "run the same command with --resume to go on where it stopped"

COMMANDS = (
    Command(
        "reconstruct",
        "reconstruct",
        "PHOTOS --out SCENE",
        "a folder of photos becomes cameras and a Gaussian splat",
        resume=_GO_ON,
    ),
    Command(
        "render",
        "render",
        "SCENE|SPLAT --path orbit --out DIR|FILE.mp4",
        "pictures, depth and normals of a scene or splat from given cameras or along a path",
    ),
    Command(
        "view",
        "view",
        "SCENE|SPLAT",
        "look at a scene in the browser, or draw it into a picture with --screenshot",
    ),
    Command(
        "generate",
        "generate",
        "SCENE|SPLAT|synthetic:room ... --out PAIRS --pairs N",
        "pairs of images with exact correspondences, rendered from scenes and splats",
        resume=_GO_ON,
    ),
    Command(
        "lift", "lift", "PHOTOS --out PAIRS --pairs N", "single photos become pairs with exact correspondences", _GO_ON
    ),
    Command(
        "match",
        "match",
        "A B [--plot FILE] | FOLDER --to colmap|hloc|npz --out PATH",
        "correspondences of two photos, or of a whole folder for other tools",
        resume="run the same command again to go on where it stopped",
    ),
    Command(
        "train",
        "train",
        "PRESET --data PAIRS... --steps N --out RUN",
        "pairs become the weights of a matcher; --list shows what can be trained",
        resume=_GO_ON,
    ),
    Command(
        "audit", "audit", "PAIRS --report FILE.html", "how hard pairs are, and how far their labels can be trusted"
    ),
    Command(
        "evaluate pairs",
        "evaluate_pairs",
        "--data LISTS | --scene SCENE",
        "matchers on image pairs with known poses: AUC, precision, time",
        resume="run the same command again: what was matched is kept",
    ),
    Command("evaluate homography", "evaluate_homography", "--data DIR", "matchers on planes with known homographies"),
    Command("evaluate stereo", "evaluate_stereo", "--data DIR", "matchers against dense disparity"),
    Command(
        "evaluate mapfree",
        "evaluate_mapfree",
        "SUBMISSION.zip --truth DIR",
        "poses of single queries, as the map-free benchmark judges them",
    ),
    Command("evaluate views", "evaluate_views", "SCENE", "PSNR, SSIM and LPIPS of the held-out photos"),
    Command("convert", "convert", "IN OUT", "one splat file into another, by suffix"),
    Command("export", "export", "SCENE --to colmap|nerfstudio|ply --out PATH", "a scene for other tools"),
    Command(
        "demo", "demo", "", "the whole job on forty photos that ship with splatmatch, with a report", resume=_GO_ON
    ),
    Command("models", "models", "", "the matchers: licence, sizes, pixel origin, whether they are on this machine"),
    Command("doctor", "doctor", "", "versions, engines and their speed, threads, caches, weights, what is missing"),
)


def groups() -> dict[str, tuple[Command, ...]]:
    """Commands of two words by their first word."""
    firsts = [command.name.split()[0] for command in COMMANDS if " " in command.name]
    return {first: tuple(c for c in COMMANDS if c.name.split()[0] == first) for first in dict.fromkeys(firsts)}
