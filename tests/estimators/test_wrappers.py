"""Models in scikit-learn's tools: routed parameters, pipelines, searches, calibration, votes, copies."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import lamina
from lamina.estimators import KerasClassifier, KerasRegressor, LaminaClassifier, LaminaRegressor, MLPClassifier


def build(meta, units=4, activation="relu"):
    outputs = lamina.layers.Dense(meta["n_classes_"], "softmax")
    return lamina.Sequential([lamina.layers.Dense(units, activation), outputs])


def build_regressor(units=4):
    return lamina.Sequential([lamina.layers.Dense(units, "relu"), lamina.layers.Dense(1)])


def compiled_model():
    model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(3, "softmax")])
    model.compile(lamina.optimizers.SGD(0.5), "categorical_crossentropy", metrics=["accuracy"])
    return model


SETTINGS = {"optimizer": "adam", "optimizer__learning_rate": 0.05, "epochs": 8, "random_state": 0}


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    return scale(x), y


@pytest.fixture(scope="module")
def fitted(iris):
    x, y = iris
    return LaminaClassifier(build, model__units=6, metrics=["accuracy"], **SETTINGS).fit(
        x, np.array(["a", "b", "c"])[y]
    )


def test_a_classifier_answers_with_its_labels(fitted, iris):
    x, y = iris
    probabilities = fitted.predict_proba(x)
    np.testing.assert_allclose(probabilities, fitted.model_.predict(x, verbose=0))
    assert list(fitted.classes_) == ["a", "b", "c"]
    assert list(fitted.predict(x)) == [fitted.classes_[place] for place in probabilities.argmax(axis=1)]
    assert fitted.score(x, np.array(["a", "b", "c"])[y]) > 0.8
    assert set(fitted.history_) == {"loss", "accuracy"}
    assert len(fitted.history_["loss"]) == fitted.n_iter_ == 8


def test_parameters_go_where_their_names_say(fitted):
    assert fitted.model_.layers[0].units == 6
    assert float(fitted.model_.optimizer.learning_rate) == pytest.approx(0.05)
    parts = {
        "loss": "sparse_categorical_crossentropy",
        "loss__from_logits": False,
        "callbacks": {"stop": lamina.callbacks.EarlyStopping},
        "callbacks__stop__monitor": "loss",
        "callbacks__stop__min_delta": 100.0,
        "callbacks__stop__patience": 1,
        "fit__batch_size": 50,
        "units": 3,
    }
    one = LaminaClassifier(build, **parts, epochs=9)
    x, y = np.random.default_rng(0).normal(size=(100, 2)), np.arange(100) % 2
    one.fit(x, y)
    assert one.model_.layers[0].units == 3
    assert one.n_iter_ == 2  # the callback stopped it
    assert int(one.model_.optimizer.iterations) == 4  # 2 epochs of 2 batches of 50
    assert one.fit(x, y, epochs=1).n_iter_ == 1  # this time only
    assert one.get_params()["epochs"] == 9


def test_clone_keeps_every_parameter(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert copy.get_params()["model__units"] == 6
    assert not copy.initialized_
    changed = clone(fitted).set_params(model__units=2, optimizer__beta_1=0.5)
    assert (changed.model__units, changed.optimizer__beta_1, fitted.model__units) == (2, 0.5, 6)
    assert "model__units=6" in repr(fitted)


def test_one_seed_gives_one_result(iris, fitted):
    x, y = iris
    state = np.random.get_state()[1].copy()
    again = clone(fitted).fit(x, np.array(["a", "b", "c"])[y])
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # nobody else's numbers were drawn


def test_a_compiled_model_is_copied_for_each_fit(iris):
    x, y = iris
    model = compiled_model()
    before = model.get_weights()
    one = LaminaClassifier(model, epochs=3, random_state=0).fit(x, y)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert one.score(x, y) > 0.7
    assert one.model_.optimizer is not model.optimizer
    assert set(one.history_) == {"loss", "accuracy"}
    np.testing.assert_array_equal(clone(one).fit(x, y).predict_proba(x), one.predict_proba(x))


def test_warm_start_and_partial_fit_go_on(iris):
    x, y = iris
    one = LaminaClassifier(build, epochs=2, warm_start=True, random_state=0, optimizer="adam").fit(x, y)
    one.fit(x, y)
    assert int(one.model_.optimizer.iterations) == 4 * 5
    one.partial_fit(x, y)
    assert int(one.model_.optimizer.iterations) == 5 * 5
    assert len(one.history_["loss"]) == 5


def test_in_a_pipeline_and_searches(iris):
    x, y = iris
    pipe = make_pipeline(StandardScaler(), LaminaClassifier(build, **SETTINGS))
    search = GridSearchCV(pipe, {"laminaclassifier__model__units": [6]}, cv=2).fit(x, y)
    assert search.best_params_ == {"laminaclassifier__model__units": 6}
    assert search.best_score_ > 0.8
    assert search.best_estimator_[-1].model_.layers[0].units == 6
    rates = {"optimizer__learning_rate": [0.05]}
    search = RandomizedSearchCV(LaminaClassifier(build, **SETTINGS), rates, n_iter=1, cv=2, refit=False).fit(x, y)
    assert search.cv_results_["mean_test_score"][0] > 0.8


def test_calibration_votes_and_importances(iris, fitted):
    x, y = iris
    calibrated = CalibratedClassifierCV(LaminaClassifier(build, **SETTINGS), cv=2).fit(x, y)
    np.testing.assert_allclose(calibrated.predict_proba(x).sum(axis=1), 1)
    assert calibrated.score(x, y) > 0.8
    voting = VotingClassifier(
        [("net", LaminaClassifier(build, **SETTINGS)), ("line", LogisticRegression())], voting="soft"
    )
    assert voting.fit(x, y).score(x, y) > 0.85
    importances = permutation_importance(fitted, x, np.array(["a", "b", "c"])[y], n_repeats=2, random_state=0)
    assert importances.importances_mean[2:].max() > importances.importances_mean[:2].max()  # petals tell more


def test_two_processes_give_the_scores_of_one(iris, request):
    if not request.config.getoption("--grid"):
        pytest.skip("starts two processes, which takes 10 s: with --grid")
    x, _ = iris
    one = LaminaRegressor(build_regressor, **SETTINGS)
    alone, together = (cross_val_score(one, x[:, :3], x[:, 3], cv=2, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(alone, together)


def test_predicts_the_same_in_a_fresh_process(fitted, iris, tmp_path):
    x, y = iris
    mlp = MLPClassifier(4, "gelu", max_iter=3, tol=1e9, n_iter_no_change=1, random_state=0).fit(x, y)
    (tmp_path / "fitted.pickle").write_bytes(pickle.dumps([fitted, mlp]))
    np.save(tmp_path / "x.npy", x)
    code = (
        "import pickle, sys, numpy; both = pickle.load(open(sys.argv[1] + '/fitted.pickle', 'rb'));"
        "x = numpy.load(sys.argv[1] + '/x.npy');"
        "numpy.save(sys.argv[1] + '/answers.npy', [one.predict_proba(x) for one in both])"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parents[2], check=True, timeout=120)
    answers = np.load(tmp_path / "answers.npy")
    np.testing.assert_array_equal(answers[0], fitted.predict_proba(x))
    # NumPy's own last bit may depend on where in memory the rows lie.
    np.testing.assert_allclose(answers[1], mlp.predict_proba(x), rtol=1e-14)


def test_a_regressor_scores_and_keeps_shapes(iris):
    x, _ = iris
    one = KerasRegressor(build_regressor, **SETTINGS | {"epochs": 30}).fit(x[:, :3], x[:, 3])
    assert one.predict(x[:, :3]).shape == (150,)
    assert one.score(x[:, :3], x[:, 3]) > 0.8


@pytest.mark.parametrize("loss", ["logits", None])
def test_two_classes_by_one_output(iris, loss):
    x, y = iris
    activation = None if loss == "logits" else "sigmoid"
    given = lamina.losses.BinaryCrossentropy(from_logits=True) if loss == "logits" else None
    model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(1, activation)])
    one = KerasClassifier(model, loss=given, **SETTINGS).fit(x, y == 0)
    probabilities = one.predict_proba(x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (probabilities >= 0).all()
    assert one.score(x, y == 0) > 0.95
    assert one.predict(x).dtype == bool


def test_weights_and_labels(iris):
    x, y = iris
    weighed = LaminaClassifier(build, class_weight={0: 0, 1: 1, 2: 1}, **SETTINGS).fit(x, y)
    assert 0 not in weighed.predict(x)
    labels = np.column_stack([y == 0, y > 0]).astype(int)
    outputs = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(2, "sigmoid")])
    several = LaminaClassifier(outputs, **SETTINGS).fit(x, labels)
    assert several.predict(x).shape == labels.shape
    assert several.score(x, labels) > 0.9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": None}, "model: expected a function that returns a model, or a model, received None"),
        ({"model__unist": 3}, "takes .*, not 'unist'. Did you mean 'units'"),
        ({"optimiser": "adam"}, "unknown parameter 'optimiser'. Did you mean 'optimizer'"),
        ({"layers__units": 3}, "unknown parameter 'layers__units'"),
        ({"optimizer__rate": 3}, r"Adam: unknown options \['rate'\]"),
        ({"model": compiled_model, "loss": None}, None),
    ],
    ids=["no model", "argument", "name", "destination", "option", "compiled"],
)
def test_what_goes_nowhere_is_refused(iris, settings, message):
    x, y = iris
    one = LaminaClassifier(**({"model": build, "optimizer": "adam"} | settings))
    if message is None:
        assert one.fit(x, y).n_iter_ == 1
        return
    with pytest.raises(ValueError, match=message):
        one.fit(x, y)


def test_outputs_that_do_not_fit_the_classes_are_refused(iris):
    x, y = iris
    model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(2, "softmax")])
    with pytest.raises(ValueError, match="the model has 2 outputs; multiclass targets of 3 classes take 3"):
        LaminaClassifier(model).fit(x, y)
    with pytest.raises(TypeError, match="the function should return a lamina model, it returned None"):
        LaminaClassifier(lambda: None).fit(x, y)
    with pytest.raises(ValueError, match=r"unknown parameter 'epoch'. Did you mean 'epochs'"):
        LaminaClassifier(build).set_params(epoch=3)
