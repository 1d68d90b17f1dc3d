"""``splatmatch train``: pairs become the weights of a matcher."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from splatmatch.cli.arguments import Count, OptionalCount, OptionalFile
from splatmatch.cli.output import print_table, say, write_result

if TYPE_CHECKING:
    from splatmatch.training.config import TrainConfig
    from splatmatch.training.presets import Preset

OptionalNumber = Annotated[float | None, arg(metavar="X", help_behavior_hint="")]
OptionalSize = Annotated[tuple[int, int] | None, arg(metavar="W H", help_behavior_hint="")]


@dataclass(frozen=True)
class Options:
    """Train a matcher on generated, lifted or rendered pairs; --list shows what can be trained."""

    preset: Annotated[str, Positional, arg(metavar="PRESET")] = ""
    """What to train; see --list."""
    data: Annotated[tuple[str, ...], arg(metavar="PAIRS...")] = ()
    """Folders of pairs, scene folders, splats or synthetic:room|table|street[:SEED]; scenes are rendered on the way."""
    out: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Folder of the run: checkpoints, log, best weights."""
    weights_of_sources: Annotated[tuple[float, ...], arg(metavar="X...")] = ()
    """How often each source of --data is drawn, one number for each; all alike if not given."""
    validate: Annotated[tuple[str, ...], arg(metavar="PAIRS|LIST...")] = ()
    """Folders of held-out pairs, pair lists or folders of them; if not given, cycles_room and ingp_fox in the folder
    named by SPLATMATCH_DATA. none = no validation."""
    init: Annotated[str, arg(metavar="published|scratch|FILE")] = "published"
    """What it begins with: public weights, random values, or weights of another run."""
    steps: OptionalCount = None
    """Steps of the whole run; the learning rate falls to the end of it."""
    time_limit: OptionalNumber = None
    """With --steps: seconds after which this call stops, and --resume goes on. Without: seconds of the whole run."""
    resume: bool = False
    """Go on where the run in --out stopped; a new run if there is none."""
    batch: OptionalCount = None
    """Pairs in a step, those of all devices together; the preset's if not given."""
    size: OptionalSize = None
    """Width and height of the images; the preset's if not given."""
    rate: OptionalNumber = None
    """Highest learning rate; the preset's if not given."""
    curriculum: Annotated[int, arg(metavar="N")] = 0
    """Steps until pairs of any overlap and scale are shown; 0 = from the beginning."""
    validate_every: Annotated[int, arg(metavar="N")] = 1000
    """Steps between validations; 0 = only at the end."""
    patience: Annotated[int, arg(metavar="N")] = 0
    """Validations without a better score that end the run; 0 = none do."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 if a step with it is faster here."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of all random choices."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network is; several GPUs through torchrun."""
    loaders: Annotated[int, arg(metavar="N")] = 1
    """Processes that prepare pairs; 0 = none beside this one. The result does not depend on it."""
    save_every: Count = 200
    """Steps between checkpoints."""
    list: bool = False
    """Show the presets with their parameters and what a run costs."""
    json: OptionalFile = None
    """Write protocol, config, mean and items (the validations) to this file."""


def run(options: Options) -> None:
    """Train, or list what can be trained."""
    from splatmatch.errors import InputError

    if options.list:
        _list(options)
        return
    if not options.preset or not options.data or options.out is None:
        missing = [
            name
            for name, given in (("PRESET", options.preset), ("--data PAIRS", options.data), ("--out RUN", options.out))
            if not given
        ]
        raise InputError(f"{' and '.join(missing)} missing", "splatmatch train --list shows the presets")
    from splatmatch.jobs.progress import Terminal
    from splatmatch.training.config import RunOptions
    from splatmatch.training.log import read_log
    from splatmatch.training.loop import train
    from splatmatch.training.presets import preset
    from splatmatch.training.validation import usual_validation

    chosen = preset(options.preset)
    config = _config(options, chosen)
    validation = None if options.validate == ("none",) else usual_validation(options.validate)
    limit = options.time_limit if options.steps and options.time_limit else float("inf")
    with Terminal() as terminal:
        if validation is None:
            terminal.say("nothing to validate on: the last averaged weights are kept, not the best")
        trained = train(
            chosen.make(),
            config,
            options.out,
            RunOptions(options.device, options.loaders, limit, options.save_every),
            validation=validation,
            resume=options.resume,
            progress=terminal,
        )
    state = trained.state
    best = f", best score {100 * state.best:.2f} after step {state.best_step}" if state.best >= 0 else ""
    say(f"{options.out}: {state.step} steps in {state.seconds:.0f} s{best}; {trained.pairs_per_second:.1f} pairs/s")
    if trained.weights is not None:
        say(f"weights: {trained.weights}")
    if not trained.finished:
        say("the run is not over: the same command with --resume goes on")
    mean = {
        "steps": state.step,
        "seconds": state.seconds,
        "score": state.best,
        "pairs_per_second": trained.pairs_per_second,
        "skipped_pairs": state.skipped,
        "finished": trained.finished,
    }
    items = [line for line in read_log(options.out) if "validation" in line]
    write_result(options.json, protocol="train version 1", config=config, mean=mean, items=items)


def _config(options: Options, chosen: Preset) -> TrainConfig:
    from splatmatch.errors import InputError
    from splatmatch.training.config import TrainConfig
    from splatmatch.training.examples import ExampleConfig
    from splatmatch.training.mix import Curriculum

    for name in ("curriculum", "validate_every", "patience", "seed", "loaders"):
        if getattr(options, name) < 0:
            raise InputError(f"--{name.replace('_', '-')} {getattr(options, name)} is below 0")
    if options.save_every < 1:
        raise InputError(f"--save-every {options.save_every} is below 1")
    return TrainConfig(
        preset=chosen.name,
        data=options.data,
        weights=options.weights_of_sources or (1.0,) * len(options.data),
        init=options.init,
        steps=options.steps or 0,
        seconds=0.0 if options.steps else options.time_limit or 0.0,
        batch=chosen.batch if options.batch is None else options.batch,
        rate=chosen.rate if options.rate is None else options.rate,
        seed=options.seed,
        precision=options.precision,
        validate_every=options.validate_every,
        patience=options.patience,
        example=ExampleConfig(size=options.size or chosen.size),
        curriculum=Curriculum(options.curriculum),
    )


def _list(options: Options) -> None:
    from splatmatch.training.presets import PRESETS

    rows = [
        (
            one.name,
            f"{one.parameters() / 1e6:.2f} M",
            f"{one.size[0]} x {one.size[1]}",
            one.batch,
            f"{one.core_seconds:.2f} s",
            f"{one.usual_steps} steps: {one.core_hours:.0f} h",
            one.summary,
        )
        for one in PRESETS
    ]
    headings = ["preset", "parameters", "images", "batch", "a pair", "usual run", "what it is"]
    print_table("what can be trained; times are those of one core of a server CPU (Xeon)", headings, rows)
    items = [dict(zip(headings, row, strict=True)) for row in rows]
    write_result(options.json, protocol="presets version 1", config=options, mean={}, items=items)
