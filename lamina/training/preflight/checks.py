"""`check` and `check_fit`: the checks in their order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from lamina.core.dtypes import is_float
from lamina.core.errors import LaminaConfigError
from lamina.layers.base import Layer
from lamina.training.own_steps import overrides
from lamina.training.preflight.advice import advise
from lamina.training.preflight.case import Case, called, with_data
from lamina.training.preflight.head import find_heads
from lamina.training.preflight.losses import facts_of
from lamina.training.preflight.pairing import check_head, check_pairing
from lamina.training.preflight.shapes import ROWS, check_inputs, check_objective, specs
from lamina.training.preflight.values import check_values
from lamina.training.prepare import adds_losses
from lamina.training.program import Batch


def check(model: Any, batch: Batch, argument: str, given: Any = None) -> None:
    """Build the model for the data, resolve the loss and the metrics, and raise when data, loss and model do not fit.

    Nothing is compiled. A model or objective that was not built before is left so when something raises.

    Args:
        model: Compiled by `compile`.
        batch: The data set, or the first batch of a stream, as host arrays.
        argument: "" for the data of the call itself, "batch 1" for a stream of its own, else "validation_data".
        given: x as the user passed it, for the names of a table's columns.

    Raises:
        LaminaConfigError: what cannot train right. ValueError: NaN or infinity.
    """
    if not _own(model, "train_step", "compute_loss"):
        _require_targets(model, batch, argument)
    with _unbuilt_on_error(model):
        cases = _cases(model, batch, argument)
        if not (model.objective.metrics or model.objective.weighted_metrics):
            check_loss(model, batch)
        if model.preflight:
            check_values(cases, batch, argument, given)


def check_fit(model: Any, batch: Batch, argument: str) -> None:
    """Check what concerns training, after `check`: a loss, finite weights; and warn of what is rarely meant."""
    check_loss(model, batch)
    if model.preflight:
        _check_weights(model)
        advise(model.objective.checked.cases, model, batch, argument)


def later_batches(model: Any) -> Callable[[Batch, int], None]:
    """Return a check of the values of a stream's batches, given with their numbers, after `check` saw the first one."""
    cases = model.objective.checked.cases

    def check_batch(batch: Batch, number: int) -> None:
        if model.preflight:
            check_values(cases, batch, f"batch {number}")

    return check_batch


def check_loss(model: Any, batch: Batch) -> None:
    """Raise when there is nothing that training could minimise."""
    if _own(model, "train_step", "compute_loss"):
        return
    regularized = any(v.regularizer is not None for v in model.trainable_variables)
    if model.objective.has_loss or regularized or adds_losses(model, batch.x):
        return
    raise LaminaConfigError(
        f"model {model.name!r} was compiled without a loss, and no layer adds one: there is nothing to minimise or "
        "measure. Use compile(optimizer, loss='mse') for numbers, loss='sparse_categorical_crossentropy' for classes."
    )


def _require_targets(model: Any, batch: Batch, argument: str) -> None:
    if batch.y is None and model.objective.needs_targets:
        raise LaminaConfigError(
            f"{called('y', argument)} is missing: the loss and the metrics given to compile compare the outputs with "
            "it. Pass y (an iterable has to yield (x, y) pairs); for a network that restores its inputs, y is x."
        )


class Checked(NamedTuple):
    """What was found for a model and data of certain shapes, so that steps by hand do not find it out again."""

    tree: Any
    layout: Any
    cases: list[Case]


def _cases(model: Any, batch: Batch, argument: str) -> list[Case]:
    """Check shapes and structure, unless it was done for such data, and return what the other checks need."""
    objective = model.objective
    layout = _layout(batch)
    known = objective.checked
    if model.built and objective.built and known and known.tree is model.tree and known.layout == layout:
        return known.cases
    own = _own(model, "train_step", "test_step", "compute_loss", "compute_metrics")
    if own and type(model).call is Layer.call:
        cases = []  # several networks, each called in the model's own steps
    else:
        cases = _cases_of_outputs(model, batch, argument, own)
    objective.checked = Checked(model.tree, layout, cases)
    return cases


def _cases_of_outputs(model: Any, batch: Batch, argument: str, own: bool) -> list[Case]:
    """Check what the model gives for such inputs against targets, losses and metrics, unless its steps are its own."""
    objective = model.objective
    heads = find_heads(model)
    for head in heads if model.preflight else []:
        check_head(head)
    structure = check_inputs(model, batch.x, argument)
    owner = f"model {model.name!r}"
    objective.build(specs(batch.y, _rows(batch)), structure, model.output_names, owner, called("y", argument))
    outputs = objective.outputs
    if len(heads) != outputs.count:
        heads = [None] * outputs.count
    cases = [
        Case(model, outputs.of(i), output, goal, head, None if own else facts_of(goal.loss))
        for i, (output, goal, head) in enumerate(zip(outputs.flatten(structure), objective.goals, heads, strict=True))
    ]
    for case in [] if own else with_data(cases, batch, argument):
        if model.preflight:
            check_pairing(case)
        check_objective(case)
    return cases


def _own(model: Any, *methods: str) -> bool:
    """Whether the model's class defines one of these methods itself: what it does with its data is its own affair."""
    return any(overrides(model, method) for method in methods)


def _layout(batch: Batch) -> Any:
    """Structure, shapes and types of a data set; beyond what is traced the number of rows does not matter."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, min(ROWS, len(leaves[0])), [(leaf.shape[1:], leaf.dtype) for leaf in leaves]


def _rows(batch: Batch) -> int:
    return jax.tree.leaves(batch.x)[0].shape[0]


def _check_weights(model: Any) -> None:
    for variable in model.variables:
        value = variable._value
        if not is_float(value.dtype) or not value.is_fully_addressable:
            continue
        bad = int((~np.isfinite(np.asarray(value))).sum())
        if bad:
            raise LaminaConfigError(
                f"weight {variable.path!r} holds NaN or infinity ({bad} of {variable.size} values), from which nothing "
                "can be learned. An earlier training diverged, or the weights came so. Make the model anew or "
                "load_weights, and train with a smaller learning rate or clipnorm=1.0."
            )


@contextlib.contextmanager
def _unbuilt_on_error(model: Any) -> Iterator[None]:
    """Take back the weights and metrics that were made for data which turn out not to fit: other data may come next."""
    objective = model.objective
    resolved = objective.built
    unbuilt = [*([] if model.built else model.tree.layers), *([] if resolved else objective.metric_objects)]
    before = [(thing, _attributes(thing)) for thing in unbuilt]
    try:
        yield
    except BaseException:
        objective.built = resolved
        for thing, attributes in before:
            for name in set(vars(thing)) - set(attributes):
                delattr(thing, name)
            for name, value in attributes.items():
                setattr(thing, name, value)
        raise


def _attributes(thing: Any) -> dict[str, Any]:
    """What a layer or metric holds; `build` adds variables to its list in place, so lists are copied."""
    return {name: list(value) if type(value) is list else value for name, value in vars(thing).items()}
