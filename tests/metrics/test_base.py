"""`Metric`: what users write themselves, names, mistakes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses, metrics
from lamina.core.config import custom_object_scope
from lamina.core.variable import Variable, bind


class Range(metrics.Metric):
    """Largest minus smallest error, and the mean of them in a metric of its own."""

    def __init__(self, name: str = "range", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")
        self.smallest = self.add_weight(name="smallest")
        self.mean = metrics.Mean()
        self.others = [metrics.Sum(), Variable(0.0, name="free")]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        error = jnp.asarray(y_pred) - jnp.asarray(y_true)
        self.largest.assign(jnp.maximum(self.largest, error.max()))
        self.smallest.assign(jnp.minimum(self.smallest, error.min()))
        self.mean.update_state(error, sample_weight)

    def result(self) -> Any:
        return {"range": self.largest - self.smallest, "mean": self.mean.result()}


def test_a_metric_of_ones_own_is_tracked_reset_serialised_and_compiled() -> None:
    metric = Range()
    assert [v.path for v in metric.variables] == [
        *("range/largest", "range/smallest", "free", "mean/total", "mean/count", "sum/total"),
    ]
    metric.update_state([0.0, 0.0], [2.0, -1.0])
    assert {k: float(v) for k, v in metric.result().items()} == {"range": 3, "mean": 0.5}
    state = jax.jit(metric.stateless_update_state)([v.value for v in metric.variables], [0.0, 0.0], [4.0, 0.0])
    assert metric.stateless_result(state)["range"] == 5
    metric.reset_state()
    assert not any(v.value for v in metric.variables)
    with custom_object_scope({"Range": Range}):
        assert metrics.deserialize(metrics.serialize(metric)).get_config() == {"name": "range", "dtype": "float32"}


def test_accumulators_are_not_read_in_16_bits_inside_a_mixed_precision_layer() -> None:
    from lamina.core.variable import autocast

    metric = metrics.Mean()
    metric.update_state([257.0])
    with autocast("bfloat16"):
        assert metric.result() == 257


def test_a_forgotten_super_init_says_so() -> None:
    class Bad(metrics.Metric):
        def __init__(self) -> None:
            self.total = self.add_variable(name="total")

    with pytest.raises(RuntimeError, match=r"Bad: call super\(\)\.__init__\(\) before"):
        Bad()


def test_state_that_depends_on_the_data_is_built_before_a_compiled_loop() -> None:
    metric = metrics.F1Score()
    assert not metric.built
    assert metric.variables == []
    metric.build((None, 3), (None, 3))
    assert [v.shape for v in metric.variables] == [(3,)] * 4
    late = metrics.F1Score(name="late")
    with pytest.raises(RuntimeError, match="late/true_positives' was assigned inside a compiled call"), bind([], []):
        late.update_state(np.eye(3), np.eye(3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: metrics.get("acuracy"), ValueError, "Unknown metric: 'acuracy'.*Did you mean 'accuracy'"),
        (lambda: metrics.get(losses.MeanSquaredError()), TypeError, "Expected a metric"),
        (lambda: metrics.Metric().update_state([1], [1]), NotImplementedError, "Metric has no update_state"),
        (lambda: metrics.Metric().result(), NotImplementedError, "Metric has no result"),
        (lambda: metrics.MeanMetricWrapper("mse"), TypeError, r"fn: expected a function fn\(y_true, y_pred\)"),
        (lambda: metrics.MeanMetricWrapper(lambda t, p: None, "m")([1.0], [1.0]), TypeError, "m: .*returned None"),
        (lambda: metrics.Precision(thresholds=1.5), ValueError, r"Precision: thresholds: .*\[0, 1\], received \[1.5\]"),
        (lambda: metrics.Recall(thresholds=[]), ValueError, r"thresholds: expected numbers in \[0, 1\]"),
        (lambda: metrics.Recall(top_k=0), ValueError, "Recall: top_k: expected a whole number >= 1, received 0"),
        (
            lambda: metrics.Precision(top_k=4)(np.eye(3), np.eye(3)),
            ValueError,
            r"top_k is 4, .*\(3, 3\): 3 scores each",
        ),
        (lambda: metrics.Precision(class_id=3)(np.eye(3), np.eye(3)), ValueError, r"class_id is 3, but .* \(3, 3\)"),
        (
            lambda: metrics.Precision(class_id=0)([1, 0], [1, 0]),
            ValueError,
            r"class_id is 0, but y_pred has shape \(2,\)",
        ),
        (lambda: metrics.AUC(curve="ROK"), ValueError, "AUC: curve: .*'ROK'. Did you mean 'ROC'"),
        (lambda: metrics.AUC(summation_method="middle"), ValueError, "AUC: summation_method: expected one of"),
        (lambda: metrics.AUC(num_thresholds=1), ValueError, "AUC: num_thresholds: expected a whole number >= 2"),
        (lambda: metrics.AUC(num_labels=2), ValueError, "num_labels: expected None without multi_label=True"),
        (lambda: metrics.AUC(multi_label=True)([1, 0], [1, 0]), ValueError, r"\(batch, labels\), received \(2,\)"),
        (lambda: metrics.AUC(label_weights=[1, 1])(np.eye(3), np.eye(3)), ValueError, "has 2 entries, but .* 3 labels"),
        (lambda: metrics.AUC(multi_label=True).result(), ValueError, "auc: there is no result before the first batch"),
        (lambda: metrics.F1Score().result(), ValueError, "f1_score: there is no result before the first batch"),
        (lambda: metrics.F1Score(average="mean"), ValueError, "f1_score: average: expected one of"),
        (lambda: metrics.F1Score(threshold=0), ValueError, r"threshold: expected a number in \(0, 1\]"),
        (lambda: metrics.FBetaScore(beta=0), ValueError, "fbeta_score: beta: expected a number > 0, received 0"),
        (lambda: metrics.F1Score()([0, 1], np.eye(3)[:2]), ValueError, "f1_score: .*class numbers.*one-hot"),
        (
            lambda: metrics.F1Score()(np.ones((2, 2, 2)), np.ones((2, 2, 2))),
            ValueError,
            r"\(batch, classes\), received",
        ),
        (lambda: metrics.R2Score("mean"), ValueError, "r2_score: class_aggregation: expected one of"),
        (lambda: metrics.R2Score(num_regressors=-1), ValueError, "num_regressors: expected a whole number >= 0"),
        (
            lambda: metrics.R2Score()(np.ones((2, 2, 2)), np.ones((2, 2, 2))),
            ValueError,
            r"\(batch, outputs\), received",
        ),
        (lambda: metrics.PrecisionAtRecall(1.5), ValueError, "PrecisionAtRecall: recall: expected a fraction"),
        (lambda: metrics.TopKCategoricalAccuracy(k=0), ValueError, "k: expected a whole number >= 1"),
        (
            lambda: metrics.IoU(2, [2]),
            ValueError,
            r"target_class_ids: expected class numbers from 0 to 1, received \[2\]",
        ),
        (lambda: metrics.MeanIoU(3)([0, 1], np.eye(3)[:2]), ValueError, r"\(2,\) and \(2, 3\), .*sparse_y_pred=False"),
        (
            lambda: metrics.SparseCategoricalAccuracy()(np.eye(3), np.eye(3)),
            ValueError,
            r"sparse_categorical_accuracy: y_true has shape \(3, 3\).*One-hot labels go with .*CategoricalAccuracy",
        ),
        (
            lambda: metrics.CategoricalAccuracy()([0, 1, 2], np.eye(3)),
            ValueError,
            r"categorical_accuracy: y_true has shape \(3,\).*SparseCategoricalAccuracy\) or one-hot",
        ),
    ],
)
def test_mistakes_are_named(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
