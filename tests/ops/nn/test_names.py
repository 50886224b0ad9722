"""Every function of `keras.ops.nn` is there, with the same parameters."""

from __future__ import annotations

import pytest

from lamina.ops import nn
from tests.ops.parity import keras, names_of, parameters

# What Keras takes in `**kwargs`: old names that it deprecates.
LEFT_OUT = {"multi_hot": "num_tokens, now num_classes", "layer_normalization": "rms_scaling, which scales wrongly"}


def test_every_function_of_keras_is_there():
    assert set(nn.__all__) == names_of("nn") == {name for name in dir(keras.ops.nn) if not name.startswith("_")}


@pytest.mark.parametrize("name", nn.__all__)
def test_parameters_and_defaults_are_those_of_keras(name):
    theirs = parameters(getattr(keras.ops, name))
    if name in LEFT_OUT:
        assert theirs.pop()[0] == "kwargs"
    assert parameters(getattr(nn, name)) == theirs
