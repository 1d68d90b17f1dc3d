"""Our own semi-dense matcher, trained by ``splatmatch train semidense-m``."""

from __future__ import annotations

from splatmatch.matchers.semidense import SemiDenseMatcher, SemiDenseOptions, open_trained, semidense_card

CARD = semidense_card("m")
Options = SemiDenseOptions


def open_adapter(options: SemiDenseOptions, device: str) -> SemiDenseMatcher:
    """semidense-m, ready to use; see ``open_trained`` for what it raises."""
    return open_trained(CARD, "m", options, device)
