"""What the loop asks of a network that is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from splatmatch.scene.matcher import Matcher
from splatmatch.training.batch import PairBatch


@dataclass(frozen=True, eq=False)
class LossTerms:
    """The loss of a batch, and what it is made of."""

    total: Tensor
    """Scalar, with gradients."""
    parts: Mapping[str, Tensor]
    """Scalars for the log by name: losses, recalls, counts; their gradients are not used."""


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Parameters that share a learning rate."""

    name: str
    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    """Factor on the learning rate of the run; 0 = frozen."""
    decay: bool = True
    """Whether weight decay applies."""


class Task(Protocol):
    """A network and how it is trained; has no state of its own."""

    @property
    def name(self) -> str:
        """Of the preset."""
        ...

    def build(self) -> nn.Module:
        """The network with random values, drawn from torch's generator."""
        ...

    def start_from_published(self, module: nn.Module) -> str:
        """Load the public weights that training may begin with into ``module``, in place.

        Returns:
            What was loaded, with its licence, for the record.

        Raises:
            InputError: there are none for this network.
            MissingDependencyError: they are not on this machine.
        """
        ...

    def loss(self, module: nn.Module, batch: PairBatch, step: int) -> LossTerms:
        """The loss of ``batch`` in optimiser step ``step``.

        Random choices must follow from ``step`` or from torch's default generator, which the loop seeds for each step:
        then a resumed run repeats an uninterrupted one.
        """
        ...

    def groups(self, module: nn.Module) -> Sequence[ParameterGroup]:
        """All parameters that are trained, each in one group; those in no group are frozen."""
        ...

    def matcher(self, module: nn.Module) -> Matcher:
        """``module`` as a matcher of photos, for validation; it works at the size it is given."""
        ...
