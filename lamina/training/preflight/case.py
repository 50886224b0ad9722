"""`Case`: what the checks of one output look at, and how messages call its parts."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from lamina.training.objective import Goal, is_nest
from lamina.training.preflight.head import Head
from lamina.training.preflight.losses import LossFacts
from lamina.training.program import Batch


class Case(NamedTuple):
    """One output of a model, what `compile` asks of it, and the labels that a data set has for it."""

    model: Any
    label: str  # "output 'aux' of model 'wide'"
    output: Any  # its shape and dtype
    goal: Goal
    head: Head | None  # None: not known
    loss: LossFacts | None  # None: not known, or no loss
    argument: str = ""
    y: Any = None
    y_name: str = "y"  # "y['aux']"
    sample_weight: Any = None
    sample_weight_name: str = "sample_weight"

    @property
    def y_called(self) -> str:
        """How messages call the labels: "y['aux']", "validation_data y"."""
        return called(self.y_name, self.argument)

    @property
    def maker(self) -> str:
        """How messages call what makes the output."""
        return str(self.head) if self.head else self.label

    @property
    def outputs_called(self) -> str:
        """How messages call the output."""
        return f"the outputs of {self.maker}" if self.head or self.label.startswith("model") else self.label

    @property
    def has_labels(self) -> bool:
        """Whether there is one array of labels for it."""
        return hasattr(self.y, "shape")

    @property
    def classes(self) -> int:
        """Length of the output's axis of classes."""
        axis = self.loss.axis if self.loss else -1
        return self.output.shape[axis] if len(self.output.shape) > 1 else 1


def with_data(cases: list[Case], batch: Batch, argument: str) -> list[Case]:
    """Give the cases of a model the labels and sample weights of a data set.

    Raises:
        LaminaConfigError: targets or weights that do not belong to the outputs.
    """
    if not cases:
        return []
    objective = cases[0].model.objective
    y, y_called = batch.y, called("y", argument)
    weights, weights_called = batch.sample_weight, called("sample_weight", argument)
    y_names, weight_names = ["y"] * len(cases), ["sample_weight"] * len(cases)
    if is_nest(y):
        y_names = objective.targets(_names(y, "y"), y_called)
    if is_nest(weights):
        weight_names = objective.sample_weights(_names(weights, "sample_weight"), weights_called)
    ys, weights = objective.targets(y, y_called), objective.sample_weights(weights, weights_called)
    return [
        case._replace(argument=argument, y=y, y_name=y_name, sample_weight=weight, sample_weight_name=weight_name)
        for case, y, y_name, weight, weight_name in zip(cases, ys, y_names, weights, weight_names, strict=True)
    ]


def labelled(cases: list[Case], batch: Batch, argument: str) -> list[tuple[Case, LossFacts]]:
    """The cases with the data, of those outputs whose loss is known and has labels to compare with."""
    if not any(case.loss for case in cases):
        return []
    return [(case, case.loss) for case in with_data(cases, batch, argument) if case.loss and case.has_labels]


def _names(tree: Any, argument: str) -> Any:
    """The nest with the name of each array in its place: "y['aux']"."""
    return jax.tree_util.tree_map_with_path(lambda path, _: argument + jax.tree_util.keystr(path), tree)


def called(part: str, argument: str) -> str:
    """Name a part of a data set: "y", "validation_data y", "y in batch 1"."""
    if argument.startswith("batch"):
        return f"{part} in {argument}"
    return f"{argument} {part}" if argument else part


def shapes_of(tree: Any) -> str:
    """The shape of an array, or the shapes of a nest of them, in words."""
    shapes = [tuple(leaf.shape) for leaf in jax.tree.leaves(tree)]
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"shapes {', '.join(map(str, shapes))}"
