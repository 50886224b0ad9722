"""The compiled programs of training and evaluation, each one jitted function over many steps.

`Program._train_step` is where the gradient is: forward, loss, `jax.grad`, optimizer, metrics. Around it stands
a `fori_loop` with traced bounds, so that one compilation serves any number of steps, and a `cond` for the last, smaller
batch.

State is not donated. The arrays of the last finished chunk stay with the user's objects until the next chunk is done,
which is what keeps a model whole after Ctrl-C or an error, and lets other threads predict meanwhile (see
docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.errors import LaminaError
from lamina.core.masking import get_mask, mask_scope, set_mask
from lamina.core.variable import Variable, bind, values_of
from lamina.layers.context import call_context
from lamina.training.compilation import jit, transposes_kernels
from lamina.training.data import unpack
from lamina.training.objective import Objective
from lamina.training.own_steps import Logs, checked_logs, checked_loss, overrides, own_result, packed, takes


class State(NamedTuple):
    """All that a training step reads and writes, as lists in the order of the variables."""

    trainable: list[jax.Array]  # kernels, biases, …
    non_trainable: list[jax.Array]  # moving statistics, frozen weights
    optimizer: list[jax.Array]  # iteration (), learning rate (), then slots shaped as the weights
    metrics: list[jax.Array]  # accumulators, mostly ()


class Batch(NamedTuple):
    """Rows of the data: inputs (batch, ...), targets or None, sample weights or None."""

    x: Any
    y: Any
    sample_weight: Any

    def take(self, rows: jax.Array) -> Batch:
        """Return the rows of the given indices."""
        return jax.tree.map(lambda a: jnp.take(a, rows, axis=0, mode="clip"), self)

    def window(self, start: jax.Array, size: int) -> Batch:
        """Return `size` rows from `start`."""
        return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, size), self)


class Program:
    """The train and test functions of one model under one optimizer and objective."""

    def __init__(self, model: Any, objective: Objective, optimizer: Any) -> None:
        self.model, self.objective, self.optimizer = model, objective, optimizer
        self.tree = model.tree
        self.trainable: list[Variable] = model.trainable_variables
        self.non_trainable: list[Variable] = model.non_trainable_variables
        if optimizer is not None:
            optimizer.extend(self.trainable)
        self.slots: list[Variable] = list(optimizer.variables) if optimizer is not None else []
        self.measures = list({id(m): m for m in [*model.metrics, *objective.all_metrics]}.values())
        self.metrics: list[Variable] = [v for metric in self.measures for v in metric.variables]
        self.own_step, self.own_test, self.own_loss, self.own_metrics = (
            overrides(model, name) for name in ("train_step", "test_step", "compute_loss", "compute_metrics")
        )
        self._fresh: list[jax.Array] | None = None
        self.signature = signature(model, objective, optimizer)
        size = sum(v.size for v in self.trainable)
        own = type(optimizer).__module__.startswith("lamina.")  # a subclass may do more than its base
        self.turns = own and not self.own_step and optimizer.elementwise and transposes_kernels(size)
        self.train: Callable[..., Any] = jit(self._train, size, static_argnames="batch_size")
        self.test: Callable[..., Any] = jit(self._test, size, static_argnames=("batch_size", "masked"))

    @property
    def log_names(self) -> list[str] | None:
        """Keys of the logs, sorted; None where the model's class makes them."""
        own = self.own_step or self.own_test or self.own_metrics
        return None if own or not self.objective.built else sorted(self.model.metrics_names)

    # Between objects and state ----------------------------------------------------------------------------------------

    def state(self, metrics: list[jax.Array]) -> State:
        """Read the variables; `metrics` are the accumulators of the running epoch."""
        with self.model.state_lock:
            return State(values_of(self.trainable), values_of(self.non_trainable), values_of(self.slots), metrics)

    def publish(self, state: State) -> None:
        """Give the variables the values of a finished chunk, all at once for readers in other threads."""
        with self.model.state_lock:
            for variables, values in zip(
                (self.trainable, self.non_trainable, self.slots, self.metrics), state, strict=True
            ):
                for variable, value in zip(variables, values, strict=True):
                    variable._value = value

    def publish_metrics(self, metrics: list[jax.Array]) -> None:
        """Give the metrics' variables the values of a finished evaluation."""
        for variable, value in zip(self.metrics, metrics, strict=True):
            variable._value = value

    def fresh_metrics(self) -> list[jax.Array]:
        """Reset the metrics and return their accumulators; those of lamina's own are always the same zeros."""
        if self._fresh is None:
            for metric in self.measures:
                metric.reset_state()
            if not all(type(metric).__module__.startswith("lamina.") for metric in self.measures):
                return values_of(self.metrics)
            self._fresh = values_of(self.metrics)
        self.publish_metrics(self._fresh)
        return self._fresh

    def run_train(
        self, state: State, segment: Any, seed: Any, done: Any, first: Any, last: Any, tail: bool
    ) -> tuple[State, Logs]:
        """Run a chunk of a segment, compiled unless the model runs eagerly."""
        multiplier = self.optimizer.rate_multiplier._value
        arguments = (state, segment.data, segment.order, seed, done, first, last, np.bool_(tail), multiplier)
        if self.model.run_eagerly:
            with jax.disable_jit():
                return self._train(*arguments, batch_size=segment.batch_size)
        return self.train(*arguments, batch_size=segment.batch_size)

    def run_test(
        self, weights: Any, metrics: list[Any], data: Batch, rows: int, batch_size: int, masked: bool
    ) -> tuple[list[Any], Logs]:
        """Run the batches of a window, compiled unless the model runs eagerly."""
        arguments = (tuple(weights), metrics, data, np.int32(rows))
        if self.model.run_eagerly:
            with jax.disable_jit():
                return self._test(*arguments, batch_size=batch_size, masked=masked)
        return self.test(*arguments, batch_size=batch_size, masked=masked)

    # Training ---------------------------------------------------------------------------------------------------------

    def _train(
        self,
        state: State,
        data: Batch,
        order: Any,
        seed: Any,
        done: Any,
        first: Any,
        last: Any,
        tail: Any,
        multiplier: Any,
        *,
        batch_size: int,
    ) -> tuple[State, Logs]:
        """Run the steps from `first` to `last` of an epoch.

        Args:
            state: Where training stands.
            data: The rows, on the device.
            order: int32 (rows,), the epoch's order of rows.
            seed: uint32 (2,), key of the run; `done`: steps of the run before this epoch. Together they fix all draws.
            first, last: Full batches to do, counted in the epoch; `tail`: whether the smaller last one follows.
            multiplier: What a schedule is multiplied by, a scalar.
            batch_size: Rows of a full batch, static.
        """
        key = jax.random.wrap_key_data(seed)

        def full(step: jax.Array, carry: tuple[State, Logs]) -> tuple[State, Logs]:
            rows = jax.lax.dynamic_slice_in_dim(order, step * batch_size, batch_size)
            return self._train_step(carry[0], data.take(rows), jax.random.fold_in(key, done + step))

        state = self._turned(state)
        with bind([self.optimizer.rate_multiplier], [multiplier]):
            logs = self._first_logs(self._train_step, state, data.take(order[:batch_size]), key)
            state, logs = jax.lax.fori_loop(first, last, full, (state, logs))
            remainder = order.shape[0] % batch_size
            if remainder:
                rows = order[-remainder:]
                state, logs = jax.lax.cond(
                    tail,
                    lambda state: self._train_step(state, data.take(rows), jax.random.fold_in(key, done + last)),
                    lambda state: (state, logs),
                    state,
                )
        return self._turned(state), self._logs(state.metrics, logs)

    def _turned(self, state: State) -> State:
        """The state with the kernels of matrix products transposed, as the loop holds them, or back again.

        On a CPU, XLA's products of a few rows with a kernel, and their gradients, run faster with the kernel's rows and
        columns swapped: an epoch of the notes' image classifier takes 14 % less. Layers see the kernel upright, XLA
        folds the two transpositions; elementwise optimizers work on it as it is held.
        """
        trainable, slots = self._turn(self.trainable, state.trainable), self._turn(self.slots, state.optimizer)
        return state._replace(trainable=trainable, optimizer=slots)

    def _turn(self, variables: list[Variable], values: list[Any]) -> list[Any]:
        return [a.T if self.turns and v.is_kernel else a for v, a in zip(variables, values, strict=True)]

    def _train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Logs]:
        """One step: the gradient of the loss, the optimizer's update, the metrics."""
        return self._own_train_step(state, batch, key) if self.own_step else self._built_in_step(state, batch, key)

    def _built_in_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Logs]:
        gradient = jax.grad(self._loss, has_aux=True)
        gradients, (loss, y_pred, masks, non_trainable, metrics) = gradient(state.trainable, state, batch, key)
        with bind([*self.trainable, *self.slots], [*state.trainable, *state.optimizer], key=key):
            self.optimizer.apply(gradients, self.trainable)
            state = State(_now(self.trainable), non_trainable, _now(self.slots), metrics)
        variables = [*self.trainable, *self.non_trainable, *self.slots, *self.metrics]
        values = [value for values in self._turned(state) for value in values]
        with bind(variables, values, key=key), mask_scope():
            logs = self._update_metrics(loss, _rows(batch), batch, y_pred, masks)
            return state._replace(metrics=_now(self.metrics)), logs

    def _loss(
        self, trainable: list[Any], state: State, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Any, ...]]:
        """Forward pass and loss; what the layers assigned comes back beside them."""
        variables = [*self.trainable, *self.non_trainable, *self.slots, *self.metrics]
        trainable, slots = self._turn(self.trainable, trainable), self._turn(self.slots, state.optimizer)
        values = [*trainable, *state.non_trainable, *slots, *state.metrics]
        with bind(variables, values, key=key), call_context(training=True):
            y_pred = self.model(batch.x, training=True)
            loss = self._model_loss(batch, y_pred, training=True)
            masks = [get_mask(leaf) for leaf in jax.tree.leaves(y_pred)]
            updates = (loss, y_pred, masks, _now(self.non_trainable), _now(self.metrics))
            return self.optimizer.scale_loss(loss), updates

    def _model_loss(self, batch: Batch, y_pred: Any, training: bool) -> jax.Array:
        """What the model's `compute_loss` gives, one number; an override may do without `training`."""
        flag = {"training": training} if takes(self.model.compute_loss, "training") else {}
        return checked_loss(self.model, self.model.compute_loss(batch.x, batch.y, y_pred, batch.sample_weight, **flag))

    def _update_metrics(self, loss: Any, rows: Any, batch: Batch, y_pred: Any, masks: Any, mask: Any = None) -> Logs:
        """Add a batch to the metrics; returns the logs where the model computes its own."""
        if not self.own_metrics:
            self.objective.update(loss, rows, batch.y, y_pred, batch.sample_weight, mask, output_masks=masks)
            return {}
        self.objective.loss_tracker.update_state(loss, sample_weight=rows)
        for leaf, output_mask in zip(jax.tree.leaves(y_pred), masks, strict=True):
            set_mask(leaf, output_mask)
        logs = self.model.compute_metrics(batch.x, batch.y, y_pred, batch.sample_weight)
        return checked_logs(f"{type(self.model).__name__}: compute_metrics", logs)

    def _own_train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Logs]:
        """The step that the model's class defines: state and data in, logs and state out."""
        count = len(self.model.metrics_variables)
        given = (state.trainable, state.non_trainable, state.optimizer, state.metrics[:count])
        logs, new = self._run_own("train_step", given, batch, key)
        return State(new[0], new[1], new[2], [*new[3], *state.metrics[count:]]), logs

    def functional_step(self, given: Any, data: Any, key: Any) -> tuple[Logs, tuple[Any, ...]]:
        """The built-in step in the form of a model's own: what `super().train_step(state, data)` does."""
        count = len(given[3])
        others = [jnp.zeros(v.shape, v.dtype) for v in self.metrics[count:]]
        state = State(list(given[0]), list(given[1]), list(given[2]), [*given[3], *others])
        state, logs = self._built_in_step(state, Batch(*unpack(data)), key)
        return self._logs(state.metrics, logs), (*state[:3], state.metrics[:count])

    def functional_test_step(self, given: Any, data: Any) -> tuple[Logs, tuple[Any, ...]]:
        """The built-in step of an evaluation, likewise."""
        count, batch = len(given[2]), Batch(*unpack(data))
        others = [jnp.zeros(v.shape, v.dtype) for v in self.metrics[count:]]
        metrics, logs = self._built_in_test_step(given[:2], [*given[2], *others], batch, _rows(batch))
        return self._logs(metrics, logs), (*given[:2], metrics[:count])

    def _run_own(self, method: str, given: tuple[Any, ...], batch: Batch, key: Any = None) -> Any:
        """Call a step that the model's class defines, a pure function; what it assigns to objects would be lost."""
        with bind([], [], key=key, drop=True) as binding:
            result = getattr(self.model, method)(given, packed(batch))
        for variable in binding.assigned.values():
            raise LaminaError(
                f"{type(self.model).__name__}.{method} assigned {variable.path!r}, but it is a pure function: values "
                "come in the state and go back in the state. Use the stateless form: optimizer.stateless_apply(...), "
                "metric.stateless_update_state(values, ...), model.stateless_call(...)."
            )
        return own_result(self.model, method, result, given)

    def _first_logs(self, step: Callable[..., Any], *args: Any) -> Logs:
        """Zeros in the place of the logs that a step of the model's own gives; else none."""
        if not (self.own_step or self.own_metrics or self.own_test):
            return {}
        shapes = jax.eval_shape(step, *args)[1]
        return {name: jnp.zeros(spec.shape, spec.dtype) for name, spec in shapes.items()}

    # Evaluation -------------------------------------------------------------------------------------------------------

    def _test(
        self,
        weights: tuple[list[Any], list[Any]],
        metrics: list[Any],
        data: Batch,
        rows: Any,
        *,
        batch_size: int,
        masked: bool,
    ) -> tuple[list[Any], Logs]:
        """Add the first `rows` rows of `data` to the metrics, batch by batch; `masked`: the last may be cut short."""

        def step(index: jax.Array, carry: tuple[list[Any], Logs]) -> tuple[list[Any], Logs]:
            start = index * batch_size
            mask = (jnp.arange(batch_size) < rows - start).astype(jnp.float32) if masked else None
            counted = jnp.minimum(rows - start, batch_size).astype(jnp.float32) if masked else batch_size
            return self._test_step(weights, carry[0], data.window(start, batch_size), counted, mask)

        logs = self._first_logs(self._test_step, weights, metrics, data.window(jnp.int32(0), batch_size), batch_size)
        batches = (rows + batch_size - 1) // batch_size
        metrics, logs = jax.lax.fori_loop(0, batches, step, (metrics, logs))
        return metrics, self._logs(metrics, logs)

    def _test_step(
        self, weights: tuple[list[Any], list[Any]], metrics: list[Any], batch: Batch, rows: Any, mask: Any = None
    ) -> tuple[list[Any], Logs]:
        """Add a batch, of which `rows` rows count, to the metrics."""
        if not self.own_test:
            return self._built_in_test_step(weights, metrics, batch, rows, mask)
        count = len(self.model.metrics_variables)
        logs, new = self._run_own("test_step", (*weights, metrics[:count]), batch)
        return [*new[2], *metrics[count:]], logs

    def _built_in_test_step(
        self, weights: tuple[list[Any], list[Any]], metrics: list[Any], batch: Batch, rows: Any, mask: Any = None
    ) -> tuple[list[Any], Logs]:
        variables = [*self.trainable, *self.non_trainable, *self.metrics]
        with bind(variables, [*weights[0], *weights[1], *metrics]), call_context(training=False):
            y_pred = self.model(batch.x, training=False)
            if self.own_loss:
                loss = self._model_loss(batch, y_pred, training=False)
            else:
                loss = self.objective.compute_loss(batch.y, y_pred, batch.sample_weight, mask)
                loss = sum(self.model.losses, start=loss)
            masks = [get_mask(leaf) for leaf in jax.tree.leaves(y_pred)]
            logs = self._update_metrics(loss, rows, batch, y_pred, masks, mask)
            return _now(self.metrics), logs

    @property
    def maskable(self) -> bool:
        """Whether padded rows may be masked out: not where the model's class computes the loss or metrics itself."""
        return not (self.own_test or self.own_loss or self.own_metrics or self.model.tracked_metrics)

    def _logs(self, metrics: list[Any], own: Logs) -> Logs:
        """The metrics' results; where the model has steps or metrics of its own, what these gave last."""
        if own:
            return own
        with bind(self.metrics, metrics):
            compiled = self.objective.results()
            tracked = self.model.results_of(self.model.tracked_metrics)
            return compiled | {name: value for name, value in tracked.items() if name not in compiled}


def signature(model: Any, objective: Objective, optimizer: Any) -> tuple[Any, ...]:
    """What a program was made for; when it changes (a layer added, frozen or thawed), another is made."""
    tree = model.tree
    frozen = tuple(layer.trainable for layer in tree.layers)
    return id(tree), len(tree.variables), frozen, id(objective), id(optimizer), getattr(optimizer, "revision", 0)


def _now(variables: list[Variable]) -> list[Any]:
    """The values that bound variables stand for."""
    return [v.value for v in variables]


def _rows(batch: Batch) -> int:
    return jax.tree.leaves(batch.x)[0].shape[0]


def key_data(seed: int) -> np.ndarray:
    """The raw key of a seed: what `jax.random.key_data(jax.random.key(seed))` gives, without compiling anything."""
    return np.array([0, seed % 2**32], np.uint32)


def as_numbers(logs: dict[str, jax.Array]) -> dict[str, Any]:
    """Fetch logs from the device, sorted by name as Keras prints them; scalars become floats."""
    fetched = jax.device_get(logs)
    return {name: float(v) if np.ndim(v) == 0 else v for name, v in sorted(fetched.items())}


def in_order(program: Program, logs: dict[str, Any]) -> Any:
    """Return the logs as `evaluate` does: the loss, then the metrics in the order of `compile`; one alone as it is."""
    names = [name for name in program.model.metrics_names if name in logs]
    values = [logs[name] for name in [*names, *(name for name in logs if name not in names)]]
    return values[0] if len(values) == 1 else values
