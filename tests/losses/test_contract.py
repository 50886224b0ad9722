"""What every public loss has to do. A name in `__all__` without a case here fails."""

from __future__ import annotations

import inspect
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses

RNG = np.random.default_rng(0)
BATCH = 4
NUMBERS = RNG.normal(size=(BATCH, 3)), RNG.normal(size=(BATCH, 3))
BINARY = (RNG.random((BATCH, 3)) > 0.5) * 1.0, RNG.random((BATCH, 3))
ONEHOT = np.eye(3)[RNG.integers(0, 3, BATCH)], RNG.dirichlet(np.ones(3), BATCH)
SPARSE = RNG.integers(0, 3, BATCH), RNG.dirichlet(np.ones(3), BATCH)
CIRCLE = np.array([0, 0, 1, 1]), np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-0.6, 0.8]])
CTC = RNG.integers(1, 3, (BATCH, 2)), RNG.normal(size=(BATCH, 6, 3))

# class or function -> (arguments other than the defaults, labels and predictions)
CASES: dict[str, tuple[dict[str, Any], tuple[np.ndarray, np.ndarray]]] = {
    "LossFunctionWrapper": ({"fn": losses.huber, "delta": 0.5}, NUMBERS),
    "MeanSquaredError": ({}, NUMBERS),
    "MeanAbsoluteError": ({}, NUMBERS),
    "MeanAbsolutePercentageError": ({}, NUMBERS),
    "MeanSquaredLogarithmicError": ({}, BINARY),
    "Huber": ({"delta": 0.5}, NUMBERS),
    "LogCosh": ({}, NUMBERS),
    "CosineSimilarity": ({"axis": 1}, NUMBERS),
    "BinaryCrossentropy": ({"from_logits": True, "label_smoothing": 0.1, "axis": 1}, BINARY),
    "CategoricalCrossentropy": ({"from_logits": True, "label_smoothing": 0.1, "axis": 1}, ONEHOT),
    "SparseCategoricalCrossentropy": ({"from_logits": True, "ignore_class": 2, "axis": 1}, SPARSE),
    "BinaryFocalCrossentropy": ({"gamma": 1.0, "alpha": 0.4, "apply_class_balancing": True}, BINARY),
    "CategoricalFocalCrossentropy": ({"gamma": 1.0, "alpha": [0.1, 0.2, 0.7]}, ONEHOT),
    "CategoricalGeneralizedCrossEntropy": ({"q": 0.3}, SPARSE),
    "KLDivergence": ({}, BINARY),
    "Poisson": ({}, BINARY),
    "Hinge": ({}, BINARY),
    "SquaredHinge": ({}, BINARY),
    "CategoricalHinge": ({}, ONEHOT),
    "Dice": ({"axis": [1]}, BINARY),
    "Tversky": ({"axis": [1], "alpha": 0.2, "beta": 0.8}, BINARY),
    "Circle": ({"gamma": 10.0, "margin": 0.3, "remove_diagonal": False}, CIRCLE),
    "CTC": ({}, CTC),
    "mean_squared_error": ({}, NUMBERS),
    "mean_absolute_error": ({}, NUMBERS),
    "mean_absolute_percentage_error": ({}, NUMBERS),
    "mean_squared_logarithmic_error": ({}, BINARY),
    "huber": ({"delta": 0.5}, NUMBERS),
    "log_cosh": ({}, NUMBERS),
    "cosine_similarity": ({}, NUMBERS),
    "binary_crossentropy": ({"label_smoothing": 0.1}, BINARY),
    "categorical_crossentropy": ({"label_smoothing": 0.1}, ONEHOT),
    "sparse_categorical_crossentropy": ({"ignore_class": 1}, SPARSE),
    "binary_focal_crossentropy": ({}, BINARY),
    "categorical_focal_crossentropy": ({}, ONEHOT),
    "categorical_generalized_cross_entropy": ({"q": 0.5}, SPARSE),
    "kl_divergence": ({}, BINARY),
    "poisson": ({}, BINARY),
    "hinge": ({}, BINARY),
    "squared_hinge": ({}, BINARY),
    "categorical_hinge": ({}, ONEHOT),
    "dice": ({"axis": 1}, BINARY),
    "tversky": ({"axis": 1}, BINARY),
    "circle": ({"gamma": 10.0}, CIRCLE),
    "ctc": ({}, CTC),
}
NOT_LOSSES = {"Loss", "crossentropy_for", "get", "serialize", "deserialize"}
CLASSES = [name for name in CASES if inspect.isclass(getattr(losses, name))]
FUNCTIONS = [name for name in CASES if name not in CLASSES]


def make(name: str, /, **more: Any) -> losses.Loss:
    return getattr(losses, name)(**{**CASES[name][0], **more})


def data(name: str) -> tuple[Any, Any]:
    labels, predictions = CASES[name][1]
    return labels.astype(labels.dtype if labels.dtype.kind == "i" else np.float32), predictions.astype(np.float32)


def test_every_public_name_has_a_case() -> None:
    assert set(losses.__all__) - NOT_LOSSES == set(CASES)


@pytest.mark.parametrize("name", CLASSES)
def test_config_survives_json_and_builds_an_equal_loss(name: str) -> None:
    loss = make(name, reduction="sum", name="mine", dtype="float32")
    config = json.loads(json.dumps(losses.serialize(loss)))
    copy = losses.deserialize(config)
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()
    np.testing.assert_array_equal(copy(*data(name)), loss(*data(name)))


@pytest.mark.parametrize("name", CLASSES)
def test_compiled_equals_eager_with_weights_and_mask(name: str) -> None:
    loss = make(name)
    weights, mask = np.array([1.0, 0.5, 2.0, 0.0], np.float32), np.array([True, True, False, True])
    eager = loss(*data(name), weights, mask)
    assert eager.shape == ()
    assert eager.dtype == np.float32
    np.testing.assert_allclose(jax.jit(loss)(*data(name), weights, mask), eager, rtol=1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_masked_samples_do_not_exist(name: str) -> None:
    loss = make(name)
    labels, predictions = data(name)
    masked = loss(labels, predictions, mask=[True, True, False, False])
    if not loss.mixes_samples:
        np.testing.assert_allclose(masked, loss(labels[:2], predictions[:2]), rtol=1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_weight_zero_leaves_no_trace_even_of_nan(name: str) -> None:
    loss = make(name, reduction="sum")
    labels, predictions = data(name)
    spoilt = predictions.copy()
    spoilt[3] = np.nan
    weights = [1.0, 0.5, 2.0, 0.0]
    if not loss.mixes_samples:
        np.testing.assert_allclose(loss(labels, spoilt, weights), loss(labels, predictions, weights), rtol=1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_gradient_is_finite_and_16_bits_work(name: str) -> None:
    labels, predictions = data(name)
    assert np.isfinite(jax.jit(jax.grad(lambda p: make(name)(labels, p)))(predictions)).all()
    half = jax.jit(make(name, dtype="bfloat16"))(labels, predictions)
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(half), make(name)(labels, predictions), rtol=0.1, atol=0.05)


@pytest.mark.parametrize("name", CLASSES)
def test_class_equals_its_function(name: str) -> None:
    function = next((f for f in FUNCTIONS if f.replace("_", "") == name.lower()), None)
    if function is None:
        assert name == "LossFunctionWrapper"
        return
    arguments = (
        {**CASES[name][0], "axis": tuple(CASES[name][0]["axis"])} if name in ("Dice", "Tversky") else CASES[name][0]
    )
    values = getattr(losses, function)(*data(name), **arguments)
    np.testing.assert_allclose(make(name, reduction="none")(*data(name)), values, rtol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_gives_one_float_per_sample_for_lists_integers_and_arrays(name: str) -> None:
    labels, predictions = data(name)
    function, arguments = getattr(losses, name), CASES[name][0]
    values = function(labels, predictions, **arguments)
    assert values.shape == (BATCH,)
    assert values.dtype == np.float32
    np.testing.assert_allclose(function(labels.tolist(), predictions.tolist(), **arguments), values, rtol=1e-6)
    assert losses.get(name) is function
    assert losses.get(losses.serialize(function)) is function


@pytest.mark.parametrize("name", CASES)
def test_rows_that_differ_are_named_with_both_shapes(name: str) -> None:
    labels, predictions = data(name)
    call = make(name) if name in CLASSES else lambda t, p: getattr(losses, name)(t, p, **CASES[name][0])
    with pytest.raises(ValueError, match=r"\(3,.*\(4, "):
        call(labels[:3], predictions)
