"""Cross-entropies against Keras, and at the ends of their range."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.core.variable import Variable
from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, normal, whole

LOGITS = 3 * normal(4, 3, 5)
SHARES = np.array(jax.nn.softmax(LOGITS))
LABELS = np.eye(5, dtype=np.float32)[whole(4, 3)]
BOTH = ("target", "output")
CASES = [
    *(
        case("binary_crossentropy", {"target": LABELS, "output": o}, free=BOTH, from_logits=o is LOGITS)
        for o in (SHARES, LOGITS)
    ),
    case("binary_crossentropy", {"target": LABELS.astype("int32"), "output": SHARES}, free=BOTH),
    *(
        case("categorical_crossentropy", {"target": LABELS, "output": o}, free=BOTH, from_logits=o is LOGITS, axis=-1)
        for o in (SHARES, LOGITS)
    ),
    *(
        case("categorical_crossentropy", {"target": LABELS, "output": o}, free=BOTH, from_logits=o is LOGITS, axis=1)
        for o in (SHARES, LOGITS)
    ),
    *(
        case("sparse_categorical_crossentropy", {"target": t, "output": o}, free=BOTH, from_logits=o is LOGITS)
        for o in (SHARES, LOGITS)
        for t in (whole(4, 3), whole(4, 3)[..., None])
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", CASES[::2], ids=str)
def test_gradients_are_those_of_keras(one):
    check_gradients(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", [one for one in CASES if one.settings.get("axis", -1) == -1], ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(nn, one.name), one)


def test_the_classes_may_stand_on_another_axis():
    x = KerasTensor((None, 3, 5), "float32")
    assert nn.categorical_crossentropy(x, x, axis=1).shape == (None, 5)  # Keras declares (None, 3)
    first = nn.sparse_categorical_crossentropy(whole(4, 3), np.moveaxis(LOGITS, -1, 1), from_logits=True, axis=1)
    last = nn.sparse_categorical_crossentropy(whole(4, 3), LOGITS, from_logits=True)
    np.testing.assert_allclose(first, last, rtol=1e-6)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("label", [0, 1])
def test_certain_predictions_have_finite_losses_and_gradients(from_logits, label):
    output = np.float32([1e4, -1e4, 0]) if from_logits else np.float32([1, 0, 0.5])
    loss = lambda output: nn.binary_crossentropy(np.full(3, label, np.float32), output, from_logits).sum()  # noqa: E731
    value, slopes = jax.value_and_grad(loss)(output)
    assert np.isfinite(value)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("label", [-1, 5, 1.5, np.nan])
@pytest.mark.parametrize("output", [SHARES[0, 0], LOGITS[0, 0]])
def test_a_label_that_is_no_class_gives_nan(label, output):
    losses = nn.sparse_categorical_crossentropy([label, 2], np.stack([output, output]), from_logits=output is LOGITS)
    assert np.isnan(losses).tolist() == [True, False]


def test_lists_and_variables_are_taken():
    np.testing.assert_allclose(nn.binary_crossentropy([1, 0], Variable([0.5, 0.5])), np.log([2, 2]), rtol=1e-6)
    np.testing.assert_allclose(nn.sparse_categorical_crossentropy([1], [[1, 3]]), [-np.log(0.75)], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.binary_crossentropy(np.ones(3), np.ones((3, 1))), r"target and output: .*\(3,\) and \(3, 1\)"),
        (
            lambda: nn.categorical_crossentropy(np.ones(()), np.ones(())),
            "categorical_crossentropy: .*at least one axis",
        ),
        (
            lambda: nn.categorical_crossentropy(np.ones(3), np.ones(3), axis=1),
            "categorical_crossentropy: axis: .*received 1",
        ),
        (
            lambda: nn.sparse_categorical_crossentropy(np.ones((3, 2)), np.ones((3, 4))),
            r"sparse_categorical_crossentropy: target: .*of shape \(3,\) .*received shape \(3, 2\)",
        ),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
