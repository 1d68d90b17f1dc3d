"""``splatmatch match FOLDER``: what it prints and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splatmatch.cli.output import say, write_result

if TYPE_CHECKING:
    from splatmatch.cli.match import Options


def run_folder(options: Options) -> None:
    """Match the pairs of a folder and write them for another tool."""
    from splatmatch.cli.match import settings_of
    from splatmatch.jobs.progress import Terminal
    from splatmatch.matchers.folder import FolderOptions, match_folder

    assert options.out is not None
    config = FolderOptions(
        model=options.model,
        settings=tuple(settings_of(options).items()),
        device=options.device,
        pairs=options.pairs,
        partners=options.partners,
        overlap=options.overlap,
        to=options.to,
    )
    with Terminal() as terminal:
        made = match_folder(options.photos[0], options.out, config, work=options.work, progress=terminal)
    for name, reason in made.rejected:
        say(f"left out {name}: {reason}")
    many = sum(1 for pair in made.pairs if pair.matches)
    verified = "" if made.verified is None else f", {made.verified} pairs verified"
    say(f"{options.out}: {made.photos} photos, {len(made.pairs)} pairs, {many} with matches{verified}")
    items = [{"a": pair.a, "b": pair.b, "matches": pair.matches} for pair in made.pairs]
    mean = {"matches": sum(pair.matches for pair in made.pairs) / max(len(made.pairs), 1)}
    write_result(options.json, protocol=f"matches of pairs: {config.pairs}", config=config, mean=mean, items=items)
