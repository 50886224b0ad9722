"""The compiled programs: train, test and predict, each one jitted function over many steps.

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

from lamina.core.variable import Variable, bind
from lamina.layers.context import call_context
from lamina.training.compilation import jit, transposes_kernels
from lamina.training.objective import Objective


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
    """The train, test and predict functions of one model under one optimizer and objective."""

    def __init__(self, model: Any, objective: Objective, optimizer: Any) -> None:
        self.model, self.objective, self.optimizer = model, objective, optimizer
        self.tree = model.tree
        self.trainable: list[Variable] = model.trainable_variables
        self.non_trainable: list[Variable] = model.non_trainable_variables
        if optimizer is not None:
            optimizer.extend(self.trainable)
        self.slots: list[Variable] = list(optimizer.variables) if optimizer is not None else []
        self.metrics: list[Variable] = [v for metric in objective.all_metrics for v in metric.variables]
        self._fresh: list[jax.Array] | None = None
        self.signature = signature(model, objective, optimizer)
        size = sum(v.size for v in self.trainable)
        own = type(optimizer).__module__.startswith("lamina.")  # a subclass may do more than its base
        self.turns = own and optimizer.elementwise and transposes_kernels(size)
        self.train: Callable[..., Any] = jit(self._train, size, static_argnames="batch_size")
        self.test: Callable[..., Any] = jit(self._test, size, static_argnames=("batch_size", "masked"))

    # Between objects and state ----------------------------------------------------------------------------------------

    def state(self, metrics: list[jax.Array]) -> State:
        """Read the variables; `metrics` are the accumulators of the running epoch."""
        with self.model.state_lock:
            return State(_values(self.trainable), _values(self.non_trainable), _values(self.slots), metrics)

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
            for metric in self.objective.all_metrics:
                metric.reset_state()
            if not all(type(metric).__module__.startswith("lamina.") for metric in self.objective.all_metrics):
                return _values(self.metrics)
            self._fresh = _values(self.metrics)
        self.publish_metrics(self._fresh)
        return self._fresh

    def run_train(
        self, state: State, segment: Any, seed: Any, done: Any, first: Any, last: Any, tail: bool
    ) -> tuple[State, dict[str, jax.Array]]:
        """Run a chunk of a segment, compiled unless the model runs eagerly."""
        arguments = (state, segment.data, segment.order, seed, done, first, last, np.bool_(tail))
        if self.model.run_eagerly:
            with jax.disable_jit():
                return self._train(*arguments, batch_size=segment.batch_size)
        return self.train(*arguments, batch_size=segment.batch_size)

    def run_test(
        self, weights: Any, metrics: list[Any], data: Batch, rows: int, batch_size: int, masked: bool
    ) -> tuple[list[Any], dict[str, jax.Array]]:
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
        *,
        batch_size: int,
    ) -> tuple[State, dict[str, jax.Array]]:
        """Run the steps from `first` to `last` of an epoch.

        Args:
            state: Where training stands.
            data: The rows, on the device.
            order: int32 (rows,), the epoch's order of rows.
            seed: uint32 (2,), key of the run; `done`: steps of the run before this epoch. Together they fix all draws.
            first, last: Full batches to do, counted in the epoch; `tail`: whether the smaller last one follows.
            batch_size: Rows of a full batch, static.
        """
        key = jax.random.wrap_key_data(seed)

        def full(step: jax.Array, state: State) -> State:
            rows = jax.lax.dynamic_slice_in_dim(order, step * batch_size, batch_size)
            return self._train_step(state, data.take(rows), jax.random.fold_in(key, done + step))

        state = jax.lax.fori_loop(first, last, full, self._turned(state))
        remainder = order.shape[0] % batch_size
        if remainder:
            rows = order[-remainder:]
            state = jax.lax.cond(
                tail,
                lambda state: self._train_step(state, data.take(rows), jax.random.fold_in(key, done + last)),
                lambda state: state,
                state,
            )
        return self._turned(state), self._logs(state.metrics)

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

    def _train_step(self, state: State, batch: Batch, key: jax.Array) -> State:
        """One step: the gradient of the loss, the optimizer's update, the metrics."""
        gradient = jax.grad(self._loss, has_aux=True)
        gradients, (loss, y_pred, non_trainable) = gradient(
            state.trainable, state.non_trainable, state.optimizer, batch, key
        )
        variables = [*self.trainable, *self.slots, *self.metrics]
        with bind(variables, [*state.trainable, *state.optimizer, *state.metrics], key=key):
            self.optimizer.apply(gradients, self.trainable)
            self.objective.update(loss, _rows(batch), batch.y, y_pred, batch.sample_weight)
            return State(_now(self.trainable), non_trainable, _now(self.slots), _now(self.metrics))

    def _loss(
        self, trainable: list[Any], non_trainable: list[Any], slots: list[Any], batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Any, ...]]:
        """Forward pass and loss; what the layers assigned comes back beside them."""
        variables = [*self.trainable, *self.non_trainable, *self.slots]
        trainable, slots = self._turn(self.trainable, trainable), self._turn(self.slots, slots)
        with bind(variables, [*trainable, *non_trainable, *slots], key=key), call_context(training=True) as context:
            y_pred = self.model(batch.x, training=True)
            loss = self.objective.compute_loss(batch.y, y_pred, batch.sample_weight)
            for extra in [*context.losses, *self.model.regularization_losses()]:
                loss = loss + extra
            return self.optimizer.scale_loss(loss), (loss, y_pred, _now(self.non_trainable))

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
    ) -> tuple[list[Any], dict[str, jax.Array]]:
        """Add the first `rows` rows of `data` to the metrics, batch by batch; `masked`: the last may be cut short."""
        variables = [*self.trainable, *self.non_trainable, *self.metrics]

        def step(index: jax.Array, metrics: list[Any]) -> list[Any]:
            start = index * batch_size
            batch = data.window(start, batch_size)
            mask = (jnp.arange(batch_size) < rows - start).astype(jnp.float32) if masked else None
            counted = jnp.minimum(rows - start, batch_size).astype(jnp.float32) if masked else batch_size
            with bind(variables, [*weights[0], *weights[1], *metrics]), call_context(training=False) as context:
                y_pred = self.model(batch.x, training=False)
                loss = self.objective.compute_loss(batch.y, y_pred, batch.sample_weight, mask)
                for extra in [*context.losses, *self.model.regularization_losses()]:
                    loss = loss + extra
                self.objective.update(loss, counted, batch.y, y_pred, batch.sample_weight, mask)
                return _now(self.metrics)

        metrics = jax.lax.fori_loop(0, (rows + batch_size - 1) // batch_size, step, metrics)
        return metrics, self._logs(metrics)

    def _logs(self, metrics: list[Any]) -> dict[str, jax.Array]:
        with bind(self.metrics, metrics):
            return self.objective.results()


class Predictor:
    """The predict function of one model; it needs no loss, so an uncompiled model has one too."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.tree = model.tree
        self.variables: list[Variable] = self.tree.variables
        size = sum(v.size for v in self.variables)
        self.batch: Callable[..., Any] = jit(self._forward, size)
        self.batches: Callable[..., Any] = jit(self._predict, size, static_argnames="batch_size")

    def __call__(self, x: Any, rows: int, batch_size: int) -> Any:
        """Outputs of the first `rows` rows of `x`, and of no more than the batches that they need."""
        if jax.tree.leaves(x)[0].shape[0] <= batch_size:
            return self.batch(self.values(), x)
        return self.batches(self.values(), x, np.int32(-(-rows // batch_size)), batch_size=batch_size)

    def values(self) -> list[jax.Array]:
        """Read the variables, all of one finished step."""
        with self.model.state_lock:
            return _values(self.variables)

    def _predict(self, values: list[Any], x: Any, batches: Any, *, batch_size: int) -> Any:
        """Outputs of the first `batches` batches of `x`; the rows behind them are left zero."""
        size = jax.tree.leaves(x)[0].shape[0]
        shapes = jax.eval_shape(self._forward, values, jax.tree.map(lambda a: a[:batch_size], x))
        outputs = jax.tree.map(lambda s: jnp.zeros((size, *s.shape[1:]), s.dtype), shapes)

        def step(index: jax.Array, outputs: Any) -> Any:
            start = index * batch_size
            batch = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, batch_size), x)
            done = self._forward(values, batch)
            return jax.tree.map(lambda o, d: jax.lax.dynamic_update_slice_in_dim(o, d, start, 0), outputs, done)

        return jax.lax.fori_loop(0, batches, step, outputs)

    def _forward(self, values: list[Any], x: Any) -> Any:
        with bind(self.variables, values), call_context(training=False):
            return self.model(x, training=False)


def signature(model: Any, objective: Objective, optimizer: Any) -> tuple[Any, ...]:
    """What a program was made for; when it changes (a layer added, frozen or thawed), another is made."""
    tree = model.tree
    frozen = tuple(layer.trainable for layer in tree.layers)
    return id(tree), len(tree.variables), frozen, id(objective), id(optimizer), getattr(optimizer, "revision", 0)


def _values(variables: list[Variable]) -> list[jax.Array]:
    return [v._value for v in variables]


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
