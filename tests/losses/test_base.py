"""`Loss` and `LossFunctionWrapper`: what users write themselves."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses
from lamina.core.config import custom_object_scope


class Quartic(losses.Loss):
    def __init__(self, power: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.power = power

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return jnp.mean((y_true - y_pred) ** self.power, axis=-1)


def test_a_loss_of_ones_own_weighs_reduces_and_serialises() -> None:
    loss = Quartic(power=2, reduction="sum")
    assert loss.name == "quartic"
    assert loss([[1], [2]], [[0], [0]], sample_weight=[1, 0.5]) == 3
    config = losses.serialize(loss)
    with custom_object_scope({"Quartic": Quartic}):
        assert losses.deserialize(config).get_config() == loss.get_config()


def test_predictions_in_a_dict_reach_call_as_they_are() -> None:
    class Sum(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return sum(jnp.abs(y_true[key] - y_pred[key]) for key in y_true)

    y, p = {"a": np.array([1, 2]), "b": np.array([0, 0])}, {"a": np.zeros(2), "b": np.ones(2)}
    assert Sum()(y, p) == 2.5


def test_a_function_of_the_whole_batch_is_taken_as_it_is() -> None:
    loss = losses.LossFunctionWrapper(lambda t, p: jnp.max(jnp.abs(t - p)))
    assert loss([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]) == 3
    assert loss([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], sample_weight=[1.0, 1.0, 4.0]) == 6
    assert loss([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], mask=[1, 0, 0]) == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: losses.LossFunctionWrapper("mse"),
            TypeError,
            r"fn: expected a function fn\(y_true, y_pred\), received 'mse'",
        ),
        (
            lambda: losses.LossFunctionWrapper(lambda t, p: None, name="mine")([1.0], [1.0]),
            TypeError,
            "mine: .*`return`",
        ),
        (lambda: losses.Loss()([1.0], [1.0]), NotImplementedError, r"Loss has no call\. A loss defines call"),
        (lambda: losses.get("mean_squard_error"), ValueError, "Did you mean 'mean_squared_error'"),
        (lambda: losses.get(3), TypeError, "Expected a loss .* received 3"),
        (lambda: losses.Huber(delta=0), ValueError, "huber_loss: delta: expected a number > 0, received 0"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=2), ValueError, "label_smoothing: expected a fraction"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1), ValueError, "q: expected a number between 0 and 1"),
        (lambda: losses.MeanSquaredError.from_config({"delta": 1}), ValueError, "does not fit the constructor"),
        (lambda: losses.MeanSquaredError(dtype="flaot32"), ValueError, "Did you mean 'float32'"),
    ],
)
def test_mistakes_are_named(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_class_numbers_beyond_256_survive_16_bits() -> None:
    scores = np.zeros((2, 600), np.float32)
    scores[0, 257] = scores[1, 511] = 20
    assert losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")([257, 511], scores) < 0.01


def test_losses_in_which_samples_meet_say_so() -> None:
    assert losses.Circle().mixes_samples
    assert losses.Dice().mixes_samples
    assert losses.LossFunctionWrapper(losses.dice).mixes_samples
    assert not losses.Dice(axis=(1, 2)).mixes_samples
    assert not losses.MeanSquaredError().mixes_samples
    assert losses.CosineSimilarity(axis=0).mixes_samples
