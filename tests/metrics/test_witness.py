"""Metrics against scikit-learn and float64 NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from lamina import metrics

RNG = np.random.default_rng(3)
ROWS = 400
LABELS = RNG.integers(0, 4, ROWS)
SCORES = RNG.dirichlet(np.ones(4), ROWS)
GUESS = SCORES.argmax(1)
ONEHOT = np.eye(4)[LABELS]
YES = RNG.integers(0, 2, ROWS)
P = np.clip(0.35 * YES + 0.65 * RNG.random(ROWS), 0, 1)
WEIGHTS = RNG.integers(0, 3, ROWS) / 2
Y, Q = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 3))
weighted = pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])


def value(metric: Any, *data: Any) -> Any:
    return np.asarray(metric(*(None if d is None else np.float32(d) for d in data)))


@weighted
def test_accuracies(weights: Any) -> None:
    expected = sklearn_metrics.accuracy_score(LABELS, GUESS, sample_weight=weights)
    for metric, labels in (("SparseCategoricalAccuracy", LABELS), ("CategoricalAccuracy", ONEHOT)):
        np.testing.assert_allclose(value(metrics.get(metric), labels, SCORES, weights), expected, rtol=1e-6)
    np.testing.assert_allclose(value(metrics.Accuracy(), LABELS, GUESS, weights), expected, rtol=1e-6)
    expected = sklearn_metrics.accuracy_score(YES, P > 0.3, sample_weight=weights)
    np.testing.assert_allclose(value(metrics.BinaryAccuracy(threshold=0.3), YES, P, weights), expected, rtol=1e-6)
    expected = sklearn_metrics.top_k_accuracy_score(LABELS, SCORES, k=2, sample_weight=weights)
    for metric, labels in ((metrics.SparseTopKCategoricalAccuracy, LABELS), (metrics.TopKCategoricalAccuracy, ONEHOT)):
        np.testing.assert_allclose(value(metric(k=2), labels, SCORES, weights), expected, rtol=1e-6)


@weighted
def test_errors_and_r2(weights: Any) -> None:
    for name, function in (
        ("mse", sklearn_metrics.mean_squared_error),
        ("mae", sklearn_metrics.mean_absolute_error),
        ("RootMeanSquaredError", lambda *a, **k: sklearn_metrics.mean_squared_error(*a, **k) ** 0.5),
    ):
        expected = function(Y, Q, sample_weight=weights)
        np.testing.assert_allclose(value(metrics.get(name), Y, Q, weights), expected, rtol=1e-5)
    for ours, theirs in (
        (None, "raw_values"),
        ("uniform_average", "uniform_average"),
        ("variance_weighted_average", "variance_weighted"),
    ):
        expected = sklearn_metrics.r2_score(Y, Q, sample_weight=weights, multioutput=theirs)
        np.testing.assert_allclose(value(metrics.R2Score(ours), Y, Q, weights), expected, rtol=1e-5)


def test_r2_keeps_its_digits_far_from_zero_and_over_many_batches() -> None:
    """Years around 2000: sums of squares about zero would lose every digit of the variance in float32."""
    years = RNG.integers(1990, 2020, 4000).astype(float)
    guesses = years + RNG.normal(scale=2, size=4000)
    metric = metrics.R2Score()
    for first in range(0, 4000, 32):
        metric.update_state(years[first : first + 32], guesses[first : first + 32])
    np.testing.assert_allclose(metric.result(), sklearn_metrics.r2_score(years, guesses), rtol=1e-5)


def test_r2_without_variance_is_scikit_learns() -> None:
    assert value(metrics.R2Score(), [2.0, 2.0], [2.0, 2.0]) == sklearn_metrics.r2_score([2.0, 2.0], [2.0, 2.0]) == 1
    assert value(metrics.R2Score(), [2.0, 2.0], [1.0, 2.0]) == sklearn_metrics.r2_score([2.0, 2.0], [1.0, 2.0]) == 0


def test_adjusted_r2_by_hand() -> None:
    y, p = Y[:20, :1], Q[:20, :1]
    r2 = sklearn_metrics.r2_score(y, p)
    np.testing.assert_allclose(value(metrics.R2Score(num_regressors=3), y, p), 1 - (1 - r2) * 19 / 16, rtol=1e-5)
    np.testing.assert_allclose(value(metrics.R2Score(num_regressors=30), y, p), r2, rtol=1e-5)


@weighted
def test_cross_entropies_and_hinge(weights: Any) -> None:
    expected = sklearn_metrics.log_loss(LABELS, SCORES, sample_weight=weights)
    sparse, dense = metrics.SparseCategoricalCrossentropy(), metrics.CategoricalCrossentropy()
    np.testing.assert_allclose(value(sparse, LABELS, SCORES, weights), expected, rtol=1e-5)
    np.testing.assert_allclose(value(dense, ONEHOT, SCORES, weights), expected, rtol=1e-5)
    expected = sklearn_metrics.log_loss(YES, P, sample_weight=weights)
    np.testing.assert_allclose(value(metrics.BinaryCrossentropy(), YES, P, weights), expected, rtol=1e-4)
    expected = sklearn_metrics.hinge_loss(2 * YES - 1, Y[:, 0], sample_weight=weights)
    np.testing.assert_allclose(value(metrics.Hinge(), 2 * YES - 1, Y[:, 0], weights), expected, rtol=1e-5)


@weighted
def test_confusion_precision_recall_and_f(weights: Any) -> None:
    guess = P > 0.6
    tn, fp, fn, tp = sklearn_metrics.confusion_matrix(YES, guess, sample_weight=weights).ravel()
    counts = {"TruePositives": tp, "TrueNegatives": tn, "FalsePositives": fp, "FalseNegatives": fn}
    for name, expected in counts.items():
        np.testing.assert_allclose(value(getattr(metrics, name)(0.6), YES, P, weights), expected, rtol=1e-6)
    for name, function in (("Precision", "precision_score"), ("Recall", "recall_score")):
        expected = getattr(sklearn_metrics, function)(YES, guess, sample_weight=weights)
        np.testing.assert_allclose(value(getattr(metrics, name)(0.6), YES, P, weights), expected, rtol=1e-6)
    for average in (None, "micro", "macro", "weighted"):
        expected = sklearn_metrics.f1_score(LABELS, GUESS, average=average, sample_weight=weights)
        np.testing.assert_allclose(value(metrics.F1Score(average), ONEHOT, SCORES, weights), expected, rtol=1e-5)
        expected = sklearn_metrics.fbeta_score(LABELS, GUESS, beta=2, average=average, sample_weight=weights)
        np.testing.assert_allclose(value(metrics.FBetaScore(average, 2), ONEHOT, SCORES, weights), expected, rtol=1e-5)
    expected = sklearn_metrics.f1_score(YES, guess, sample_weight=weights)
    np.testing.assert_allclose(value(metrics.F1Score("macro", 0.6), YES, P, weights), expected, rtol=1e-5)


@weighted
def test_area_under_curves_with_many_thresholds(weights: Any) -> None:
    expected = sklearn_metrics.roc_auc_score(YES, P, sample_weight=weights)
    auc = metrics.AUC(num_thresholds=20_000)
    np.testing.assert_allclose(value(auc, YES, P, weights), expected, rtol=1e-4)
    logits = np.log(P / (1 - P) + 1e-9)
    np.testing.assert_allclose(value(metrics.AUC(20_000, from_logits=True), YES, logits, weights), expected, rtol=1e-3)
    expected = sklearn_metrics.average_precision_score(YES, P, sample_weight=weights)
    np.testing.assert_allclose(value(metrics.AUC(20_000, curve="PR"), YES, P, weights), expected, rtol=1e-2)


def test_area_of_each_label_is_averaged() -> None:
    many = (SCORES[:, :3] + RNG.normal(scale=0.2, size=(ROWS, 3)) > 0.3).astype(int)
    expected = sklearn_metrics.roc_auc_score(many, SCORES[:, :3], average="macro")
    metric = metrics.AUC(20_000, multi_label=True)
    np.testing.assert_allclose(value(metric, many, SCORES[:, :3]), expected, rtol=1e-4)


def test_operating_points_on_scikit_learns_curves() -> None:
    precision, recall, _ = sklearn_metrics.precision_recall_curve(YES, P)
    fpr, tpr, _ = sklearn_metrics.roc_curve(YES, P, drop_intermediate=False)
    fine = {"num_thresholds": 20_000}
    np.testing.assert_allclose(
        value(metrics.PrecisionAtRecall(0.7, **fine), YES, P), precision[:-1][recall[:-1] >= 0.7].max(), rtol=1e-5
    )
    np.testing.assert_allclose(
        value(metrics.RecallAtPrecision(0.6, **fine), YES, P), recall[:-1][precision[:-1] >= 0.6].max(), rtol=1e-5
    )
    np.testing.assert_allclose(
        value(metrics.SensitivityAtSpecificity(0.5, **fine), YES, P), tpr[1 - fpr >= 0.5].max(), rtol=1e-5
    )
    np.testing.assert_allclose(
        value(metrics.SpecificityAtSensitivity(0.5, **fine), YES, P), (1 - fpr)[tpr >= 0.5].max(), rtol=1e-5
    )


@weighted
def test_iou_is_the_jaccard_score(weights: Any) -> None:
    each = sklearn_metrics.jaccard_score(LABELS, GUESS, average=None, sample_weight=weights)
    np.testing.assert_allclose(value(metrics.MeanIoU(4), LABELS, GUESS, weights), each.mean(), rtol=1e-5)
    np.testing.assert_allclose(value(metrics.IoU(4, [1, 3]), LABELS, GUESS, weights), each[[1, 3]].mean(), rtol=1e-5)
    np.testing.assert_allclose(value(metrics.OneHotMeanIoU(4), ONEHOT, SCORES, weights), each.mean(), rtol=1e-5)


def test_correlations_by_numpy() -> None:
    expected = np.mean([np.corrcoef(y, q)[0, 1] for y, q in zip(Y, Q, strict=True)])
    np.testing.assert_allclose(value(metrics.PearsonCorrelation(), Y, Q), expected, rtol=1e-4)


def test_means_over_a_million_rows_in_small_batches() -> None:
    """What the docstring of `Metric` says about float32 sums, at a tenth of its rows."""
    values = RNG.gamma(1, 0.3, 1_000_000).astype(np.float32).reshape(-1, 64)
    metric = metrics.Mean()
    import jax

    state = [v.value for v in metric.variables]
    state = jax.jit(
        lambda s, v: jax.lax.fori_loop(0, len(values), lambda i, s: metric.stateless_update_state(s, v[i]), s)
    )(state, values)
    assert state[1] == 1_000_000
    np.testing.assert_allclose(metric.stateless_result(state), values.mean(dtype=np.float64), rtol=1e-5)
