"""Our formulas against Optax, a second witness beside Keras, where the two define the same step."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lamina import optimizers
from lamina.core.variable import Variable

# epsilon = 0 where Optax adds it at another place than Keras.
PAIRS = {
    "SGD": (lambda: optimizers.SGD(0.1), optax.sgd(0.1)),
    "SGD, momentum": (lambda: optimizers.SGD(0.1, 0.9), optax.sgd(0.1, 0.9)),
    "SGD, Nesterov": (lambda: optimizers.SGD(0.1, 0.9, True), optax.sgd(0.1, 0.9, nesterov=True)),
    "Adam": (lambda: optimizers.Adam(0.1, epsilon=0.0), optax.adam(0.1, eps=0.0)),
    "AdamW": (
        lambda: optimizers.AdamW(0.1, weight_decay=0.2, epsilon=0.0),
        optax.adamw(0.1, weight_decay=0.2, eps=0.0),
    ),
    "RMSprop": (lambda: optimizers.RMSprop(0.1), optax.rmsprop(0.1, 0.9, eps=1e-7)),
    "RMSprop, centered": (
        lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True, epsilon=0.01),
        optax.rmsprop(0.1, 0.9, eps=0.01, centered=True, momentum=0.5),
    ),
    "Adagrad": (lambda: optimizers.Adagrad(0.1), optax.adagrad(0.1, eps=1e-7)),
    "Adadelta": (lambda: optimizers.Adadelta(0.5, 0.9, 1e-3), optax.adadelta(0.5, 0.9, 1e-3)),
    "Adamax": (lambda: optimizers.Adamax(0.1, epsilon=0.0), optax.adamax(0.1, eps=0.0)),
    "Lion": (lambda: optimizers.Lion(0.1), optax.lion(0.1, weight_decay=0.0)),
    "Lamb": (lambda: optimizers.Lamb(0.1, epsilon=0.0), optax.lamb(0.1, eps=0.0)),
    "global norm": (
        lambda: optimizers.SGD(0.1, global_clipnorm=0.5),
        optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1)),
    ),
    "value": (lambda: optimizers.SGD(0.1, clipvalue=0.5), optax.chain(optax.clip(0.5), optax.sgd(0.1))),
}


@pytest.mark.parametrize("name", PAIRS)
def test_twelve_steps_end_where_optax_does(name):
    make, transformation = PAIRS[name]
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype("float32") for shape in ((4, 3), (3,))]
    variables, optimizer = [Variable(x, name=f"x{i}") for i, x in enumerate(start)], make()
    weights = [jnp.asarray(x) for x in start]
    state = transformation.init(weights)
    for _ in range(12):
        gradients = [jnp.asarray(rng.normal(size=x.shape), "float32") for x in start]
        optimizer.apply(gradients, variables)
        updates, state = transformation.update(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
    for variable, weight in zip(variables, weights, strict=True):
        np.testing.assert_allclose(variable, weight, rtol=1e-5, atol=2e-6)
