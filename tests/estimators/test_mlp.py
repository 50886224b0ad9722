"""The multi-layer perceptrons against scikit-learn's, with both engines; and what scikit-learn's do not have."""

from __future__ import annotations

import pickle

import jax
import numpy as np
import optax
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

import lamina
from lamina.estimators import MLPClassifier, MLPRegressor
from lamina.estimators.mlp import training

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    return scale(x), y


@pytest.fixture(scope="module")
def diabetes():
    x, y = load_diabetes(return_X_y=True)
    return scale(x), scale(y)


@pytest.fixture(params=["numpy", "compiled"])
def engine(request, monkeypatch):
    monkeypatch.setattr(training, "SMALL", 1e9 if request.param == "numpy" else 0)
    return request.param


SETTINGS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "momentum, invscaling": {
        "solver": "sgd",
        "nesterovs_momentum": False,
        "learning_rate": "invscaling",
        "learning_rate_init": 0.5,
    },
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    "lbfgs": {"solver": "lbfgs", "alpha": 0.1},
    "early stopping": {"early_stopping": True, "batch_size": 50},
    "logistic, no shuffle": {"activation": "logistic", "shuffle": False, "batch_size": 64},
}


def assert_same(ours, theirs, x):
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    for mine, other in zip([*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-8)
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_", "t_"):
        if getattr(theirs, name, None) is not None:
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9, atol=1e-12)
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_a_classifier_has_scikit_learns_numbers(iris, engine, setting):
    x, y = iris
    settings = {"hidden_layer_sizes": 4, "max_iter": 15, "random_state": 3} | SETTINGS[setting]
    weights = np.random.default_rng(0).uniform(size=len(y)) if setting in ("adam", "lbfgs") else None
    ours = MLPClassifier(**settings).fit(x, y, weights)
    theirs = sklearn.neural_network.MLPClassifier(**settings).fit(x, y, weights)
    assert_same(ours, theirs, x)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", ["two classes", "labels", "text"])
def test_all_kinds_of_targets(iris, kind):
    x, y = iris
    targets = {"two classes": y == 1, "labels": np.eye(3, dtype=int)[y], "text": np.array(["a", "b", "c"])[y]}[kind]
    settings = {"hidden_layer_sizes": (4, 3), "activation": "tanh", "max_iter": 15, "random_state": 0}
    ours = MLPClassifier(**settings).fit(x, targets)
    theirs = sklearn.neural_network.MLPClassifier(**settings).fit(x, targets)
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-9)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.predict(x).dtype == theirs.predict(x).dtype


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_regressor_has_scikit_learns_numbers(diabetes, engine, loss):
    x, y = diabetes
    y = np.column_stack([y, y**2])[:, : 2 if loss == "squared_error" else 1] ** 2
    settings = {"loss": loss, "hidden_layer_sizes": 4, "max_iter": 10, "random_state": 3}
    targets = y if y.shape[1] > 1 else y[:, 0]
    assert_same(
        MLPRegressor(**settings).fit(x, targets),
        sklearn.neural_network.MLPRegressor(**settings).fit(x, targets),
        x,
    )


def test_float32_rows_are_computed_in_float32(diabetes, engine):
    x, y = diabetes
    regressor = MLPRegressor(hidden_layer_sizes=4, max_iter=2).fit(x.astype(np.float32), y)
    assert {value.dtype for value in [*regressor.coefs_, *regressor.intercepts_]} == {np.dtype(np.float32)}
    assert regressor.predict(x.astype(np.float32)).dtype == np.float32


def test_sparse_rows_give_the_same_weights(iris, engine):
    x, y = iris
    settings = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0}
    dense = MLPClassifier(**settings).fit(x, y)
    sparse = MLPClassifier(**settings).fit(scipy.sparse.csc_array(x), y)
    np.testing.assert_allclose(sparse.coefs_[0], dense.coefs_[0], rtol=1e-9)
    np.testing.assert_allclose(sparse.predict_proba(scipy.sparse.csr_array(x)), dense.predict_proba(x), rtol=1e-9)


def test_partial_fit_goes_on_as_scikit_learns_does(iris, engine):
    x, y = iris
    pair = [
        module.MLPClassifier(hidden_layer_sizes=4, random_state=0)
        for module in (lamina.estimators, sklearn.neural_network)
    ]
    for one in pair:
        for rows in (slice(0, 100), slice(100, None), slice(None)):
            one.partial_fit(x[rows], y[rows], classes=[0, 1, 2])
    assert_same(*pair, x)


def test_a_search_over_rates_and_strengths_compiles_once(iris, monkeypatch):
    monkeypatch.setattr(training, "SMALL", 0)
    x, y = iris
    compiled: list[float] = []

    def count(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(seconds)

    grid = {"alpha": [0.0, 0.1], "learning_rate_init": [0.001, 0.01], "max_iter": [2]}
    classifier = MLPClassifier(hidden_layer_sizes=5, random_state=0, batch_size=16)
    jax.monitoring.register_event_duration_secs_listener(count)
    try:
        classifier.fit(x[:110], y[:110])  # a fold of 3 has 100 rows: the same padded size
        first = len(compiled)
        search = GridSearchCV(classifier, grid, cv=3).fit(x, y)
    finally:
        jax.monitoring.unregister_event_duration_listener(count)
    assert first > 0
    assert len(compiled) <= first + 1  # the last fit, on all 150 rows
    assert len(search.cv_results_["params"]) == 4


def test_the_work_decides_between_the_engines(iris):
    x, y = iris
    for epochs, kind in ((20, training.NumpySteps), (200_000, training.JaxSteps)):
        estimator = MLPClassifier(hidden_layer_sizes=4, max_iter=1, random_state=0).fit(x, y)
        data = training.Data(x, np.eye(3)[y], None)
        steps = training.make_steps(
            estimator, estimator._architecture(), estimator._weights(), data, estimator._optimizer, epochs
        )
        assert type(steps) is kind


# What scikit-learn does not have.


def test_every_layer_may_have_its_own_activation(iris):
    x, y = iris
    uniform = MLPClassifier((4, 4), "tanh", max_iter=3, random_state=0).fit(x, y)
    listed = MLPClassifier((4, 4), ["tanh", "tanh"], max_iter=3, random_state=0).fit(x, y)
    np.testing.assert_array_equal(listed.coefs_[0], uniform.coefs_[0])
    mixed = MLPClassifier((4, 3), ["tanh", "elu"], max_iter=3, random_state=0).fit(x, y)
    hidden = np.tanh(x @ mixed.coefs_[0] + mixed.intercepts_[0]) @ mixed.coefs_[1] + mixed.intercepts_[1]
    z = np.where(hidden > 0, hidden, np.expm1(hidden)) @ mixed.coefs_[2] + mixed.intercepts_[2]
    powers = np.exp(z)
    np.testing.assert_allclose(mixed.predict_proba(x), powers / powers.sum(axis=1, keepdims=True), rtol=1e-6)


def test_quantile_loss_predicts_quantiles():
    y = np.random.default_rng(0).exponential(size=400)
    x = np.zeros((400, 1))
    for quantile in (0.2, 0.8):
        regressor = MLPRegressor(
            "quantile",
            2,
            "tanh",
            quantile=quantile,
            learning_rate_init=0.02,
            alpha=0,
            random_state=0,
            tol=0,
            max_iter=300,
        )
        found = regressor.fit(x, y).predict(x[:1])[0]
        assert np.mean(y < found) == pytest.approx(quantile, abs=0.03)


def test_huber_and_absolute_loss_bear_outliers_better(diabetes):
    x, y = diabetes
    spoiled = y.copy()
    spoiled[::20] += 50
    errors = {}
    for loss in ("squared_error", "huber", "absolute_error"):
        regressor = MLPRegressor(loss, 4, random_state=0, learning_rate_init=0.01, max_iter=60).fit(x, spoiled)
        errors[loss] = np.abs(regressor.predict(x) - y).mean()
    assert errors["huber"] < 0.8 * errors["squared_error"]
    assert errors["absolute_error"] < 0.8 * errors["squared_error"]


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("relu", 0, np.inf), ("softplus", 0, np.inf), ("sigmoid", 0, 1), ("tanh", -1, 1)]
)
def test_output_activations_bound_the_answers(diabetes, activation, low, high):
    x, y = diabetes
    regressor = MLPRegressor(hidden_layer_sizes=4, output_activation=activation, max_iter=5, random_state=0)
    answers = regressor.fit(x, np.clip(y, 0.05, 0.95)).predict(100 * x)
    assert low <= answers.min() <= answers.max() <= high
    assert np.ptp(answers) > 0
    assert regressor.loss_curve_[-1] < regressor.loss_curve_[0]


def test_dropout_leaves_out_its_share_in_training_only(diabetes):
    x, y = diabetes
    settings = {"hidden_layer_sizes": 8, "max_iter": 4, "random_state": 0}
    plain, dropped = MLPRegressor(**settings).fit(x, y), MLPRegressor(**settings, dropout=0.5).fit(x, y)
    again = clone(dropped).fit(x, y)
    assert dropped.loss_curve_[0] > plain.loss_curve_[0]
    assert dropped.loss_curve_ == again.loss_curve_
    hidden = np.maximum(x @ dropped.coefs_[0] + dropped.intercepts_[0], 0)
    np.testing.assert_allclose(dropped.predict(x), (hidden @ dropped.coefs_[1] + dropped.intercepts_[1])[:, 0])


def test_batch_normalization_uses_the_rows_in_training_and_moving_means_after(diabetes):
    x, y = diabetes
    regressor = MLPRegressor(
        hidden_layer_sizes=6, batch_normalization=True, random_state=0, max_iter=80, learning_rate_init=0.01, alpha=0
    ).fit(1000 * x + 5000, y)
    assert regressor.score(1000 * x + 5000, y) > 0.4  # without it, these rows are too large to learn from
    ((gamma, beta, mean, variance),) = regressor.normalizations_
    sums = (1000 * x + 5000) @ regressor.coefs_[0] + regressor.intercepts_[0]
    assert (abs(mean - sums.mean(axis=0)) < 0.3 * sums.std(axis=0)).all()
    np.testing.assert_allclose(variance, sums.var(axis=0), rtol=0.3)
    hidden = np.maximum((sums - mean) / np.sqrt(variance + 1e-3) * gamma + beta, 0)
    expected = (hidden @ regressor.coefs_[1] + regressor.intercepts_[1])[:, 0]
    np.testing.assert_allclose(regressor.predict(1000 * x + 5000), expected)


def test_class_weights_are_weights_of_rows(iris):
    x, y = iris
    settings = {"hidden_layer_sizes": 4, "max_iter": 5, "random_state": 0}
    by_class = MLPClassifier(class_weight={0: 1, 1: 5, 2: 1}, **settings).fit(x, y)
    by_row = MLPClassifier(**settings).fit(x, y, sample_weight=np.where(y == 1, 5.0, 1.0))
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])


def test_validation_rows_of_ones_own(iris):
    x, y = iris
    train, own = np.arange(150) % 3 > 0, np.arange(150) % 3 == 0
    settings = {"hidden_layer_sizes": 4, "max_iter": 12, "random_state": 0, "learning_rate_init": 0.05}
    watched = MLPClassifier(**settings).fit(x[train], y[train], X_val=x[own], y_val=y[own])
    alone = MLPClassifier(**settings).fit(x[train], y[train])
    assert watched.loss_curve_ == alone.loss_curve_  # watching changes nothing
    assert watched.validation_scores_[-1] == watched.score(x[own], y[own])
    probabilities = watched.predict_proba(x[own])[np.arange(own.sum()), y[own]]
    assert watched.validation_loss_curve_[-1] == pytest.approx(-np.log(probabilities).mean())
    stopping = MLPClassifier(early_stopping=True, n_iter_no_change=2, **settings)
    stopping.fit(x[train], y[train], X_val=x[own], y_val=y[own])
    assert stopping.score(x[own], y[own]) == stopping.best_validation_score_ == max(stopping.validation_scores_)


@pytest.mark.parametrize("solver", ["rmsprop", "optimizer", "optax"])
def test_any_optimizer(diabetes, solver):
    x, y = diabetes
    given = {
        "rmsprop": "rmsprop",
        "optimizer": lamina.optimizers.SGD(0.05, momentum=0.9, nesterov=False),
        "optax": optax.sgd(0.05, momentum=0.9),
    }[solver]
    settings = {"hidden_layer_sizes": 4, "max_iter": 8, "random_state": 0}
    regressor = MLPRegressor(solver=given, **settings).fit(x, y)
    if solver == "rmsprop":
        assert regressor.loss_curve_[-1] < regressor.loss_curve_[0]
    else:
        same = {"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False}
        expected = sklearn.neural_network.MLPRegressor(**same, **settings).fit(x, y)
        np.testing.assert_allclose(regressor.loss_curve_, expected.loss_curve_, rtol=1e-6)
    reread = pickle.loads(pickle.dumps(regressor)) if solver == "rmsprop" else clone(regressor).fit(x, y)
    np.testing.assert_array_equal(reread.predict(x), regressor.predict(x))


def test_callbacks_see_epochs_and_may_stop(iris):
    x, y = iris
    history = lamina.callbacks.History()
    stopping = lamina.callbacks.EarlyStopping("val_loss", patience=1, min_delta=10, restore_best_weights=True)
    classifier = MLPClassifier(hidden_layer_sizes=4, random_state=0, callbacks=[history, stopping])
    classifier.fit(x, y, X_val=x[::7], y_val=y[::7])
    assert classifier.n_iter_ == 2
    assert history.history["loss"] == classifier.loss_curve_
    assert history.history["val_score"] == classifier.validation_scores_
    once = MLPClassifier(hidden_layer_sizes=4, random_state=0, max_iter=1).fit(x, y)
    np.testing.assert_array_equal(classifier.coefs_[0], once.coefs_[0])  # the best weights were those of epoch 1


def test_the_device_is_a_choice(iris):
    x, y = iris
    settings = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0}
    here = MLPClassifier(**settings, device="cpu").fit(x, y)
    np.testing.assert_allclose(here.loss_curve_, MLPClassifier(**settings).fit(x, y).loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_layer_sizes": (4, 0)}, r"hidden_layer_sizes must be > 0, got \[4, 0\]"),
        ({"activation": ["relu"]}, "activation: expected one, or a list of 2 for the hidden layers, received"),
        ({"activation": "rleu"}, "Did you mean 'relu'"),
        ({"solver": "rmspop"}, "Did you mean 'rmsprop'"),
        ({"dropout": 1.0}, r"dropout: expected a rate in \[0, 1\), or one for each of 2 hidden layers, received 1.0"),
        ({"solver": "lbfgs", "dropout": 0.5}, "solver='lbfgs' needs the same loss in each of its calls"),
        ({"learning_rate": "slow"}, "learning_rate: expected one of 'constant', 'invscaling', 'adaptive'"),
        ({"alpha": -1}, "alpha: expected a number >= 0, received -1"),
        ({"batch_size": 0}, "batch_size: expected a whole number >= 1, or 'auto', received 0"),
        ({"loss": "hubert"}, "loss: expected one of .* received 'hubert'. Did you mean 'huber'"),
        ({"quantile": 1}, "quantile: expected a number > 0 and < 1, received 1"),
    ],
    ids=["sizes", "list", "activation", "solver", "dropout", "lbfgs", "rate", "alpha", "batch", "loss", "quantile"],
)
def test_parameters_are_checked_in_fit(diabetes, settings, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**({"hidden_layer_sizes": (4, 4)} | settings)).fit(*diabetes)


def test_data_that_does_not_fit_is_refused(iris):
    x, y = iris
    with pytest.raises(ValueError, match="X_val and y_val belong together"):
        MLPClassifier().fit(x, y, X_val=x)
    with pytest.raises(ValueError, match="X_val has 150 rows, y_val 3"):
        MLPClassifier().fit(x, y, X_val=x, y_val=y[:3])
    with pytest.raises(ValueError, match=r"y holds classes that training did not see: \[2\]"):
        MLPClassifier().fit(x[y < 2], y[y < 2], X_val=x[90:120], y_val=y[90:120])
    with pytest.raises(ValueError, match=r"loss='poisson' is for counts: expected y >= 0, received -1"):
        MLPRegressor("poisson").fit(x, y - 1)
