"""The matchers by name. Every file in ``matchers/adapters`` is one of them."""

from __future__ import annotations

import difflib
import pkgutil
from dataclasses import fields
from importlib import import_module
from typing import Any, Protocol, cast

from splatmatch.errors import InputError
from splatmatch.matchers import adapters
from splatmatch.matchers.devices import check_device
from splatmatch.scene.matcher import Matcher, MatcherCard


class Adapter(Protocol):
    """What a file in ``matchers/adapters`` offers."""

    CARD: MatcherCard
    """Its ``name`` is the name of the file, with dashes for underscores."""
    Options: type[Any]
    """A frozen dataclass of settings, each with a default."""

    def open_adapter(self, options: Any, device: str) -> Matcher:
        """Load what it needs and return it; ``device`` is auto, cpu or cuda."""
        ...


def matcher_names() -> tuple[str, ...]:
    """The names that ``open_matcher`` knows, sorted."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(adapters.__path__)))


def cards() -> tuple[MatcherCard, ...]:
    """What users must know of each matcher, by name; loads no network."""
    return tuple(_adapter(name).CARD for name in matcher_names())


def card(name: str) -> MatcherCard:
    """The card of one matcher.

    Raises:
        InputError: there is no such matcher; names the closest.
    """
    return _adapter(name).CARD


def settings_of(name: str) -> dict[str, Any]:
    """The settings of one matcher with their defaults.

    Raises:
        InputError: there is no such matcher; names the closest.
    """
    defaults = _adapter(name).Options()
    return {field.name: getattr(defaults, field.name) for field in fields(defaults)}


def open_matcher(name: str, *, device: str = "auto", **settings: Any) -> Matcher:
    """The matcher called ``name``, ready to use.

    Args:
        name: one of ``matcher_names()``; settings may follow as ``name:key=value:key=value``, and win.
        device: ``auto``, ``cpu`` or ``cuda``.
        **settings: those of ``settings_of(name)`` that shall differ from their defaults.

    Raises:
        InputError: no such matcher, device or setting, or a value it cannot have.
        MissingDependencyError: a package, its weights or the device are not here; the message says how to get them.
        FormatError: a weight file is not the registered one.
    """
    adapter = _adapter(name)
    check_device(device)
    defaults = settings_of(name)
    name, _, said = name.partition(":")
    settings |= _spoken(name, said, defaults)
    for key, value in settings.items():
        if key not in defaults:
            raise InputError(f"{name} has no setting {key!r}", _closest(key, tuple(defaults)))
        wanted = type(defaults[key])
        if isinstance(value, bool) != (wanted is bool) or not isinstance(
            value, (int, float) if wanted is float else wanted
        ):
            raise InputError(f"{name}: {key}={value!r} is no {wanted.__name__}")
    return adapter.open_adapter(adapter.Options(**settings), device)


def _spoken(name: str, text: str, defaults: dict[str, Any]) -> dict[str, Any]:
    """Settings as words, ``key=value:key=value``, in the types of their defaults; unknown ones stay text."""
    found: dict[str, Any] = {}
    for word in text.split(":") if text else ():
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"{name}: {word!r} is no setting", f"write {name}:key=value")
        kind = type(defaults.get(key, ""))
        try:
            found[key] = {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        except (ValueError, KeyError) as error:
            raise InputError(f"{name}: {key}={value} is no {kind.__name__}") from error
    return found


def _adapter(name: str) -> Adapter:
    names = matcher_names()
    name = name.partition(":")[0]
    if name not in names:
        raise InputError(f"there is no matcher {name!r}", _closest(name, names))
    return cast(Adapter, import_module(f"{adapters.__name__}.{name.replace('-', '_')}"))


def _closest(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
