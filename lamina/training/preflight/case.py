"""`Case`: what the checks of one data set look at, and how messages call its parts."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from lamina.training.preflight.head import Head
from lamina.training.preflight.losses import LossFacts
from lamina.training.program import Batch


class Case(NamedTuple):
    """A model, one data set for it, and what is known of both."""

    model: Any
    batch: Batch
    argument: str
    outputs: Any  # shape and dtype of the outputs, or a nest of them
    head: Head | None  # None: not known
    loss: LossFacts | None  # None: not known

    def called(self, part: str) -> str:
        """How messages call "x", "y" or "sample_weight" of this data set."""
        return called(part, self.argument)

    @property
    def maker(self) -> str:
        """How messages call what makes the outputs."""
        return str(self.head) if self.head else f"model {self.model.name!r}"

    @property
    def single(self) -> bool:
        """Whether there is one array of labels for one array of outputs."""
        return hasattr(self.batch.y, "shape") and hasattr(self.outputs, "shape")

    @property
    def classes(self) -> int:
        """Length of the outputs' axis of classes."""
        axis = self.loss.axis if self.loss else -1
        return self.outputs.shape[axis] if len(self.outputs.shape) > 1 else 1


def called(part: str, argument: str) -> str:
    """Name a part of a data set: "y", "validation_data y", "y in batch 1"."""
    if argument.startswith("batch"):
        return f"{part} in {argument}"
    return f"{argument} {part}" if argument else part


def shapes_of(tree: Any) -> str:
    """The shape of an array, or the shapes of a nest of them, in words."""
    shapes = [tuple(leaf.shape) for leaf in jax.tree.leaves(tree)]
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"shapes {', '.join(map(str, shapes))}"
