"""What every public metric has to do. A name in `__all__` without a case here fails."""

from __future__ import annotations

import inspect
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import metrics
from lamina.core.variable import bind

RNG = np.random.default_rng(0)
ROWS = 11
NUMBERS = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 3))
POSITIVE = RNG.random((ROWS, 3)), RNG.random((ROWS, 3))
BINARY = RNG.integers(0, 2, (ROWS, 1)), RNG.random((ROWS, 1))
MANY = RNG.integers(0, 2, (ROWS, 3)), RNG.random((ROWS, 3))
SIGNS = RNG.integers(0, 2, (ROWS, 3)) * 2 - 1, RNG.normal(size=(ROWS, 3))
CLASSES = RNG.integers(0, 4, ROWS), RNG.dirichlet(np.ones(4), ROWS)
ONEHOT = np.eye(4)[CLASSES[0]], CLASSES[1]
LABELS = RNG.integers(0, 4, ROWS), RNG.integers(0, 4, ROWS)
VALUES = (NUMBERS[0],)

# class -> (arguments other than the defaults, labels and predictions)
CASES: dict[str, tuple[dict[str, Any], tuple[np.ndarray, ...]]] = {
    "Mean": ({}, VALUES),
    "Sum": ({}, VALUES),
    "MeanMetricWrapper": ({"fn": metrics.huber, "delta": 0.5}, NUMBERS),
    "Accuracy": ({}, LABELS),
    "BinaryAccuracy": ({"threshold": 0.3}, BINARY),
    "CategoricalAccuracy": ({}, ONEHOT),
    "SparseCategoricalAccuracy": ({}, CLASSES),
    "TopKCategoricalAccuracy": ({"k": 2}, ONEHOT),
    "SparseTopKCategoricalAccuracy": ({"k": 2}, CLASSES),
    "MeanSquaredError": ({}, NUMBERS),
    "RootMeanSquaredError": ({}, NUMBERS),
    "MeanAbsoluteError": ({}, NUMBERS),
    "MeanAbsolutePercentageError": ({}, NUMBERS),
    "MeanSquaredLogarithmicError": ({}, POSITIVE),
    "LogCoshError": ({}, NUMBERS),
    "CosineSimilarity": ({}, NUMBERS),
    "R2Score": ({"class_aggregation": "variance_weighted_average", "num_regressors": 2}, NUMBERS),
    "PearsonCorrelation": ({}, NUMBERS),
    "ConcordanceCorrelation": ({}, NUMBERS),
    "BinaryCrossentropy": ({"label_smoothing": 0.1}, BINARY),
    "CategoricalCrossentropy": ({"from_logits": True, "axis": 1}, ONEHOT),
    "SparseCategoricalCrossentropy": ({"ignore_class": 2}, CLASSES),
    "KLDivergence": ({}, POSITIVE),
    "Poisson": ({}, POSITIVE),
    "Hinge": ({}, SIGNS),
    "SquaredHinge": ({}, SIGNS),
    "CategoricalHinge": ({}, ONEHOT),
    "TruePositives": ({"thresholds": 0.3}, BINARY),
    "TrueNegatives": ({"thresholds": [0.3, 0.6]}, BINARY),
    "FalsePositives": ({}, MANY),
    "FalseNegatives": ({"thresholds": (0.0, 0.5, 1.0)}, MANY),
    "Precision": ({"top_k": 2}, MANY),
    "Recall": ({"class_id": 1, "thresholds": 0.4}, MANY),
    "AUC": ({"multi_label": True, "label_weights": [1, 2, 3], "thresholds": [0.2, 0.7]}, MANY),
    "PrecisionAtRecall": ({"recall": 0.5}, BINARY),
    "RecallAtPrecision": ({"precision": 0.5, "num_thresholds": 20}, BINARY),
    "SensitivityAtSpecificity": ({"specificity": 0.5}, BINARY),
    "SpecificityAtSensitivity": ({"sensitivity": 0.5, "class_id": 1}, MANY),
    "FBetaScore": ({"beta": 2.0, "average": "macro"}, ONEHOT),
    "F1Score": ({"threshold": 0.4, "average": "micro"}, MANY),
    "IoU": ({"num_classes": 4, "target_class_ids": [0, 2]}, LABELS),
    "BinaryIoU": ({"threshold": 0.3}, BINARY),
    "MeanIoU": ({"num_classes": 4, "ignore_class": 1}, LABELS),
    "OneHotIoU": ({"num_classes": 4, "target_class_ids": [1]}, ONEHOT),
    "OneHotMeanIoU": ({"num_classes": 4}, ONEHOT),
}
# Functions of one batch; those of the losses have their contract there.
FUNCTIONS: dict[str, tuple[np.ndarray, ...]] = {
    "binary_accuracy": BINARY,
    "categorical_accuracy": ONEHOT,
    "sparse_categorical_accuracy": CLASSES,
    "top_k_categorical_accuracy": ONEHOT,
    "sparse_top_k_categorical_accuracy": CLASSES,
    "pearson_correlation": NUMBERS,
    "concordance_correlation": NUMBERS,
}
NOT_METRICS = {"Metric", "accuracy_for", "crossentropy_for", "get", "serialize", "deserialize"}


def make(name: str, /, **more: Any) -> metrics.Metric:
    return getattr(metrics, name)(**{**CASES[name][0], **more})


def data(name: str) -> list[Any]:
    return [y if y.dtype.kind == "i" else y.astype(np.float32) for y in CASES[name][1]]


def built(name: str) -> metrics.Metric:
    metric = make(name)
    shapes = [y.shape for y in data(name)]
    metric.build(shapes[0], shapes[-1])
    return metric


def test_every_public_name_has_a_case() -> None:
    from lamina import losses

    covered = {*CASES, *FUNCTIONS, *NOT_METRICS, *losses.__all__}
    assert set(metrics.__all__) <= covered
    assert {*CASES, *FUNCTIONS, *NOT_METRICS} <= set(metrics.__all__)


@pytest.mark.parametrize("name", CASES)
def test_config_survives_json_and_builds_an_equal_metric(name: str) -> None:
    metric = make(name, name="mine")
    copy = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    assert type(copy) is type(metric)
    assert copy.get_config() == metric.get_config()
    np.testing.assert_array_equal(copy(*data(name)), metric(*data(name)))


@pytest.mark.parametrize("name", CASES)
def test_ragged_batches_give_the_value_of_all_at_once(name: str) -> None:
    at_once, ragged = make(name), make(name)
    weights = np.random.default_rng(1).integers(0, 3, ROWS).astype(np.float32)
    for given in ([], [weights]):
        for first, last in ((0, 4), (4, 11)):
            ragged.update_state(*(y[first:last] for y in [*data(name), *given]))
        at_once.update_state(*data(name), *given)
        np.testing.assert_allclose(ragged.result(), at_once.result(), rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_weight_zero_leaves_no_trace_even_of_nan(name: str) -> None:
    weights = np.array([1, 0, 2, 1, 0, 0, 1, 0.5, 1, 0, 3], np.float32)
    kept = weights > 0
    spoilt = [y.copy() for y in data(name)]
    for y in spoilt[-1:]:
        y[~kept] = np.nan if y.dtype.kind == "f" else 0
    weighted, without = make(name), make(name)
    weighted.update_state(*spoilt, weights)
    without.update_state(*(y[kept] for y in data(name)), weights[kept])
    np.testing.assert_allclose(weighted.result(), without.result(), rtol=1e-6)
    for mine, expected in zip(weighted.variables, without.variables, strict=True):
        np.testing.assert_allclose(mine.value, expected.value, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_compiled_loop_equals_eager_updates(name: str) -> None:
    metric = built(name)
    batches = [np.stack([y[:4], y[4:8]]) for y in data(name)]

    @jax.jit
    def loop(values: list[jax.Array], batches: list[jax.Array]) -> Any:
        def step(i: Any, values: list[jax.Array]) -> list[jax.Array]:
            with bind(metric.variables, values):
                metric.update_state(*(y[i] for y in batches), jnp.ones(4))
                return [v.value for v in metric.variables]

        values = jax.lax.fori_loop(0, 2, step, values)
        return values, metric.stateless_result(values)

    values, result = loop([v.value for v in metric.variables], batches)
    assert all(not np.asarray(v.value).any() for v in metric.variables)  # the loop left the metric alone
    for i in range(2):
        metric.update_state(*(y[i] for y in batches))
    np.testing.assert_allclose(result, metric.result(), rtol=1e-6)
    for mine, expected in zip(values, metric.variables, strict=True):
        np.testing.assert_allclose(mine, expected.value, rtol=1e-6)
        assert mine.dtype == expected.value.dtype


@pytest.mark.parametrize("name", CASES)
def test_making_building_and_resetting_compile_nothing(name: str, caplog: pytest.LogCaptureFixture) -> None:
    used = built(name)
    used.update_state(*data(name))
    with jax.log_compiles():
        built(name)
        used.reset_state()
    assert not [r for r in caplog.records if "Compiling" in r.getMessage()]
    assert all(not np.asarray(v.value).any() for v in used.variables)
    np.testing.assert_array_equal(used(*data(name)), make(name)(*data(name)))


@pytest.mark.parametrize("name", CASES)
def test_stateless_calls_leave_the_metric_alone(name: str) -> None:
    metric = built(name)
    start = metric.stateless_reset_state()
    values = metric.stateless_update_state(start, *data(name))
    assert not any(np.asarray(v.value).any() for v in metric.variables)
    np.testing.assert_allclose(metric.stateless_result(values), make(name)(*data(name)), rtol=1e-6)
    with pytest.raises(ValueError, match=rf"metric_variables: expected {len(start)} values"):
        metric.stateless_update_state([*start, 0], *data(name))


@pytest.mark.parametrize("name", sorted(set(CASES) - {"Mean", "Sum"}))
def test_rows_that_differ_are_named_with_both_shapes(name: str) -> None:
    labels, predictions = data(name)
    with pytest.raises(ValueError, match=r"shape \(3,.*shape \(11") as caught:
        make(name, name="mine").update_state(labels[:3], predictions)
    assert "mine" in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))


@pytest.mark.parametrize("name", CASES)
def test_weights_that_do_not_fit_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"mine: sample_weight has shape \(5,\).*\(11,\)"):
        make(name, name="mine").update_state(*data(name), np.ones(5))


@pytest.mark.parametrize("name", CASES)
def test_16_bits_keep_accumulators_in_32(name: str) -> None:
    metric = make(name, dtype="bfloat16")
    result = metric(*data(name))
    assert all(v.dtype == "float32" for v in metric.variables)
    if "IoU" not in name:
        assert result.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(result), make(name)(*data(name)), rtol=0.05, atol=0.02)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_one_float_per_sample_and_serialise_in_a_mean(name: str) -> None:
    labels, predictions = FUNCTIONS[name]
    values = getattr(metrics, name)(labels, predictions)
    assert values.shape[0] == ROWS
    assert values.dtype == np.float32
    mean = metrics.MeanMetricWrapper(getattr(metrics, name))
    copy = metrics.deserialize(metrics.serialize(mean))
    assert copy.fn is getattr(metrics, name)
    np.testing.assert_allclose(copy(labels, predictions), np.mean(values), rtol=1e-6)


@pytest.mark.parametrize("name", [n for n in metrics.__all__ if inspect.isclass(getattr(metrics, n))])
def test_names_of_classes_lead_to_them(name: str) -> None:
    if name != "Metric":
        assert metrics._base.family.lookup(name) is getattr(metrics, name)
