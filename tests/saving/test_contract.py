"""A saved and loaded model behaves the same bit for bit, whatever layer, optimizer, loss or metric it holds."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import lamina
from lamina import layers, losses, metrics, optimizers
from lamina.saving import load_model
from tests.optimizers.test_contract import MAKE
from tests.saving import zoo


def train(model: Any, x: Any, y: Any, steps: int = 3) -> None:
    """A few steps with random draws that are the same for each model."""
    lamina.utils.set_random_seed(7)
    model.fit(x, y, batch_size=max(1, len(y) // steps), verbose=0)


def assert_same(first: Any, second: Any, x: Any) -> None:
    predictions = first.predict(x)
    assert np.isfinite(predictions).all()  # one NaN would equal another
    np.testing.assert_array_equal(predictions, second.predict(x))
    for a, b in zip(first.weights, second.weights, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a.value, b.value, err_msg=a.path)
    for a, b in zip(first.optimizer.variables, second.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.value, b.value, err_msg=a.path)


def test_the_zoo_holds_every_public_layer():
    others = zoo.BASES | zoo.CODE | zoo.FUNCTIONS | zoo.PARTS
    assert zoo.covered() | others == set(layers.__all__)


@pytest.mark.parametrize("kind", zoo.MODELS)
@pytest.mark.filterwarnings("ignore:(MixUp|CutMix) .* was given images alone:UserWarning")
def test_every_layer_goes_on_from_a_file_as_if_nothing_had_been(kind, tmp_path):
    model = zoo.make(lamina, kind)
    x, y = zoo.data(kind)
    train(model, x, y)
    path = model.save(tmp_path / "model.keras")
    again = load_model(path)
    if kind != "random image":  # where layers hold others, whose automatic names are in the file
        assert again.save(tmp_path / "again.keras").read_bytes() == path.read_bytes()
    assert_same(again, model, x)
    train(again, x, y)
    train(model, x, y)
    assert_same(again, model, x)


def small(optimizer: Any = "sgd", loss: Any = "mse", metric: Any = None) -> Any:
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(3, activation="sigmoid"), layers.Dropout(0.2)])
    model.add(layers.Dense(4, activation="softmax"))
    model.compile(optimizer=optimizer, loss=loss, metrics=[metric] if metric is not None else None, preflight=False)
    return model


def some(rows: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 4)).astype("float32"), np.eye(4, dtype="float32")[rng.integers(0, 4, rows)]


@pytest.mark.parametrize("name", sorted(set(MAKE) - {"OptaxOptimizer"}))
def test_every_optimizer_goes_on_from_a_file(name, tmp_path):
    options = {} if name == "LossScaleOptimizer" else {"use_ema": True, "clipnorm": 1.0}
    model = small(MAKE[name](**options))
    x, y = some()
    train(model, x, y)
    again = load_model(model.save(tmp_path / "model.keras"))
    assert type(again.optimizer) is type(model.optimizer)
    assert_same(again, model, x)
    train(again, x, y)
    train(model, x, y)
    assert_same(again, model, x)


SCHEDULES = {
    "ExponentialDecay": (0.1, 3, 0.5),
    "PiecewiseConstantDecay": ([2, 4], [0.1, 0.05, 0.01]),
    "PolynomialDecay": (0.1, 5),
    "InverseTimeDecay": (0.1, 2, 0.5),
    "CosineDecay": (0.1, 5),
    "CosineDecayRestarts": (0.1, 3),
    "ScaledSchedule": None,
}


def test_every_schedule_has_a_case():
    bases = {"LearningRateSchedule", "deserialize", "serialize", "get"}
    assert set(optimizers.schedules.__all__) - bases == set(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_comes_back_from_a_file(name, tmp_path):
    make = getattr(optimizers.schedules, name)
    decay = optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
    rate = make(*SCHEDULES[name]) if SCHEDULES[name] is not None else make(decay, 0.5)
    model = small(optimizers.SGD(rate))
    again = load_model(model.save(tmp_path / "model.keras"))
    for step in range(7):
        assert float(again.optimizer._learning_rate(step)) == float(rate(step))


LOSSES = [
    n for n in losses.__all__ if isinstance(getattr(losses, n), type) and n not in ("Loss", "LossFunctionWrapper")
]
METRICS = [n for n in metrics.__all__ if isinstance(getattr(metrics, n), type)]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "CTC": {},
    "MeanIoU": {"num_classes": 4},
    "IoU": {"num_classes": 4, "target_class_ids": [0, 2]},
    "BinaryIoU": {"target_class_ids": [0, 1]},
    "OneHotIoU": {"num_classes": 4, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 4},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "MeanMetricWrapper": {"fn": "mse"},
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_comes_back_from_a_file(name, tmp_path):
    loss = getattr(losses, name)()
    again = load_model(small(loss=loss).save(tmp_path / "model.keras"))
    assert type(again.loss) is type(loss)
    assert again.loss.get_config() == loss.get_config()


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_comes_back_from_a_file(name, tmp_path):
    if name in ("Metric", "MeanMetricWrapper"):  # bases of the others
        return
    metric = getattr(metrics, name)(**ARGUMENTS.get(name, {}))
    again = load_model(small(metric=metric).save(tmp_path / "model.keras"))
    (found,) = again._compile_config["metrics"]
    assert type(found) is type(metric)
    assert json.dumps(found.get_config()) == json.dumps(metric.get_config())


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_of_a_trained_model_predict_the_same_and_deep_ones_train_on_alike(copied):
    model = small("adam")
    x, y = some()
    train(model, x, y)
    again = copied(model)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    if copied is not copy.copy:
        assert_same(again, model, x)
        train(again, x, y)
        assert not np.array_equal(again.get_weights()[0], model.get_weights()[0])
        train(model, x, y)
        assert_same(again, model, x)
