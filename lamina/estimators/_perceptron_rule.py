"""The perceptron's learning rule, one instance at a time: as it is written in NumPy, and compiled for many rows.

Both are the same formulas, for a single unit, in the order of scikit-learn's SGD, whose numbers they give. A unit that
answered z = 0 counts as wrong, whatever the target, as there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lamina.estimators import _rows

COMPILED_FROM = 20_000  # visits of instances: below, NumPy is done before a program is compiled
_CHUNK = 2048  # rows that are gathered at a time; the processor reads them faster than one by one
_BLOCK_BYTES = 64 * 2**20  # of sparse rows that are made dense at a time


class State(NamedTuple):
    """What learning changes; NumPy arrays and scalars of one float type."""

    weights: Any  # (features + 1,): the last one is the bias
    average: Any  # (features + 1,): mean of the weights after each instance
    penalised: Any  # (features,): what the L1 penalty took from each weight so far
    penalty: Any  # scalar: what it may have taken from each at most
    seen: Any  # scalar: instances seen, from 0
    mistakes: Any  # scalar: updates in this epoch
    loss: Any  # scalar: sum of max(0, -z y) and of the penalty in this epoch


class Rule(NamedTuple):
    """Numbers of the rule; those of the penalty are 0 without one."""

    eta: Any
    decay: Any  # of L2: (1 - l1_ratio) alpha
    shrink: Any  # of L1: l1_ratio alpha
    bias: Any
    averaged: Any


class Target(NamedTuple):
    """What one unit should answer."""

    signs: np.ndarray  # (rows,): +1 or -1
    weights: np.ndarray  # (rows,): sample weight times class weight


def start(weights: np.ndarray, average: np.ndarray | None = None, seen: float = 0) -> State:
    """The state at the beginning, with these weights, (features + 1,)."""
    zeros, none = np.zeros_like(weights), weights.dtype.type(0)
    average = zeros if average is None else average
    return State(weights, average, zeros[:-1], none, weights.dtype.type(seen), none, none)


def orders(rows: int, seed: int) -> Iterator[np.ndarray]:
    """The orders in which scikit-learn's SGD visits rows, epoch by epoch: one permutation, applied again and again."""
    left = np.arange(rows, 1, -1)
    swaps = np.arange(rows - 1) + (_xorshift(seed or 1, rows - 1) & 0x7FFFFFFF) % left
    step = list(range(rows))
    for i, j in enumerate(swaps.tolist()):
        step[i], step[j] = step[j], step[i]
    order = again = np.array(step)
    while True:
        yield order
        order = order[again]


def _xorshift(seed: int, count: int) -> np.ndarray:
    """The first numbers of Marsaglia's 32-bit xorshift generator (2003), uint32.

    A step is linear over single bits, so that each half of the sequence is one matrix of bits times the half before it.
    """

    def times(columns: np.ndarray, states: np.ndarray) -> np.ndarray:
        product = np.zeros_like(states)
        for bit, column in enumerate(columns):
            product ^= np.where(states & np.uint32(1 << bit), column, np.uint32(0))
        return product

    columns = np.uint32(1) << np.arange(32, dtype=np.uint32)
    columns ^= columns << np.uint32(13)
    columns ^= columns >> np.uint32(17)
    columns ^= columns << np.uint32(5)
    states = times(columns, np.array([seed], np.uint32))
    while len(states) < count:
        states = np.concatenate([states, times(columns, states)])
        columns = times(columns, columns)
    return states[:count]


class Learner:
    """Learns from rows, an epoch a call: the first epochs of few rows in NumPy, all others in a compiled program.

    Args:
        x: The rows, (rows, features), dense or CSR.
        rule: The rule's numbers.
    """

    def __init__(self, x: Any, rule: Rule) -> None:
        self.rule = rule
        self.x = _rows.dense(x) if np.prod(x.shape) * 8 <= _BLOCK_BYTES else x
        self._on_device: jax.Array | None = None

    def epoch(self, state: State, target: Target, order: np.ndarray) -> State:
        """Learn from the rows in this order; returns the new state, with `mistakes` and `loss` of this epoch."""
        dtype = state.weights.dtype
        state = state._replace(mistakes=dtype.type(0), loss=dtype.type(0))
        if state.seen + len(order) <= COMPILED_FROM:
            with np.errstate(over="ignore", invalid="ignore"):  # fit says what is wrong
                return self._in_numpy(state, target, order)
        with jax.enable_x64(dtype == np.float64):
            if hasattr(self.x, "toarray"):
                size = max(1, _BLOCK_BYTES // (8 * self.x.shape[1]))
                for begin in range(0, len(order), size):
                    part = order[begin : begin + size]
                    block = Target(target.signs[part], target.weights[part])
                    state = self._compiled(state, _padded(_rows.dense(self.x[part])), block, np.arange(len(part)))
            else:
                if self._on_device is None:
                    self._on_device = _padded(self.x)
                state = self._compiled(state, self._on_device, target, order)
        return State(*(np.array(value, dtype)[()] for value in state))

    def _in_numpy(self, state: State, target: Target, order: np.ndarray) -> State:
        rule, (w, average, taken, most, seen, mistakes, loss) = self.rule, state
        for i in order:
            x = np.append(_rows.dense(self.x[i]).ravel(), w.dtype.type(rule.bias))
            y, seen = target.signs[i], seen + 1
            z = w @ x
            loss += max(0, -y * z) + (_penalty_of(np, w, rule) if rule.decay or rule.shrink else 0)
            if rule.decay:
                w = np.append(w[:-1] * max(0.0, 1 - rule.eta * rule.decay), w[-1])
            if y * z <= 0:  # w += eta (y - y_hat) x
                w = w + rule.eta * target.weights[i] * y * x
                mistakes += 1
            if rule.averaged:
                average = average + (w - average) / seen
            if rule.shrink:
                most += rule.eta * rule.shrink
                shrunk, taken = _truncate(np, w[:-1], taken, most)
                w = np.append(shrunk, w[-1])
        return State(w, average, taken, most, seen, mistakes, loss)

    def _compiled(self, state: State, x: jax.Array, target: Target, order: np.ndarray) -> State:
        rule = self.rule
        order = order.astype(np.int32)
        whole = Target(*(_rows.pad(values, len(x)) for values in target))
        numbers = rule._replace(bias=0, averaged=0)
        kinds = {"decays": rule.decay > 0, "shrinks": rule.shrink > 0, "bias": rule.bias, "averaged": rule.averaged}
        return _learn(state, x, whole, _rows.pad(order, len(x) + _CHUNK), len(order), numbers, **kinds)


def _padded(x: np.ndarray) -> jax.Array:
    """The rows on the device, one of a few numbers of them."""
    return jnp.asarray(_rows.pad(x, _rows.padded_size(len(x))))


def _penalty_of(numpy: Any, w: Any, rule: Rule) -> Any:
    """What the penalty adds to the loss of an instance."""
    return 0.5 * rule.decay * numpy.sum(w[:-1] ** 2) + rule.shrink * numpy.sum(abs(w[:-1]))


def _truncate(numpy: Any, w: Any, taken: Any, most: Any) -> tuple[Any, Any]:
    """The cumulative L1 penalty: no weight crosses 0. Source: Tsuruoka, Tsujii & Ananiadou 2009."""
    positive, negative = numpy.maximum(0, w - (most + taken)), numpy.minimum(0, w + (most - taken))
    shrunk = numpy.where(w > 0, positive, numpy.where(w < 0, negative, w))
    return shrunk, taken + (shrunk - w)


@functools.partial(jax.jit, static_argnames=("decays", "shrinks", "bias", "averaged"))
def _learn(
    state: State,
    x: jax.Array,
    target: Target,
    order: jax.Array,
    count: int,
    rule: Rule,
    *,
    decays: bool,
    shrinks: bool,
    bias: bool,
    averaged: bool,
) -> State:
    """`_in_numpy` as one program. The rows of a chunk are gathered together, since reading one by one is slow.

    The loop carries what must be carried and no more: each further scalar costs as much as the product of a row.
    """
    rule = Rule(*(jnp.asarray(value, x.dtype) for value in rule))
    factor = jnp.append(jnp.full(x.shape[1], jnp.maximum(0, 1 - rule.eta * rule.decay)), 1).astype(x.dtype)

    def one(carry: tuple[Any, ...], row: tuple[jax.Array, ...]) -> tuple[tuple[Any, ...], tuple[jax.Array, ...]]:
        w, average, taken = carry
        x, change, *rest = row  # x: times its sign, so that z > 0 is right
        z = x @ w
        penalty = (_penalty_of(jnp, w, rule),) if decays or shrinks else ()
        if rest:
            here, number = rest  # here: False for rows that only fill the last chunk
        if decays:
            w = jnp.where(here, w * factor, w)
        w = w + jnp.where(z <= 0, change, 0) * x
        if averaged:
            average = average + jnp.where(here, (w - average) / number, 0)
        if shrinks:
            shrunk, less = _truncate(jnp, w[:-1], taken, state.penalty + (number - state.seen) * rule.eta * rule.shrink)
            w = jnp.where(here, jnp.append(shrunk, w[-1]), w)
            taken = jnp.where(here, less, taken)
        return (w, average, taken), (z, *penalty)

    def chunk(number: Any, now: State) -> State:
        rows = jax.lax.dynamic_slice(order, (number * _CHUNK,), (_CHUNK,))
        places = number * _CHUNK + jnp.arange(_CHUNK)
        here = places < count
        block = jnp.concatenate([x[rows], jnp.full((_CHUNK, 1), bias, x.dtype)], axis=1)
        inputs: tuple[Any, ...] = (
            block * target.signs[rows][:, None],
            jnp.where(here, rule.eta * target.weights[rows], 0),
        )
        if decays or shrinks or averaged:
            inputs += (here, state.seen + 1 + places.astype(x.dtype))
        carry = (now.weights, now.average, now.penalised)
        (w, average, taken), (z, *penalty) = jax.lax.scan(one, carry, inputs)
        mistakes = now.mistakes + jnp.sum(here & (z <= 0), dtype=x.dtype)
        loss = now.loss + jnp.sum(jnp.where(here, jnp.maximum(-z, 0) + sum(penalty), 0))
        return now._replace(weights=w, average=average, penalised=taken, mistakes=mistakes, loss=loss)

    done = jax.lax.fori_loop(0, (count + _CHUNK - 1) // _CHUNK, chunk, state)
    return done._replace(seen=state.seen + count, penalty=state.penalty + count * rule.eta * rule.shrink)
