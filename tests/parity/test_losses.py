"""Losses against the real Keras in the same process: values, gradients, weights, masks, configs, names, signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from lamina import losses

keras = pytest.importorskip("keras")
backend = pytest.importorskip("keras.src.backend")
keras_losses = pytest.importorskip("keras.src.losses")

Pair = tuple[np.ndarray, np.ndarray]
BATCH = 6


def numbers(rng: np.random.Generator) -> list[Pair]:
    return [(rng.normal(size=shape), rng.normal(size=shape)) for shape in [(BATCH, 3), (BATCH, 4, 3)]]


def positive(rng: np.random.Generator) -> list[Pair]:
    return [(np.abs(a), np.abs(b)) for a, b in numbers(rng)]


def binary(rng: np.random.Generator) -> list[Pair]:
    return [((a > 0) * 1.0, 1 / (1 + np.exp(-b))) for a, b in numbers(rng)]


def binary_logits(rng: np.random.Generator) -> list[Pair]:
    return [((a > 0) * 1.0, 5 * b) for a, b in numbers(rng)]


def signs(rng: np.random.Generator) -> list[Pair]:
    return [(np.sign(a), b) for a, b in numbers(rng)]


def zero_or_one(rng: np.random.Generator) -> list[Pair]:
    return [((a > 0) * 1.0, b) for a, b in numbers(rng)]


def onehot(rng: np.random.Generator) -> list[Pair]:
    return [(np.eye(5)[y.astype(int)], p) for y, p in classes(rng)]


def onehot_logits(rng: np.random.Generator) -> list[Pair]:
    return [(y, 3 * np.log(p)) for y, p in onehot(rng)]


def classes(rng: np.random.Generator) -> list[Pair]:
    shapes = [(BATCH,), (BATCH, 4)]
    return [(rng.integers(0, 5, shape), rng.dirichlet(np.ones(5), shape) * 1.5) for shape in shapes]


def class_logits(rng: np.random.Generator) -> list[Pair]:
    return [(y, 3 * np.log(p)) for y, p in classes(rng)]


def some_ignored(rng: np.random.Generator) -> list[Pair]:
    return [(np.where(rng.random(y.shape) < 0.3, -1, y), p) for y, p in classes(rng)]


def distributions(rng: np.random.Generator) -> list[Pair]:
    return [(rng.dirichlet(np.ones(5), s), rng.dirichlet(np.ones(5), s)) for s in [(BATCH,), (BATCH, 4)]]


def embeddings(rng: np.random.Generator) -> list[Pair]:
    vectors = rng.normal(size=(BATCH, 4))
    return [(np.array([0, 0, 1, 1, 2, 2]), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))]


def images(rng: np.random.Generator) -> list[Pair]:
    return [((rng.random((BATCH, 4, 4, 1)) > 0.5) * 1.0, rng.random((BATCH, 4, 4, 1)))]


def sequences(rng: np.random.Generator) -> list[Pair]:
    labels = rng.integers(1, 5, (BATCH, 3))
    labels[0, 2] = labels[1, 1:] = 0
    labels[2] = 2
    return [(labels, rng.normal(size=(BATCH, 8, 5)))]


CASES: list[tuple[str, dict[str, Any], Callable[[np.random.Generator], list[Pair]]]] = [
    ("MeanSquaredError", {}, numbers),
    ("MeanAbsoluteError", {}, numbers),
    ("MeanAbsolutePercentageError", {}, numbers),
    ("MeanSquaredLogarithmicError", {}, positive),
    ("MeanSquaredLogarithmicError", {}, numbers),
    ("Huber", {}, numbers),
    ("Huber", {"delta": 0.3}, numbers),
    ("LogCosh", {}, numbers),
    ("CosineSimilarity", {}, numbers),
    ("CosineSimilarity", {"axis": 1}, numbers),
    ("BinaryCrossentropy", {}, binary),
    ("BinaryCrossentropy", {"from_logits": True}, binary_logits),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, binary),
    ("BinaryCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, binary_logits),
    ("BinaryCrossentropy", {"axis": 1}, binary),
    ("CategoricalCrossentropy", {}, onehot),
    ("CategoricalCrossentropy", {"from_logits": True}, onehot_logits),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, onehot),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1, "from_logits": True}, onehot_logits),
    ("CategoricalCrossentropy", {"axis": 1, "from_logits": True}, onehot_logits),
    ("SparseCategoricalCrossentropy", {}, classes),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, class_logits),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, some_ignored),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2, "from_logits": True}, class_logits),
    ("BinaryFocalCrossentropy", {}, binary),
    ("BinaryFocalCrossentropy", {"gamma": 1.5, "alpha": 0.6, "apply_class_balancing": True}, binary),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, binary_logits),
    ("CategoricalFocalCrossentropy", {}, onehot),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5], "gamma": 3.0}, onehot),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, onehot_logits),
    ("CategoricalGeneralizedCrossEntropy", {}, classes),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, classes),
    ("KLDivergence", {}, distributions),
    ("Poisson", {}, positive),
    ("Hinge", {}, signs),
    ("Hinge", {}, zero_or_one),
    ("SquaredHinge", {}, signs),
    ("SquaredHinge", {}, zero_or_one),
    ("CategoricalHinge", {}, onehot),
    ("Dice", {}, images),
    ("Dice", {"axis": (1, 2, 3)}, images),
    ("Tversky", {"alpha": 0.3, "beta": 0.7}, images),
    ("Tversky", {"axis": [1, 2, 3]}, images),
    ("Circle", {}, embeddings),
    ("Circle", {"gamma": 16.0, "margin": 0.25, "remove_diagonal": False}, embeddings),
    ("CTC", {}, sequences),
]
IDS = [f"{name}-{data.__name__}-{'-'.join(map(str, arguments))}" for name, arguments, data in CASES]
RANKS = [((BATCH,), (BATCH, 1)), ((BATCH, 1), (BATCH,)), ((BATCH, 4), (BATCH, 4, 1)), ((BATCH, 4, 1), (BATCH, 4))]
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]
# What Keras forgets to write down, so that its own round trip loses it.
KEPT = {"Huber": {"delta"}, "CosineSimilarity": {"axis"}, "SparseCategoricalCrossentropy": {"axis"}}


def single(pair: Pair) -> Pair:
    y_true, y_pred = pair
    return y_true if y_true.dtype.kind == "i" else y_true.astype(np.float32), y_pred.astype(np.float32)


def pairs(data: Callable[[np.random.Generator], list[Pair]]) -> list[Pair]:
    return [single(pair) for pair in data(np.random.default_rng(1))]


def both(name: str) -> tuple[Any, Any]:
    return getattr(losses, name), getattr(keras.losses, name)


def assert_close(ours: Any, theirs: Any, tolerance: float = 1e-6) -> None:
    """Equal to `tolerance` of the largest value."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(np.abs(theirs).max(initial=0), 1e-6))


def values_shape(name: str, arguments: dict[str, Any], y_true: Any, y_pred: Any) -> tuple[int, ...]:
    return jax.eval_shape(getattr(losses, name)(**arguments, reduction="none"), y_true, y_pred).shape


def masked(y_pred: np.ndarray, mask: np.ndarray) -> jax.Array:
    """Predictions that carry a mask in the way of Keras' layers."""
    tensor = backend.convert_to_tensor(y_pred)
    backend.set_keras_mask(tensor, backend.convert_to_tensor(mask))
    return tensor


def everything(cls: Any, arguments: dict[str, Any]) -> Callable[..., Any]:
    """One compiled function that gives the loss of each sample, the weighted mean, and its gradient."""

    def call(y_true: Any, y_pred: Any, weights: Any) -> Any:
        return cls(**arguments, reduction="none")(y_true, y_pred), cls(**arguments)(y_true, y_pred, weights)

    def with_gradient(y_true: Any, y_pred: Any, weights: Any) -> Any:
        values, pull = jax.vjp(lambda p: call(y_true, p, weights), y_pred)
        return *values, pull((0 * values[0], 1 + 0 * values[1]))[0]

    return jax.jit(with_gradient)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_values_and_gradients_are_keras(case: Any) -> None:
    name, arguments, data = case
    ours, theirs = (everything(cls, arguments) for cls in both(name))
    for y_true, y_pred in pairs(data)[-1:]:  # the one with the most axes
        shape = values_shape(name, arguments, y_true, y_pred)
        weights = np.random.default_rng(2).random((BATCH, *[1] * (len(shape) - 1))).astype(np.float32)
        results = ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights)
        for mine, expected in zip(*results, strict=True):
            assert_close(mine, expected, 2e-6)


@pytest.mark.parametrize(("labels", "predictions"), RANKS)
def test_ranks_that_differ_by_an_axis_of_one_are_reconciled_as_in_keras(labels: Any, predictions: Any) -> None:
    rng = np.random.default_rng(5)
    y_true, y_pred = (rng.normal(size=labels) > 0) * np.float32(1), rng.random(predictions).astype(np.float32)
    for name in ("MeanSquaredError", "BinaryCrossentropy"):
        assert_close(*(cls(reduction="none")(y_true, y_pred) for cls in both(name)))


def test_class_numbers_may_have_a_last_axis_of_one() -> None:
    ((y_true, y_pred), deep) = pairs(classes)
    for labels, scores in ((y_true[:, None], y_pred), (deep[0][..., None], deep[1])):
        assert_close(*(cls(reduction="none")(labels, scores) for cls in both("SparseCategoricalCrossentropy")))


REDUCED = [
    ("MeanSquaredError", {}, numbers),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, some_ignored),
    ("Circle", {}, embeddings),
    ("Dice", {}, images),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", REDUCED, ids=[case[0] for case in REDUCED])
def test_reductions_of_weighted_and_masked_values_are_keras(case: Any, reduction: str | None) -> None:
    name, arguments, data = case
    ours, theirs = (cls(**arguments, reduction=reduction) for cls in both(name))
    rng = np.random.default_rng(3)
    for y_true, y_pred in pairs(data):
        shape = values_shape(name, arguments, y_true, y_pred)
        per_sample = rng.random((BATCH, *[1] * (len(shape) - 1))).astype(np.float32)
        per_value = rng.integers(0, 3, shape or (BATCH,)).astype(np.float32)
        for weights in (None, per_sample, per_value, np.float32(0.5)):
            # Keras sums weights that still have to be broadcast, and divides by too little.
            if reduction != "mean_with_sample_weight" or weights is None or weights.shape == (shape or (BATCH,)):
                assert_close(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))
        if not shape:
            continue
        mask = rng.random(shape) < 0.6
        for weights in (None, per_value):
            expected = theirs(y_true, masked(y_pred, mask), weights)
            assert_close(ours(y_true, y_pred, weights, mask), expected, 2e-6)


EDGES = [
    ("BinaryCrossentropy", {}, [[0.0], [1.0], [0.0], [1.0], [1.0]], [[0.0], [1.0], [1.0], [0.0], [0.5]]),
    ("BinaryCrossentropy", {"from_logits": True}, [[0.0], [1.0], [0.0], [1.0]], [[1e3], [-1e3], [-1e3], [1e3]]),
    ("BinaryFocalCrossentropy", {}, [[0.0], [1.0], [0.0], [1.0]], [[0.0], [1.0], [1.0], [0.0]]),
    ("BinaryFocalCrossentropy", {"from_logits": True}, [[0.0], [1.0], [0.0], [1.0]], [[1e3], [-1e3], [-1e3], [1e3]]),
    ("CategoricalCrossentropy", {}, np.eye(3), [[1.0, 0, 0], [1.0, 0, 0], [0.0, 0, 1]]),
    ("CategoricalCrossentropy", {"from_logits": True}, np.eye(3), [[1e3, -1e3, 0], [1e3, -1e3, 0], [0, 0, -1e3]]),
    ("CategoricalFocalCrossentropy", {}, np.eye(3), [[1.0, 0, 0], [1.0, 0, 0], [0.0, 0, 1]]),
    ("SparseCategoricalCrossentropy", {}, [0, 1, 2], [[1.0, 0, 0], [1.0, 0, 0], [0.0, 0, 1]]),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, [0, 1, 2], [[1e3, -1e3, 0], [1e3, -1e3, 0], [0, 0, -1e3]]),
    ("KLDivergence", {}, [[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]),
    ("Poisson", {}, [[0.0], [3.0]], [[0.0], [0.0]]),
    ("MeanSquaredLogarithmicError", {}, [[0.0], [-2.0]], [[-1.0], [5.0]]),
    ("MeanAbsolutePercentageError", {}, [[0.0], [1.0]], [[1.0], [1.0]]),
    ("LogCosh", {}, [[0.0], [1000.0]], [[1000.0], [0.0]]),
    ("Huber", {}, [[0.0], [0.0]], [[1.0], [-1.0]]),
    ("Hinge", {}, [[1.0], [-1.0]], [[1.0], [-1.0]]),
]


@pytest.mark.parametrize(("name", "arguments", "y_true", "y_pred"), EDGES)
def test_edge_values_and_their_gradients_are_keras_and_finite(
    name: str, arguments: Any, y_true: Any, y_pred: Any
) -> None:
    ours, theirs = (cls(**arguments, reduction="sum") for cls in both(name))
    y_true, y_pred = np.asarray(y_true, np.float32), np.asarray(y_pred, np.float32)
    (value, gradient), (expected, slope) = (
        jax.jit(jax.value_and_grad(f, argnums=1))(y_true, y_pred) for f in (ours, theirs)
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert_close(value, expected)
    assert_close(gradient, slope, 2e-6)


def plain(config: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_configs_are_keras_but_for_what_keras_forgets(case: Any) -> None:
    name, arguments, _ = case
    ours, theirs = (cls(**arguments, reduction="sum", name="mine") for cls in both(name))
    config, expected = ours.get_config(), theirs.get_config()
    extra = {key: config.pop(key) for key in KEPT.get(name, set())}
    assert config == plain(expected)
    assert losses.serialize(ours)["module"] == keras.losses.serialize(theirs)["module"]
    rebuilt = type(theirs).from_config({**config, **extra})
    assert plain(rebuilt.get_config()) == plain(expected)
    assert type(ours).from_config(expected).get_config().keys() == ours.get_config().keys()


def test_wrapped_functions_have_keras_configs() -> None:
    wrapper = keras_losses.LossFunctionWrapper(keras.losses.huber, name="h", delta=2.0)
    assert losses.LossFunctionWrapper(losses.huber, name="h", delta=2.0).get_config() == wrapper.get_config()
    rebuilt = losses.LossFunctionWrapper.from_config(wrapper.get_config())
    np.testing.assert_allclose(rebuilt([[0.0]], [[5.0]]), wrapper(np.zeros((1, 1)), np.full((1, 1), 5.0)))


@pytest.mark.parametrize(
    "name", [n for n in dir(keras.losses) if n[0] != "_" and n not in ("get", "serialize", "deserialize")]
)
def test_every_public_name_exists_with_keras_parameters_and_defaults(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (losses, keras.losses))
    assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}
    assert list(ours) == list(theirs)


@pytest.mark.parametrize("name", sorted(set(keras_losses.ALL_OBJECTS_DICT) - {"Loss", "LossFunctionWrapper"}))
def test_get_gives_what_keras_gives_for_a_name(name: str) -> None:
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert getattr(ours, "__name__", type(ours).__name__) == getattr(theirs, "__name__", type(theirs).__name__)
    assert getattr(ours, "name", None) == getattr(theirs, "name", None)


def test_automatic_names_count_up_as_in_keras() -> None:
    keras.utils.clear_session(free_memory=False)
    ours = [losses.LossFunctionWrapper(losses.hinge).name for _ in range(2)]
    assert ours == [keras_losses.LossFunctionWrapper(keras.losses.hinge).name for _ in range(2)]
