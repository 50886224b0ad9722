"""Shapes: x through the layers, then y and the outputs through the loss and the metrics. Nothing is computed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

from lamina.core.errors import LaminaConfigError
from lamina.core.variable import bind
from lamina.training.data import target_dtype
from lamina.training.preflight.case import Case, called, shapes_of
from lamina.training.prepare import output_spec

ROWS = 32  # of the batch that is traced at most: a loss may build arrays of rows x rows


def check_inputs(model: Any, x: Any, argument: str) -> Any:
    """Return the outputs' shapes for inputs like `x`; build the model for them if it has no weights yet.

    Raises:
        LaminaConfigError: inputs that a layer cannot take, with the layer's own words.
    """
    name = called("x", argument)
    if model.several_inputs is False and not hasattr(x, "shape"):
        parts = ", ".join(map(repr, x)) if isinstance(x, dict) else f"{len(x)} arrays"
        raise LaminaConfigError(
            f"{name} is a {type(x).__name__} of {parts}, {shapes_of(x)}, but model {model.name!r} has one input. Pass "
            "one array; to join several, use numpy.concatenate(arrays, axis=-1)."
        )
    with _explained(f"{name} of {shapes_of(x)} does not fit model {model.name!r}"):
        if not model.built:
            model.build_for_data(specs(x, 1))
        return output_spec(model, specs(x, rows := min(ROWS, jax.tree.leaves(x)[0].shape[0])), rows)


def check_objective(case: Case) -> None:
    """Run the loss and the metrics of an output on shapes alone, so that what does not fit raises here, with names.

    Functions of the user's that run eagerly may look at values, so that they are left for the first step.
    """
    goal, output, given = case.goal, case.output, case.sample_weight
    if case.y is None or case.model.run_eagerly:
        return
    y, weights = specs(case.y, output.shape[0]), specs(given, output.shape[0])
    together = f"{case.y_called} of {shapes_of(case.y)} and {case.outputs_called} of shape {_any_rows(output)}"
    if goal.loss is not None:
        loss = f"loss {goal.loss.name!r}"
        with _explained(f"{loss} cannot compare {together}"):
            value = jax.eval_shape(goal.loss, y, output)
        if weights is not None:
            with _explained(
                f"{loss} cannot use {called(case.sample_weight_name, case.argument)} of {shapes_of(given)}"
            ):
                value = jax.eval_shape(goal.loss, y, output, weights)
        _require_scalar(goal.loss, value)
    for metric in goal.metrics:
        with _explained(f"metric {metric.name!r} cannot compare {together}"):
            jax.eval_shape(_stateless(metric), y, output, None)
    for metric in goal.weighted_metrics:
        with _explained(f"metric {metric.name!r} cannot compare {together}"):
            jax.eval_shape(_stateless(metric), y, output, weights)


def _stateless(metric: Any) -> Callable[..., Any]:
    variables = metric.variables

    def update(y: Any, outputs: Any, weights: Any) -> Any:
        with bind(variables, [v._value for v in variables]):
            metric.update_state(y, outputs, sample_weight=weights)
            return metric.result()

    return update


def _require_scalar(loss: Any, value: Any) -> None:
    if value.shape == ():
        return
    raise LaminaConfigError(
        f"loss {loss.name!r} with reduction={loss.reduction!r} gives an array of shape {_any_rows(value)}, but "
        "training needs one number. Use reduction='sum_over_batch_size', the default, which takes the mean."
    )


def specs(tree: Any, rows: int) -> Any:
    """Shapes of a batch of so many rows, in the types in which they are trained."""
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct((rows, *a.shape[1:]), target_dtype(a.dtype)), tree)


def _any_rows(output: Any) -> str:
    return f"({', '.join(['batch', *map(str, output.shape[1:])])})"


@contextlib.contextmanager
def _explained(problem: str) -> Iterator[None]:
    """Put what was passed, by its names in `fit`, before the words of the layer, loss or metric that refused it."""
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError or getattr(error, "is_explained", False):  # says all there is to say
            raise
        raise LaminaConfigError(f"{problem}. {error}") from error
    except Exception as error:
        error.add_note(f"{problem[0].upper()}{problem[1:]}.")
        raise
