"""scikit-learn's own tests of its multi-layer perceptrons, run on ours."""

from __future__ import annotations

import pytest

from tests.parity import sklearn_tests
from tests.parity.sklearn_tests import global_random_seed, only_in_full  # noqa: F401

pytestmark = pytest.mark.filterwarnings("default")  # scikit-learn's own tests are not run with warnings as errors
LEFT_OUT = {
    "test_gradient": "calls the private method _loss_grad_lbfgs; tests/estimators/test_mlp_gradients.py does the same",
}
LONG = (
    "test_alpha",
    "test_early_stopping",
    "test_lbfgs_classification",
    "test_lbfgs_classification_maxfun",
    "test_lbfgs_regression",
    "test_lbfgs_regression_maxfun",
    "test_multilabel_classification",
    "test_multioutput_regression",
    "test_n_iter_no_change",
    "test_n_iter_no_change_inf",
    "test_partial_fit_classification",
)
globals().update(
    sklearn_tests.load(
        "neural_network/tests/test_mlp.py",
        "from sklearn.neural_network import MLPClassifier, MLPRegressor",
        "from lamina.estimators import MLPClassifier, MLPRegressor",
        LEFT_OUT,
        LONG,
    )
)
