"""The estimators keep scikit-learn's contract: its own checks, with a reason for each that is expected to fail."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import lamina
from lamina.estimators import LaminaClassifier, LaminaRegressor, MLPClassifier, MLPRegressor, Perceptron

# A row of weight 2 is one step twice as far, which is not two steps; scikit-learn expects the same of its own.
WEIGHTS = {
    f"check_sample_weight_equivalence_on_{kind}_data": "a weight is the length of a step, not a number of steps"
    for kind in ("dense", "sparse")
}
BATCHES = dict.fromkeys(WEIGHTS, "the loss of a batch is divided by its rows, as in Keras, not by their weights")
FAILING = {
    "Perceptron": WEIGHTS,
    "LaminaClassifier": BATCHES,
    "LaminaRegressor": BATCHES
    | {"check_methods_subset_invariance": "models compute in float32; batches of other sizes round otherwise"},
}
LIGHT = {  # of the models that are compiled for each fit
    "check_classifiers_classes",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_dont_overwrite_attributes",
    "check_get_params_invariance",
    "check_n_features_in_after_fitting",
    "check_no_attributes_set_in_init",
    "check_regressor_multioutput",
    "check_set_params",
}


def classifier_model(meta):
    kinds = {"binary": (1, "sigmoid"), "multilabel-indicator": (meta["n_outputs_"], "sigmoid")}
    units, activation = kinds.get(meta["target_type_"], (meta["n_classes_"], "softmax"))
    return lamina.Sequential([lamina.layers.Dense(8, "relu"), lamina.layers.Dense(units, activation)])


def regressor_model(meta):
    return lamina.Sequential([lamina.layers.Dense(8, "relu"), lamina.layers.Dense(meta["n_outputs_"])])


def expected(estimator):
    return FAILING.get(type(estimator).__name__, {})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [Perceptron(max_iter=20), MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)],
    expected_failed_checks=expected,
)
def test_estimators(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [
        LaminaClassifier(
            classifier_model, optimizer=lamina.optimizers.Adam(0.05, name="adam"), epochs=15, random_state=0
        ),
        LaminaRegressor(
            regressor_model, optimizer=lamina.optimizers.Adam(0.05, name="adam"), epochs=15, random_state=0
        ),
    ],
    expected_failed_checks=expected,
)
def test_wrappers(estimator, check, request):
    if not request.config.getoption("--grid") and check.func.__name__ not in LIGHT:
        pytest.skip("each check compiles its models: with --grid")
    check(estimator)
