"""Options: what a mistake on the command line is told, in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from tyro.conf import Positional, arg

from splatmatch.cli.parse import parse
from splatmatch.errors import InputError


@dataclass(frozen=True)
class Options:
    """A command like those of splatmatch."""

    photos: Annotated[Path, Positional, arg(metavar="PHOTOS")]
    """Folder."""
    out: Annotated[Path, arg(metavar="PATH")]
    """Result."""
    camera: Literal["auto", "per-image"] = "auto"
    """Cameras."""
    steps: Annotated[int | None, arg(metavar="N")] = None
    """Steps."""
    scale_by: Annotated[tuple[str, str, float] | None, arg(metavar="A B METRES")] = None
    """Scale."""
    resume: bool = False
    """Go on."""


def read(line: str) -> Options:
    return parse(Options, line.split(), "splatmatch test")


def test_options_arrive_with_their_types():
    assert read("in --out o") == Options(Path("in"), Path("o"))
    given = read("--camera per-image --steps=7 in --scale-by a.jpg b.jpg 2.5 --resume --out o")
    assert given == Options(Path("in"), Path("o"), "per-image", 7, ("a.jpg", "b.jpg", 2.5), True)
    assert read("in --out o --scale_by a b 1").scale_by == ("a", "b", 1.0)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("in --out o --step 7", ["--step", "did you mean --steps?"]),
        ("in --out o --resme", ["did you mean --resume?"]),
        ("in --out o --qqq", ["--qqq", "lists the options"]),
        ("in --out", ["--out needs PATH"]),
        ("in --out --resume", ["--out needs PATH"]),
        ("in", ["--out PATH missing"]),
        ("", ["PHOTOS and --out PATH missing"]),
        ("in more --out o", ["'more' is one argument too many"]),
        ("in --out o --camera shraed", ["--camera shraed", "auto, per-image"]),
        ("in --out o --steps many", ["--steps", "many"]),
        ("in --out o --scale-by a b", ["--scale-by needs A B METRES"]),
        ("in --out o --scale-by a b far", ["--scale-by", "far"]),
    ],
)
def test_a_mistake_is_named_in_one_line(line, parts):
    with pytest.raises(InputError) as caught:
        read(line)
    text = str(caught.value)
    assert "\n" not in text
    assert all(part in text for part in parts), text


def test_the_help_is_printed_and_ends_the_program(capsys):
    with pytest.raises(SystemExit) as leaving:
        read("--help")
    assert not leaving.value.code
    assert "--scale-by A B METRES" in capsys.readouterr().out
