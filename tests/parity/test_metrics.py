"""Metrics against the real Keras in the same process: results, accumulators, weights, configs, names, signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamina import metrics

keras = pytest.importorskip("keras")
compile_utils = pytest.importorskip("keras.src.trainers.compile_utils")
keras_metrics = pytest.importorskip("keras.src.metrics")
# Keras' Variable.numpy() lacks the copy argument that NumPy 2 asks for; its confusion matrix asks JAX for int64.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning"),
]

Batch = tuple[np.ndarray, np.ndarray]
Data = Callable[[np.random.Generator], Batch]
ROWS = 6


def numbers(rng: np.random.Generator) -> Batch:
    return rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 3))


def deep_numbers(rng: np.random.Generator) -> Batch:
    return rng.normal(size=(ROWS, 4, 3)), rng.normal(size=(ROWS, 4, 3))


def column(rng: np.random.Generator) -> Batch:
    return rng.normal(size=ROWS), rng.normal(size=(ROWS, 1))


def positive(rng: np.random.Generator) -> Batch:
    return np.abs(rng.normal(size=(ROWS, 3))), np.abs(rng.normal(size=(ROWS, 3)))


def binary(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 2, (ROWS, 1)), rng.random((ROWS, 1))


def many_binary(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 2, (ROWS, 3)), rng.random((ROWS, 3))


def flat_binary(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 2, ROWS), rng.random(ROWS)


def binary_logits(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 2, (ROWS, 1)), rng.normal(size=(ROWS, 1))


def certain(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 2, (ROWS, 1)), rng.integers(0, 2, (ROWS, 1)) * 1.0


def only_zeros(rng: np.random.Generator) -> Batch:
    return np.zeros((ROWS, 1)), rng.random((ROWS, 1))


def signs(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 2, (ROWS, 3)) * 2 - 1.0, rng.normal(size=(ROWS, 3))


def labels(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 3, ROWS), rng.integers(0, 3, ROWS)


def classes(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 5, ROWS), rng.dirichlet(np.ones(5), ROWS)


def class_column(rng: np.random.Generator) -> Batch:
    y_true, y_pred = classes(rng)
    return y_true[:, None], y_pred


def class_steps(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 5, (ROWS, 4)), rng.dirichlet(np.ones(5), (ROWS, 4))


def ties(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 5, ROWS), rng.integers(0, 2, (ROWS, 5)) * 1.0


def onehot(rng: np.random.Generator) -> Batch:
    y_true, y_pred = classes(rng)
    return np.eye(5)[y_true], y_pred


def onehot_steps(rng: np.random.Generator) -> Batch:
    y_true, y_pred = class_steps(rng)
    return np.eye(5)[y_true], y_pred


def sorted_ids(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 9, ROWS), rng.integers(0, 9, (ROWS, 4))


def regions(rng: np.random.Generator) -> Batch:
    return rng.integers(0, 4, (ROWS, 3, 3)), rng.integers(0, 3, (ROWS, 3, 3))


AUC = [
    {},
    {"num_thresholds": 7, "curve": "PR"},
    {"num_thresholds": 2},
    {"num_thresholds": 20, "curve": "PRGAIN", "summation_method": "minoring"},
    {"num_thresholds": 20, "curve": "PR", "summation_method": "majoring"},
    {"num_thresholds": 20, "curve": "PR", "summation_method": "minoring"},
    {"summation_method": "majoring"},
    {"thresholds": [0.7, 0.1, 0.3]},
    {"thresholds": [0.25, 0.5, 0.75], "curve": "PR"},
]
CASES: list[tuple[str, dict[str, Any], Data]] = [
    ("MeanMetricWrapper", {"fn": "mean_absolute_error"}, numbers),
    *[("Accuracy", {}, data) for data in (labels, many_binary)],
    *[("BinaryAccuracy", arguments, binary) for arguments in ({}, {"threshold": 0.3})],
    *[("BinaryAccuracy", {}, data) for data in (many_binary, flat_binary)],
    *[("CategoricalAccuracy", {}, data) for data in (onehot, onehot_steps)],
    *[("SparseCategoricalAccuracy", {}, data) for data in (classes, class_column, class_steps, ties)],
    *[("TopKCategoricalAccuracy", {"k": 2}, data) for data in (onehot, onehot_steps)],
    *[("SparseTopKCategoricalAccuracy", {"k": 2}, data) for data in (classes, class_steps, ties)],
    ("SparseTopKCategoricalAccuracy", {"k": 3, "from_sorted_ids": True}, sorted_ids),
    *[("MeanSquaredError", {}, data) for data in (numbers, deep_numbers, column)],
    *[("RootMeanSquaredError", {}, data) for data in (numbers, deep_numbers, column)],
    ("MeanAbsoluteError", {}, numbers),
    ("MeanAbsolutePercentageError", {}, numbers),
    ("MeanSquaredLogarithmicError", {}, positive),
    ("LogCoshError", {}, numbers),
    ("CosineSimilarity", {}, numbers),
    ("CosineSimilarity", {"axis": 1}, deep_numbers),
    *[("R2Score", {"class_aggregation": c}, numbers) for c in ("uniform_average", "variance_weighted_average", None)],
    ("R2Score", {"num_regressors": 2}, column),
    ("PearsonCorrelation", {}, numbers),
    ("ConcordanceCorrelation", {}, numbers),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, binary),
    ("BinaryCrossentropy", {"from_logits": True}, binary_logits),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, onehot),
    ("CategoricalCrossentropy", {"from_logits": True, "axis": -1}, onehot_steps),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, classes),
    ("SparseCategoricalCrossentropy", {}, class_steps),
    ("KLDivergence", {}, onehot),
    ("Poisson", {}, positive),
    ("Hinge", {}, signs),
    ("SquaredHinge", {}, signs),
    ("CategoricalHinge", {}, onehot),
    *[
        (name, arguments, data)
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
        for arguments, data in (({}, binary), ({"thresholds": [0.7, 0.2]}, many_binary), ({"thresholds": 0.3}, binary))
    ],
    *[
        (name, arguments, data)
        for name in ("Precision", "Recall")
        for arguments, data in (
            ({}, binary),
            ({"thresholds": [0.9, 0.2]}, many_binary),
            ({"thresholds": [0.0, 0.5, 1.0]}, many_binary),
            ({"top_k": 2}, many_binary),
            ({"class_id": 1}, many_binary),
            ({"top_k": 1, "class_id": 2, "thresholds": 0.4}, many_binary),
            ({}, only_zeros),
        )
    ],
    *[("AUC", arguments, binary) for arguments in AUC],
    *[("AUC", {}, data) for data in (certain, only_zeros, many_binary, flat_binary)],
    ("AUC", {"from_logits": True}, binary_logits),
    ("AUC", {"multi_label": True}, many_binary),
    ("AUC", {"multi_label": True, "num_labels": 3, "label_weights": [0.2, 0.3, 0.5], "curve": "PR"}, many_binary),
    ("AUC", {"multi_label": True, "thresholds": [0.3, 0.4]}, many_binary),
    ("AUC", {"label_weights": [0.2, 0.3, 0.5]}, many_binary),
    *[
        (name, {condition: 0.4, **more}, data)
        for name, condition in (
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
        )
        for more, data in (({}, binary), ({"num_thresholds": 1}, binary), ({"class_id": 2}, many_binary))
    ],
    *[("F1Score", {"average": average}, onehot) for average in (None, "micro", "macro", "weighted")],
    ("F1Score", {"threshold": 0.5}, many_binary),
    ("FBetaScore", {"beta": 2.0, "threshold": 0.3, "average": "macro"}, many_binary),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, regions),
    ("IoU", {"num_classes": 5, "target_class_ids": [0], "sparse_y_pred": False}, classes),
    ("BinaryIoU", {"threshold": 0.4}, flat_binary),
    ("BinaryIoU", {"target_class_ids": [1]}, flat_binary),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1}, regions),
    ("MeanIoU", {"num_classes": 3}, regions),
    ("OneHotIoU", {"num_classes": 5, "target_class_ids": [1, 2]}, onehot),
    ("OneHotMeanIoU", {"num_classes": 5}, onehot),
]
IDS = [f"{name}-{data.__name__}-{i}" for i, (name, _, data) in enumerate(CASES)]
KEPT = {"CosineSimilarity": {"axis"}}  # what Keras forgets to write down, so that its own round trip loses it
IOU = {"IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"}


def make(module: Any, name: str, arguments: dict[str, Any]) -> Any:
    if "fn" in arguments:
        arguments = {**arguments, "fn": getattr(module, arguments["fn"])}
    return getattr(module, name)(**arguments)


def batches(data: Data, number: int = 2) -> list[Batch]:
    rng = np.random.default_rng(11)
    single = [[y if y.dtype.kind == "i" else y.astype(np.float32) for y in data(rng)] for _ in range(number)]
    return [(y_true, y_pred) for y_true, y_pred in single]


def assert_same(ours: Any, theirs: Any, *, state: bool = True) -> None:
    np.testing.assert_allclose(ours.result(), theirs.result(), rtol=2e-6, atol=2e-7)
    if not state:
        return
    assert [v.path for v in ours.variables] == [v.path for v in theirs.variables]
    for mine, expected in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(mine.value, expected.numpy(), rtol=2e-6, atol=1e-6, err_msg=mine.path)


@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=IDS)
def test_results_and_accumulators_after_each_batch_are_keras(name: str, arguments: Any, data: Data) -> None:
    keras.utils.clear_session(free_memory=False)
    ours, theirs = (make(module, name, arguments) for module in (metrics, keras.metrics))
    for y_true, y_pred in batches(data):
        ours.update_state(y_true, y_pred)
        theirs.update_state(y_true, y_pred)
        assert_same(ours, theirs, state=name != "R2Score")  # squares about the mean there
    if "num_regressors" in arguments:
        return  # Keras counts samples of weight 0
    weights = np.random.default_rng(12).integers(0, 3, ROWS)
    weights = weights if name in IOU else weights.astype(np.float32) / 2
    for y_true, y_pred in batches(data, 1):
        per_entry = np.broadcast_to(weights[:, None, None], y_true.shape) if data is regions else weights
        ours.update_state(y_true, y_pred, sample_weight=per_entry)
        theirs.update_state(y_true, y_pred, sample_weight=per_entry)
        assert_same(ours, theirs, state=name != "R2Score")
    ours.reset_state()
    theirs.reset_state()
    assert all(np.asarray(v.value).sum() == 0 for v in ours.variables)


@pytest.mark.parametrize("name", ["MeanSquaredError", "RootMeanSquaredError", "BinaryAccuracy", "Precision", "AUC"])
def test_weights_per_value_are_keras(name: str) -> None:
    data = deep_numbers if "Error" in name else many_binary
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for y_true, y_pred in batches(data):
        shape = y_true.shape[:-1] if name == "MeanSquaredError" else y_true.shape
        weights = np.random.default_rng(13).random(shape).astype(np.float32)
        ours.update_state(y_true, y_pred, weights)
        theirs.update_state(y_true, y_pred, weights)
    assert_same(ours, theirs, state=False)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("shape", [(), (5,), (5, 2), (5, 2, 3)])
def test_mean_and_sum_of_values_of_any_rank_are_keras(name: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(14)
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    given: list[Any] = [None, *([rng.random(shape[: i + 1]).astype(np.float32) for i in range(len(shape))])]
    for weights in given if shape else [None, np.float32(3)]:
        values = rng.normal(size=shape).astype(np.float32)
        if name == "Sum" and weights is not None and np.ndim(weights) < len(shape):
            continue  # Keras sums the values before it weighs them: the same
        ours.update_state(values, weights)
        theirs.update_state(values, weights)
        assert_same(ours, theirs)


@pytest.mark.parametrize("weight", [[1.0] * 6, [1.0, 0.5, 0.0, 2.0, 1.0, 1.0]])
def test_ignored_classes_count_as_in_keras_with_weights(weight: list[float]) -> None:
    y_true, y_pred = batches(classes, 1)[0]
    ours, theirs = (m.SparseCategoricalCrossentropy(ignore_class=int(y_true[0])) for m in (metrics, keras.metrics))
    ours.update_state(y_true, y_pred, np.asarray(weight, np.float32))
    kept = np.asarray(weight, np.float32) * (y_true != y_true[0])
    theirs.update_state(y_true, y_pred, kept)
    assert_same(ours, theirs)


@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=IDS)
def test_configs_are_keras_but_for_what_keras_forgets(name: str, arguments: Any, data: Data) -> None:
    keras.utils.clear_session(free_memory=False)
    ours, theirs = (make(module, name, arguments) for module in (metrics, keras.metrics))
    assert ours.name == theirs.name
    config, expected = ours.get_config(), plain(theirs.get_config())
    extra = {key: config.pop(key) for key in KEPT.get(name, set())}
    assert plain(config) == expected
    assert plain(type(theirs).from_config({**config, **extra}).get_config()) == expected
    rebuilt = type(ours).from_config(theirs.get_config() if "label_weights" not in arguments else config)
    assert plain(rebuilt.get_config()).items() >= expected.items()
    assert metrics.serialize(ours)["module"] == keras.metrics.serialize(theirs)["module"]


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """Tuples as lists, arrays as rounded lists."""
    return {
        key: np.round(np.asarray(value, np.float64), 6).tolist()
        if hasattr(value, "dtype") or (isinstance(value, (list, tuple)) and value)
        else value
        for key, value in config.items()
    }


SKIPPED = ("get", "serialize", "deserialize", "Metric")


@pytest.mark.parametrize("name", [n for n in dir(keras.metrics) if n[0] != "_" and n not in SKIPPED])
def test_every_public_name_exists_with_keras_parameters_and_defaults(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (metrics, keras.metrics))
    assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}
    assert list(ours) == list(theirs)


NEEDS_ARGUMENTS = {"Metric", "MeanMetricWrapper", *IOU - {"BinaryIoU"}, "PrecisionAtRecall", "RecallAtPrecision"} | {
    *("SensitivityAtSpecificity", "SpecificityAtSensitivity"),
}


@pytest.mark.parametrize("name", sorted(keras_metrics.ALL_OBJECTS_DICT))
def test_get_gives_what_keras_gives_for_a_name(name: str) -> None:
    theirs = keras_metrics.ALL_OBJECTS_DICT[name]
    if theirs.__name__ in NEEDS_ARGUMENTS:
        return
    keras.utils.clear_session(free_memory=False)
    ours = metrics.get(name)
    assert type(ours).__name__ == theirs.__name__
    assert ours.name == keras.metrics.get(name).name


@pytest.mark.parametrize("name", sorted(set(metrics.__all__) & set(dir(keras.metrics)) - set(SKIPPED)))
def test_directions_are_keras(name: str) -> None:
    if not inspect.isclass(getattr(metrics, name)) or name in NEEDS_ARGUMENTS:
        return
    expected = getattr(getattr(keras.metrics, name)(), "_direction", None)
    if expected is not None:
        assert getattr(metrics, name)()._direction == expected


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [((8,), (8, 1)), ((8, 1), (8, 1)), ((8,), (8, 3)), ((8, 1), (8, 3)), ((8, 3), (8, 3)), ((8, 4), (8, 4, 3))],
)
def test_accuracy_means_what_keras_picks(y_true: Any, y_pred: Any) -> None:
    expected = compile_utils.get_metric("accuracy", np.zeros(y_true), np.zeros(y_pred))
    assert type(metrics.accuracy_for(y_true, y_pred)).__name__ == type(expected).__name__
    loss = compile_utils.get_loss("crossentropy", np.zeros(y_true), np.zeros(y_pred))
    chosen = metrics.crossentropy_for(y_true, y_pred)
    assert chosen.fn.__name__ == loss.fn.__name__


FUNCTIONS = {
    "binary_accuracy": many_binary,
    "categorical_accuracy": onehot_steps,
    "sparse_categorical_accuracy": class_steps,
    "top_k_categorical_accuracy": onehot_steps,
    "sparse_top_k_categorical_accuracy": class_steps,
    "pearson_correlation": numbers,
    "concordance_correlation": numbers,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_keras(name: str) -> None:
    for y_true, y_pred in batches(FUNCTIONS[name]):
        ours, theirs = (getattr(module, name)(y_true, y_pred) for module in (metrics, keras.metrics))
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-6)
