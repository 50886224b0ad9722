"""`Objective`: the loss that training minimises and the metrics that it reports, for all outputs of a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lamina import losses
from lamina.core.errors import LaminaConfigError
from lamina.core.masking import get_mask
from lamina.losses import _base as losses_base
from lamina.metrics import Mean, Metric
from lamina.metrics import _base as metrics_base
from lamina.training.objective import arguments
from lamina.training.objective.log_names import LogNames
from lamina.training.objective.outputs import Outputs, is_nest
from lamina.training.objective.resolve import Spec, is_own, is_users, resolve_loss, resolve_metric


class Goal(NamedTuple):
    """What is asked of one output."""

    name: str | None  # of the output, in logs; None where the model has no names, or one output
    loss: losses.Loss | None
    factor: float | None  # of the loss; None is 1
    metrics: list[Metric]
    weighted_metrics: list[Metric]
    tracker: Mean | None  # of the loss of this output alone, where it is logged

    @property
    def members(self) -> list[Any]:
        """The loss and all metrics."""
        return [*([] if self.loss is None else [self.loss]), *self.metrics, *self.weighted_metrics]


class Objective:
    """The total loss, sum over the outputs of factor * loss, and the metrics.

    Args:
        loss: Name, function or `Loss`, one for all outputs; or a list, dict or nest with one or None for each. None
            leaves only what layers add with `add_loss`.
        loss_weights: Factor of the loss, or a list, dict or nest of factors.
        metrics: Names, functions or `Metric`s, updated without sample weights: a list for a single output, one list (or
            one metric, or None) for each of several.
        weighted_metrics: The same, updated with sample weights.
        output_losses: Whether the loss of each of several outputs is logged too, without its factor.
    """

    outputs: Outputs  # known, like the goals, when it is built

    def __init__(
        self, loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any, output_losses: bool = False
    ) -> None:
        self._loss, self._loss_weights = loss, loss_weights
        self._metrics, self._weighted_metrics = metrics, weighted_metrics
        self._output_losses = output_losses
        arguments.require_list("metrics", metrics)
        arguments.require_list("weighted_metrics", weighted_metrics)
        arguments.require_factors(loss_weights)
        arguments.require_known(losses_base.family, loss)
        arguments.require_known(metrics_base.family, [metrics, weighted_metrics])
        self._refuse_shared_metrics()
        self.loss_tracker = Mean(name="loss")
        self.goals: list[Goal] = []
        self.built = False
        self.checked: Any = None  # what preflight found out last

    # Before the first data --------------------------------------------------------------------------------------------

    @property
    def needs_targets(self) -> bool:
        """Whether there is a loss or a metric that compares outputs with y."""
        return bool(arguments.identifiers([self._loss, self._metrics, self._weighted_metrics]))

    @property
    def metric_objects(self) -> list[Metric]:
        """The metrics that were given as objects."""
        given = arguments.identifiers([self._metrics, self._weighted_metrics])
        return [metric for metric in given if isinstance(metric, Metric)]

    def _refuse_shared_metrics(self) -> None:
        seen: set[int] = set()
        for metric in self.metric_objects:
            if id(metric) in seen:
                raise LaminaConfigError(
                    f"compile: metric {metric.name!r} is given twice. A metric object adds up what one output gives: "
                    "make one object for each place."
                )
            seen.add(id(metric))

    def check_outputs(self, structure: Any, names: Sequence[str] | None = None, owner: str = "the model") -> None:
        """Raise when losses, factors or metrics do not fit outputs that are known already; see `Outputs`."""
        self._asked(Outputs(structure, names, owner))

    def _asked(self, outputs: Outputs) -> list[tuple[Any, Any, list[Any], list[Any]]]:
        """The loss, the factor and the metrics of each output, as they were given."""
        return list(
            zip(
                arguments.spread_loss(outputs, self._loss),
                arguments.spread_factors(outputs, self._loss_weights),
                arguments.spread_metrics(outputs, "metrics", self._metrics),
                arguments.spread_metrics(outputs, "weighted_metrics", self._weighted_metrics),
                strict=True,
            )
        )

    def build(
        self, y_true: Any, y_pred: Any, names: Sequence[str] | None = None, owner: str = "the model", where: str = "y"
    ) -> None:
        """Share losses and metrics out to the outputs, and make objects of names such as "accuracy" by the shapes.

        Args:
            y_true: Shapes of the targets, in the user's structure, or None.
            y_pred: Shapes of the outputs.
            names, owner: Of the outputs and the model, see `Outputs`.
            where: How messages call the targets.
        """
        if self.built:
            return
        self.outputs = outputs = Outputs(y_pred, names, owner, y_true)
        asked = self._asked(outputs)
        self._needed = [loss is not None or bool(plain or weighted) for loss, _, plain, weighted in asked]
        separate = self._output_losses and sum(loss is not None for loss, *_ in asked) > 1
        self.goals = []
        for name, target, output, (loss, factor, plain, weighted) in zip(
            outputs.prefixes, outputs.targets(y_true, self._needed, where), outputs.flatten(y_pred), asked, strict=True
        ):
            if target is None:
                loss = None
            if is_nest(target) and not all(map(is_users, [*arguments.identifiers(loss), *plain, *weighted])):
                raise outputs.misfit(where, target, "Pass one array; several go with a loss of your own only.")
            self.goals.append(
                Goal(
                    name,
                    resolve_loss(loss, target, output),
                    factor,
                    [_built(identifier, target, output) for identifier in plain],
                    [_built(identifier, target, output) for identifier in weighted],
                    Mean(name="loss") if separate and loss is not None else None,
                )
            )
        self.built = True

    # Metrics and their names ------------------------------------------------------------------------------------------

    @property
    def has_loss(self) -> bool:
        """Whether any output has a loss."""
        return any(goal.loss is not None for goal in self.goals)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of `compile`, in the order of the outputs."""
        return [metric for goal in self.goals for metric in goal.metrics]

    @property
    def weighted_metrics(self) -> list[Metric]:
        """Those with sample weights."""
        return [metric for goal in self.goals for metric in goal.weighted_metrics]

    @property
    def all_metrics(self) -> list[Metric]:
        """The tracker of the loss, those of the outputs' losses, the metrics and the weighted metrics."""
        trackers = [goal.tracker for goal in self.goals if goal.tracker is not None]
        return [self.loss_tracker, *trackers, *self.metrics, *self.weighted_metrics]

    @property
    def log_names(self) -> list[str]:
        """The key of each of `all_metrics` in the logs."""
        names = LogNames()
        losses = [
            names.of(f"{self.outputs.path(place, goal.name or goal.loss.name)}_loss", None)
            for place, goal in enumerate(self.goals)
            if goal.tracker is not None and goal.loss is not None
        ]
        plain = [names.of(metric.name, goal.name) for goal in self.goals for metric in goal.metrics]
        weighted = [
            names.of(metric.name, goal.name, weighted=True) for goal in self.goals for metric in goal.weighted_metrics
        ]
        return ["loss", *losses, *plain, *weighted]

    # In the compiled step ---------------------------------------------------------------------------------------------

    def targets(self, y_true: Any, where: str = "y") -> list[Any]:
        """Return the target of each output, in order; see `Outputs.targets`."""
        return self.outputs.targets(y_true, self._needed, where)

    def sample_weights(self, sample_weight: Any, where: str = "sample_weight") -> list[Any]:
        """Return the sample weights of each output, in order; see `Outputs.weights`."""
        return self.outputs.weights(sample_weight, self._needed, where)

    def compute_loss(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any = None, output_masks: Sequence[Any] | None = None
    ) -> jax.Array:
        """Return the total loss of a batch, a scalar.

        Args:
            y_true: Targets in the user's structure.
            y_pred: The outputs.
            sample_weight: Weights in the user's structure, or None.
            mask: Rows that exist, (batch,); None is all.
            output_masks: For each leaf of y_pred the entries that count, (batch, ...), or None; without it the masks
                that the outputs carry.
        """
        values = []
        for goal, y, output, weights, valid in self._parts(y_true, y_pred, sample_weight, mask, output_masks):
            if goal.loss is not None and y is not None:
                value = goal.loss(y, output, sample_weight=weights, mask=valid)
                values.append(value if goal.factor is None else value * goal.factor)
        return sum(values[1:], values[0]) if values else jnp.zeros((), jnp.float32)

    def update(
        self,
        loss: Any,
        rows: Any,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any,
        mask: Any = None,
        output_masks: Sequence[Any] | None = None,
    ) -> None:
        """Add a batch to the loss tracker and the metrics; for the other arguments see `compute_loss`.

        Args:
            loss: The total loss; None leaves its tracker as it is.
            rows: Number of rows that exist; None is all.
        """
        rows = jax.tree.leaves(y_pred)[0].shape[0] if rows is None else rows
        if loss is not None:
            self.loss_tracker.update_state(loss, sample_weight=rows)
        for goal, y, output, weights, valid in self._parts(y_true, y_pred, sample_weight, mask, output_masks):
            if y is None:
                continue
            if goal.tracker is not None and goal.loss is not None:
                goal.tracker.update_state(goal.loss(y, output, sample_weight=weights, mask=valid), sample_weight=rows)
            for metric in goal.metrics:
                metric.update_state(y, output, sample_weight=valid if is_own(metric) else mask)
            for metric in goal.weighted_metrics:
                metric.update_state(y, output, sample_weight=_times(weights, valid if is_own(metric) else mask))

    def _parts(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any, output_masks: Sequence[Any] | None
    ) -> Iterator[tuple[Goal, Any, Any, Any, Any]]:
        """Yield (goal, target, output, sample weights, entries that count) of each output."""
        if not self.built:  # a step of the user's, or a call by hand; `fit` builds it with the names of the outputs
            self.build(y_true, y_pred)
            self.built = False
        leaves = jax.tree.leaves(y_pred)
        masks = map(get_mask, leaves) if output_masks is None else output_masks
        outputs, masks = self.outputs.in_order(leaves), self.outputs.in_order(list(masks))
        targets, weights = self.targets(y_true), self.sample_weights(sample_weight)
        for goal, target, output, weight, own in zip(self.goals, targets, outputs, weights, masks, strict=True):
            yield goal, target, output, weight, _times(mask, own)

    def results(self) -> dict[str, jax.Array]:
        """Return the value of each metric, by log name."""
        return {name: metric.result() for name, metric in zip(self.log_names, self.all_metrics, strict=True)}

    def maskable(self, y_true: Any, y_pred: Any) -> bool:
        """Whether padded rows can be masked out of every loss and metric: each gives a value per row.

        Losses and metrics of lamina's own do; a function of the user's is asked for the shape of its result.
        """
        parts = zip(self.goals, self.targets(y_true), self.outputs.flatten(y_pred), strict=True)
        return all(_by_row(member, y, output) for goal, y, output in parts if y is not None for member in goal.members)


def _built(identifier: Any, y_true: Spec, y_pred: Spec) -> Metric:
    metric = resolve_metric(identifier, y_true, y_pred)
    if hasattr(y_true, "shape"):
        metric.build((None, *y_true.shape[1:]), (None, *y_pred.shape[1:]))
    return metric


def _by_row(member: Any, y_true: Any, y_pred: Spec) -> bool:
    """Whether a loss or metric gives a value for each row, whatever the others are."""
    if not is_own(member) or member.mixes_samples:
        return False
    function = getattr(member, "fn", None)
    return (
        function is None or is_own(function) or jax.eval_shape(function, y_true, y_pred).shape[:1] == y_pred.shape[:1]
    )


def _times(first: Any, second: Any) -> Any:
    """The product of two weights or masks whose leading axes are the same; None is 1."""
    if first is None or second is None:
        return second if first is None else first
    rank = max(first.ndim, second.ndim)
    first, second = (a.reshape(a.shape + (1,) * (rank - a.ndim)) for a in (first, second))
    return first * second
