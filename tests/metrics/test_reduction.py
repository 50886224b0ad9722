"""Means of functions: what counts how much; predictions of every kind."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses, metrics


def test_a_function_of_the_whole_batch_counts_once_per_sample() -> None:
    """Keras counts it once per batch, so that a last batch of one row weighs as much as a full one."""
    metric = metrics.MeanMetricWrapper(lambda t, p: jnp.mean((t - p) ** 2))
    metric.update_state(np.zeros((3, 1)), np.ones((3, 1)))
    metric.update_state(np.zeros((1, 1)), 3 * np.ones((1, 1)))
    assert metric.result() == 3
    assert metric.count.value == 4


def test_a_function_of_ones_own_takes_arguments_and_weights_and_comes_back_from_its_config() -> None:
    def power_error(y_true: Any, y_pred: Any, power: int = 2) -> Any:
        return jnp.abs(y_true - y_pred) ** power

    metric = metrics.MeanMetricWrapper(power_error, name="cubic", power=3)
    assert metric([0.0, 0.0], [1.0, 2.0], [1.0, 3.0]) == (1 + 3 * 8) / 4
    copy = metrics.deserialize(metrics.serialize(metric), custom_objects={"power_error": power_error})
    assert copy.get_config() == metric.get_config()
    assert copy.fn is power_error


def test_a_loss_object_can_be_averaged_and_is_better_when_lower() -> None:
    metric = metrics.MeanMetricWrapper(losses.Huber(delta=0.5), name="h")
    np.testing.assert_allclose(metric([[0.0]], [[1.0]]), 0.375)
    assert metric._direction == metrics.MeanMetricWrapper(losses.huber)._direction == "down"
    copy = metrics.deserialize(metrics.serialize(metric))
    assert copy.fn.get_config() == metric.fn.get_config()


def test_bfloat16_predictions_are_compared_in_float32() -> None:
    predictions = jnp.asarray([[256.0]], jnp.bfloat16)
    assert metrics.MeanAbsoluteError()([[257.0]], predictions) == 1
    assert metrics.RootMeanSquaredError()([[257.0]], predictions) == 1


def test_whole_numbers_as_predictions_do_not_round_the_labels() -> None:
    """Keras casts the labels to the predictions' int32 here."""
    assert metrics.MeanAbsoluteError()([[0.5]], np.array([[0]])) == 0.5


def test_weights_per_time_step_of_a_single_output() -> None:
    y, p, weights = np.zeros((2, 3)), np.arange(6.0).reshape(2, 3, 1), np.array([[1, 1, 0], [1, 0, 0]])
    for name, expected in (("MeanSquaredError", 10 / 3), ("RootMeanSquaredError", (10 / 3) ** 0.5)):
        np.testing.assert_allclose(metrics.get(name)(y, p, weights), expected, rtol=1e-6)


def test_samples_of_a_single_number_each_keep_their_weights() -> None:
    assert metrics.MeanSquaredError()([0.0, 0.0], [1.0, 5.0], [1, 0]) == 1


def test_one_weight_for_a_batch_counts_once_per_row() -> None:
    metric = metrics.Mean()
    metric.update_state([1.0, 1.0, 1.0], sample_weight=2.0)
    metric.update_state([5.0], sample_weight=2.0)
    assert metric.result() == 2
    metric.reset_state()
    metric.update_state(4.0, sample_weight=3)  # the loss of a batch of three rows
    metric.update_state(8.0, sample_weight=1)
    assert metric.result() == 5


def test_nothing_seen_gives_zero() -> None:
    assert (
        metrics.Mean().result() == metrics.Sum().result() == metrics.Precision().result() == metrics.AUC().result() == 0
    )
    assert metrics.Mean()([1.0], [0.0]) == 0


def test_ignored_classes_never_count() -> None:
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    scores = [[0.5, 0.5], [0.1, 0.9]]
    np.testing.assert_allclose(metric([0, -1], scores), np.log(2), rtol=1e-6)
    np.testing.assert_allclose(metric([[0], [-1]], scores, [2.0, 1.0]), np.log(2), rtol=1e-6)


@pytest.mark.parametrize("label", [-1, 3, 1.5, np.nan])
def test_a_label_that_is_no_class_is_never_right(label: float) -> None:
    scores = np.array([[0.2, 0.5, 0.3]])
    assert metrics.SparseCategoricalAccuracy()(np.array([label]), scores) == 0
    assert metrics.SparseTopKCategoricalAccuracy(k=3)(np.array([label]), scores) == 0


def test_nan_scores_are_never_right() -> None:
    scores = np.full((1, 3), np.nan)
    for label in range(3):
        assert metrics.SparseCategoricalAccuracy()([label], scores) == 0
        assert metrics.SparseTopKCategoricalAccuracy(k=1)([label], scores) == 0


def test_metrics_that_mix_samples_say_so() -> None:
    assert metrics.MeanMetricWrapper(losses.dice).mixes_samples
    assert metrics.PearsonCorrelation(axis=0).mixes_samples
    assert not metrics.AUC().mixes_samples
    assert not metrics.PearsonCorrelation().mixes_samples


@pytest.mark.parametrize(
    ("labels", "predictions"), [((None,), (None, 1)), ((None, 1), (None, 3)), ((None, 3), (None, 3))]
)
def test_metrics_named_by_shape(labels: Any, predictions: Any) -> None:
    assert metrics.accuracy_for(labels, predictions).name == "accuracy"
    assert metrics.crossentropy_for(labels, predictions).name == "crossentropy"
