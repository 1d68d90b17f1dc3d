"""Whether matchers can be used on this machine, without loading or downloading anything."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from splatmatch.matchers.registry import cards
from splatmatch.scene.matcher import MatcherCard
from splatmatch.weights.load import status

State = Literal["ready", "fetched on first use", "no weights", "missing", "damaged"]
_PACKAGES = {"models": "kornia"}
"""What the optional parts of the installation bring that matchers import."""
_ORDER: tuple[State, ...] = ("damaged", "missing", "no weights", "fetched on first use", "ready")


@dataclass(frozen=True)
class Availability:
    """One matcher on this machine."""

    card: MatcherCard
    state: State
    """The worst of its packages and weight files."""
    advice: str
    """What to install, which file to put where, or how to name it; empty where it is ready."""


def availability() -> list[Availability]:
    """One row per registered matcher; hashes of weight files in the user's folder are checked."""
    files = {row.weights.name: row for row in status()}
    rows = []
    for card in cards():
        states: list[State] = [files[name].state for name in card.weights]
        advice = list(dict.fromkeys(files[name].advice for name in card.weights if files[name].advice))
        package = _PACKAGES.get(card.extra, "")
        if package and find_spec(package) is None:
            states.append("missing")
            advice.insert(0, f"pip install 'splatmatch[{card.extra}]'")
        if card.needs:
            states.append("no weights")
            advice.append(f"{card.name}:{card.needs}")
        rows.append(Availability(card, min([*states, "ready"], key=_ORDER.index), "; ".join(advice)))
    return rows
