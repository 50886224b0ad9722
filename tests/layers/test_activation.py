"""`Activation`: any function as a layer."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import activations, layers

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax", "linear", "gelu"])
def test_it_applies_the_function_of_the_name(name):
    np.testing.assert_array_equal(layers.Activation(name)(X), activations.get(name)(X))


def test_it_takes_functions_and_none():
    np.testing.assert_array_equal(layers.Activation(jnp.sin)(X), jnp.sin(X))
    np.testing.assert_array_equal(layers.Activation(None)(X), X)


def test_unknown_name_gives_the_closest_match():
    with pytest.raises(ValueError, match=r"Unknown activation: 'sigmod'\. Did you mean 'sigmoid'\?"):
        layers.Activation("sigmod")
