"""The steps of an epoch as one compiled program, shared by all estimators of one architecture and batch size.

Rates, strengths and momenta are arguments of the program and rows are padded to a few sizes, so that a grid search over
them compiles once. The last, smaller batch is a full one in which rows weigh nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.estimators import _rows
from lamina.estimators.mlp import losses
from lamina.estimators.mlp.network import EPSILON, Activation, Architecture, Weights
from lamina.estimators.mlp.numpy_steps import Data, Numbers, unpack
from lamina.estimators.mlp.solvers import Solver
from lamina.training import compilation

# Few and cheap to trace, as compiling is much of the time of a fit.
_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": lambda z: z,
    "logistic": jax.lax.logistic,
    "tanh": jax.lax.tanh,
    "relu": lambda z: jax.lax.select(z > 0, z, jnp.zeros_like(z)),
    "exp": jax.lax.exp,
    "softmax": lambda z: jax.nn.softmax(z, axis=1),
}
# On a CPU: compiles in half of the time, and the program is as fast.
_QUICKLY = {"xla_cpu_use_fusion_emitters": False}
_MOMENTUM = 0.9  # of the moving statistics of batch normalization


class JaxSteps:
    """Steps of training any network; the arguments are those of `NumpySteps`, and a seed for dropout and a device."""

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        data: Data,
        solver: Solver | None,
        numbers: Numbers,
        seed: int = 0,
        device: Any = None,
    ) -> None:
        compilation.enable_cache()
        self.architecture, self.solver, self.numbers = architecture, solver, numbers
        self.dtype = weights.coefs[0].dtype
        self._device = _device(device)
        self._size = sum(value.size for value in weights.trained)
        self._shapes = weights.trained
        rows = data.y.shape[0]
        self._rows = _rows.padded_size(rows)
        with self._place():
            ones = np.ones(rows, self.dtype) if data.weights is None else data.weights.astype(self.dtype)
            arrays = (_rows.dense(data.x), data.y, ones)
            self._data = jax.device_put(tuple(_rows.pad(array, self._rows) for array in arrays))
            self._weights = jax.device_put(weights)
            self._moments: list[list[Any]] = jax.device_put(solver.moments) if solver is not None else []
            self._key = jax.random.key(seed) if architecture.dropout else None

    def _place(self) -> Any:
        """The context of all computations: the precision of the data, and the device."""
        return _Contexts(jax.enable_x64(self.dtype == np.float64), jax.default_device(self._device))

    @property
    def weights(self) -> Weights:
        """The weights now."""
        return Weights(*([np.array(value) for value in values] for values in self._weights))

    def epoch(self, order: np.ndarray, batch_size: int) -> float:
        """Make the steps of one epoch over the rows in this order; returns the mean of the batches' losses."""
        solver = self.solver
        if solver is None:
            raise ValueError("JaxSteps: a solver is needed to make steps.")
        with self._place():
            kinds = (solver.kind, bool(self.numbers.nesterov), batch_size, getattr(solver, "optimizer", None))
            program = _program(self.architecture, *kinds, self._size)
            places = _rows.pad(order.astype(np.int32), self._rows + batch_size)
            rate = solver.learning_rate if solver.kind == "sgd" else getattr(solver, "learning_rate_init", 0.0)
            numbers = self.numbers._replace(nesterov=0)
            self._weights, self._moments, loss = program(
                self._weights, self._moments, *self._data, places, len(order), solver.t, rate, numbers, self._key
            )
            loss = float(loss)  # the only wait of an epoch
        solver.t += -(-len(order) // batch_size)
        return loss

    def keep(self) -> None:
        """Bring the solver's state up to date, at the end of a training."""
        if self.solver is not None:
            self.solver.moments = [[np.array(value) for value in moment] for moment in self._moments]

    def value_and_gradient(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss of all rows and its gradient by the packed weights."""
        with self._place():
            values = [jnp.asarray(value) for value in unpack(vector.astype(self.dtype), self._shapes)]
            self._weights = self._weights.with_trained(values)
            numbers = self.numbers._replace(nesterov=0)
            value, gradients = _whole(self.architecture, self._size)(self._weights, *self._data, numbers)
            return float(value), np.concatenate([np.asarray(one, np.float64).ravel() for one in gradients])


class _Contexts:
    """Several contexts as one."""

    def __init__(self, *contexts: Any) -> None:
        self._contexts = contexts

    def __enter__(self) -> None:
        for context in self._contexts:
            context.__enter__()

    def __exit__(self, *error: Any) -> None:
        for context in reversed(self._contexts):
            context.__exit__(*error)


def _device(device: Any) -> Any:
    return jax.devices(device)[0] if isinstance(device, str) else device


def _activate(activation: Activation, z: jax.Array) -> jax.Array:
    if callable(activation):
        return activation(z)
    if activation in _ACTIVATIONS:
        return _ACTIVATIONS[activation](z)
    from lamina import activations

    return activations.get(activation)(z)


def _forward(
    architecture: Architecture, weights: Weights, x: jax.Array, here: jax.Array, rates: Any, key: Any
) -> tuple[jax.Array, jax.Array, tuple[list[Any], list[Any]]]:
    """The forward pass of training: answers, last sums, and the new moving statistics."""
    means, variances = list(weights.means), list(weights.variances)
    a = x
    for layer, activation in enumerate(architecture.hidden):
        z = a @ weights.coefs[layer] + weights.intercepts[layer]
        if architecture.normalize:
            share = (here / jnp.sum(here))[:, None].astype(z.dtype)
            mean = jnp.sum(z * share, axis=0)
            variance = jnp.sum((z - mean) ** 2 * share, axis=0)
            z = (z - mean) * jax.lax.rsqrt(variance + EPSILON) * weights.scales[layer] + weights.shifts[layer]
            means[layer] = _MOMENTUM * means[layer] + (1 - _MOMENTUM) * mean
            variances[layer] = _MOMENTUM * variances[layer] + (1 - _MOMENTUM) * variance
        a = _activate(activation, z)
        if architecture.dropout:
            kept = 1 - rates[layer]
            mask = jax.random.bernoulli(jax.random.fold_in(key, layer), kept, a.shape)
            a = jnp.where(mask, a / kept, 0)
    z = a @ weights.coefs[-1] + weights.intercepts[-1]
    return _activate(architecture.output, z), z, (means, variances)


def _objective(
    trained: list[Any],
    architecture: Architecture,
    weights: Weights,
    x: jax.Array,
    y: jax.Array,
    w: jax.Array,
    here: jax.Array,
    numbers: Numbers,
    key: Any,
) -> tuple[jax.Array, tuple[jax.Array, tuple[list[Any], list[Any]]]]:
    """What is minimized; beside it the loss as reported, and the new moving statistics."""
    weights = weights.with_trained(trained)
    answer, z, statistics = _forward(architecture, weights, x, here, numbers.rates, key)
    sum_of_weights = jnp.sum(w)
    total = jnp.where(sum_of_weights == 0, 1, sum_of_weights)
    rows = losses.row_losses(architecture, jnp, y, answer, z, numbers.shape)
    penalty = 0.5 * numbers.alpha * sum(jnp.vdot(coef, coef) for coef in weights.coefs) / total
    value = losses.mean_loss(architecture, jnp, rows, w, total) + penalty
    return jnp.sum(rows.sum(axis=1) * w) / total + penalty, (value, statistics)


@functools.lru_cache(maxsize=64)
def _whole(architecture: Architecture, size: int) -> Callable[..., Any]:
    def whole(weights: Weights, x: jax.Array, y: jax.Array, w: jax.Array, numbers: Numbers) -> Any:
        numbers = _cast(numbers, x.dtype)
        objective = jax.value_and_grad(_objective, has_aux=True)
        (value, _), gradients = objective(weights.trained, architecture, weights, x, y, w, w > 0, numbers, None)
        return value, gradients

    return compilation.jit(whole, size, _QUICKLY)


def _cast(numbers: Numbers, dtype: Any) -> Numbers:
    return jax.tree.map(lambda value: jnp.asarray(value, dtype), numbers)


@functools.lru_cache(maxsize=64)
def _program(
    architecture: Architecture, kind: str, nesterov: bool, batch_size: int, optimizer: Any, size: int
) -> Callable[..., Any]:
    """The compiled epoch."""

    def step(state: Any, gradients: list[Any], t: Any, rate: Any, numbers: Numbers) -> Any:
        values, moments = state
        if kind == "sgd":
            (velocities,) = moments
            new = [numbers.momentum * v - rate * g for v, g in zip(velocities, gradients, strict=True)]
            ahead = [numbers.momentum * v - rate * g for v, g in zip(new, gradients, strict=True)] if nesterov else new
            return [value + move for value, move in zip(values, ahead, strict=True)], [new]
        if kind == "adam":
            b1, b2 = numbers.beta_1, numbers.beta_2
            first = [b1 * m + (1 - b1) * g for m, g in zip(moments[0], gradients, strict=True)]
            second = [b2 * v + (1 - b2) * g**2 for v, g in zip(moments[1], gradients, strict=True)]
            rate = rate * jnp.sqrt(1 - b2**t) / (1 - b1**t)
            moved = [
                value - rate * m / (jnp.sqrt(v) + numbers.epsilon)
                for value, m, v in zip(values, first, second, strict=True)
            ]
            return moved, [first, second]
        values, own = optimizer.stateless_apply(moments[0], gradients, values)
        return values, [own]

    def epoch(
        weights: Weights,
        moments: Any,
        x: jax.Array,
        y: jax.Array,
        w: jax.Array,
        order: jax.Array,
        count: Any,
        t: Any,
        rate: Any,
        numbers: Numbers,
        key: Any,
    ) -> Any:
        numbers, rate = _cast(numbers, x.dtype), jnp.asarray(rate, x.dtype)

        def one(i: Any, carry: Any) -> Any:
            weights, moments, loss = carry
            here = i * batch_size + jnp.arange(batch_size) < count
            rows = jax.lax.dynamic_slice(order, (i * batch_size,), (batch_size,))
            batch = (x[rows], y[rows], jnp.where(here, w[rows], 0), here)
            number = jax.random.fold_in(key, t + i) if architecture.dropout else None
            objective = jax.value_and_grad(_objective, has_aux=True)
            (_, (value, statistics)), gradients = objective(
                weights.trained, architecture, weights, *batch, numbers, number
            )
            now = jnp.asarray(t + i + 1, x.dtype)
            trained, moments = step((weights.trained, moments), gradients, now, rate, numbers)
            weights = weights.with_trained(trained)._replace(means=statistics[0], variances=statistics[1])
            return weights, moments, loss + value * jnp.sum(here)

        steps = (count + batch_size - 1) // batch_size
        begin = (weights, moments, jnp.zeros((), x.dtype))
        weights, moments, loss = jax.lax.fori_loop(0, steps, one, begin)
        return weights, moments, loss / count

    return compilation.jit(epoch, size, _QUICKLY)
