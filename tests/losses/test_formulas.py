"""Every formula against float64 NumPy (or scikit-learn, optax), and every gradient against finite differences of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from lamina import losses

RNG = np.random.default_rng(7)
Y, P = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
B, Q = (RNG.random((5, 3)) > 0.5) * 1.0, RNG.uniform(0.05, 0.95, (5, 3))
C, S = RNG.integers(0, 3, 5), RNG.dirichlet(np.ones(3), 5)
H = np.eye(3)[C]


def _log_loss(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return -np.log((scores / scores.sum(1, keepdims=True))[np.arange(5), labels])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _bce(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def _focal(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    q = np.where(y == 1, p, 1 - p)
    return ((1 - q) ** 2 * _bce(y, p)).mean(1)


def _huber(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    e = np.abs(y - p)
    return np.where(e < 0.5, e**2 / 2, 0.5 * e - 0.125).mean(1)


def _cosine(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return -(y * p).sum(1) / np.linalg.norm(y, axis=1) / np.linalg.norm(p, axis=1)


def _softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


FORMULAS: list[tuple[str, dict[str, Any], np.ndarray, np.ndarray, Callable[..., np.ndarray]]] = [
    ("mean_squared_error", {}, Y, P, lambda y, p: ((y - p) ** 2).mean(1)),
    ("mean_absolute_error", {}, Y, P, lambda y, p: np.abs(y - p).mean(1)),
    ("mean_absolute_percentage_error", {}, Y, P, lambda y, p: 100 * np.abs((y - p) / y).mean(1)),
    ("mean_squared_logarithmic_error", {}, B, Q, lambda y, p: ((np.log1p(y) - np.log1p(p)) ** 2).mean(1)),
    ("huber", {"delta": 0.5}, Y, P, _huber),
    ("log_cosh", {}, Y, P, lambda y, p: np.log(np.cosh(y - p)).mean(1)),
    ("cosine_similarity", {}, Y, P, _cosine),
    ("binary_crossentropy", {}, B, Q, lambda y, p: _bce(y, p).mean(1)),
    ("binary_crossentropy", {"from_logits": True}, B, 4 * P, lambda y, p: _bce(y, _sigmoid(p)).mean(1)),
    ("binary_crossentropy", {"label_smoothing": 0.2}, B, Q, lambda y, p: _bce(0.8 * y + 0.1, p).mean(1)),
    ("categorical_crossentropy", {}, H, 2 * S, lambda y, p: _log_loss(y.argmax(1), p)),
    ("categorical_crossentropy", {"from_logits": True}, H, P, lambda y, p: _log_loss(y.argmax(1), np.exp(p))),
    ("sparse_categorical_crossentropy", {}, C, 2 * S, _log_loss),
    ("sparse_categorical_crossentropy", {"from_logits": True}, C, P, lambda y, p: _log_loss(y, np.exp(p))),
    ("binary_focal_crossentropy", {}, B, Q, _focal),
    (
        "categorical_focal_crossentropy",
        {"from_logits": True},
        H,
        P,
        lambda y, p: -(0.25 * (1 - _softmax(p)) ** 2 * y * np.log(_softmax(p))).sum(1),
    ),
    ("categorical_generalized_cross_entropy", {"q": 0.5}, C, S, lambda y, p: 2 * (1 - p[np.arange(5), y] ** 0.5)),
    ("kl_divergence", {}, S, Q, lambda y, p: (y * np.log(y / p)).sum(1)),
    ("poisson", {}, 3 * B, Q, lambda y, p: (p - y * np.log(p + 1e-7)).mean(1)),
    ("hinge", {}, 2 * B - 1, P, lambda y, p: np.maximum(1 - y * p, 0).mean(1)),
    ("hinge", {}, B, P, lambda y, p: np.maximum(1 - (2 * y - 1) * p, 0).mean(1)),
    ("squared_hinge", {}, 2 * B - 1, P, lambda y, p: (np.maximum(1 - y * p, 0) ** 2).mean(1)),
    ("dice", {"axis": 1}, B, Q, lambda y, p: 1 - 2 * (y * p).sum(1) / (y.sum(1) + p.sum(1) + 1e-7)),
    (
        "tversky",
        {"axis": 1, "alpha": 0.3, "beta": 0.7},
        B,
        Q,
        lambda y, p: (
            1 - (y * p).sum(1) / ((y * p).sum(1) + 0.3 * (y * (1 - p)).sum(1) + 0.7 * ((1 - y) * p).sum(1) + 1e-7)
        ),
    ),
]
IDS = [f"{name}-{'-'.join(arguments)}" for name, arguments, *_ in FORMULAS]


@pytest.mark.parametrize(("name", "arguments", "y", "p", "formula"), FORMULAS, ids=IDS)
def test_values_are_the_formula_in_float64(name: str, arguments: Any, y: Any, p: Any, formula: Any) -> None:
    np.testing.assert_allclose(losses.get(name)(y, p, **arguments), formula(y, p), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments", "y", "p", "formula"), FORMULAS, ids=IDS)
def test_gradients_are_finite_differences(name: str, arguments: Any, y: Any, p: Any, formula: Any) -> None:
    gradient = jax.jit(jax.grad(lambda p: losses.get(name)(y, p, **arguments).sum()))(p.astype(np.float32))
    expected = np.zeros_like(p)
    for index in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[index] = 1e-6
        expected[index] = (formula(y, p + step).sum() - formula(y, p - step).sum()) / 2e-6
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_cross_entropies_are_scikit_learns_log_loss() -> None:
    expected = sklearn_metrics.log_loss(C, S, labels=[0, 1, 2])
    np.testing.assert_allclose(losses.SparseCategoricalCrossentropy()(C, S), expected, rtol=1e-6)
    np.testing.assert_allclose(losses.CategoricalCrossentropy()(H, S), expected, rtol=1e-6)
    expected = sklearn_metrics.log_loss(B[:, 0], Q[:, 0], labels=[0, 1])
    np.testing.assert_allclose(losses.BinaryCrossentropy()(B[:, :1], Q[:, :1]), expected, rtol=1e-6)


def test_hinge_is_scikit_learns_hinge_loss() -> None:
    expected = sklearn_metrics.hinge_loss(2 * B[:, 0] - 1, P[:, 0])
    np.testing.assert_allclose(losses.Hinge()(B[:, :1], P[:, :1]), expected, rtol=1e-6)
    expected = sklearn_metrics.hinge_loss(C, P, labels=[0, 1, 2])
    positive = P - P.min() + 0.1  # (1 - y) s has a 0 at the label, which must not be the best other score
    np.testing.assert_allclose(losses.CategoricalHinge()(H, positive), expected, rtol=1e-5)


def test_sparse_and_one_hot_labels_agree_on_any_axis() -> None:
    scores = RNG.normal(size=(4, 3, 5)).astype(np.float32)
    labels = RNG.integers(0, 3, (4, 5))
    for from_logits in (True, False):
        given = scores if from_logits else np.abs(scores)
        sparse = losses.sparse_categorical_crossentropy(labels, given, from_logits, axis=1)
        dense = losses.categorical_crossentropy(np.eye(3)[labels].transpose(0, 2, 1), given, from_logits, axis=1)
        np.testing.assert_allclose(sparse, dense, rtol=1e-5)


def test_infinite_logits_of_other_classes_do_not_spoil_the_loss() -> None:
    logits = np.array([[0.0, -np.inf, 0.0]], np.float32)
    np.testing.assert_allclose(
        losses.sparse_categorical_crossentropy([0], logits, from_logits=True), np.log(2), rtol=1e-6
    )


def test_ignored_entries_have_no_loss_no_gradient_and_may_hold_anything() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=255)
    scores = np.array([[0.7, 0.3], [np.nan, np.nan]], np.float32)
    value, gradient = jax.value_and_grad(lambda p: loss([0, 255], p))(scores)
    np.testing.assert_allclose(value, -np.log(0.7), rtol=1e-6)
    np.testing.assert_array_equal(gradient[1], 0)


def test_cosine_of_a_zero_vector_is_zero_with_a_finite_gradient() -> None:
    """Keras' gradient is NaN here."""
    value, gradient = jax.value_and_grad(lambda p: losses.CosineSimilarity()([[1.0, 0.0]], p))(
        np.zeros((1, 2), np.float32)
    )
    assert value == 0
    assert np.isfinite(gradient).all()


def test_ctc_counts_every_path_that_reads_the_labels() -> None:
    """By hand: two steps, classes blank, 1, 2 with probabilities p; "1" is read from 11, 10 and 01."""
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
    expected = -np.log(0.3 * 0.6 + 0.3 * 0.1 + 0.5 * 0.6)
    np.testing.assert_allclose(losses.ctc([[1, 0]], np.log(p)[None]), [expected], rtol=1e-5)
