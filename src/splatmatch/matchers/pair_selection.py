"""Which pairs of a set of photos are matched, by what their features tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from splatmatch.correspondence.pair_choice import Pair, PairOptions, choose_pairs, retrieval_pairs, sequence_pairs
from splatmatch.correspondence.vlad import Descriptors
from splatmatch.errors import InputError

Selection = Literal["all", "retrieval", "sequential", "reconstruct", "list"]
_RETRIEVAL_FEATURES = 1024
"""Best features of each photo that retrieval looks at, which bounds its memory."""


@dataclass(frozen=True)
class PairSelection:
    """Which pairs are matched."""

    kind: Selection = "retrieval"
    """all = every pair; retrieval = each photo with those that look most like it; sequential = neighbours in the order
    of names, and further ones in steps of 2, 4, 8 ...; reconstruct = as ``reconstruct`` chooses; list = given ones."""
    partners: int = 20
    """Most partners that retrieval gives a photo."""
    overlap: int = 10
    """Neighbours on each side of a sequence."""
    given: tuple[Pair, ...] = ()
    """The pairs of ``list``."""
    options: PairOptions = field(default_factory=PairOptions)
    """Of ``reconstruct``."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.partners < 1 or self.overlap < 1:
            raise InputError("partners and overlap are 1 or more")

    @property
    def looks(self) -> bool:
        """Whether descriptors are needed."""
        return self.kind in ("retrieval", "reconstruct")

    def pairs(self, usable: Sequence[int], descriptors_of: Callable[[int], Descriptors]) -> list[Pair]:
        """Pairs (a, b), a < b, sorted.

        Args:
            usable: sorted indices of the photos that could be read.
            descriptors_of: descriptors of a photo, the most telling first; called only if ``looks``.
        """
        if self.kind == "list":
            known = set(usable)
            return sorted({(min(p), max(p)) for p in self.given if p[0] != p[1] and known.issuperset(p)})
        count = len(usable)
        if self.kind == "all":
            chosen = [(a, b) for a in range(count) for b in range(a + 1, count)]
        elif self.kind == "sequential":
            chosen = sequence_pairs(count, self.overlap)
        else:
            tables = [descriptors_of(index)[:_RETRIEVAL_FEATURES] for index in usable]
            if self.kind == "retrieval":
                chosen = retrieval_pairs(tables, self.partners, self.seed)
            else:
                chosen = choose_pairs(tables, self.options)
        return [(usable[a], usable[b]) for a, b in chosen]


def listed_pairs(path: Path, names: Sequence[str]) -> PairSelection:
    """The pairs that a list names, two names in each line, as hloc's ``pairs.txt``.

    Raises:
        InputError: no such file, or a name that is none of ``names``.
        FormatError: a line that is no pair of names.
    """
    from splatmatch.formats.pair_list import read_name_pairs

    index = {name: k for k, name in enumerate(names)}
    found = read_name_pairs(path, names)
    return PairSelection("list", given=tuple((index[a], index[b]) for a, b in found))
