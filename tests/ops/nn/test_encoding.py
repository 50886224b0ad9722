"""One-hot and multi-hot vectors against Keras."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import nn
from tests.ops.parity import case, check_symbolic, check_values, whole

CASES = [
    *(
        case("one_hot", {"x": whole(*s, low=-1)}, num_classes=4, axis=a)
        for s in ((3,), (2, 3))
        for a in (-1, 0, 1)
        if a < len(s)
    ),
    *(
        case("one_hot", {"x": whole(2, 3, dtype="uint8")}, num_classes=5, dtype=d)
        for d in ("int32", "bool", "bfloat16")
    ),
    *(case("multi_hot", {"inputs": whole(*s, low=-1)}, num_classes=4) for s in ((3,), (2, 3), (2, 3, 2))),
    *(case("multi_hot", {"inputs": whole(2, 3)}, num_classes=5, dtype=d) for d in ("int32", "float16")),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    vector = np.ndim(next(iter(one.tensors.values()))) == 1
    one = one._replace(free=()) if one.name == "multi_hot" and vector else one
    check_symbolic(getattr(nn, one.name), one, same_dtype=one.name == "one_hot")  # Keras declares the inputs' dtype


def test_numbers_of_other_types_are_classes_where_they_are_whole():
    assert nn.one_hot([1.0, 1.5, np.nan], 3).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert nn.one_hot(np.uint8([255]), 300)[0, 255] == 1
    assert nn.one_hot(2, 3).tolist() == [0, 0, 1]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_multi_hot_merges_the_labels_whatever_the_axis_of_the_classes(axis):
    expected = np.float32([[1, 0, 1, 0], [0, 1, 0, 0]])
    y = nn.multi_hot([[0, 2], [1, 1]], 4, axis=axis)
    np.testing.assert_array_equal(y, expected.T if axis == 0 else expected)
    assert nn.multi_hot(KerasTensor((None, 7), "int32"), 4).shape == (None, 4)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.one_hot([1], 0), "one_hot: num_classes: expected a whole number >= 1, received 0"),
        (lambda: nn.one_hot([1], 3, axis=2), "one_hot: axis: .*received 2"),
        (lambda: nn.one_hot([1], 3, sparse=True), "one_hot: sparse: expected False, received True"),
        (lambda: nn.multi_hot([1]), "multi_hot: num_classes: expected a whole number >= 1, received None"),
        (
            lambda: nn.multi_hot(1, 3),
            "multi_hot: inputs: expected a list of class numbers, received the single number 1",
        ),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
