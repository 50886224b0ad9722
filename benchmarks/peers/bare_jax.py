"""The floor: plain JAX, the whole epoch one compiled loop, nothing general, nothing checked.

Measured and kept: the batch gathered by index each step (permuting the rows first costs 10-35 % more); kernels held
transposed in the loop, which makes the larger network 14 % faster on a CPU; the memory-optimised schedule, 10 % faster
in the small network and 4 % slower in the larger; `device_put`, where `jnp.asarray` holds the rows twice.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import pairwise
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks._common import BATCH_SIZE, SEED, Case, Data

Tree = TypeVar("Tree")
Weights = list[tuple[jax.Array, jax.Array]]  # kernel (inputs, outputs), bias (outputs,)


class State(NamedTuple):
    weights: Weights
    mean: Weights | None  # Adam's moments
    square: Weights | None
    step: jax.Array  # int32
    loss_sum: jax.Array  # sum over the rows of this epoch
    metric_sum: jax.Array  # correct rows, or squared errors


def build(_: str, case: Case, data: Data) -> BareJax:
    return BareJax(case, data)


class BareJax:
    def __init__(self, case: Case, data: Data) -> None:
        self.case, self.loss = case, float("nan")
        self.rng = np.random.default_rng(SEED)
        self.x, self.y = jax.device_put(data.x), jax.device_put(data.y)
        sizes = [int(np.prod(case.input_shape)), *case.widths]
        weights = [self._dense(*pair) for pair in pairwise(sizes)]
        zeros = None if case.classify else jax.tree.map(jnp.zeros_like, weights)
        zero = jnp.float32(0)
        self.state = State(weights, zeros, zeros, jnp.int32(0), zero, zero)
        shift, scale = (0.0, 1.0) if case.classify else (data.x.mean(axis=0), data.x.std(axis=0))
        forward = partial(_forward, shift=shift, scale=scale)
        options = None
        if jax.default_backend() == "cpu" and not case.classify:
            options = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
        self.run = jax.jit(partial(_epoch, case, forward), compiler_options=options)
        self.forward = jax.jit(
            lambda weights, x: jax.nn.softmax(forward(weights, x)) if case.classify else forward(weights, x)
        )

    def _dense(self, inputs: int, outputs: int) -> tuple[jax.Array, jax.Array]:
        """Glorot's uniform kernel and a zero bias."""
        limit = np.sqrt(6 / (inputs + outputs))
        kernel = self.rng.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)
        return jnp.asarray(kernel), jnp.zeros(outputs)

    def fit(self, epochs: int) -> list[float]:
        seconds = []
        for _ in range(epochs):
            start = time.perf_counter()
            order = self.rng.permutation(len(self.x)).astype(np.int32)
            self.state = jax.block_until_ready(self.run(self.state, self.x, self.y, order))
            self.loss = float(self.state.loss_sum) / len(self.x)
            self.metric = float(self.state.metric_sum) / len(self.x)
            seconds.append(time.perf_counter() - start)
        return seconds

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.forward(self.state.weights, x))


def _forward(weights: Weights, x: jax.Array, *, shift: np.ndarray | float, scale: np.ndarray | float) -> jax.Array:
    """Logits of classes (batch, classes), or values (batch, 1)."""
    if x.ndim > 2:
        x = x.reshape(len(x), -1)
    else:
        x = (x - shift) / scale
    for kernel, bias in weights[:-1]:
        x = jax.nn.relu(x @ kernel + bias)
    kernel, bias = weights[-1]
    return x @ kernel + bias


def _epoch(
    case: Case, forward: partial[jax.Array], state: State, x: jax.Array, y: jax.Array, order: jax.Array
) -> State:
    """Train on every row once, in the given order; the last batch may be smaller."""

    def loss_and_metric(weights: Weights, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        inputs, targets = (jnp.take(array, rows, axis=0, mode="clip") for array in (x, y))
        outputs = forward(_transposed(weights), inputs)
        if case.classify:
            log_p = jax.nn.log_softmax(outputs)
            loss = -jnp.take_along_axis(log_p, targets[:, None], axis=1).mean()
            return loss, (outputs.argmax(axis=1) == targets).sum(dtype=jnp.float32)
        squares = (outputs[:, 0] - targets) ** 2
        return squares.mean(), squares.sum()

    def step(state: State, rows: jax.Array) -> State:
        (loss, metric), gradient = jax.value_and_grad(loss_and_metric, has_aux=True)(state.weights, rows)
        state = _sgd(case, state, gradient) if case.classify else _adam(case, state, gradient)
        return state._replace(loss_sum=state.loss_sum + loss * len(rows), metric_sum=state.metric_sum + metric)

    steps = len(order) // BATCH_SIZE
    state = _transposed(state)._replace(loss_sum=jnp.float32(0), metric_sum=jnp.float32(0))
    state = lax.fori_loop(
        0, steps, lambda i, state: step(state, lax.dynamic_slice_in_dim(order, i * BATCH_SIZE, BATCH_SIZE)), state
    )
    rest = order[steps * BATCH_SIZE :]
    return _transposed(step(state, rest) if len(rest) else state)


def _transposed(tree: Tree) -> Tree:
    """The same with every kernel (inputs, outputs) turned into (outputs, inputs), or back."""
    return jax.tree.map(lambda leaf: leaf.T if leaf.ndim == 2 else leaf, tree)


def _sgd(case: Case, state: State, gradient: Weights) -> State:
    weights = jax.tree.map(lambda w, g: w - case.learning_rate * g, state.weights, gradient)
    return state._replace(weights=weights, step=state.step + 1)


def _adam(case: Case, state: State, gradient: Weights) -> State:
    """Keras' form: the bias corrections folded into the step size, epsilon outside the root."""
    step = state.step + 1
    t = step.astype(jnp.float32)
    size = case.learning_rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    mean = jax.tree.map(lambda m, g: m + (g - m) * (1 - 0.9), state.mean, gradient)
    square = jax.tree.map(lambda v, g: v + (g * g - v) * (1 - 0.999), state.square, gradient)
    weights = jax.tree.map(lambda w, m, v: w - m * size / (jnp.sqrt(v) + 1e-7), state.weights, mean, square)
    return state._replace(weights=weights, mean=mean, square=square, step=step)
