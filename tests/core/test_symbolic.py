"""`KerasTensor`: shape and dtype without values."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers
from lamina.core.symbolic import KerasTensor


def test_it_has_shape_dtype_and_name():
    tensor = KerasTensor((None, 8), np.float16, "x")
    assert (tensor.shape, tensor.dtype, tensor.ndim, tensor.name) == ((None, 8), "float16", 2, "x")
    assert repr(tensor) == "<KerasTensor shape=(None, 8), dtype=float16, name=x>"


def test_it_has_no_values_and_says_so():
    with pytest.raises(TypeError, match=r"<KerasTensor .*> has no values: it stands for the data that fit and predict"):
        np.asarray(KerasTensor((None, 8), "float32", "x"))


def test_input_makes_one_that_knows_its_layer():
    tensor = layers.Input(shape=(28, 28), batch_size=4, dtype="uint8", name="image")
    assert (tensor.shape, tensor.dtype, tensor.name) == ((4, 28, 28), "uint8", "image")
    assert tensor.producer.batch_shape == (4, 28, 28)
