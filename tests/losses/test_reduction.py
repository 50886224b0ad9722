"""Weights, masks and reductions: hand-computed numbers, and what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lamina import losses

Y, P = np.zeros((3, 2), np.float32), np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], np.float32)  # losses 1, 4, 9
STEPS = np.arange(1.0, 7.0).reshape(3, 2).astype(np.float32)  # one value for each of 2 time steps of 3 samples


def mse(reduction: str | None, *more: Any) -> np.ndarray:
    return np.asarray(losses.MeanSquaredError(reduction=reduction)(Y, P, *more))


def steps(reduction: str | None, *more: Any) -> np.ndarray:
    loss = losses.LossFunctionWrapper(lambda t, p: t - p, reduction=reduction)
    return np.asarray(loss(STEPS, np.zeros((3, 2)), *more))


@pytest.mark.parametrize(
    ("reduction", "plain", "weighted", "masked", "both"),
    [
        ("sum_over_batch_size", 14 / 3, 20 / 3, 10 / 2, 20 / 2),
        ("mean", 14 / 3, 20 / 3, 10 / 2, 20 / 2),
        ("sum", 14, 20, 10, 20),
        ("mean_with_sample_weight", 14 / 3, 20 / 4, 10 / 2, 20 / 4),
        ("none", [1, 4, 9], [2, 0, 18], [1, 0, 9], [2, 0, 18]),
        (None, [1, 4, 9], [2, 0, 18], [1, 0, 9], [2, 0, 18]),
    ],
)
def test_reductions_by_hand(reduction: str | None, plain: Any, weighted: Any, masked: Any, both: Any) -> None:
    weights, mask = np.array([2.0, 0.0, 2.0]), np.array([True, False, True])
    np.testing.assert_allclose(mse(reduction), plain, rtol=1e-6)
    np.testing.assert_allclose(mse(reduction, weights), weighted, rtol=1e-6)
    np.testing.assert_allclose(mse(reduction, None, mask), masked, rtol=1e-6)
    np.testing.assert_allclose(mse(reduction, weights, mask.astype(np.float32)), both, rtol=1e-6)


def test_weights_and_masks_per_sample_count_for_all_time_steps() -> None:
    assert steps("sum", [1.0, 0.0, 2.0]) == 1 + 2 + 2 * (5 + 6)
    assert steps("mean", None, [True, False, True]) == (1 + 2 + 5 + 6) / 4
    assert steps("mean_with_sample_weight", [1.0, 0.0, 2.0]) == pytest.approx((1 + 2 + 2 * 11) / 6)


def test_weights_and_masks_per_time_step() -> None:
    weights, mask = np.array([[1, 0], [0, 2], [0, 0]]), np.array([[1, 1], [0, 1], [1, 0]])
    assert steps("sum", weights) == 1 + 2 * 4
    assert steps("mean", None, mask) == (1 + 2 + 4 + 5) / 4
    assert steps("mean_with_sample_weight", weights, mask) == pytest.approx((1 + 2 * 4) / 3)


def test_a_column_of_weights_is_one_weight_per_sample() -> None:
    assert mse("sum", np.array([[1.0], [0.0], [1.0]])) == 10


def test_nothing_to_average_gives_zero() -> None:
    assert mse("mean", None, [False] * 3) == 0
    assert mse("mean_with_sample_weight", [0.0] * 3) == 0
    assert losses.MeanSquaredError()(np.zeros((0, 2)), np.zeros((0, 2))) == 0


def test_time_steps_of_a_single_output_can_be_masked() -> None:
    """Labels (batch, time) beside predictions (batch, time, 1): the mask belongs to the steps."""
    y, p = np.zeros((2, 3)), np.arange(6.0).reshape(2, 3, 1)
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    assert losses.MeanSquaredError()(y, p, mask=mask) == pytest.approx((0 + 1 + 9) / 3)
    assert losses.MeanSquaredError(reduction="sum")(y, p, sample_weight=mask * 2.0) == 20


def test_samples_of_a_single_number_each_keep_their_weights() -> None:
    """(batch,) beside (batch,): Keras averages the batch first and the weights reach no sample."""
    y, p = np.zeros(3), np.array([1.0, 2.0, 3.0])
    assert losses.MeanSquaredError()(y, p, [0, 0, 3.0]) == 9
    assert losses.MeanSquaredError()(y, p, mask=[1, 1, 0]) == 2.5
    wrapped = losses.LossFunctionWrapper(losses.get("mse"), name="mse", reduction="none")
    np.testing.assert_array_equal(wrapped(y, p), [1, 4, 9])


@pytest.mark.parametrize(
    ("argument", "shape"), [("sample_weight", (2,)), ("sample_weight", (3, 3)), ("mask", (4,)), ("mask", (3, 2, 2))]
)
def test_weights_of_another_shape_are_named(argument: str, shape: tuple[int, ...]) -> None:
    message = rf"mean_squared_error: {argument} has shape \({', '.join(map(str, shape))},?\).*Expected shape \(3,\)"
    with pytest.raises(ValueError, match=message):
        losses.MeanSquaredError()(Y, P, **{argument: np.ones(shape)})


def test_an_unknown_reduction_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"mean_squared_error: reduction: .*'summ'.*Did you mean 'sum'\?"):
        losses.MeanSquaredError(reduction="summ")


def test_ignored_labels_and_a_mask_leave_out_what_either_says() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    scores = np.array([[[0.5, 0.5], [0.2, 0.8]], [[0.3, 0.7], [0.9, 0.1]]])
    labels = np.array([[0, -1], [1, 0]])
    assert loss(labels, scores, mask=[True, False]) == pytest.approx(-np.log(0.5))
    assert loss(labels, scores, mask=[[True, True], [False, True]]) == pytest.approx(-np.log(0.5 * 0.9) / 2)
    with pytest.raises(ValueError, match=r"mask has shape \(3,\).*\(2, 2\)"):
        loss(labels, scores, mask=[True] * 3)
