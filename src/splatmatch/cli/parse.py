"""Options of one command: tyro converts and prints the help, this file says in one line what is wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
from collections.abc import Iterator, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from splatmatch.errors import InputError

OptionsType = TypeVar("OptionsType")


def parse(options: type[OptionsType], words: Sequence[str], program: str) -> OptionsType:
    """The options dataclass filled from the words of a command line.

    A field that is itself a dataclass adds its fields without a prefix.

    Raises:
        InputError: an unknown option (naming the closest), a missing or surplus argument, a value of the wrong kind.
        SystemExit: the help was asked for and has been printed.
    """
    if not {"-h", "--help"} & set(words):
        check(options, words, program)
    complaint = io.StringIO()
    settings = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
    try:
        with contextlib.redirect_stderr(complaint), _rules():
            return tyro.cli(options, prog=program, args=list(words), config=settings)
    except SystemExit as leaving:
        if not leaving.code:
            raise
        raise InputError(_first_complaint(complaint.getvalue()), f"see {program} --help") from None


def check(options: type, words: Sequence[str], program: str) -> None:
    """Walk over the words as tyro will, and name what does not fit."""
    arguments = list(_arguments(options))
    named = {argument.flag: argument for argument in arguments if not argument.positional}
    wanted = [argument for argument in arguments if argument.positional]
    seen: list[str] = []
    loose: list[str] = []
    position = 0
    while position < len(words):
        word, equals, joined = words[position].partition("=")
        position += 1
        if not re.match(r"--?[a-zA-Z]", word):
            loose.append(words[position - 1])
            continue
        flag = word.replace("_", "-")
        if flag not in named:
            raise InputError(f"there is no option {word}", _closest(flag, list(named), program))
        argument = named[flag]
        count = argument.count
        if argument.many:
            count = 1 if equals else max(1, _run_length(words[position:]))
        values = [joined] if equals else list(words[position : position + count])
        position += 0 if equals else count
        if len(values) != count or any(value in named for value in values):
            raise InputError(f"{flag} needs {argument.metavar}", f"see {program} --help")
        if argument.choices and values[0] not in argument.choices:
            raise InputError(f"{flag} {values[0]} is not one of {', '.join(argument.choices)}", f"see {program} --help")
        seen.append(flag)
    many = any(argument.many for argument in wanted)
    if len(loose) > len(wanted) and not many:
        raise InputError(f"{loose[len(wanted)]!r} is one argument too many", f"see {program} --help")
    missing = [a.metavar for a in wanted[len(loose) :] if a.required]
    missing += [f"{flag} {a.metavar}" for flag, a in named.items() if a.required and flag not in seen]
    if missing:
        raise InputError(f"{' and '.join(missing)} missing", f"see {program} --help")


def _run_length(words: Sequence[str]) -> int:
    """Words before the next option."""
    flags = [at for at, word in enumerate(words) if re.match(r"--?[a-zA-Z]", word)]
    return flags[0] if flags else len(words)


@dataclasses.dataclass(frozen=True)
class _Argument:
    """What the walk needs to know of one field."""

    flag: str
    positional: bool
    required: bool
    count: int
    choices: tuple[str, ...]
    metavar: str
    many: bool = False
    """Takes any number of words: a positional all that are left, an option those before the next one."""


def _arguments(options: type) -> Iterator[_Argument]:
    """The fields of a dataclass, those of dataclasses inside it in their place."""
    hints = get_type_hints(options, include_extras=True)
    for field in dataclasses.fields(options):
        annotated = hints[field.name]
        hint, *markers = get_args(annotated) if get_origin(annotated) is Annotated else (annotated,)
        hint = _without_none(hint) or hint
        if dataclasses.is_dataclass(hint):
            assert isinstance(hint, type)
            yield from _arguments(hint)
            continue
        metavars = [marker.metavar for marker in markers if getattr(marker, "metavar", None)]
        choices = tuple(str(choice) for choice in get_args(hint)) if get_origin(hint) is Literal else ()
        parts = get_args(hint) if get_origin(hint) is tuple else (hint,)
        names = " ".join(getattr(part, "__name__", "value").upper() for part in parts)
        yield _Argument(
            flag="--" + field.name.replace("_", "-"),
            positional=tyro.conf.Positional in markers,
            required=field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
            count=0 if hint is bool else len(parts),
            choices=choices,
            metavar=metavars[0] if metavars else "|".join(choices) or names,
            many=Ellipsis in parts,
        )


@contextlib.contextmanager
def _rules() -> Iterator[None]:
    """``X | None`` is asked for as X; the word None is no value, and a default of None is shown as a dash."""
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        inner = _without_none(info.type)
        if inner is None:
            return None
        spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(inner, info.markers))
        assert isinstance(spec, PrimitiveConstructorSpec)
        return dataclasses.replace(
            spec,
            is_instance=lambda value: value is None or spec.is_instance(value),
            str_from_instance=lambda value: ["-"] if value is None else spec.str_from_instance(value),
        )

    with registry:
        yield


def _without_none(hint: Any) -> Any:
    """X of ``X | None``; None for any other type."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    rest = [part for part in get_args(hint) if part is not NoneType]
    return rest[0] if len(rest) == 1 else None


def _closest(flag: str, known: list[str], program: str) -> str:
    close = difflib.get_close_matches(flag, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"{program} --help lists the options"


def _first_complaint(text: str) -> str:
    """The first sentence of a message that tyro drew as a box."""
    plain = re.sub(r"[│╭╮╰╯─\x1b]|\[[0-9;]*m", " ", text)
    sentence = " ".join(re.sub(r"-{5,}", " ", plain).split())
    found = re.search(r"Error parsing (.*?)(?: Got errors| Argument helptext| For full helptext|$)", sentence)
    return found.group(1) if found else sentence or "the options cannot be read"
