"""`Predictor`: the compiled forward pass of a model, for `predict` and for `model(x)`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.masking import get_mask, set_mask
from lamina.core.variable import Variable, bind, values_of
from lamina.layers.context import call_context
from lamina.training.compilation import jit


class Predictor:
    """The compiled forward pass of one model; it needs no loss, so an uncompiled model has one too.

    Random draws (a sampling layer, say) are functions of the layer's seed and the number of the call.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.tree = model.tree
        self.variables: list[Variable] = self.tree.variables
        self.accumulators: list[Variable] = [v for metric in model.tracked_metrics for v in metric.variables]
        size = sum(v.size for v in self.variables)
        self.batch: Callable[..., Any] = jit(self._forward, size)
        self.batches: Callable[..., Any] = jit(self._predict, size, static_argnames="batch_size")
        self._eager: Callable[..., Any] = jit(self._call, size, static_argnames="training")
        self._calls = itertools.count()

    def __call__(self, x: Any, rows: int, batch_size: int) -> Any:
        """Outputs of the first `rows` rows of `x`, and of no more than the batches that they need."""
        if jax.tree.leaves(x)[0].shape[0] <= batch_size:
            return self.batch(self.values(), self.next_call(), x)
        return self.batches(self.values(), self.next_call(), x, np.int32(-(-rows // batch_size)), batch_size=batch_size)

    def values(self) -> list[jax.Array]:
        """Read the variables, all of one finished step."""
        with self.model.state_lock:
            return values_of(self.variables)

    def next_call(self) -> np.uint32:
        """Number of the next call."""
        return np.uint32(next(self._calls))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """What `model(x)` does: the outputs with their masks; losses and what layers assigned go to the objects."""
        values = [*self.values(), *values_of(self.accumulators)]
        outputs, masks, losses, assigned = self._eager(values, self.next_call(), x, training=training)
        for leaf, mask in zip(jax.tree.leaves(outputs), masks, strict=True):
            if mask is not None:
                set_mask(leaf, mask)
        self.model._losses = losses
        for place, value in assigned.items():
            [*self.variables, *self.accumulators][place].assign(value)
        return outputs

    def _call(self, values: list[Any], call: Any, x: Any, *, training: bool | None) -> Any:
        variables = [*self.variables, *self.accumulators]
        with (
            bind(variables, values, key=_key_of(call), drop=True) as binding,
            call_context(training) as context,
        ):
            outputs = self.model(x)
            masks = [get_mask(leaf) for leaf in jax.tree.leaves(outputs)]
            assigned = {i: v.value for i, v in enumerate(variables) if id(v) in binding.assigned}
            return outputs, masks, context.losses, assigned

    def _predict(self, values: list[Any], call: Any, x: Any, batches: Any, *, batch_size: int) -> Any:
        """Outputs of the first `batches` batches of `x`; the rows behind them are left zero."""
        size = jax.tree.leaves(x)[0].shape[0]
        shapes = jax.eval_shape(self._forward, values, call, jax.tree.map(lambda a: a[:batch_size], x))
        outputs = jax.tree.map(lambda s: jnp.zeros((size, *s.shape[1:]), s.dtype), shapes)

        def step(index: jax.Array, outputs: Any) -> Any:
            start = index * batch_size
            batch = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, batch_size), x)
            done = self._forward(values, call, batch, index)
            return jax.tree.map(lambda o, d: jax.lax.dynamic_update_slice_in_dim(o, d, start, 0), outputs, done)

        return jax.lax.fori_loop(0, batches, step, outputs)

    def _forward(self, values: list[Any], call: Any, x: Any, index: Any = 0) -> Any:
        key = jax.random.fold_in(_key_of(call), index)
        with bind(self.variables, values, key=key, drop=True), call_context(training=False):
            return self.model(x, training=False)


def _key_of(call: Any) -> jax.Array:
    return jax.random.wrap_key_data(jnp.stack([jnp.uint32(1), jnp.asarray(call, jnp.uint32)]))  # no key of a seed
